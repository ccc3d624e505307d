/**
 * Statecharts that nobody would write: random trees of states, parallel ones among them, histories, transitions in all
 * directions, guards, delays, raised and sent events, children, promises and calls, and random scripts of events and time.
 * Loops are bounded by a count that each step of one raises.
 */
import fc from 'fast-check';
import {
  type AnyActorRef,
  type AnyStateMachine,
  assign,
  cancel,
  emit,
  raise,
  sendParent,
  sendTo,
  setup,
  spawnChild,
  stopChild,
} from 'xstate';
import { addressOf } from '../../../runtime/machine-references.ts';
import type { Case, Step } from './case.ts';
import type { Lab } from './lab.ts';

const EVENTS = ['A', 'B', 'C', 'D'] as const;
const DEPTH_MAX = 3;
const COUNT_MAX = 60;

type Deed =
  | 'count'
  | 'emit'
  | 'keep'
  | 'change in place'
  | 'tell child'
  | 'spawn'
  | 'stop'
  | 'cancel'
  | 'tell address'
  | { readonly raise: number; readonly ms: number; readonly to: 'self' | 'child' };

interface Way {
  readonly event: number;
  readonly to: number;
  readonly reenter: boolean;
  readonly deeds: readonly Deed[];
}

/** One state; numbers choose among what there is once the whole tree is known. */
interface Shape {
  readonly kind: 'atomic' | 'compound' | 'parallel' | 'final';
  readonly children: readonly Shape[];
  readonly history: 'none' | 'shallow' | 'deep';
  readonly ways: readonly Way[];
  readonly after: { readonly ms: number; readonly to: number } | null;
  readonly always: { readonly at: number; readonly to: number } | null;
  readonly entry: readonly Deed[];
  readonly exit: readonly Deed[];
  readonly invoke: 'none' | 'child' | 'promise' | 'effect';
  readonly dotted: boolean;
}

const number = fc.nat(1_000);
const oneOf = <const T extends readonly unknown[]>(...values: T): fc.Arbitrary<T[number]> => fc.constantFrom(...values);
const deed: fc.Arbitrary<Deed> = fc.oneof(
  oneOf('count', 'emit', 'keep', 'change in place', 'tell child', 'spawn', 'stop', 'cancel', 'tell address'),
  fc.record({ raise: number, ms: oneOf(0, 10, 20, 20, 50), to: oneOf('self', 'self', 'child') }),
);
const deeds = fc.array(deed, { maxLength: 2 });
const way = fc.record({ event: number, to: number, reenter: fc.boolean(), deeds });

function shapeAt(depth: number): fc.Arbitrary<Shape> {
  const isDeepest = depth >= DEPTH_MAX;
  const kinds = isDeepest
    ? oneOf('atomic', 'atomic', 'atomic', 'final')
    : oneOf('atomic', 'atomic', 'atomic', 'compound', 'compound', 'parallel', 'final');
  return fc
    .record({
      kind: depth === 0 ? oneOf('compound', 'compound', 'parallel') : kinds,
      children: isDeepest ? fc.constant([]) : fc.array(shapeAt(depth + 1), { minLength: 2, maxLength: 3 }),
      history: oneOf('none', 'none', 'shallow', 'deep'),
      ways: fc.array(way, { minLength: depth === 0 ? 2 : 0, maxLength: 3 }),
      after: fc.option(fc.record({ ms: oneOf(10, 20, 50), to: number }), { freq: 3 }),
      always: fc.option(fc.record({ at: fc.nat(6), to: number }), { freq: 2 }),
      entry: deeds,
      exit: deeds,
      invoke: oneOf('none', 'none', 'none', 'child', 'promise', 'effect'),
      dotted: fc.boolean(),
    })
    .map((shape) => (shape.kind === 'compound' || shape.kind === 'parallel' ? shape : { ...shape, children: [] }));
}

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 5, arbitrary: oneOf(...EVENTS) },
  { weight: 3, arbitrary: oneOf(5, 10, 20, 50) },
  { weight: 1, arbitrary: fc.record({ resolve: fc.nat(12).map((at) => `wait${at}`), value: number }) },
  { weight: 1, arbitrary: fc.nat(12).map((at) => ({ reject: `wait${at}`, error: new RangeError('rejected') })) },
  { weight: 1, arbitrary: fc.record({ settle: fc.nat(12).map((at) => `effect:do${at}`), value: number }) },
  {
    weight: 1,
    arbitrary: fc.record({ settle: fc.nat(12).map((at) => `effect:do${at}`), error: fc.constant('TIMEOUT') }),
  },
);

/** A random machine with a random script. Shown by its shape where a run fails. */
export const randomCase: fc.Arbitrary<Case> = fc
  .record({ shape: shapeAt(0), steps: fc.array(step, { minLength: 3, maxLength: 9 }) })
  .map(({ shape, steps }) => {
    const made = { name: 'random', steps, plain: false as const, machine: (lab: Lab) => machineOf(shape, lab) };
    return Object.assign(made, { [fc.toStringMethod]: () => JSON.stringify({ shape, steps }) });
  });

interface Context {
  readonly n: number;
  readonly held: unknown;
  readonly list: number[];
}

const kid = setup({ types: { context: {} as { readonly heard: readonly string[] } } }).createMachine({
  context: { heard: [] },
  after: { 30: { actions: sendParent({ type: 'C' }) } },
  initial: 'a',
  states: { a: { on: { D: 'z' } }, z: { type: 'final' } },
  on: { '*': { actions: assign({ heard: ({ context, event }) => [...context.heard, event.type] }) } },
  output: ({ context }) => context.heard.length,
});

interface Place {
  readonly shape: Shape;
  readonly at: number;
  readonly key: string;
  readonly children: readonly Place[];
}

function machineOf(shape: Shape, lab: Lab): AnyStateMachine {
  let count = 0;
  const ids: string[] = [];
  const place = (of: Shape): Place => {
    const at = count++;
    ids.push(of.dotted ? `n.${at}` : `n${at}`);
    if (of.children.length > 0 && of.history !== 'none') ids.push(`h${at}`);
    return { shape: of, at, key: of.dotted ? `k.${at}` : `k${at}`, children: of.children.map(place) };
  };
  const root = place(shape);
  // XState invokes the actors of the root a second time where a state below targets it, and the first ones stay.
  ids.shift();
  const target = (to: number): string => `#${(ids[to % ids.length] as string).replaceAll('.', '\\.')}`;
  const config = { context: { n: 0, held: null, list: [] }, ...stateOf(root, target) };
  const waits = Array.from({ length: count }, (_, at) => [`wait${at}`, lab.promise(`wait${at}`)] as const);
  const made = setup({
    types: { context: {} as Context },
    actors: { kid, ...Object.fromEntries(waits) },
  }).createMachine(config as never);
  return made as unknown as AnyStateMachine;
}

const counting = assign<Context, never, undefined, never, never>({ n: ({ context }) => context.n + 1 });
const isEarly = ({ context }: { readonly context: Context }): boolean => context.n < COUNT_MAX;

function stateOf({ shape, at, key, children }: Place, target: (to: number) => string): object {
  const { kind, history, ways, after, always, entry, exit, invoke, dotted } = shape;
  const common = { id: dotted ? `n.${at}` : `n${at}`, entry: entry.flatMap(actionsOf), exit: exit.flatMap(actionsOf) };
  if (kind === 'final')
    return { ...common, type: 'final', output: ({ context }: { readonly context: Context }) => context.n };
  const states = Object.fromEntries(children.map((child) => [child.key, stateOf(child, target)]));
  const on = Object.fromEntries(
    ways.map(({ event, to, reenter, deeds: done }) => [
      EVENTS[event % EVENTS.length],
      { target: target(to), reenter, guard: isEarly, actions: done.flatMap(actionsOf) },
    ]),
  );
  return {
    ...common,
    ...(kind === 'parallel' && { type: 'parallel' }),
    ...(kind === 'compound' && { initial: children[0]?.key }),
    tags: [key],
    on,
    ...(children.length > 0 && {
      states: history === 'none' ? states : { ...states, h: { id: `h${at}`, type: 'history', history } },
    }),
    ...(after !== null && { after: { [after.ms]: { target: target(after.to), guard: isEarly, actions: [counting] } } }),
    ...(always !== null && {
      always: {
        guard: ({ context }: { readonly context: Context }) => isEarly({ context }) && context.n % 7 === always.at,
        target: target(always.to),
        actions: [counting],
      },
    }),
    ...invokeOf(invoke, at),
  };
}

function invokeOf(invoke: Shape['invoke'], at: number): object {
  const take = {
    actions: assign<Context, never, undefined, never, never>({
      held: ({ event }: { readonly event: Readonly<Record<string, unknown>> }) => event['output'] ?? event['error'],
    }),
  };
  const ends = { onDone: take, onError: take };
  if (invoke === 'child') return { invoke: { src: 'kid', id: `kid${at}`, ...ends } };
  if (invoke === 'promise') return { invoke: { src: `wait${at}`, id: `wait${at}`, input: { at }, ...ends } };
  if (invoke === 'effect') return { invoke: { src: 'effect', id: `do${at}`, input: { name: `do${at}` }, ...ends } };
  return {};
}

/** The spawned child; messages to it go to somewhere else while there is none. */
function child({ system }: { readonly system: { get(id: string): unknown } }): AnyActorRef {
  return (system.get('spawned') as AnyActorRef | undefined) ?? addressOf('agent/nobody');
}

function actionsOf(what: Deed): unknown[] {
  switch (what) {
    case 'count':
      return [counting];
    case 'emit':
      return [emit(({ context }: { context: Context }) => ({ type: 'told', n: context.n }))];
    case 'keep':
      return [
        assign({
          held: ({ context, event, self }: { context: Context; event: { type: string }; self: AnyActorRef }) =>
            new Map<unknown, unknown>([[event.type, { self, at: new Date(context.n), set: new Set([self, -0]) }]]),
        }),
      ];
    case 'change in place':
      return [({ context }: { context: Context }) => void context.list.push(context.n)];
    case 'tell child':
      return [sendTo(child as never, { type: 'HEAR' } as never)];
    case 'spawn':
      return [stopChild('spawned'), spawnChild('kid' as never, { id: 'spawned', systemId: 'spawned' })];
    case 'stop':
      return [stopChild('spawned')];
    case 'cancel':
      return [cancel('later')];
    case 'tell address':
      return [
        sendTo(
          addressOf('agent/other') as never,
          (({ context }: { context: Context }) => ({ type: 'N', n: context.n })) as never,
        ),
      ];
    default: {
      const event = { type: EVENTS[what.raise % EVENTS.length] } as never;
      if (what.to === 'child') return [sendTo(child as never, event, { delay: what.ms })];
      if (what.ms === 0) return [counting, raise(event)];
      return [counting, raise(event, { delay: what.ms, ...(what.raise % 2 === 0 && { id: 'later' }) })];
    }
  }
}
