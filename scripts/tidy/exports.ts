/** What a source file exports, as far as names go. */
import type { SourceText } from './source-text.ts';

/** One exported name. `form` is the word that declares it; `list` stands for `export { … }` and re-exports. */
export interface ExportedName {
  readonly name: string;
  readonly form: 'function' | 'class' | 'interface' | 'type' | 'const' | 'default' | 'list';
  readonly offset: number;
  readonly line: number;
}

const DECLARATION = new RegExp(
  String.raw`^[ \t]*export[ \t]+(?:declare[ \t]+)?(?:async[ \t]+)?(?:abstract[ \t]+)?` +
    String.raw`(function|class|interface|type|const|let|var)\b[ \t]*\*?[ \t]*([\w$]+)`,
  'gm',
);
const LIST = /^[ \t]*export\s+(?:type\s+)?(?:\{([^}]*)\}|\*(?:\s+as\s+([\w$]+))?)/gm;
const DEFAULT = /^[ \t]*export[ \t]+default\b/gm;

function formOf(word: string | undefined): ExportedName['form'] {
  if (word === 'let' || word === 'var' || word === undefined) return 'const';
  return word as ExportedName['form'];
}

function listedNames(list: string | undefined, namespace: string | undefined): string[] {
  if (list === undefined) return [namespace ?? '*'];
  return list
    .split(',')
    .map((entry) => entry.trim().split(/\s+/).at(-1) ?? '')
    .filter((name) => name !== '');
}

/** The exported names, each once (overloads of a function are one name), in the order of the text. */
export function findExports(source: SourceText): ExportedName[] {
  const found: ExportedName[] = [];
  const add = (name: string, form: ExportedName['form'], offset: number): void => {
    found.push({ name, form, offset, line: source.lineOf(offset) });
  };
  const startOf = (match: RegExpExecArray): number => match.index + match[0].search(/\S/);
  for (const match of source.code.matchAll(DECLARATION)) add(match[2] ?? '', formOf(match[1]), startOf(match));
  for (const match of source.code.matchAll(DEFAULT)) add('default', 'default', startOf(match));
  for (const match of source.code.matchAll(LIST)) {
    for (const name of listedNames(match[1], match[2])) {
      add(name, name === 'default' ? 'default' : 'list', startOf(match));
    }
  }
  found.sort((a, b) => a.offset - b.offset);
  const seen = new Set<string>();
  return found.filter(({ name }) => !seen.has(name) && seen.add(name));
}
