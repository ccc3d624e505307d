/** What a step does while a call of its run waits for someone's word, and with what is sent to it while nobody works. */
import type { CellPort } from '../runtime/cell-port.ts';
import type { ActorEvent } from '../runtime/host.ts';
import { approvalOf } from './approvals/approval-answers.ts';
import type { StepStart, StepState } from './step.ts';
import { placeOf } from './step-end.ts';
import { taskNews } from './task-news.ts';

/** Signals that wait for the next attempt. */
const SIGNALS_MAX = 100;

/** A signal was acknowledged: it waits for the attempt that can take it. Beyond the bound the oldest goes. */
export function keepSignal(state: StepState, event: ActorEvent): StepState {
  const signals = [...(state.signals ?? []), event['event'] as ActorEvent];
  return { ...state, signals: signals.slice(-SIGNALS_MAX) };
}

/** A call of the run waits for someone's word, and with it the step: it holds no slot, and no place among its siblings. */
export function park(state: StepState, event: ActorEvent, port: CellPort): StepState {
  const effect = String(event['effect']);
  const message = String(event['message']);
  const parked = state.parked ?? [];
  if (parked.includes(effect)) return state;
  const data = { ...placeOf(state.input), attempt: state.attempt, effect, name: event['name'], message };
  // A limit on an attempt is for work, not for waiting until a person comes.
  port.clearTimer('timeout');
  port.send(state.owner, { ...taskNews([{ kind: 'effect.unknown', data }], port), parked: { effect, message } });
  if (state.phase !== 'parked') tellFlow(port, 'item.parked');
  return { ...state, phase: 'parked', parked: [...parked, effect] };
}

/** Someone has said what came of a call. With the last of them the step goes on. */
export function unpark(state: StepState, event: ActorEvent, port: CellPort): StepState {
  const effect = String(event['effect']);
  if (state.parked?.includes(effect) !== true) return state;
  const said = event['said'] as Readonly<Record<string, unknown>>;
  const data = { ...placeOf(state.input), attempt: state.attempt, effect, name: event['name'], ...said };
  port.send(state.owner, { ...taskNews([{ kind: 'effect.resolved', data }], port), unparked: effect });
  return freed(state, effect, port);
}

/** One word less is waited for. */
export function freed(state: StepState, id: string, port: CellPort): StepState {
  if (state.parked?.includes(id) !== true) return state;
  const parked = state.parked.filter((one) => one !== id);
  const { parked: _all, ...rest } = state;
  if (parked.length > 0) return { ...rest, parked };
  tellFlow(port, 'item.unparked');
  return rest;
}

/** The run has asked a person; the approval tells the task itself. */
export function asks(state: StepState, event: ActorEvent, port: CellPort): StepState {
  port.clearTimer('timeout');
  if (state.phase !== 'parked') tellFlow(port, 'item.parked');
  return { ...state, phase: 'parked', parked: [...(state.parked ?? []), approvalOf(event)] };
}

function tellFlow(port: CellPort, type: 'item.parked' | 'item.unparked'): void {
  const { flow } = port.input as StepStart;
  if (flow !== undefined) port.send(flow, { type, address: port.address });
}
