/** Cycles in a directed graph, and the order of one without: both in time linear in steps and edges. Pure. */

/** For each node, the nodes it needs. */
export type Edges = readonly (readonly number[])[];

/**
 * One cycle for each group of nodes that need each other, as the nodes along it (each needs the next, the last needs the
 * first): a shortest one through the group's first node. Ordered by first node. A node that needs itself is not a cycle
 * here.
 */
export function findCycles(edges: Edges): number[][] {
  return findGroups(edges)
    .filter((group) => group.length > 1)
    .map((group) => cycleThrough(Math.min(...group), new Set(group), edges))
    .sort((a, b) => (a[0] ?? 0) - (b[0] ?? 0));
}

/**
 * The level of each node: 0 where it needs none, else one more than the highest level it needs. Nodes in a cycle, and
 * those that need one, have -1.
 */
export function findLevels(edges: Edges): number[] {
  const levels = edges.map(() => -1);
  const waiting = edges.map((needs) => needs.length);
  const dependents = dependentsOf(edges);
  const ready = edges.flatMap((needs, node) => (needs.length === 0 ? [node] : []));
  for (const node of ready) levels[node] = 0;
  for (const node of ready) {
    for (const dependent of dependents[node] ?? []) {
      waiting[dependent] = (waiting[dependent] ?? 0) - 1;
      if (waiting[dependent] !== 0) continue;
      levels[dependent] = 1 + Math.max(...(edges[dependent] ?? []).map((need) => levels[need] ?? 0));
      ready.push(dependent);
    }
  }
  return levels;
}

/** For each node, the nodes that need it, ascending. */
export function dependentsOf(edges: Edges): number[][] {
  const dependents: number[][] = edges.map(() => []);
  edges.forEach((needs, node) => {
    for (const need of needs) dependents[need]?.push(node);
  });
  return dependents;
}

/** Strongly connected components: Tarjan's algorithm with a stack of its own, because graphs may be deep. */
function findGroups(edges: Edges): number[][] {
  const index = edges.map(() => -1);
  const low = edges.map(() => 0);
  const open: number[] = [];
  const isOpen = edges.map(() => false);
  const groups: number[][] = [];
  let visited = 0;
  const enter = (node: number): { node: number; next: number } => {
    index[node] = visited;
    low[node] = visited;
    visited += 1;
    open.push(node);
    isOpen[node] = true;
    return { node, next: 0 };
  };
  for (let root = 0; root < edges.length; root++) {
    if (index[root] !== -1) continue;
    const path = [enter(root)];
    for (let at = path.at(-1); at !== undefined; at = path.at(-1)) {
      const { node } = at;
      const need = edges[node]?.[at.next++];
      if (need === undefined) {
        path.pop();
        const parent = path.at(-1)?.node;
        if (parent !== undefined) low[parent] = Math.min(low[parent] ?? 0, low[node] ?? 0);
        if (low[node] === index[node]) groups.push(closeGroup(node, open, isOpen));
      } else if (index[need] === -1) {
        path.push(enter(need));
      } else if (isOpen[need] === true) {
        low[node] = Math.min(low[node] ?? 0, index[need] ?? 0);
      }
    }
  }
  return groups;
}

function closeGroup(root: number, open: number[], isOpen: boolean[]): number[] {
  const group: number[] = [];
  for (let node = open.pop(); node !== undefined; node = open.pop()) {
    isOpen[node] = false;
    group.push(node);
    if (node === root) break;
  }
  return group;
}

/** A shortest way from `start` back to it within its group. */
function cycleThrough(start: number, group: ReadonlySet<number>, edges: Edges): number[] {
  const cameFrom = new Map<number, number>();
  const queue = [start];
  for (const node of queue) {
    for (const need of edges[node] ?? []) {
      if (need === start && node !== start) return wayTo(node, start, cameFrom);
      if (need === start || !group.has(need) || cameFrom.has(need)) continue;
      cameFrom.set(need, node);
      queue.push(need);
    }
  }
  return [start];
}

function wayTo(end: number, start: number, cameFrom: ReadonlyMap<number, number>): number[] {
  const way: number[] = [];
  for (let node: number | undefined = end; node !== undefined && node !== start; node = cameFrom.get(node))
    way.push(node);
  return [start, ...way.reverse()];
}
