/**
 * The shape of a machine, for two readers: a hash that changes when kept states may no longer fit, and the current state in
 * words. The shape is states, their kinds, transitions by event and target, delays, invokes by the name of their actor, and
 * the same of every machine it can invoke or spawn. Guards, actions and what functions do are no part of it.
 */
import { createHash } from 'node:crypto';
import type { AnyStateMachine } from 'xstate';
import type { HostDescription } from './host.ts';
import { childrenOf, isMachine, type LiveActor, type LiveSnapshot, type StateValue } from './machine-xstate.ts';

/** Characters of a hash: 128 bits. */
const HASH_CHARACTERS = 32;

interface ShapeNode {
  readonly id: string;
  readonly key: string;
  readonly type: string;
  readonly history: string | false;
  readonly initial?: ShapeTransition;
  readonly states: Readonly<Record<string, ShapeNode>>;
  readonly transitions: ReadonlyMap<string, readonly ShapeTransition[]>;
  readonly always?: readonly ShapeTransition[];
  readonly invoke: readonly { readonly id: string; readonly src: string }[];
  readonly config: { readonly invoke?: ShapeInvoke | readonly ShapeInvoke[] };
}

interface ShapeInvoke {
  readonly src: unknown;
}

interface ShapeTransition {
  readonly target?: readonly { readonly id: string }[] | undefined;
  readonly reenter?: boolean;
}

/** A hash of the shape, the same in every process. */
export function structureHash(machine: AnyStateMachine): string {
  const shapes: unknown[] = [];
  const numbers = new Map<AnyStateMachine, number>();
  const shapeOf = (one: AnyStateMachine): number => {
    const known = numbers.get(one);
    if (known !== undefined) return known;
    const number = numbers.size;
    numbers.set(one, number);
    const names = Object.keys(one.implementations.actors).sort();
    const actors = names.map((name) => [name, actorShape(one.implementations.actors[name])]);
    const root = one.root as unknown as ShapeNode;
    shapes[number] = [nodeShape(root), actors, inlineShapes(root)];
    return number;
  };
  const actorShape = (logic: unknown): number | string => (isMachine(logic) ? shapeOf(logic) : 'logic');
  const inlineShapes = (node: ShapeNode): unknown[] => {
    const invokes = node.config.invoke === undefined ? [] : [node.config.invoke].flat();
    const own = invokes.flatMap(({ src }, at) => (typeof src === 'string' ? [] : [[node.id, at, actorShape(src)]]));
    return [...own, ...Object.values(node.states).flatMap(inlineShapes)];
  };
  shapeOf(machine);
  return createHash('sha256').update(JSON.stringify(shapes)).digest('hex').slice(0, HASH_CHARACTERS);
}

function nodeShape(node: ShapeNode): unknown {
  const transitions = [...node.transitions].map(([event, candidates]) => [event, candidates.map(transitionShape)]);
  const always = (node.always ?? []).map(transitionShape);
  const invokes = node.invoke.map(({ id, src }) => [id, src]);
  const states = Object.values(node.states).map(nodeShape);
  return [
    node.key,
    node.id,
    node.type,
    node.history,
    node.initial && transitionShape(node.initial),
    transitions,
    always,
    invokes,
    states,
  ];
}

function transitionShape({ target, reenter }: ShapeTransition): unknown {
  return [target?.map(({ id }) => id) ?? null, reenter ?? false];
}

/** A state in words: `working.fetching`; the regions of a parallel state are joined: `up.left.idle, up.right.busy`. */
function describeState(value: StateValue | undefined): string {
  if (value === undefined) return '';
  if (typeof value === 'string') return value;
  return Object.entries(value)
    .map(([key, inner]) =>
      describeState(inner)
        .split(', ')
        .map((leaf) => (leaf === '' ? key : `${key}.${leaf}`))
        .join(', '),
    )
    .join(', ');
}

/** A machine and all its children, for people. */
export function describeTree(root: LiveActor): HostDescription {
  const children = describeChildren(root, '');
  const state = describeSnapshot(root._snapshot);
  return children.length === 0 ? { state } : { state, children };
}

function describeSnapshot({ value, status }: LiveSnapshot): string {
  const state = describeState(value);
  if (state === '') return status;
  return status === 'active' ? state : `${state} (${status})`;
}

function describeChildren(actor: LiveActor, prefix: string): { id: string; src: string; state: string }[] {
  return childrenOf(actor).flatMap(([key, child]) => {
    const id = `${prefix}${key}`;
    return [
      { id, src: String(child.src), state: describeSnapshot(child._snapshot) },
      ...describeChildren(child, `${id}/`),
    ];
  });
}
