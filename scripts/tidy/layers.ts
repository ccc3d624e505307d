/** Which room may import which: leftwards only, and nothing outside of the product. */
import path from 'node:path';
import { LAYERS, type Project, type SourceFile, type Violation } from './project.ts';

const RANK: ReadonlyMap<string, number> = new Map(LAYERS.map((room, index) => [room, index]));
/** Who may use the client library; it is beside the layers and uses the protocol alone. */
const CLIENT_USERS = new Set(['client', 'index.ts', 'cli']);

function fault(from: SourceFile, toRoom: string): string | undefined {
  if (from.room === toRoom) return undefined;
  if (from.room === 'client') {
    return toRoom === 'protocol' ? undefined : 'client/ imports protocol/ alone: it must run without a node';
  }
  if (toRoom === 'client') {
    return CLIENT_USERS.has(from.room)
      ? undefined
      : 'only index.ts and cli/ use client/: inside of a node, send a message';
  }
  const from_ = RANK.get(from.room);
  const to = RANK.get(toRoom);
  if (from_ === undefined) return undefined;
  if (to === undefined) return `the product does not import ${toRoom}: move what it needs into a room of the product`;
  if (to < from_) return undefined;
  if (from.room === 'actors' && toRoom === 'supervisors') {
    return 'an actor never imports a supervisor: export a child spec (runtime/child-spec.ts) and ask by message';
  }
  return `${from.room} is to the left of ${toRoom} and must not import it: move what both need leftwards, or take it by parameter`;
}

/** Reports references against the direction of the layers; type imports count as well. */
export function checkLayers(project: Project): Violation[] {
  const violations: Violation[] = [];
  for (const file of project.files.filter(({ isProduct }) => isProduct)) {
    for (const reference of file.imports) {
      if (!reference.specifier.startsWith('.') || reference.kind === 'url') continue;
      const target = path.posix.normalize(path.posix.join(path.posix.dirname(file.path), reference.specifier));
      // Data beside the code (the manifest, a table) is no room.
      if (!/\.[cm]?[jt]sx?$/.test(target)) continue;
      const advice = fault(file, target.split('/')[0] ?? target);
      if (advice !== undefined) violations.push({ path: file.path, line: reference.line, rule: 'layer', advice });
    }
  }
  return violations;
}
