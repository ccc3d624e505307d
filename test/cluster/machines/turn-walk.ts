/**
 * Walks a machine through the script of a corpus case, turn by turn: as an actor that stays in memory, or as turns that are each made
 * from the bytes of the one before. Says what each turn came to, so that both can be held against each other.
 */
import { inspect } from 'node:util';
import type { AnyStateMachine } from 'xstate';
import { type AgentDefinition, defineAgent } from '../../../actors/agent-definition.ts';
import { agentMachine } from '../../../actors/agent-machine.ts';
import { packTurn, readTurnResult, type TurnMessage, type TurnOp } from '../../../cluster/machine-turn.ts';
import { TurnMaker } from '../../../cluster/worker/turn-maker.ts';
import { TurnPort } from '../../../cluster/worker/turn-port.ts';
import type { Host } from '../../../runtime/host.ts';
import { PromiseCalls } from '../../../runtime/machine-promises.ts';
import { unpackKept } from '../../../runtime/machine-values.ts';
import { packState, unpackState } from '../../../runtime/state-codec.ts';
import { createWorld } from '../../../runtime/world.ts';
import type { Case } from '../../runtime/machine-corpus/case.ts';
import { Lab } from '../../runtime/machine-corpus/lab.ts';

/** What a turn came to, for people and other actors. */
interface TurnSeen {
  readonly message: string;
  readonly ops: readonly TurnOp[];
  readonly voices: readonly unknown[];
  readonly status: string;
  readonly output?: unknown;
  readonly error?: string;
  readonly state?: string;
  readonly snapshot?: string;
}

type Seen = Omit<TurnSeen, 'message'>;
type TakeTurn = (message: TurnMessage, nowMs: number) => Seen;
type MachineAgent = AgentDefinition & { readonly machine: AnyStateMachine };

const ADDRESS = 'task/self';
const FAILED = { code: 'AGENT_FAILED', message: 'It failed.', retryable: false } as const;

/** The agent of a case: keyed, so that its input is the case's. */
function agentOf(one: Case): MachineAgent {
  return defineAgent({ name: 'case', version: '1.0.0', keyed: true, machine: one.machine(new Lab()) }) as MachineAgent;
}

/** Turns on a worker. Undefined for a machine whose turns cannot be made apart from it. */
export function remoteTurns(one: Case): TakeTurn | undefined {
  let maker: TurnMaker;
  try {
    maker = new TurnMaker(agentOf(one), { world: createWorld(), log: { warn: () => undefined } });
  } catch {
    return undefined;
  }
  let snapshot: Uint8Array | undefined;
  return (message, nowMs) => {
    const from = snapshot === undefined ? { input: one.input } : { snapshot };
    const { end, crash, voices } = readTurnResult(maker.turn(ADDRESS, packTurn({ ...from, message, nowMs })));
    if (end === undefined) return crashed(voices, crash?.error.message);
    snapshot = end.snapshot ?? snapshot;
    return {
      ...{ ops: end.ops, voices, status: end.status, output: end.output, state: JSON.stringify(end.description) },
      ...(end.error !== undefined && { error: end.error.message }),
      ...(snapshot !== undefined && { snapshot: shownState(snapshot) }),
    };
  };
}

/** Turns of an actor in memory, whose promises are calls as well. */
export function localTurns(one: Case): TakeTurn {
  const voices: unknown[] = [];
  const factory = agentMachine(agentOf(one), {
    world: createWorld(),
    promises: new PromiseCalls(),
    voices: {
      log: (actor, words) => void voices.push({ actor, words }),
      onUndelivered: (actor, error) => void voices.push({ actor, error: error.toBody() }),
    },
  });
  const clock = { nowMs: 0 };
  const port = new TurnPort({
    ...{ address: ADDRESS, input: one.input, onLeftOver: () => undefined },
    get nowMs() {
      return clock.nowMs;
    },
  });
  let host: Host | undefined;
  return (message, nowMs) => {
    clock.nowMs = nowMs;
    port.forget();
    try {
      if (host === undefined) {
        host = factory.create(port, one.input);
        host.start();
      } else if (message.kind === 'event') host.send(message.event);
      else if (message.kind === 'timer') host.fire(message.id);
      else if (message.kind === 'settle') host.settle(message.key, message.outcome);
      if (host.status === 'error' && host.endedByItself !== true) throw host.error;
      const snapshot = shownState(host.checkpoint() as Uint8Array);
      const { status, output, error } = host;
      return {
        ...{
          ops: port.ops,
          voices: voices.splice(0),
          status,
          output,
          state: JSON.stringify(host.describe()),
          snapshot,
        },
        ...(status === 'error' && { error: messageOf(error) }),
      };
    } catch (error) {
      return crashed(voices.splice(0), messageOf(error));
    }
  };
}

/** Every turn of the script, up to one that crashes or ends. */
export function walk({ steps }: Case, take: TakeTurn): readonly TurnSeen[] {
  const seen: TurnSeen[] = [];
  const timers = new Map<string, number>();
  const keys: string[] = [];
  let nowMs = 1_000_000;
  const isOver = (): boolean => seen.length > 0 && seen.at(-1)?.status !== 'active';
  const turn = (message: TurnMessage): void => {
    if (isOver()) return;
    const came = take(unpackState(packState(message)) as TurnMessage, nowMs);
    seen.push({ message: message.kind, ...came, ops: withClearsInOrder(came.ops) });
    for (const op of came.ops) {
      if (op.op === 'setTimer') timers.set(op.id, op.dueAtMs);
      else if (op.op === 'clearTimer') timers.delete(op.id);
      else if (op.op === 'effect') keys.push(op.request.key);
    }
  };
  const pass = (ms: number): void => {
    const endMs = nowMs + ms;
    for (;;) {
      const [due] = [...timers].filter(([, atMs]) => atMs <= endMs).sort((a, b) => a[1] - b[1]);
      if (due === undefined || isOver()) break;
      timers.delete(due[0]);
      nowMs = Math.max(nowMs, due[1]);
      turn({ kind: 'timer', id: due[0] });
    }
    nowMs = endMs;
  };
  /** The oldest call of a kind that is open, or one that nobody has asked for. */
  const settle = (isMeant: (key: string) => boolean, ok: boolean, value?: unknown): void => {
    const at = keys.findIndex(isMeant);
    const [key = 'none/0'] = at < 0 ? [] : keys.splice(at, 1);
    turn({ kind: 'settle', key, outcome: ok ? { ok, value } : { ok, error: FAILED } });
  };
  turn({ kind: 'start' });
  for (const step of steps) {
    if (typeof step === 'number') pass(step);
    else if (typeof step === 'string') turn({ kind: 'event', event: { type: step } });
    else if ('type' in step) turn({ kind: 'event', event: step });
    else if ('settle' in step) settle((key) => key.startsWith(`${step.settle}/`), step.error === undefined, step.value);
    else if ('resolve' in step) settle((key) => key.startsWith('promise:'), true, step.value);
    else if ('reject' in step) settle((key) => key.startsWith('promise:'), false);
  }
  return seen;
}

/** Timers that end together are cleared in any order: nobody can tell. */
function withClearsInOrder(ops: readonly TurnOp[]): readonly TurnOp[] {
  const clears = ops.filter((op) => op.op === 'clearTimer').toSorted((a, b) => a.id.localeCompare(b.id));
  return [...ops.filter((op) => op.op !== 'clearTimer'), ...clears];
}

function crashed(voices: readonly unknown[], error = ''): Seen {
  return { ops: [], voices, status: 'crashed', error };
}

/** The state in words. What several places share is a copy in each, once it was kept: that may differ. */
function shownState(bytes: Uint8Array): string {
  return inspect(unpackKept(bytes), { depth: null, breakLength: Infinity });
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
