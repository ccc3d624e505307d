/** What a source file refers to: imports, re-exports, dynamic imports and `new URL('…', import.meta.url)`. */
import type { SourceText } from './source-text.ts';

/**
 * One reference. `type` is erased before the program runs; `dynamic` and `url` (a worker's entry, a file to read) happen
 * after the module was loaded, so that they cannot close a cycle of loading.
 */
export interface ImportReference {
  readonly specifier: string;
  readonly line: number;
  readonly kind: 'static' | 'type' | 'dynamic' | 'url';
}

const REFERENCE =
  /\bfrom\s*(?=['"])|\bimport\s*(?=['"])|\bimport\s*\(\s*(?=['"])|\brequire\s*\(\s*(?=['"])|\bnew\s+URL\s*\(\s*(?=['"])/g;
const TYPE_ONLY = /^(?:import|export)\s+type\b(?!\s*(?:,|from\b))/;

function kindOf(found: string, statement: string): ImportReference['kind'] {
  if (found.startsWith('new')) return 'url';
  if (found.includes('(')) return 'dynamic';
  if (found.startsWith('from') && TYPE_ONLY.test(statement)) return 'type';
  return 'static';
}

/** The references of a file, in the order of the text. */
export function findImports(source: SourceText): ImportReference[] {
  const values = new Map(source.literals.map((literal) => [literal.offset, literal.value]));
  const references: ImportReference[] = [];
  for (const match of source.code.matchAll(REFERENCE)) {
    const specifier = values.get(match.index + match[0].length);
    if (specifier === undefined) continue;
    const before = source.code.slice(0, match.index);
    const begin = Math.max(before.lastIndexOf('import'), before.lastIndexOf('export'), 0);
    const kind = kindOf(match[0], before.slice(begin) + match[0]);
    // A URL that is not relative to the module is an address, not a file of ours.
    if (kind === 'url' && !specifier.startsWith('.')) continue;
    references.push({ specifier, line: source.lineOf(match.index), kind });
  }
  return references;
}
