/** What a host of machines is told, beside the machine. */
import type { OperatingError } from '../protocol/errors.ts';
import type { ActorEvent, EffectKind, HostPort } from './host.ts';
import type { KeptClass } from './machine-classes.ts';
import type { PromiseCalls } from './machine-promises.ts';
import type { World } from './world.ts';

/** How machines of one logic are hosted. */
export interface MachineOptions {
  readonly logicId: string;
  readonly logicVersion: string;
  readonly world: World;
  /**
   * The actors that machines may invoke without defining them: `effect`, `worker`, `model`, `tool`, `ask`, `publish` by default.
   * Other names work like `effect`.
   */
  readonly performerNames?: readonly string[];
  /** Classes of the developer's own whose instances the machine may hold. */
  readonly classes?: readonly KeptClass[];
  /** Where given, promises are outside calls, which are kept here; logic that can only live in a process is refused. */
  readonly promises?: PromiseCalls;
  /** What kind of call a name is (`effect:charge`), where the machine does not say. */
  kindOf?(name: string): EffectKind | undefined;
  /** The address that `sendParent` of the machine itself goes to; `input` is what the machine is made with. */
  parentOf?(port: HostPort, input: unknown): string | undefined;
  /** How an event is put to that parent. Default: as it is. */
  toParent?(address: string, event: ActorEvent): ActorEvent;
  /** What cannot be delivered: `sendParent` in a machine without a parent (NOT_FOUND). */
  onUndelivered?(address: string, error: OperatingError): void;
  /** What `log` actions say. */
  log?(address: string, ...what: readonly unknown[]): void;
}
