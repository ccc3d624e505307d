/** Import cycles at run time: among static imports that are not erased. */
import { type Project, resolveReference, type SourceFile, type Violation } from './project.ts';

interface Edge {
  readonly to: string;
  readonly line: number;
}

function edgesOf(project: Project, file: SourceFile): Edge[] {
  return file.imports.flatMap((reference) => {
    if (reference.kind !== 'static') return [];
    const to = resolveReference(project, file, reference.specifier);
    return to === undefined ? [] : [{ to, line: reference.line }];
  });
}

/** The shortest way from `start` back to itself, as paths, or undefined. */
function shortestCycle(graph: ReadonlyMap<string, readonly Edge[]>, start: string): string[] | undefined {
  const cameFrom = new Map<string, string>();
  const queue = [start];
  for (let at = queue.shift(); at !== undefined; at = queue.shift()) {
    for (const { to } of graph.get(at) ?? []) {
      if (to === start) {
        const way = [start];
        for (let step: string | undefined = at; step !== undefined; step = cameFrom.get(step)) way.unshift(step);
        return way;
      }
      if (cameFrom.has(to)) continue;
      cameFrom.set(to, at);
      queue.push(to);
    }
  }
  return undefined;
}

/** Reports each cycle once, at its alphabetically first file. */
export function checkCycles(project: Project): Violation[] {
  const graph = new Map(project.files.map((file) => [file.path, edgesOf(project, file)]));
  const seen = new Set<string>();
  const violations: Violation[] = [];
  for (const start of [...graph.keys()].sort()) {
    const cycle = shortestCycle(graph, start);
    if (cycle === undefined) continue;
    const members = [...new Set(cycle)].sort().join(' ');
    if (seen.has(members)) continue;
    seen.add(members);
    const line = graph.get(start)?.find(({ to }) => to === cycle[1])?.line ?? 1;
    const advice = `import cycle ${cycle.join(' -> ')}: move what both need into a file of its own, or import the type only`;
    violations.push({ path: start, line, rule: 'cycle', advice });
  }
  return violations;
}
