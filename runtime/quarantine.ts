/**
 * Messages that take their actor down again and again: what is kept of them, what those who wait for them are told, and how many
 * are kept. The capsules are in the store; here is what lists need of them.
 */
import { type ErrorBody, OperatingError, toErrorBody } from '../protocol/errors.ts';
import { LIMITS } from '../protocol/limits.ts';
import { type Capsule, type CapsuleCause, type CapsuleMessage, messageOf, wordsOf } from './capsule.ts';
import { makeCapsule } from './capsule-making.ts';
import type { Cell } from './cell.ts';
import type { Committer } from './committer.ts';
import type { Effects } from './effects.ts';
import type { ActorEvent } from './host.ts';
import type { KernelLog, KernelMeter } from './kernel-options.ts';
import type { Envelope } from './mailbox.ts';
import type { Store } from './stores/store.ts';
import type { World } from './world.ts';

/** The deliveries of one message that may crash its actor. */
export const DELIVERIES_MAX = LIMITS.deliveriesMax;
/** Capsules that a node keeps. Over it the oldest is let go, with a line in the log. */
export const CAPSULES_MAX = 1_000;
/** Capsules read at a time when the node starts. */
const LOAD_PAGE = 16;

/** What setting aside needs of the kernel. */
export interface QuarantineDesk {
  readonly world: World;
  readonly log: KernelLog;
  readonly meter: KernelMeter;
  readonly committer: Committer;
  readonly effects: Effects;
  readonly cells: ReadonlyMap<string, Cell>;
  /** Runs `fn` after the next commit. */
  release(fn: () => void): void;
  post(to: string, event: ActorEvent): void;
}

/** A capsule in a list. */
export interface CapsuleRow {
  readonly id: string;
  readonly atMs: number;
  readonly cause: CapsuleCause;
  readonly address: string;
  readonly logic: string;
  readonly task?: string;
  readonly step?: string;
  /** What was handled, in a few words. */
  readonly message: string;
  readonly error: { readonly code: string; readonly message: string };
  readonly edited: boolean;
}

/** The capsules of one node. */
export class Quarantine {
  readonly #desk: QuarantineDesk;
  /** Committed capsules, the oldest first. */
  readonly #rows = new Map<string, CapsuleRow>();

  constructor(desk: QuarantineDesk) {
    this.#desk = desk;
  }

  /** How many there are. */
  get size(): number {
    return this.#rows.size;
  }

  /** Those that are committed, the newest first. */
  rows(): readonly CapsuleRow[] {
    return [...this.#rows.values()].reverse();
  }

  row(id: string): CapsuleRow | undefined {
    return this.#rows.get(id);
  }

  /** Learns what the store holds. Before anything can be set aside. Errors: STORE_UNAVAILABLE. */
  async load(store: Pick<Store, 'quarantined'>): Promise<void> {
    let after: string | undefined;
    for (;;) {
      const page = await store.quarantined({ limit: LOAD_PAGE, ...(after !== undefined && { after }) });
      for (const { id, body } of page) this.#rows.set(id, rowOf(body as Capsule));
      after = page.at(-1)?.id;
      if (page.length < LOAD_PAGE) break;
    }
    this.#makeRoom();
  }

  /**
   * Keeps a message with all that is needed to look into it (of a cell that is stored: others hold what cannot be), and tells
   * its asker and the actor's owner.
   * @returns what they were told
   */
  setAside(cell: Cell, envelope: Envelope, error: unknown, cause: CapsuleCause): ErrorBody {
    const desk = this.#desk;
    const id = this.keep(cell, messageOf(envelope), { deliveries: envelope.deliveries, error, cause });
    const refusal = refusalOf(cell, error, cause, id);
    if (envelope.kind === 'settle') desk.effects.consumed(cell.address, envelope.key);
    const replyTo = envelope.kind === 'event' ? envelope.event['replyTo'] : undefined;
    if (typeof replyTo === 'string') desk.post(replyTo, { type: 'rejected', error: refusal });
    const { owner, address } = cell.spec;
    if (owner !== undefined) desk.post(owner, { type: 'child.quarantined', address, error: refusal });
    return refusal;
  }

  /** Makes and keeps a capsule; its id, where the cell is one that is stored. */
  keep(
    cell: Cell,
    message: CapsuleMessage,
    why: { readonly deliveries: number; readonly error: unknown; readonly cause: CapsuleCause },
  ): string | undefined {
    if (!cell.spec.durable) return undefined;
    const { world, log, meter, cells } = this.#desk;
    const supervisors: string[] = [];
    for (let at: string | undefined = cell.spec.supervisor; at !== undefined && at !== ''; ) {
      supervisors.push(at);
      const above: string | undefined = cells.get(at)?.spec.supervisor;
      at = above === undefined || supervisors.includes(above) ? undefined : above;
    }
    const id = world.id();
    const capsule = makeCapsule(cell, { id, atMs: world.nowMs(), message, supervisors, ...why });
    // The same actor that cannot begin is one case, however often it is tried.
    if (message.kind === 'start' && (capsule.permanent || capsule.cause === 'load')) {
      for (const row of this.#rows.values()) {
        if (row.address === capsule.address && row.message === 'start') this.remove(row.id);
      }
    }
    this.write(capsule);
    meter.quarantined(capsule.cause);
    log.error('A message was set aside: it can be inspected, edited, replayed and discarded.', {
      capsule: id,
      actor: capsule.address,
      cause: capsule.cause,
      what: wordsOf(message),
      code: capsule.error.code,
      error: capsule.error.message,
      ...(capsule.leftOut.length > 0 && { leftOut: capsule.leftOut }),
    });
    return id;
  }

  /** Writes a capsule, new or changed; it is in lists once that is committed. */
  write(capsule: Capsule): void {
    const { committer } = this.#desk;
    committer.setAside({ id: capsule.id, body: capsule });
    this.#desk.release(() => {
      this.#rows.set(capsule.id, rowOf(capsule));
      this.#makeRoom();
    });
  }

  /** Lets one go, in the store with the next commit. */
  remove(id: string): void {
    this.#desk.committer.setAside({ id, body: null });
    this.#desk.release(() => void this.#rows.delete(id));
  }

  #makeRoom(): void {
    let over = this.#rows.size - CAPSULES_MAX;
    for (const { id, address } of this.#rows.values()) {
      if (over-- <= 0) return;
      this.#rows.delete(id);
      this.#desk.committer.setAside({ id, body: null });
      this.#desk.meter.capsuleDropped();
      this.#desk.log.warn('The oldest capsule was let go, since a node keeps so many at most.', {
        capsule: id,
        actor: address,
        max: CAPSULES_MAX,
      });
    }
  }
}

/** An outcome that nobody handled is the actor's own failure, not a crash: handling it again would end the same way. */
export function reportsFailure(envelope: Envelope): boolean {
  if (envelope.kind === 'settle') return !envelope.outcome.ok;
  if (envelope.kind !== 'relay') return false;
  const { type } = envelope.reentry.event;
  return type === 'xstate.promise.reject' || type.startsWith('xstate.error.');
}

function rowOf(capsule: Capsule): CapsuleRow {
  const { id, atMs, cause, address, logic, work, message, error, edited } = capsule;
  return {
    id,
    atMs,
    cause,
    address,
    logic,
    ...(work !== undefined && { task: work.task }),
    ...(work?.step !== undefined && { step: work.step }),
    message: wordsOf(message),
    error: { code: error.code, message: error.message },
    edited: edited !== undefined || capsule.history.some(({ act }) => act === 'edited'),
  };
}

/** The answer to the asker, and the error of the task: QUARANTINED, or the logic's own refusal where it cannot be kept at all. */
function refusalOf(cell: Cell, error: unknown, how: CapsuleCause, capsule: string | undefined): ErrorBody {
  const cause = toErrorBody(error, 'AGENT_CRASHED');
  if (cause.code === 'UNSUPPORTED_LOGIC' || how === 'livelock') return cause;
  const { address } = cell.spec;
  const message =
    how === 'crash'
      ? `A message crashed ${address} ${DELIVERIES_MAX} times and was set aside: ${cause.message}`
      : `A message to ${address} was set aside: ${cause.message}`;
  const details = { cause, ...(capsule !== undefined && { capsule }) };
  return new OperatingError('QUARANTINED', message, { details }).toBody();
}
