/** What a kernel is made of and what it tells others. */
import type { ActorEvent } from './host.ts';
import type { EffectEnd } from './metrics.ts';
import type { World } from './world.ts';

/** What the kernel counts, for the metrics. */
export interface KernelMeter {
  restarted(supervisor: string): void;
  deadLetter(reason: string): void;
  effect(outcome: EffectEnd): void;
  /** A message was set aside, by why. */
  quarantined(cause: string): void;
  /** A capsule was let go, since there were too many. */
  capsuleDropped(): void;
}

/** Where the kernel writes what people should see. */
export interface KernelLog {
  info(message: string, fields?: object): void;
  warn(message: string, fields?: object): void;
  error(message: string, fields?: object): void;
}

/** What a kernel is made of. */
export interface KernelOptions {
  readonly world: World;
  readonly log: KernelLog;
  readonly meter: KernelMeter;
}

/** Where messages to an address that is no cell go: out of the node, after the commit. */
export type Sink = (address: string, event: ActorEvent) => void;
