/** Procedures of a supervisor, carried out: after each piece of news, the next step of the one that it concerns. */
import { SHUTDOWN_MS } from '../runtime/child-spec.ts';
import { type Procedure, proceed, type Step, started, stopped } from './procedure.ts';
import { specOf } from './restart-plan.ts';
import type { SupervisorContext } from './supervisor-context.ts';

/** The procedures after some news, and what is to be done at once. */
export interface Move {
  readonly procedures: SupervisorContext['procedures'];
  readonly act: () => void;
}

/** Takes the next step of the procedure under `key`, where there is one to be taken. */
export function move(
  context: SupervisorContext,
  key: string,
  change: (procedure: Procedure) => Procedure = (same) => same,
): Move {
  const { deps } = context.seat.input;
  const procedure = context.procedures.get(key);
  if (procedure === undefined) return { procedures: context.procedures, act: () => undefined };
  const { next, step } = proceed(change(procedure), (address) => deps.presenceOf(address));
  const procedures = new Map(context.procedures);
  if (next === undefined) procedures.delete(key);
  else procedures.set(key, next);
  return { procedures, act: () => step !== undefined && take(context, procedure.serial, step) };
}

/** What `child.started` and `child.stopped` move on. */
export function moveOn(context: SupervisorContext, type: 'child.started' | 'child.stopped', address: string): Move {
  for (const [key, { starting, stopping }] of context.procedures) {
    if (type === 'child.started' && starting === address) return move(context, key, (one) => started(one, address));
    if (type === 'child.stopped' && stopping?.address === address)
      return move(context, key, (one) => stopped(one, address));
  }
  return { procedures: context.procedures, act: () => undefined };
}

/** The pause before the starts of a procedure is over; without effect on a later one for the same child. */
export function moveDue(context: SupervisorContext, address: string, serial: number): Move {
  const isIt = context.procedures.get(address)?.serial === serial;
  if (!isIt) return { procedures: context.procedures, act: () => undefined };
  return move(context, address, (procedure) => ({ ...procedure, isDue: true }));
}

/** Cuts off the child that is being stopped by that procedure, if it still is. */
export function cutLate(context: SupervisorContext, address: string, serial: number): void {
  const { port, input } = context.seat;
  for (const procedure of context.procedures.values()) {
    const { stopping } = procedure;
    if (procedure.serial === serial && stopping?.address === address) input.deps.cutOff(port, stopping);
  }
}

function take(context: SupervisorContext, serial: number, step: Step): void {
  const { port, input } = context.seat;
  const { deps } = input;
  if (step.act === 'start') {
    const { address, error, mode } = step.start;
    if (deps.presenceOf(address) === 'idle') return deps.restart(port, address, mode, error);
    const listed = specOf(context, address);
    if (listed !== undefined) port.startChild({ ...listed, listed: true });
    else if (step.start.spec !== undefined) port.startChild(step.start.spec);
    return;
  }
  const { address } = step.stop;
  if (address === port.address) return deps.stopUnlisted(port, step.stop.keep);
  deps.stop(port, step.stop);
  const shutdown = specOf(context, address)?.shutdown ?? SHUTDOWN_MS;
  if (shutdown === 'brutal-kill') deps.cutOff(port, step.stop);
  else if (shutdown !== 'infinity') deps.later(port, shutdown, { type: 'stop.late', serial, address });
}
