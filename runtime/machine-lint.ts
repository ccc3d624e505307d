/**
 * Looks a machine over when it is registered, and says what is wrong with it, where, and what to do. It sees only what is
 * plain in the definition: what a function does when it runs is found out then, by the checkpoint.
 */
import type { AnyStateMachine } from 'xstate';
import { OperatingError } from '../protocol/errors.ts';
import { MARK, type Mark } from './machine-kinds.ts';
import { type KeptClasses, NO_CLASSES } from './machine-classes.ts';
import { outsideCallsOf } from './machine-outside-calls.ts';
import { ActorAddress } from './machine-references.ts';
import { Survey } from './machine-values.ts';
import { isMachine } from './machine-xstate.ts';

/** What is looked for; docs/agents-machines.md explains each. */
export const LINT_RULES = [
  'unkeepable-context',
  'inline-spawn',
  'unknown-actor',
  'unhandled-error',
  'unreachable-state',
  'no-end',
  'no-deadline',
  'unnamed-spawn',
  'outside-call',
] as const;
export type LintRule = (typeof LINT_RULES)[number];

/** What the linter knows of an agent beside its machine. */
export interface LintOptions {
  /** One actor lives for each key: it needs no end, and may wait for events for ever. */
  readonly keyed?: boolean;
  /** Rules whose warnings are not wanted. Refusals cannot be ignored. */
  readonly ignore?: readonly LintRule[];
}

/** One thing to know. A machine with a refusal is not hosted. */
export interface MachineFinding {
  readonly rule: LintRule;
  readonly severity: 'refusal' | 'warning';
  /** e.g. `states.paying.invoke[0]`, or `actors.child.states.a.entry[1]` in a machine that another one can start. */
  readonly place: string;
  readonly problem: string;
  readonly wayOut: string;
}

interface LintNode {
  readonly id: string;
  readonly type: string;
  readonly path: readonly string[];
  readonly parent?: LintNode;
  readonly config: Readonly<Record<string, unknown>>;
  readonly states: Readonly<Record<string, LintNode>>;
  readonly initial?: LintTransition;
  readonly entry: readonly unknown[];
  readonly exit: readonly unknown[];
  readonly invoke: readonly { readonly id: string; readonly src: string }[];
  readonly transitions: ReadonlyMap<string, readonly LintTransition[]>;
  readonly always?: readonly LintTransition[];
}

interface LintTransition {
  readonly target?: readonly LintNode[] | undefined;
  readonly actions?: readonly unknown[];
}

type Report = (rule: LintRule, place: string, problem: string, wayOut: string) => void;

/** The rules that say that a machine cannot be hosted. */
const REFUSALS: ReadonlySet<LintRule> = new Set(['unkeepable-context', 'inline-spawn', 'unknown-actor']);

/** All findings, refusals first. `performerNames` are the actors that it may invoke without defining them. */
export function lintMachine(
  machine: AnyStateMachine,
  performerNames: readonly string[],
  { keyed = false, ignore = [], classes = NO_CLASSES }: LintOptions & { readonly classes?: KeptClasses } = {},
): MachineFinding[] {
  const findings: MachineFinding[] = [];
  const seen = new Set<unknown>();
  const look = (one: AnyStateMachine, prefix: string): void => {
    if (seen.has(one)) return;
    seen.add(one);
    const report: Report = (rule, place, problem, wayOut) => {
      const severity = REFUSALS.has(rule) ? 'refusal' : 'warning';
      if (severity === 'warning' && ignore.includes(rule)) return;
      findings.push({ rule, severity, place: `${prefix}${place}`, problem, wayOut });
    };
    const root = one.root as unknown as LintNode;
    lintContext(one, classes, report);
    for (const [name, action] of Object.entries(one.implementations.actions))
      lintAction(action, `actions.${name}`, report);
    const known = new Set([...performerNames, ...Object.keys(one.implementations.actors)]);
    const reached = reachableFrom(root);
    for (const node of nodesOf(root)) lintNode(node, known, reached, report);
    if (prefix === '' && !keyed) lintEnd(root, report);
    if (!keyed) for (const node of nodesOf(root)) lintWait(node, report);
    for (const [name, logic] of Object.entries(one.implementations.actors))
      if (isMachine(logic)) look(logic, `${prefix}actors.${name}.`);
  };
  look(machine, '');
  return findings.sort((a, b) => Number(a.severity === 'warning') - Number(b.severity === 'warning'));
}

/** Errors: UNSUPPORTED_LOGIC for a machine with refusals; `details.findings` has them all. */
export function assertHostable(
  machine: AnyStateMachine,
  performerNames: readonly string[],
  classes: KeptClasses = NO_CLASSES,
): void {
  const refusals = lintMachine(machine, performerNames, { classes }).filter(({ severity }) => severity === 'refusal');
  const [first] = refusals;
  if (first === undefined) return;
  const message = `The machine "${machine.id}" cannot be hosted: ${first.place}: ${first.problem} ${first.wayOut}`;
  throw new OperatingError('UNSUPPORTED_LOGIC', message, { details: { place: first.place, findings: refusals } });
}

function lintContext(machine: AnyStateMachine, classes: KeptClasses, report: Report): void {
  const context: unknown = machine.config.context;
  if (typeof context === 'function') return;
  try {
    new Survey({ write: addressMark, classes }).keep(context, () => 'context');
  } catch (error) {
    const { message, details } = error as OperatingError;
    report('unkeepable-context', (details as { readonly place: string }).place, message, '');
  }
}

function addressMark(value: object): Mark | undefined {
  return value instanceof ActorAddress ? { [MARK]: 'address' } : undefined;
}

function lintNode(node: LintNode, known: ReadonlySet<string>, reached: ReadonlySet<LintNode>, report: Report): void {
  const place = placeOf(node);
  const at = (part: string): string => (place === '' ? part : `${place}.${part}`);
  for (const [index, action] of node.entry.entries()) lintAction(action, at(`entry[${index}]`), report);
  for (const [index, action] of node.exit.entries()) lintAction(action, at(`exit[${index}]`), report);
  for (const [event, candidates] of [...node.transitions, ['always', node.always ?? []] as const]) {
    for (const { actions } of candidates)
      for (const action of actions ?? []) lintAction(action, at(`on["${event}"].actions`), report);
  }
  for (const [index, { id, src }] of node.invoke.entries()) {
    if (!src.startsWith('xstate.invoke.') && !known.has(src)) {
      report(
        'unknown-actor',
        at(`invoke[${index}]`),
        `The actor "${src}" is not defined, so the machine would wait for it for ever.`,
        'Define it in setup({ actors }).',
      );
    }
    if (!handlesErrorOf(node, id)) {
      report(
        'unhandled-error',
        at(`invoke[${index}]`),
        `No state handles an error of "${id}", so it ends the whole machine.`,
        'Add onError.',
      );
    }
  }
  if (!reached.has(node))
    report(
      'unreachable-state',
      place,
      'No transition leads to this state.',
      'Remove it, or add the transition that is missing.',
    );
}

function lintAction(action: unknown, place: string, report: Report): void {
  const { type, src, id } = (typeof action === 'function' ? action : {}) as {
    type?: unknown;
    src?: unknown;
    id?: unknown;
  };
  const { assignment } = (typeof action === 'function' ? action : {}) as { assignment?: unknown };
  lintOutside(type === undefined ? [action] : functionsOf(assignment), place, report);
  if (type !== 'xstate.spawnChild') return;
  if (typeof src !== 'string') {
    report(
      'inline-spawn',
      place,
      'It spawns inline logic, which cannot be found again after a restart.',
      'Register the logic in setup({ actors }) and spawn it by name.',
    );
  } else if (id === undefined) {
    report(
      'unnamed-spawn',
      place,
      `It spawns "${src}" without an id: a second one would be refused.`,
      'Give it an id.',
    );
  }
}

function lintEnd(root: LintNode, report: Report): void {
  const ends =
    root.type === 'parallel' ||
    Object.values(root.states).some(({ type }) => type === 'final') ||
    root.type === 'final';
  if (!ends)
    report(
      'no-end',
      '',
      'The machine has no final state, so that it never ends by itself.',
      'Add one if it should: its task is done then.',
    );
}

/** What an `assign` runs: one function, or one for each field. */
function functionsOf(assignment: unknown): readonly unknown[] {
  return typeof assignment === 'object' && assignment !== null ? Object.values(assignment) : [assignment];
}

function lintOutside(functions: readonly unknown[], place: string, report: Report): void {
  const reaches = [...new Set(functions.flatMap(outsideCallsOf))];
  if (reaches.length === 0) return;
  report(
    'outside-call',
    place,
    `It seems to reach for ${reaches.join(', ')} inside of the turn: before anything is written, and again when the turn is repeated.`,
    'Invoke `effect` or a registered actor for it, use `after` for time, and keep what comes back in context.',
  );
}

/** A state that only an event from outside can end, and where no time runs out. */
function lintWait(node: LintNode, report: Report): void {
  if (node.type !== 'atomic') return;
  for (let at: LintNode | undefined = node; at !== undefined; at = at.parent) {
    const endsByItself = [...at.transitions.keys()].some((event) =>
      /^xstate\.(?:after|done|error|snapshot)\b/.test(event),
    );
    if (endsByItself || at.invoke.length > 0 || (at.always?.length ?? 0) > 0 || at.parent?.type === 'parallel') return;
  }
  report(
    'no-deadline',
    placeOf(node),
    'It is left only by an event from outside, and waits for that without a deadline.',
    'Add `after`, with what is to be done if nothing comes.',
  );
}

function placeOf(node: LintNode): string {
  return node.path.map((key) => `states.${key}`).join('.');
}

function* nodesOf(node: LintNode): Generator<LintNode> {
  yield node;
  for (const child of Object.values(node.states)) yield* nodesOf(child);
}

function handlesErrorOf(node: LintNode, id: string): boolean {
  const type = `xstate.error.actor.${id}`;
  for (let at: LintNode | undefined = node; at !== undefined; at = at.parent) {
    for (const event of at.transitions.keys()) {
      if (event === type || event === '*' || (event.endsWith('.*') && type.startsWith(event.slice(0, -1)))) return true;
    }
  }
  return false;
}

/** States that some way leads to, guards aside. */
function reachableFrom(root: LintNode): ReadonlySet<LintNode> {
  const reached = new Set<LintNode>();
  const queue = [root];
  const add = (nodes: readonly LintNode[] | undefined): void => void queue.push(...(nodes ?? []));
  for (let node = queue.pop(); node !== undefined; node = queue.pop()) {
    if (reached.has(node)) continue;
    reached.add(node);
    if (node.parent !== undefined) queue.push(node.parent);
    const children = Object.values(node.states);
    if (node.type === 'parallel') add(children);
    else if (node.type === 'compound') add(node.initial?.target);
    if (node.type === 'history') add(historyTargets(node));
    // A history pseudo-state and a state with a route can be entered from outside of the definition's transitions.
    add(children.filter(({ type, config }) => type === 'history' || config['route'] !== undefined));
    for (const candidates of [...node.transitions.values(), node.always ?? []])
      for (const { target } of candidates) add(target);
  }
  return reached;
}

function historyTargets(node: LintNode): readonly LintNode[] {
  const { target } = node.config as { readonly target?: string };
  const parent = node.parent as LintNode;
  const named = target === undefined ? undefined : parent.states[target];
  return named === undefined ? (parent.initial?.target ?? []) : [named];
}
