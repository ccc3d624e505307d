/**
 * Children that are seen to stop: each has a call under way from its start on, and notes the moment that the call is aborted, or
 * in which it is stopped before the call could begin. Lines of the diary: `start a` (its first turn ended well), `stop a`.
 */
import type { CellPort } from '../../runtime/cell-port.ts';
import type { ChildSpec } from '../../runtime/child-spec.ts';
import type { EffectCall } from '../../runtime/effects.ts';
import { flatFactory, type FlatLogic } from '../../runtime/flat-logic.ts';
import type { Host, HostPort } from '../../runtime/host.ts';
import type { Supervised } from './supervised.ts';

/** What a call does when it is aborted: ends, answers all the same after a while, or takes no notice. */
export type Stubbornness = 'yields' | 'deaf' | { readonly answersAfterMs: number };

interface HoldingState {
  readonly phase: 'ready' | 'done' | 'failed';
  readonly outcomes: readonly string[];
}

/** How each child is, by its address. */
export interface HoldingWorkers {
  readonly stubborn: Map<string, Stubbornness>;
  /** Starts that break, counted down. */
  readonly faults: Map<string, number>;
  /** Calls made. */
  readonly made: Map<string, number>;
}

/** Makes them possible on a node. They understand `finish`, `fail`, `crash` {times}. */
export function installHolding(node: Supervised): HoldingWorkers {
  const stubborn = new Map<string, Stubbornness>();
  const faults = new Map<string, number>();
  const made = new Map<string, number>();
  /** Calls that are asked for and have not begun. */
  const asked = new Set<string>();
  const factory = flatFactory(holdingLogic(node, faults, asked));
  const seen = (host: Host, { address }: HostPort): Host => {
    const stop = host.stop.bind(host);
    host.stop = () => {
      if (asked.delete(address)) node.diary.push(`stop ${address}`);
      stop();
    };
    return host;
  };
  node.kernel.install({
    name: 'holding',
    factory: {
      ...factory,
      create: (port, input) => seen(factory.create(port, input), port),
      restore: (port, checkpoint) => seen(factory.restore(port, checkpoint), port),
    },
    kind: 'holding',
    lane: 'holding',
    laneLimit: 1_000,
    perform: (call) => {
      asked.delete(call.address);
      made.set(call.address, (made.get(call.address) ?? 0) + 1);
      return hold(node, call, () => stubborn.get(call.address) ?? 'yields');
    },
  });
  return { stubborn, faults, made };
}

/** The spec of one; it belongs to this run of the process and starts from its input. */
export function holding(address: string, supervisor: string, more: Partial<ChildSpec> = {}): ChildSpec {
  return {
    address,
    logic: 'holding',
    input: address,
    supervisor,
    restart: 'permanent',
    recovery: 'reset',
    priority: 5,
    durable: false,
    ...more,
  };
}

function holdingLogic(
  node: Supervised,
  faults: Map<string, number>,
  asked: Set<string>,
): FlatLogic<HoldingState, string> {
  const begin = (port: CellPort, again: boolean): void => {
    const left = faults.get(port.address) ?? 0;
    if (left > 0) {
      faults.set(port.address, left - 1);
      throw new Error(`${port.address} cannot start`);
    }
    node.diary.push(`start ${port.address}`);
    if (!node.kernel.effects.has(port.address, 'hold')) asked.add(port.address);
    port.effect({ key: 'hold', name: 'hold', kind: 'pure', input: undefined, again });
  };
  const note = (state: HoldingState, word: string): HoldingState => ({ ...state, outcomes: [...state.outcomes, word] });
  return {
    name: 'holding',
    version: '1',
    initial: (_input, port) => {
      begin(port, false);
      return { phase: 'ready', outcomes: [] };
    },
    restored: (state, port) => {
      if (state.outcomes.length === 0) begin(port, true);
      return state;
    },
    table: {
      ready: {
        crash: (state, { times }: { readonly times: { left: number } }) => {
          if (times.left-- <= 0) return state;
          throw new Error('crashed on demand');
        },
        finish: (state) => ({ ...state, phase: 'done' }),
        fail: (state) => ({ ...state, phase: 'failed' }),
        'effect.done': (state, { value }: { readonly value: unknown }) => note(state, String(value)),
        'effect.failed': (state, { error }: { readonly error: { readonly code: string } }) => note(state, error.code),
      },
      done: {},
      failed: {},
    },
    final: { done: () => ({ output: 'done' }), failed: () => ({ error: new Error('failed by itself') }) },
  };
}

/** A call that ends when nobody wants it any more. */
function hold(node: Supervised, call: EffectCall, howOf: () => Stubbornness): Promise<unknown> {
  return new Promise((resolve, reject) => {
    call.signal.addEventListener('abort', () => {
      const how = howOf();
      node.diary.push(`stop ${call.address}`);
      if (how === 'yields') reject(call.signal.reason as Error);
      else if (how !== 'deaf') node.world.after(how.answersAfterMs, () => resolve('answered'));
    });
  });
}
