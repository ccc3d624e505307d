/** A port that notes everything and does nothing by itself, and hosts on it. */
import type { AnyStateMachine } from 'xstate';
import type { EffectRequest, Host, HostPort, Reentry } from '../../../runtime/host.ts';
import { machineFactory } from '../../../runtime/machine-host.ts';
import type { MachineOptions } from '../../../runtime/machine-options.ts';
import { createWorld } from '../../../runtime/world.ts';
import { Bench, type Killing } from './bench.ts';

export interface NotingPort extends HostPort {
  readonly reentries: Reentry[];
  readonly releases: (() => void)[];
  readonly log: unknown[];
  nowAtMs: number;
}

export const options = (more: Partial<MachineOptions> = {}): MachineOptions => ({
  logicId: 'm',
  logicVersion: '1',
  world: createWorld(),
  ...more,
});

export function notingPort(): NotingPort {
  const port = {
    address: 'task/1',
    nowAtMs: 1_000,
    reentries: [] as Reentry[],
    releases: [] as (() => void)[],
    log: [] as unknown[],
    nowMs: () => port.nowAtMs,
    afterCommit: (fn: () => void) => void port.releases.push(fn),
    effect: ({ key, again }: EffectRequest) => void port.log.push(['effect', key, again]),
    cancelEffect: (key: string) => void port.log.push(['cancel', key]),
    send: (address: string, event: object) => void port.log.push(['send', address, event]),
    setTimer: (id: string, dueAtMs: number) => void port.log.push(['set', id, dueAtMs]),
    clearTimer: (id: string) => void port.log.push(['clear', id]),
    reenter: (reentry: Reentry) => void port.reentries.push(reentry),
    fail: (error: unknown) => void port.log.push(['fail', error]),
  };
  return port;
}

export function run(machine: AnyStateMachine, port: HostPort, more: Partial<MachineOptions> = {}): Host {
  const host = machineFactory(machine, options(more)).create(port, undefined);
  host.start();
  return host;
}

export const restored = (machine: AnyStateMachine, port: HostPort, checkpoint: unknown): Host => {
  const host = machineFactory(machine, options()).restore(port, checkpoint);
  host.start();
  return host;
};

export async function benchOf(makeMachine: () => AnyStateMachine, killing: Killing = 'never'): Promise<Bench> {
  const made = new Bench({ makeMachine, killing });
  await made.start();
  return made;
}
