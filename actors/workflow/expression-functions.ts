/**
 * The functions of expressions, with the kinds they take and give: the evaluator runs them, the type check reads them.
 *
 * These are CEL's for JSON values. Its bytes, timestamps, durations, unsigned numbers and types are not here: no JSON
 * value has them. Macros (`has`, `all`, `map` …) are not functions; `expression-program.ts` has them.
 */
import { charge, chargeText, ExpressionFault, type Meter } from './expression-meter.ts';
import { compilePattern } from './expression-pattern.ts';
import {
  containsText,
  joinTexts,
  positionOfText,
  replaceText,
  sizeOfText,
  sliceOfText,
  splitText,
} from './expression-text.ts';
import { exact, type Kind, kindOf } from './expression-values.ts';

/** One way to call a function. A method's receiver is its first argument. */
export interface FunctionForm {
  readonly takes: readonly (Kind | 'any')[];
  readonly gives: Kind | 'any';
  run(meter: Meter, args: readonly unknown[]): unknown;
}

/** What making an automaton of a pattern costs. Patterns written as literals are made with their expression, for nothing. */
const PATTERN_OPERATIONS = 10_000;
const INTEGER = /^[-+]?\d{1,19}$/;

const size: FunctionForm[] = [
  form(['string'], 'number', (meter, text) => sizeOfText(text as string, meter)),
  form(['list'], 'number', (_meter, list) => (list as readonly unknown[]).length),
  form(['map'], 'number', (meter, map) => {
    const names = Object.keys(map as object);
    charge(meter, names.length);
    return names.length;
  }),
];

const matches = [
  form(['string', 'string'], 'bool', (meter, text, pattern) => {
    charge(meter, PATTERN_OPERATIONS);
    return compilePattern(pattern as string)(text as string, meter);
  }),
];

const FUNCTIONS: Readonly<Record<string, readonly FunctionForm[]>> = {
  size,
  matches,
  string: [
    form(['string'], 'string', (_meter, text) => text),
    form(['number'], 'string', (_meter, value) => String(value)),
    form(['bool'], 'string', (_meter, value) => String(value)),
  ],
  int: [
    form(['number'], 'number', (_meter, value) => exact(Math.trunc(value as number))),
    form(['string'], 'number', (_meter, text) => {
      if (!INTEGER.test(text as string)) throw new ExpressionFault('int() takes a text of digits only');
      return exact(Number(text));
    }),
  ],
  double: [
    form(['number'], 'number', (_meter, value) => value),
    form(['string'], 'number', (_meter, text) => numberOf(text as string)),
  ],
  bool: [
    form(['bool'], 'bool', (_meter, value) => value),
    form(['string'], 'bool', (_meter, text) => boolOf(text as string)),
  ],
  dyn: [form(['any'], 'any', (_meter, value) => value)],
};

const METHODS: Readonly<Record<string, readonly FunctionForm[]>> = {
  size,
  matches,
  contains: [
    form(['string', 'string'], 'bool', (meter, text, needle) => containsText(text as string, needle as string, meter)),
  ],
  startsWith: [onText('bool', (text, start) => text.startsWith(start))],
  endsWith: [onText('bool', (text, end) => text.endsWith(end))],
  lowerAscii: [
    form(['string'], 'string', (meter, text) => changeCase(text as string, /[A-Z]+/g, 'toLowerCase', meter)),
  ],
  upperAscii: [
    form(['string'], 'string', (meter, text) => changeCase(text as string, /[a-z]+/g, 'toUpperCase', meter)),
  ],
  trim: [
    form(['string'], 'string', (meter, text) => {
      chargeText(meter, (text as string).length);
      return (text as string).trim();
    }),
  ],
  indexOf: positions('first'),
  lastIndexOf: positions('last'),
  substring: [
    form(['string', 'number'], 'string', (meter, text, start) =>
      sliceOfText(text as string, start as number, undefined, meter),
    ),
    form(['string', 'number', 'number'], 'string', (meter, text, start, end) =>
      sliceOfText(text as string, start as number, end as number, meter),
    ),
  ],
  split: [
    form(['string', 'string'], 'list', (meter, text, by) => splitText(text as string, by as string, -1, meter)),
    form(['string', 'string', 'number'], 'list', (meter, text, by, max) =>
      splitText(text as string, by as string, max as number, meter),
    ),
  ],
  replace: [
    form(['string', 'string', 'string'], 'string', (meter, text, needle, by) =>
      replaceText(text as string, needle as string, by as string, meter),
    ),
  ],
  join: [
    form(['list'], 'string', (meter, list) => joinTexts(list as unknown[], '', meter)),
    form(['list', 'string'], 'string', (meter, list, by) => joinTexts(list as unknown[], by as string, meter)),
  ],
};

/** The forms of a function or method with so many arguments (a method's receiver counts), or undefined. */
export function formsOf(name: string, isMethod: boolean, count: number): readonly FunctionForm[] | undefined {
  const table = isMethod ? METHODS : FUNCTIONS;
  const forms = Object.hasOwn(table, name)
    ? table[name]?.filter((candidate) => candidate.takes.length === count)
    : undefined;
  return forms === undefined || forms.length === 0 ? undefined : forms;
}

/** The names of all functions or methods, for those who mistyped one. */
export function functionNames(isMethod: boolean): string[] {
  return Object.keys(isMethod ? METHODS : FUNCTIONS);
}

/** The form that takes arguments of these kinds, or undefined. `any` on either side fits. */
export function fittingForm(
  forms: readonly FunctionForm[],
  kinds: readonly (Kind | 'any')[],
): FunctionForm | undefined {
  return forms.find((candidate) =>
    candidate.takes.every((kind, i) => kind === 'any' || kinds[i] === 'any' || kind === kinds[i]),
  );
}

/** Runs the form that fits the values. Throws an ExpressionFault when none does, and whatever the form throws. */
export function callForm(
  name: string,
  forms: readonly FunctionForm[],
  args: readonly unknown[],
  meter: Meter,
): unknown {
  for (const candidate of forms) if (fits(candidate, args)) return candidate.run(meter, args);
  throw new ExpressionFault(`${name}() does not take ${args.map(kindOf).join(', ')}`);
}

function fits({ takes }: FunctionForm, args: readonly unknown[]): boolean {
  for (let i = 0; i < takes.length; i++) if (takes[i] !== 'any' && takes[i] !== kindOf(args[i])) return false;
  return true;
}

function form(
  takes: readonly (Kind | 'any')[],
  gives: Kind | 'any',
  run: (meter: Meter, a: unknown, b: unknown, c: unknown) => unknown,
): FunctionForm {
  return { takes, gives, run: (meter, args) => run(meter, args[0], args[1], args[2]) };
}

function positions(way: 'first' | 'last'): FunctionForm[] {
  return [
    form(['string', 'string'], 'number', (meter, text, needle) =>
      positionOfText(text as string, needle as string, undefined, way, meter),
    ),
    form(['string', 'string', 'number'], 'number', (meter, text, needle, from) =>
      positionOfText(text as string, needle as string, from as number, way, meter),
    ),
  ];
}

function onText(gives: Kind, run: (text: string, other: string) => unknown): FunctionForm {
  return form(['string', 'string'], gives, (meter, text, other) => {
    chargeText(meter, (other as string).length);
    return run(text as string, other as string);
  });
}

function changeCase(text: string, letters: RegExp, how: 'toLowerCase' | 'toUpperCase', meter: Meter): string {
  charge(meter, Math.ceil(text.length / 4));
  return text.replace(letters, (part) => part[how]());
}

function numberOf(text: string): number {
  const value = text === '' || text !== text.trim() ? Number.NaN : Number(text);
  if (!Number.isFinite(value)) throw new ExpressionFault('double() takes a text that is a finite number');
  return value;
}

function boolOf(text: string): boolean {
  if (['true', 'True', 'TRUE', 't', '1'].includes(text)) return true;
  if (['false', 'False', 'FALSE', 'f', '0'].includes(text)) return false;
  throw new ExpressionFault('bool() takes the text "true" or "false"');
}
