/**
 * Mends what can be mended in a graph that a model has made: names that are near ones that exist, ids that stand twice, fields that
 * there are not. Each change is told; what is left is for the model, or is refused.
 */
import type { GraphFault } from '../workflow/graph-faults.ts';

/** A graph with what was changed in it, in words. */
export interface Repair {
  readonly graph: unknown;
  readonly changes: readonly string[];
}

const UNKNOWN_FIELD = /^Unrecognized keys?: (.+)$/;

/** Mends a graph by its faults. The graph that is given is not changed. */
export function repairGraph(graph: unknown, faults: readonly GraphFault[]): Repair {
  const copy: unknown = structuredClone(graph);
  const changes: string[] = [];
  for (const { at, message, suggestion } of faults) {
    const path = at.split('/').slice(1).map(unescapeSegment);
    const fields = UNKNOWN_FIELD.exec(message)?.[1];
    if (fields !== undefined) {
      const holder = valueAt(copy, path);
      for (const [, field = ''] of fields.matchAll(/"([^"]+)"/g)) {
        if (!isRecord(holder) || !Object.hasOwn(holder, field)) continue;
        delete holder[field];
        changes.push(`${at || '/'}: left out \`${field}\`, which is no field`);
      }
      continue;
    }
    const last = path.at(-1);
    const holder = valueAt(copy, path.slice(0, -1));
    if (suggestion === undefined || last === undefined || !isHolder(holder)) continue;
    const written = (holder as Record<string, unknown>)[last];
    if (typeof written !== 'string') continue;
    const mended = replaced(written, suggestion, message);
    if (mended === written) continue;
    (holder as Record<string, unknown>)[last] = mended;
    changes.push(`${at}: \`${suggestion}\` instead of what does not exist`);
  }
  return { graph: copy, changes };
}

/** A plain name is replaced; in an expression, the name of the step alone. */
function replaced(written: string, suggestion: string, message: string): string {
  if (!/steps[.[]/.test(written)) return written.includes('${') ? written : suggestion;
  const wrong = /step `([^`]+)`/.exec(message)?.[1];
  if (wrong === undefined) return written;
  return written
    .replaceAll(`steps.${wrong}.`, `steps.${suggestion}.`)
    .replaceAll(`steps["${wrong}"]`, `steps["${suggestion}"]`);
}

function valueAt(value: unknown, path: readonly string[]): unknown {
  let at = value;
  for (const segment of path) {
    if (!isHolder(at) || !Object.hasOwn(at, segment)) return undefined;
    at = (at as Record<string, unknown>)[segment];
  }
  return at;
}

function isHolder(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return isHolder(value) && !Array.isArray(value);
}

function unescapeSegment(segment: string): string {
  return segment.replaceAll('~1', '/').replaceAll('~0', '~');
}
