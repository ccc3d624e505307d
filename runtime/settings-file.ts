/**
 * Reads a settings file: one flat JSON object, with line comments, block comments and trailing commas allowed. It keeps the
 * line of each key, so that a mistake can be found. It knows no setting by name and touches no disk.
 */

/** One key of the file. */
export interface FileEntry {
  readonly key: string;
  readonly value: unknown;
  /** From 1. */
  readonly line: number;
}

export type FileReading =
  | { readonly ok: true; readonly entries: readonly FileEntry[]; readonly repeated: readonly FileEntry[] }
  | { readonly ok: false; readonly line: number; readonly why: string };

/** A settings file larger than this is refused unread. */
export const SETTINGS_FILE_BYTES_MAX = 256 * 1024;

/** Parses the text of a settings file. Never throws. */
export function parseSettingsFile(text: string): FileReading {
  const scan = new Scan(text.startsWith('\uFEFF') ? text.slice(1) : text);
  scan.run();
  if (scan.openedAt !== undefined)
    return { ok: false, line: scan.openedAt, why: 'a comment or text that begins here never ends' };
  let parsed: unknown;
  try {
    parsed = JSON.parse(scan.plain.join(''));
  } catch (error) {
    return { ok: false, ...whereJsonBreaks(error, scan.plain.join('')) };
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed))
    return { ok: false, line: 1, why: 'it must hold one JSON object' };
  const entries = Object.entries(parsed).map(([key, value]) => ({ key, value, line: scan.lineOf.get(key) ?? 1 }));
  return { ok: true, entries, repeated: scan.repeated };
}

function whereJsonBreaks(error: unknown, text: string): { line: number; why: string } {
  const message = error instanceof Error ? error.message : String(error);
  const position = /at position (\d+)/.exec(message)?.[1];
  const before = position === undefined ? text.trimEnd() : text.slice(0, Number(position));
  return {
    line: before.split('\n').length,
    why: message.replace(/\s*(in JSON )?at position \d+.*$/s, '').replace(/,? ?"[^]*" is not valid JSON$/, ''),
  };
}

/** One pass over the text: blanks out comments and trailing commas, keeps every line break, notes the keys of the outer object. */
class Scan {
  readonly plain: string[] = [];
  readonly lineOf = new Map<string, number>();
  readonly repeated: FileEntry[] = [];
  openedAt: number | undefined;
  readonly #text: string;
  #at = 0;
  #line = 1;
  #depth = 0;
  #expectsKey = false;
  #commaAt: number | undefined;
  /** The last character that is neither space nor comment. */
  #last = '';

  constructor(text: string) {
    this.#text = text;
  }

  run(): void {
    while (this.#at < this.#text.length && this.openedAt === undefined) {
      const char = this.#text[this.#at] as string;
      const next = this.#text[this.#at + 1];
      if (char === '/' && next === '/') this.#blankUntil(this.#text.indexOf('\n', this.#at), this.#text.length);
      else if (char === '/' && next === '*') this.#blankComment();
      else if (char === '"') this.#string();
      else this.#mark(char);
    }
  }

  #blankComment(): void {
    const end = this.#text.indexOf('*/', this.#at + 2);
    if (end < 0) this.openedAt = this.#line;
    else this.#blankUntil(end + 2, this.#text.length);
  }

  #blankUntil(end: number, otherwise: number): void {
    const stop = end < 0 ? otherwise : end;
    for (; this.#at < stop; this.#at += 1) {
      const isBreak = this.#text[this.#at] === '\n';
      if (isBreak) this.#line += 1;
      this.plain.push(isBreak ? '\n' : ' ');
    }
  }

  #string(): void {
    let end = this.#at + 1;
    while (end < this.#text.length && this.#text[end] !== '"' && this.#text[end] !== '\n')
      end += this.#text[end] === '\\' ? 2 : 1;
    if (this.#text[end] !== '"') {
      this.openedAt = this.#line;
      return;
    }
    const token = this.#text.slice(this.#at, end + 1);
    if (this.#depth === 1 && this.#expectsKey) this.#key(token);
    this.#commaAt = undefined;
    this.#last = '"';
    this.#expectsKey = false;
    for (const char of token.split('')) this.plain.push(char);
    this.#at = end + 1;
  }

  #key(token: string): void {
    let key: string;
    try {
      key = String(JSON.parse(token));
    } catch {
      return; // JSON.parse of the whole text says what is wrong with it.
    }
    if (this.lineOf.has(key)) this.repeated.push({ key, value: undefined, line: this.#line });
    this.lineOf.set(key, this.#line);
  }

  #mark(char: string): void {
    if (char === '{' || char === '[') this.#depth += 1;
    if (char === '}' || char === ']') {
      this.#depth -= 1;
      if (this.#commaAt !== undefined) this.plain[this.#commaAt] = ' ';
    }
    if (char === '{' || char === ',') this.#expectsKey = true;
    if (char === '\n') this.#line += 1;
    if (char === ',' && !'{[,'.includes(this.#last)) this.#commaAt = this.plain.length;
    else if (char.trim() !== '') this.#commaAt = undefined;
    if (char.trim() !== '') this.#last = char;
    this.plain.push(char);
    this.#at += 1;
  }
}
