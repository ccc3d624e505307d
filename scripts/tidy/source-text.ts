/**
 * A source file cut into what is code and what only looks like it, so that rules which search the text are not fooled by
 * strings, comments, template literals or regular expressions. It knows tokens, not grammar.
 */

/** One comment. `offset` is that of its first character, `text` is without its markers. */
export interface Comment {
  readonly offset: number;
  readonly end: number;
  readonly line: number;
  readonly text: string;
  readonly kind: 'line' | 'block' | 'doc';
}

/** A string literal, or one stretch of literal text in a template. `offset` is that of the opening quote. */
export interface Literal {
  readonly offset: number;
  readonly value: string;
}

/** A file's text, and the same text with everything but code blanked by spaces: offsets and lines are the same in both. */
export interface SourceText {
  readonly path: string;
  readonly text: string;
  readonly code: string;
  readonly lines: readonly string[];
  readonly comments: readonly Comment[];
  readonly literals: readonly Literal[];
  /** The number of the line that an offset is in, from 1. */
  lineOf(offset: number): number;
}

const REGEX_AFTER_WORD = new Set(
  'return typeof case in of delete void throw new instanceof else do yield await'.split(' '),
);

/** The scan of one text: walks it once, and blanks what is not code on the way. */
class Scan {
  readonly text: string;
  readonly out: string[];
  readonly comments: Omit<Comment, 'line'>[] = [];
  readonly literals: Literal[] = [];
  at = 0;
  /** For each open template, how many braces are open inside of its current `${`. */
  readonly templates: number[] = [];
  /** The last token of code that was not a space: a word, or one character. */
  last = '';

  constructor(text: string) {
    this.text = text;
    this.out = text.split('');
  }

  blank(from: number, to: number): void {
    for (let i = from; i < Math.min(to, this.out.length); i += 1) if (this.out[i] !== '\n') this.out[i] = ' ';
  }

  lineComment(): void {
    const start = this.at;
    const stop = this.text.indexOf('\n', start);
    const end = stop === -1 ? this.text.length : stop;
    this.comments.push({ offset: start, end, kind: 'line', text: this.text.slice(start + 2, end) });
    this.blank(start, end);
    this.at = end;
  }

  blockComment(): void {
    const start = this.at;
    const stop = this.text.indexOf('*/', start + 2);
    const end = stop === -1 ? this.text.length : stop + 2;
    const kind = this.text.startsWith('/**', start) && end - start > 4 ? 'doc' : 'block';
    this.comments.push({ offset: start, end, kind, text: this.text.slice(start + (kind === 'doc' ? 3 : 2), end - 2) });
    this.blank(start, end);
    this.at = end;
  }

  string(quote: string): void {
    const start = this.at;
    let end = start + 1;
    while (end < this.text.length && this.text[end] !== quote && this.text[end] !== '\n') {
      end += this.text[end] === '\\' ? 2 : 1;
    }
    this.literals.push({ offset: start, value: this.text.slice(start + 1, end) });
    this.blank(start + 1, end);
    this.at = end + 1;
    this.last = quote;
  }

  /** From the first character of literal text: after the opening backtick, or after the brace that ends a `${`. */
  template(): void {
    const start = this.at;
    let end = start;
    while (end < this.text.length && this.text[end] !== '`' && !this.text.startsWith('${', end)) {
      end += this.text[end] === '\\' ? 2 : 1;
    }
    this.literals.push({ offset: start - 1, value: this.text.slice(start, end) });
    this.blank(start, end);
    if (this.text[end] === '`' || end >= this.text.length) {
      this.at = end + 1;
      this.last = '`';
      return;
    }
    this.templates.push(0);
    this.at = end + 2;
    this.last = '{';
  }

  startsRegex(): boolean {
    if (this.last === '') return true;
    if (/^[\w$]/.test(this.last)) return REGEX_AFTER_WORD.has(this.last);
    return !')]\'"`'.includes(this.last);
  }

  regex(): void {
    const start = this.at;
    let inClass = false;
    let end = start + 1;
    for (; end < this.text.length && this.text[end] !== '\n'; end += 1) {
      const char = this.text[end];
      if (char === '\\') end += 1;
      else if (char === '[') inClass = true;
      else if (char === ']') inClass = false;
      else if (char === '/' && !inClass) break;
    }
    this.blank(start + 1, end);
    this.at = end + 1;
    this.last = ')';
  }

  word(): void {
    const end = this.at + (/^[\w$]+/.exec(this.text.slice(this.at, this.at + 256))?.[0].length ?? 1);
    this.last = this.text.slice(this.at, end);
    this.at = end;
  }

  brace(char: string): void {
    const open = this.templates.at(-1);
    this.at += 1;
    this.last = char;
    if (open === undefined) return;
    if (char === '{') this.templates[this.templates.length - 1] = open + 1;
    else if (open > 0) this.templates[this.templates.length - 1] = open - 1;
    else {
      this.templates.pop();
      this.template();
    }
  }

  step(): void {
    const char = this.text[this.at] ?? '';
    const two = this.text.slice(this.at, this.at + 2);
    if (two === '//' || (two === '#!' && this.at === 0)) this.lineComment();
    else if (two === '/*') this.blockComment();
    else if (char === "'" || char === '"') this.string(char);
    else if (char === '`') {
      this.at += 1;
      this.template();
    } else if (char === '{' || char === '}') this.brace(char);
    else if (char === '/' && this.startsRegex()) this.regex();
    else if (/[\w$]/.test(char)) this.word();
    else {
      if (!/\s/.test(char)) this.last = char;
      this.at += 1;
    }
  }
}

/** Cuts a text up. Never throws: an unclosed string or comment ends where the line or the file does. */
export function readSource(path: string, text: string): SourceText {
  const scan = new Scan(text);
  while (scan.at < text.length) scan.step();
  const lines = text.split('\n');
  const starts: number[] = [];
  let offset = 0;
  for (const line of lines) {
    starts.push(offset);
    offset += line.length + 1;
  }
  const lineOf = (wanted: number): number => {
    let low = 0;
    let high = starts.length - 1;
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      if ((starts[middle] ?? 0) <= wanted) low = middle;
      else high = middle - 1;
    }
    return low + 1;
  };
  const comments = scan.comments.map((comment) => ({ ...comment, line: lineOf(comment.offset) }));
  return { path, text, code: scan.out.join(''), lines, comments, literals: scan.literals, lineOf };
}
