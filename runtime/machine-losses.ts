/** What of a stored state has no place in a machine: found without restoring it, all of it at once, for people to read. */
import type { AnyStateMachine } from 'xstate';
import type { CheckpointBody, PlaceRecord, TimerRecord } from './machine-checkpoint.ts';
import type { MachineRecord } from './machine-record.ts';
import { isMachine, type StateValue } from './machine-xstate.ts';

/** One thing that would be lost. `place`: e.g. `value.up.busy`, `children.fetch`, `timers.xstate.after.1000.a`, `context.total`. */
export interface StoredLoss {
  readonly kind: 'state' | 'child' | 'history' | 'timer' | 'context' | 'format';
  readonly place: string;
  readonly what: string;
}

interface ShapeNode {
  readonly id: string;
  readonly type: string;
  readonly states: Readonly<Record<string, ShapeNode>>;
  readonly transitions: ReadonlyMap<string, unknown>;
  readonly config: { readonly invoke?: unknown };
}

type Report = (kind: StoredLoss['kind'], place: string, what: string) => void;

const AFTER = 'xstate.after.';
const INLINE = /^xstate\.invoke\.(\d+)\.(.*)$/;

/** All losses; `names` are actors that machines may invoke without defining them. */
export function findLosses(machine: AnyStateMachine, names: readonly string[], body: CheckpointBody): StoredLoss[] {
  const losses: StoredLoss[] = [];
  const report: Report = (kind, place, what) => void losses.push({ kind, place, what });
  const [, , record, timers] = body;
  lookAt(machine, names, record, '', report);
  for (const timer of timers) lookAtTimer(machine, names, record, timer, report);
  return losses;
}

function lookAt(machine: AnyStateMachine, names: readonly string[], record: MachineRecord, at: string, report: Report) {
  const [, value, , , , history, children] = record;
  const root: ShapeNode = machine.root;
  if (value === undefined) report('state', `${at}value`, 'it has no state');
  else lookAtValue(root, value, `${at}value`, report);
  for (const [id, paths] of Object.entries(history ?? {})) {
    if (nodeWith(root, id)?.type !== 'history')
      report('history', `${at}history.${id}`, 'the history state is not there any more');
    for (const path of paths) {
      if (nodeAt(root, path) === undefined)
        report('history', `${at}history.${id}`, `the remembered state "${path.join('.')}" is not there any more`);
    }
  }
  for (const [key, , , src, , , inner] of children) {
    const place = `${at}children.${key}`;
    const logic = logicOf(machine, names, src);
    if (logic === undefined) report('child', place, `the actor "${src}" is not there any more`);
    else if (isMachine(logic) !== (inner !== null))
      report('child', place, `the actor "${src}" is ${isMachine(logic) ? 'now' : 'no longer'} a machine`);
    else if (isMachine(logic) && inner !== null) lookAt(logic, names, inner, `${place}.`, report);
  }
}

function lookAtValue(node: ShapeNode, value: StateValue, place: string, report: Report): void {
  const entries = typeof value === 'string' ? [[value, undefined] as const] : Object.entries(value);
  for (const [key, inner] of entries) {
    const child = node.states[key];
    if (child === undefined) report('state', `${place}.${key}`, `the state "${key}" is not there any more`);
    else if (child.type === 'history') report('state', `${place}.${key}`, `"${key}" is a history state now`);
    else if (inner !== undefined) lookAtValue(child, inner, `${place}.${key}`, report);
  }
  if (node.type !== 'parallel' && entries.length !== 1)
    report('state', place, 'it was parallel, and is no longer: only one of its states can stay');
}

function lookAtTimer(
  machine: AnyStateMachine,
  names: readonly string[],
  root: MachineRecord,
  [, id, source, target, event]: TimerRecord,
  report: Report,
): void {
  const place = `timers.${id}`;
  const from = actorAt(machine, names, root, source);
  if (from === undefined) return report('timer', place, 'the actor that set it is not there any more');
  if (actorAt(machine, names, root, target) === undefined)
    return report('timer', place, 'the actor that it is for is not there any more');
  if (!event.type.startsWith(AFTER) || !isMachine(from)) return;
  if (!nodesOf(from.root).some((node) => node.transitions.has(event.type)))
    report(
      'timer',
      place,
      'no state waits for it any more: the state is gone, or its delay has another name or length',
    );
}

/** The logic of the actor at a place; the place itself for another actor of the node. */
function actorAt(machine: AnyStateMachine, names: readonly string[], root: MachineRecord, place: PlaceRecord): unknown {
  if (!Array.isArray(place)) return place ?? 'ended';
  let logic: unknown = machine;
  let record: MachineRecord | null = root;
  for (const key of place as readonly string[]) {
    const child: MachineRecord[6][number] | undefined = record?.[6].find(([own]) => own === key);
    if (child === undefined || !isMachine(logic)) return undefined;
    logic = logicOf(logic, names, child[3]);
    record = child[6];
  }
  return logic;
}

function logicOf(machine: AnyStateMachine, names: readonly string[], src: string): unknown {
  const inline = INLINE.exec(src);
  if (inline === null) return machine.implementations.actors[src] ?? (names.includes(src) ? src : undefined);
  const node = nodeWith(machine.root, inline[2] ?? '');
  const invoke = node?.config.invoke as { readonly src: unknown } | readonly { readonly src: unknown }[] | undefined;
  return invoke === undefined ? undefined : [invoke].flat()[Number(inline[1])]?.src;
}

function nodeAt(root: ShapeNode, path: readonly string[]): ShapeNode | undefined {
  let at: ShapeNode | undefined = root;
  for (const key of path) at = at?.states[key];
  return at;
}

function nodeWith(root: ShapeNode, id: string): ShapeNode | undefined {
  return nodesOf(root).find((node) => node.id === id);
}

function nodesOf(node: ShapeNode): readonly ShapeNode[] {
  return [node, ...Object.values(node.states).flatMap(nodesOf)];
}
