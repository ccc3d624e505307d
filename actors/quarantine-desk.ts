/**
 * What people may do with messages that were set aside: look at them, change them, give them again, let them go. All of it is
 * durable when it is answered, and stands in the node's log with the name of who asked for it.
 */
import { OperatingError } from '../protocol/errors.ts';
import { LIMITS } from '../protocol/limits.ts';
import type { Capsule } from '../runtime/capsule.ts';
import { changed } from '../runtime/capsule-making.ts';
import type { Kernel } from '../runtime/kernel.ts';
import type { CapsuleRow } from '../runtime/quarantine.ts';
import type { Store, TaskRecord } from '../runtime/stores/store.ts';
import type { Desk, Principal } from './desk.ts';
import type { RunSeed } from './run.ts';

/** What it needs of its node. */
export interface QuarantineDeskDeps {
  readonly kernel: Kernel;
  readonly store: Store;
  readonly desk: Desk;
}

/** A change to what is given again: the event, for a message that is one; or the input of the task. */
export type CapsuleEdit =
  | { readonly event: Readonly<Record<string, unknown>> & { readonly type: string } }
  | { readonly input: unknown };

/** What a replay did. The capsule is gone then: whatever fails again makes a new one. */
export type Replayed =
  | { readonly id: string; readonly did: 'delivered'; readonly actor: string }
  | {
      readonly id: string;
      readonly did: 'submitted';
      readonly task: string;
      readonly replayOf: string;
      readonly from: 'state' | 'input';
    };

/** A page of capsules, the newest first. */
export interface CapsulePage {
  readonly rows: readonly CapsuleRow[];
  readonly cursor: string | null;
}

/** The label of a task that does again the work of another. */
export const REPLAY_LABEL = 'replay-of';

/** The quarantine of one node, for the doors. */
export class QuarantineDesk {
  readonly #deps: QuarantineDeskDeps;

  constructor(deps: QuarantineDeskDeps) {
    this.#deps = deps;
  }

  /** `cursor` is the id of the last one that the reader has. */
  list(limit: number, cursor: string | undefined): CapsulePage {
    const all = this.#deps.kernel.quarantine.rows();
    const older = cursor === undefined ? all : all.filter(({ id }) => id < cursor);
    const rows = older.slice(0, limit);
    return { rows, cursor: older.length > limit ? (rows.at(-1)?.id ?? null) : null };
  }

  /** Errors: NOT_FOUND, STORE_UNAVAILABLE, STORE_CORRUPT. */
  async get(id: string): Promise<Capsule> {
    const found = id.length <= LIMITS.idCharactersMax ? await this.#deps.store.readQuarantined(id) : undefined;
    if (found === undefined)
      throw new OperatingError('NOT_FOUND', 'There is no such capsule: it was replayed, discarded, or never there.');
    return found.body as Capsule;
  }

  /** Resolves once the change is durable. Errors: those of `get`; STATE_CONFLICT, INVALID_INPUT, PROTOCOL_TOO_BIG. */
  async edit(by: Principal, id: string, edit: CapsuleEdit): Promise<Capsule> {
    const capsule = await this.get(id);
    const act = { atMs: this.#deps.kernel.nowMs(), act: 'edited', by } as const;
    const next = changed(
      capsule,
      'event' in edit ? withEvent(capsule, edit.event) : withInput(capsule, edit.input),
      act,
    );
    this.#deps.kernel.quarantine.write(next);
    await this.#committed(id, by, 'A capsule was edited.', { changed: Object.keys(edit) });
    return next;
  }

  /**
   * Gives the message again, with a fresh count: to the actor, where that goes on without it; else, where its task has failed
   * with it, as a new task. Resolves once that is durable.
   * Errors: those of `get`; STATE_CONFLICT where there is nobody to give it to, with the way out; those of a submission.
   */
  async replay(by: Principal, id: string): Promise<Replayed> {
    const capsule = await this.get(id);
    if (capsule.leftOut.includes('message') && capsule.edited === undefined)
      throw conflict(id, 'the message was too large to be kept. Give another with PUT first');
    const outcome = capsule.permanent ? this.#deliver(capsule) : await this.#submit(capsule);
    await this.#committed(id, by, 'A capsule was replayed.', outcome);
    return outcome;
  }

  /** Resolves once it is gone. Errors: those of `get`. */
  async discard(by: Principal, id: string): Promise<void> {
    const { address } = await this.get(id);
    this.#deps.kernel.quarantine.remove(id);
    await this.#committed(id, by, 'A capsule was discarded.', { actor: address });
  }

  /** The actor lives: the message and the end of its capsule are in one epoch. */
  #deliver({ id, address, message }: Capsule): Replayed {
    const { kernel } = this.#deps;
    if (message.kind === 'event') {
      // Whoever asked was told `rejected`: nobody waits for an answer any more.
      const { replyTo: _gone, ...event } = message.event;
      kernel.deliver(address, { ...event, type: message.event.type });
    } else if (message.kind === 'start') kernel.rouse(address);
    else if (message.kind === 'relay') kernel.reenter(kernel.rouse(address), message.reentry);
    else throw conflict(id, `the actor no longer waits for its ${message.kind}. Discard the capsule`);
    kernel.quarantine.remove(id);
    return { id, did: 'delivered', actor: address };
  }

  /** The task failed with it: its work is done again, by a task of its own. */
  async #submit(capsule: Capsule): Promise<Replayed> {
    const { id, address, work, edited } = capsule;
    const { desk, store, kernel } = this.#deps;
    if (work === undefined)
      throw conflict(id, `${address} has ended, and it worked for no task that could be submitted again. Discard it`);
    const record = await store.readTask(work.task);
    if (record === undefined) throw conflict(id, `its task ${work.task} is no longer there. Submit the work anew`);
    assertFailed(id, record);
    const { options, principal } = record;
    const seed = this.#seedOf(capsule, record);
    if (seed === undefined && edited === undefined && wasEdited(capsule))
      throw conflict(
        id,
        'its state does not fit the agent as it is now, so that no event can follow it. Give an `input`',
      );
    const submission = {
      target: seed === undefined ? record.target : { agent: capsule.logic.slice('agent:'.length) },
      ...(seed !== undefined && { seed }),
      input: edited === undefined ? record.input : edited.input,
      options: { ...options, labels: withLabel(options.labels, work.task) },
      replayOf: { task: work.task, capsule: id },
    };
    const { task } = desk.inTurn((port) => desk.submit(port, principal, submission));
    kernel.quarantine.remove(id);
    return { id, did: 'submitted', task, replayOf: work.task, from: seed === undefined ? 'input' : 'state' };
  }

  /** Where the task was one machine, in the shape that is loaded: the state before the message, and the message. */
  #seedOf({ snapshot, message, edited, logic, structureHash }: Capsule, { target }: TaskRecord): RunSeed | undefined {
    const isOne = target.workflow === undefined && target.graph === undefined;
    const loaded = this.#deps.kernel.logic(logic);
    if (!isOne || snapshot === undefined || edited !== undefined || loaded?.runsUserCode !== true) return undefined;
    if (loaded.factory.structureHash !== structureHash || message.kind === 'relay') return undefined;
    return { structureHash, snapshot, ...(message.kind === 'event' && { event: message.event }) };
  }

  async #committed(id: string, by: Principal, message: string, fields: object): Promise<void> {
    const { committer, log } = this.#deps.kernel;
    await committer.committed();
    log.info(message, { capsule: id, by, ...fields });
  }
}

function wasEdited({ message, history }: Capsule): boolean {
  return message.kind === 'event' && history.some(({ act }) => act === 'edited');
}

function assertFailed(id: string, { id: task, status }: TaskRecord): void {
  if (status === 'failed') return;
  if (status === 'completed' || status === 'canceled' || status === 'rejected')
    throw conflict(id, `its task ${task} has ended ${status} without it. Submit the work anew, or discard the capsule`);
  throw conflict(id, `its task ${task} goes on without it (${status}). Wait for its end, or cancel it first`);
}

function withEvent(capsule: Capsule, event: { readonly type: string }): Partial<Capsule> {
  if (capsule.message.kind !== 'event')
    throw conflict(
      capsule.id,
      `what was set aside is no event but a ${capsule.message.kind}: only \`input\` can be given`,
    );
  return { message: { kind: 'event', event }, leftOut: capsule.leftOut.filter((part) => part !== 'message') };
}

function withInput(capsule: Capsule, input: unknown): Partial<Capsule> {
  if (capsule.work === undefined)
    throw conflict(capsule.id, `${capsule.address} works for no task, so it has no input: only \`event\` can be given`);
  return { edited: { input } };
}

function withLabel(
  labels: Readonly<Record<string, string>> | undefined,
  task: string,
): Readonly<Record<string, string>> {
  const { [REPLAY_LABEL]: _earlier, ...rest } = labels ?? {};
  return Object.keys(rest).length < LIMITS.labelsMax ? { ...rest, [REPLAY_LABEL]: task } : rest;
}

function conflict(capsule: string, why: string): OperatingError {
  return new OperatingError('STATE_CONFLICT', `The capsule cannot be used so: ${why}.`, { details: { capsule } });
}
