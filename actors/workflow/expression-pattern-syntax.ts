/**
 * The syntax of the patterns of `matches()`: source text to a tree. Knows nothing of matching.
 */
import { ExpressionFault } from './expression-meter.ts';

export type PatternNode =
  | { readonly type: 'take'; readonly test: (codePoint: number) => boolean }
  | {
      readonly type: 'assert';
      readonly assertion: 'text-start' | 'text-end' | 'line-start' | 'line-end' | 'word-edge' | 'no-word-edge';
    }
  | { readonly type: 'sequence'; readonly parts: readonly PatternNode[] }
  | { readonly type: 'choice'; readonly options: readonly PatternNode[] }
  | { readonly type: 'repeat'; readonly part: PatternNode; readonly min: number; readonly max: number | undefined };

const GROUPS_DEEP_MAX = 50;
const REPEAT_MAX = 1_000;

interface Flags {
  i: boolean;
  s: boolean;
  m: boolean;
}

type Range = readonly [from: number, to: number];

const DIGITS: readonly Range[] = [[48, 57]];
const WORDS: readonly Range[] = [
  [48, 57],
  [65, 90],
  [95, 95],
  [97, 122],
];
const SPACES: readonly Range[] = [
  [9, 10],
  [12, 13],
  [32, 32],
];
const CLASSES: Readonly<Record<string, readonly Range[]>> = { d: DIGITS, w: WORDS, s: SPACES };
const CONTROLS: Readonly<Record<string, number>> = { n: 10, t: 9, r: 13, f: 12, v: 11, a: 7 };
const ANCHORS: Readonly<Record<string, 'text-start' | 'text-end' | 'word-edge' | 'no-word-edge'>> = {
  A: 'text-start',
  z: 'text-end',
  b: 'word-edge',
  B: 'no-word-edge',
};

/** Reads a pattern. Throws an ExpressionFault that says what is wrong where. */
export function parsePattern(source: string): PatternNode {
  const reader = new Reader(source);
  const node = reader.choice({ i: false, s: false, m: false }, 0);
  if (!reader.ended) throw reader.fault('`)` without its `(`');
  return node;
}

class Reader {
  readonly #letters: readonly string[];
  #at = 0;

  constructor(source: string) {
    this.#letters = Array.from(source);
  }

  get ended(): boolean {
    return this.#at >= this.#letters.length;
  }

  fault(what: string): ExpressionFault {
    return new ExpressionFault(`the pattern is wrong at character ${this.#at + 1}: ${what}`);
  }

  choice(flags: Flags, depth: number): PatternNode {
    if (depth > GROUPS_DEEP_MAX) throw this.fault(`groups deeper than ${GROUPS_DEEP_MAX}`);
    const own = { ...flags };
    const options = [this.#sequence(own, depth)];
    while (this.#skip('|')) options.push(this.#sequence(own, depth));
    return options.length === 1 ? (options[0] as PatternNode) : { type: 'choice', options };
  }

  #peek(ahead = 0): string | undefined {
    return this.#letters[this.#at + ahead];
  }

  #skip(text: string): boolean {
    for (let i = 0; i < text.length; i++) if (this.#peek(i) !== text[i]) return false;
    this.#at += text.length;
    return true;
  }

  #next(): string {
    const letter = this.#letters[this.#at];
    if (letter === undefined) throw this.fault('it ends too early');
    this.#at += 1;
    return letter;
  }

  #sequence(flags: Flags, depth: number): PatternNode {
    const parts: PatternNode[] = [];
    while (!this.ended && this.#peek() !== '|' && this.#peek() !== ')') {
      const atom = this.#atom(flags, depth);
      if (atom !== undefined) parts.push(this.#repeated(atom));
    }
    return parts.length === 1 ? (parts[0] as PatternNode) : { type: 'sequence', parts };
  }

  #repeated(part: PatternNode): PatternNode {
    const bounds = this.#bounds();
    if (bounds === undefined) return part;
    this.#skip('?');
    if (this.#bounds() !== undefined) throw this.fault('a repetition of a repetition');
    return { type: 'repeat', part, min: bounds[0], max: bounds[1] };
  }

  #bounds(): [min: number, max: number | undefined] | undefined {
    if (this.#skip('*')) return [0, undefined];
    if (this.#skip('+')) return [1, undefined];
    if (this.#skip('?')) return [0, 1];
    if (this.#peek() !== '{') return undefined;
    const end = this.#letters.indexOf('}', this.#at);
    const found = /^\{(\d{1,4})(,(\d{0,4}))?$/.exec(
      this.#letters.slice(this.#at, end < 0 ? this.#at + 12 : Math.min(end, this.#at + 12)).join(''),
    );
    if (found === null || end < 0) return undefined;
    const min = Number(found[1]);
    const max = found[2] === undefined ? min : found[3] === '' ? undefined : Number(found[3]);
    if (Math.max(min, max ?? 0) > REPEAT_MAX || (max !== undefined && max < min))
      throw this.fault('repetition counts that are out of order or over 1,000');
    this.#at = end + 1;
    return [min, max];
  }

  #atom(flags: Flags, depth: number): PatternNode | undefined {
    const letter = this.#next();
    switch (letter) {
      case '(':
        return this.#group(flags, depth);
      case '[':
        return { type: 'take', test: this.#class(flags) };
      case '.':
        return { type: 'take', test: flags.s ? () => true : (c) => c !== 10 };
      case '^':
        return { type: 'assert', assertion: flags.m ? 'line-start' : 'text-start' };
      case '$':
        return { type: 'assert', assertion: flags.m ? 'line-end' : 'text-end' };
      case '\\':
        return this.#escape(flags);
      case '*':
      case '+':
      case '?':
        throw this.fault('nothing to repeat');
      default:
        return take([[codeOf(letter), codeOf(letter)]], flags);
    }
  }

  #group(flags: Flags, depth: number): PatternNode | undefined {
    if (this.#peek() === '?' && !this.#skip('?:') && !this.#name()) {
      const known = { ...flags };
      while (this.#peek() !== ')' && this.#peek() !== ':') this.#flag(known);
      if (this.#next() === ')') {
        Object.assign(flags, known);
        return undefined;
      }
      return this.#close(this.choice(known, depth + 1));
    }
    return this.#close(this.choice(flags, depth + 1));
  }

  #close(node: PatternNode): PatternNode {
    if (!this.#skip(')')) throw this.fault('`(` without its `)`');
    return node;
  }

  /** Reads `?P<name>` or `?<name>`; else reads `?` alone and answers false. */
  #name(): boolean {
    const found = /^\?P?<\w{1,64}>/.exec(this.#letters.slice(this.#at, this.#at + 70).join(''));
    this.#at += found === null ? 1 : found[0].length;
    return found !== null;
  }

  #flag(flags: Flags): void {
    const letter = this.#next();
    if (letter !== 'i' && letter !== 's' && letter !== 'm')
      throw this.fault('only the flags i, s and m are known, and no look-around');
    flags[letter] = true;
  }

  #escape(flags: Flags): PatternNode {
    const anchor = ANCHORS[this.#peek() ?? ''];
    if (anchor === undefined) {
      const escaped = this.#escaped();
      return typeof escaped === 'number' ? take([[escaped, escaped]], flags) : take(escaped, flags);
    }
    this.#at += 1;
    return { type: 'assert', assertion: anchor };
  }

  /** What follows a backslash: a character, or the ranges of a class. */
  #escaped(): number | readonly Range[] {
    const letter = this.#next();
    const ranges = CLASSES[letter.toLowerCase()];
    if (ranges !== undefined) return letter === letter.toLowerCase() ? ranges : opposite(ranges);
    if (letter === 'x') return this.#hex();
    const control = CONTROLS[letter];
    if (control !== undefined) return control;
    if (/[a-z0-9]/i.test(letter)) throw this.fault(`\`\\${letter}\` is not known here`);
    return codeOf(letter);
  }

  #hex(): number {
    const found = /^(?:\{([0-9a-f]{1,6})\}|([0-9a-f]{2}))/i.exec(this.#letters.slice(this.#at, this.#at + 8).join(''));
    const code = Number.parseInt(found?.[1] ?? found?.[2] ?? '', 16);
    if (found === null || code > 0x10ffff)
      throw this.fault('`\\x` takes two hexadecimal digits, or up to six in braces');
    this.#at += found[0].length;
    return code;
  }

  #class(flags: Flags): (codePoint: number) => boolean {
    const negated = this.#skip('^');
    const ranges: Range[] = [];
    for (let first = true; first || this.#peek() !== ']'; first = false) {
      const from = this.#member();
      if (typeof from !== 'number') {
        ranges.push(...from);
      } else if (this.#peek() === '-' && this.#peek(1) !== ']') {
        this.#at += 1;
        const to = this.#member();
        if (typeof to !== 'number' || to < from) throw this.fault('a range of characters that is out of order');
        ranges.push([from, to]);
      } else {
        ranges.push([from, from]);
      }
    }
    this.#at += 1;
    const test = testOf(ranges, flags);
    return negated ? (codePoint) => !test(codePoint) : test;
  }

  #member(): number | readonly Range[] {
    const letter = this.#next();
    if (letter === '[' && this.#peek() === ':') throw this.fault('named classes like [:alpha:] are not known here');
    return letter === '\\' ? this.#escaped() : codeOf(letter);
  }
}

function codeOf(letter: string): number {
  return letter.codePointAt(0) ?? 0;
}

function take(ranges: readonly Range[], flags: Flags): PatternNode {
  return { type: 'take', test: testOf(ranges, flags) };
}

function testOf(ranges: readonly Range[], flags: Flags): (codePoint: number) => boolean {
  const holds = rangesHold(ranges);
  if (!flags.i) return holds;
  return (codePoint) => {
    const letter = String.fromCodePoint(codePoint);
    return holds(codePoint) || holds(codeOf(letter.toLowerCase())) || holds(codeOf(letter.toUpperCase()));
  };
}

function rangesHold(ranges: readonly Range[]): (codePoint: number) => boolean {
  const [first] = ranges;
  if (ranges.length === 1 && first !== undefined) {
    const [from, to] = first;
    return (codePoint) => codePoint >= from && codePoint <= to;
  }
  const bounds = Int32Array.from(ranges.flat());
  return (codePoint) => {
    for (let i = 0; i < bounds.length; i += 2) {
      if (codePoint >= (bounds[i] ?? 0) && codePoint <= (bounds[i + 1] ?? 0)) return true;
    }
    return false;
  };
}

function opposite(ranges: readonly Range[]): Range[] {
  const opposites: Range[] = [];
  let from = 0;
  for (const [start, end] of ranges) {
    if (start > from) opposites.push([from, start - 1]);
    from = end + 1;
  }
  opposites.push([from, 0x10ffff]);
  return opposites;
}
