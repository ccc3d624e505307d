/** A flat actor that watches and links others when told to, and notes what it hears of their ends. */
import type { CellPort } from '../../runtime/cell-port.ts';
import type { FlatLogic } from '../../runtime/flat-logic.ts';
import type { ActorEvent } from '../../runtime/host.ts';

/** What it has heard, one line each: `down b failed AGENT_FAILED`, `exit b crashed AGENT_CRASHED`; and its monitors by address. */
export interface BoundState {
  readonly phase: 'ready' | 'done' | 'failed';
  readonly heard: readonly string[];
  readonly refs: Readonly<Record<string, string>>;
}

/**
 * Understands `monitor`, `demonitor` {flush?}, `link`, `unlink` (each with `address`), `trap` {isOn}, `both` (monitors, then
 * breaks in the same turn), `tell` {address, event}, `finish`, `fail`, `crash` {times?}.
 */
export const boundLogic: FlatLogic<BoundState, unknown> = {
  name: 'bound',
  version: '1',
  initial: () => ({ phase: 'ready', heard: [], refs: {} }),
  table: {
    ready: {
      monitor: (state, { address }: { readonly address: string }, port: CellPort) => ({
        ...state,
        refs: { ...state.refs, [address]: port.monitor(address) },
      }),
      demonitor: (state, event: { readonly address: string; readonly flush?: boolean }, port) => {
        port.demonitor(state.refs[event.address] ?? '', { flush: event.flush === true });
        return state;
      },
      link: (state, { address }: { readonly address: string }, port) => {
        port.link(address);
        return state;
      },
      unlink: (state, { address }: { readonly address: string }, port) => {
        port.unlink(address);
        return state;
      },
      trap: (state, { isOn }: { readonly isOn: boolean }, port) => {
        port.trapExit(isOn);
        return state;
      },
      both: (_state, { address }: { readonly address: string }, port) => {
        port.monitor(address);
        throw new Error('broken after it asked');
      },
      tell: (state, { address, event }: { readonly address: string; readonly event: ActorEvent }, port) => {
        port.send(address, event);
        return state;
      },
      crash: (state, { times }: { readonly times?: { left: number } }) => {
        if (times !== undefined && times.left-- <= 0) return state;
        throw new Error('crashed on demand');
      },
      finish: (state) => ({ ...state, phase: 'done' }),
      fail: (state) => ({ ...state, phase: 'failed' }),
      down: heard,
      exit: heard,
      'child.failed': heard,
    },
    done: {},
    failed: {},
  },
  final: { done: () => ({ output: 'done' }), failed: () => ({ error: new Error('failed by itself') }) },
};

function heard(state: BoundState, event: ActorEvent): BoundState {
  const { type, address, ref } = event;
  const { reason, error } = event as { readonly reason?: string; readonly error?: { readonly code: string } };
  const isMine = type !== 'down' || state.refs[String(address)] === ref;
  const words = [type, String(address), reason, error?.code].filter((word) => word !== undefined);
  const line = words.join(' ');
  return { ...state, heard: [...state.heard, isMine ? line : `${line} of another monitor`] };
}
