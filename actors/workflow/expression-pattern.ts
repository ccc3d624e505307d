/**
 * Regular expressions for `matches()`, in time linear in the text: RE2's promise, kept RE2's way (all states of the
 * automaton at once, no backtracking). `(a+)+$` stops nobody's event loop here.
 *
 * The syntax is RE2's without Unicode classes: literals, `.`, classes, `\d \w \s \b` and their opposites, anchors,
 * groups, alternatives, repetitions, `(?i) (?s) (?m)`. What RE2 refuses (back references, look-around) is refused too.
 */
import { charge, ExpressionFault, type Meter } from './expression-meter.ts';
import { parsePattern, type PatternNode } from './expression-pattern-syntax.ts';

const STATES_MAX = 2_000;
const CHARS_MAX = 1_000;

type Test = (codePoint: number) => boolean;
type Assertion = Extract<PatternNode, { type: 'assert' }>['assertion'];

type State =
  | { readonly type: 'take'; readonly test: Test }
  | { readonly type: 'assert'; readonly assertion: Assertion }
  | { readonly type: 'split'; readonly targets: readonly number[] }
  | { readonly type: 'match' };

/** A compiled pattern: whether it matches somewhere in `text`. */
export type Pattern = (text: string, meter: Meter) => boolean;

/** Compiles a pattern. Throws an ExpressionFault where its syntax is wrong or it is too big. */
export function compilePattern(source: string): Pattern {
  if (source.length > CHARS_MAX) throw new ExpressionFault(`the pattern is longer than ${CHARS_MAX} characters`);
  const states: State[] = [];
  emit(parsePattern(source), states);
  push(states, { type: 'match' });
  return (text, meter) => runs(states, text, meter);
}

function push(states: State[], state: State): number {
  if (states.length >= STATES_MAX) throw new ExpressionFault(`the pattern has more than ${STATES_MAX} states`);
  return states.push(state) - 1;
}

/** Appends the states of a node; whoever leaves them goes on to the state after the last. */
function emit(node: PatternNode, states: State[]): void {
  switch (node.type) {
    case 'take':
      push(states, { type: 'take', test: node.test });
      break;
    case 'assert':
      push(states, { type: 'assert', assertion: node.assertion });
      break;
    case 'sequence':
      for (const part of node.parts) emit(part, states);
      break;
    case 'choice':
      emitChoice(node.options, states);
      break;
    case 'repeat':
      emitRepeat(node, states);
  }
}

function emitChoice(options: readonly PatternNode[], states: State[]): void {
  const starts: number[] = [];
  const fork = push(states, { type: 'split', targets: starts });
  const exits: number[][] = [];
  for (const option of options) {
    starts.push(states.length);
    emit(option, states);
    const exit: number[] = [];
    push(states, { type: 'split', targets: exit });
    exits.push(exit);
  }
  for (const exit of exits) exit.push(states.length);
  if (starts.length === 0) states[fork] = { type: 'split', targets: [states.length] };
}

function emitRepeat(node: Extract<PatternNode, { type: 'repeat' }>, states: State[]): void {
  const before = states.length;
  for (let i = 0; i < node.min; i++) {
    emit(node.part, states);
    // A part without states repeats to nothing, however often; counting on would be work without a bound.
    if (states.length === before) break;
  }
  if (node.max === undefined) {
    const targets: number[] = [];
    const loop = push(states, { type: 'split', targets });
    targets.push(states.length);
    emit(node.part, states);
    push(states, { type: 'split', targets: [loop] });
    targets.push(states.length);
    return;
  }
  const skips: number[][] = [];
  for (let i = node.min; i < node.max; i++) {
    const targets: number[] = [];
    push(states, { type: 'split', targets });
    targets.push(states.length);
    skips.push(targets);
    emit(node.part, states);
  }
  for (const targets of skips) targets.push(states.length);
}

/** One pass over the text with the set of all states that some way of matching is in. */
function runs(states: readonly State[], text: string, meter: Meter): boolean {
  const pass: Pass = { states, seenAt: new Int32Array(states.length).fill(-1), todo: [], ready: [], visited: 0 };
  let before: number | undefined;
  let unit = 0;
  for (let step = 0; ; step++) {
    const now = text.codePointAt(unit);
    pass.todo.push(0);
    if (reachesMatch(pass, step, before, now)) return true;
    charge(meter, 1 + pass.visited);
    if (now === undefined) return false;
    for (const index of pass.ready) {
      const state = states[index];
      if (state?.type === 'take' && state.test(now)) pass.todo.push(index + 1);
    }
    before = now;
    unit += now > 0xffff ? 2 : 1;
  }
}

/** The sets of one pass, used again for each character. `seenAt` has the step at which a state was last reached. */
interface Pass {
  readonly states: readonly State[];
  readonly seenAt: Int32Array;
  readonly todo: number[];
  readonly ready: number[];
  /** How many states the last step went through: its cost. */
  visited: number;
}

/** Leaves in `ready` the states that take a character, reached from `todo` without taking one; or finds the last state. */
function reachesMatch(pass: Pass, step: number, before: number | undefined, now: number | undefined): boolean {
  const { states, seenAt, todo, ready } = pass;
  ready.length = 0;
  pass.visited = 0;
  for (let index = todo.pop(); index !== undefined; index = todo.pop()) {
    const state = states[index];
    if (state === undefined || seenAt[index] === step) continue;
    seenAt[index] = step;
    // A state that only leads on to one other is not worth counting.
    if (state.type !== 'split' || state.targets.length > 1) pass.visited += 1;
    if (state.type === 'take') ready.push(index);
    else if (state.type === 'match') return true;
    else if (state.type === 'assert') {
      if (holds(state.assertion, before, now)) todo.push(index + 1);
    } else for (const target of state.targets) todo.push(target);
  }
  return false;
}

const NEWLINE = 10;

function holds(assertion: Assertion, before: number | undefined, now: number | undefined): boolean {
  switch (assertion) {
    case 'text-start':
      return before === undefined;
    case 'text-end':
      return now === undefined;
    case 'line-start':
      return before === undefined || before === NEWLINE;
    case 'line-end':
      return now === undefined || now === NEWLINE;
    default:
      return (isWord(before) !== isWord(now)) === (assertion === 'word-edge');
  }
}

function isWord(codePoint: number | undefined): boolean {
  return codePoint !== undefined && codePoint < 128 && /\w/.test(String.fromCharCode(codePoint));
}
