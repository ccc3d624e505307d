/**
 * The node's ledger of calls that nobody knows the outcome of. The journals (actors/journal.ts) hold what is known of each
 * call; here is who waits for a word on it, what asks for it (a probe), and what is said: a decision is written into the
 * journal, the list and the task's log in one epoch, so that it is there as a whole after any crash, or not at all.
 *
 * It never makes a call itself, and never guesses.
 */
import { OperatingError } from '../protocol/errors.ts';
import type { Cell } from '../runtime/cell.ts';
import { FORK_ROW, type ForkRow } from '../runtime/cell-rows.ts';
import type { EffectOutcome } from '../runtime/host.ts';
import type { Kernel } from '../runtime/kernel.ts';
import { copyOutput } from '../runtime/value-copy.ts';
import { packState } from '../runtime/state-codec.ts';
import type { EffectDecision, EffectRecord } from '../runtime/stores/store.ts';
import type { Cancel } from '../runtime/world.ts';
import type { Doubt, JournaledCall } from './doubt.ts';
import { idempotencyKeyOf, type JournalEntry } from './journal.ts';
import type { CallOutcome } from './journal-shelf.ts';
import { startProbing } from './probing.ts';

/** Whose journal a call is in, and for which work. */
export interface CallPlace {
  /** The cell that keeps the journal. */
  readonly owner: string;
  /** `name@version`. */
  readonly agent: string;
  /** The step to be told, which may be the owner; none for keyed agents. */
  readonly step?: string;
  readonly work: Pick<EffectRecord, 'task' | 'step' | 'item' | 'attempt'>;
}

/** What is said of a call. */
export type Verdict = Omit<EffectDecision, 'atMs'>;

interface Open {
  readonly record: EffectRecord;
  readonly step: string | undefined;
  /** Functions that wait in their place. */
  readonly waiting: Set<() => void>;
  stopProbing: Cancel;
}

/** Inputs and outputs larger than this, packed, are left out of the list: the journal has them. */
const SHOWN_BYTES_MAX = 16 * 1024;
/** Calls of owners that have ended, remembered in case they come back. */
const ABANDONED_MAX = 10_000;

/** The ledger of one node. */
export class Ledger {
  readonly #kernel: Kernel;
  readonly #open = new Map<string, Open>();
  /** owner → entry → id of those that are open. */
  readonly #byOwner = new Map<string, Map<string, string>>();
  /** owner → entry → unsafe calls that this process is making. */
  readonly #underWay = new Map<string, Map<string, { readonly call: JournaledCall; readonly place: CallPlace }>>();
  readonly #abandoned = new Map<string, string>();

  constructor(kernel: Kernel) {
    this.#kernel = kernel;
    kernel.onShelfEnded = (address) => this.#ownerEnded(address);
    kernel.effects.witness = {
      canceled: () => kernel.meter.effect('canceled'),
      late: ({ address, key, name, kind, lane }, outcome) => {
        if (kind === 'keyed' && outcome.ok) this.#late(callAt(address, key, name), placeAt(address, lane), outcome);
      },
    };
  }

  /** Takes in what an earlier run of the process left open. Before any cell takes a turn. */
  adopt(records: readonly EffectRecord[]): void {
    for (const record of records) this.#keep(record, stepOf(record));
  }

  /** Open ones whose owner is not in memory. */
  strays(): readonly EffectRecord[] {
    return [...this.#open.values()]
      .map(({ record }) => record)
      .filter(({ owner }) => this.#cellOf(owner) === undefined);
  }

  /** The owner of an open one has ended, in whatever run of the process. */
  abandon(id: string): void {
    const open = this.#open.get(id);
    if (open === undefined) return;
    this.#close(open);
    this.#write({ ...open.record, state: 'abandoned' });
    this.#kernel.meter.effect('abandoned');
    this.#remember(open.record);
    this.#tellTask(open.record);
  }

  /** Nobody needs to say a word about it any more. */
  #tellTask({ id, task }: EffectRecord): void {
    if (task === undefined || this.#cellOf(`task/${task}`) === undefined) return;
    this.#kernel.post(`task/${task}`, { type: 'task.progress', events: [], unparked: id });
  }

  /** Resolves once someone has said what came of the call, and that is committed. Rejects with the reason of the signal. */
  async decided(doubt: Doubt, place: CallPlace, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const fork = this.#forkOf(doubt, place);
    const known = this.#find(place.owner, doubt.entry);
    const open = known ?? this.#begin(doubt, place, fork);
    // Of a call that another task has made, a probe would be asked by a key that the other side has never seen.
    if (doubt.probe !== undefined && fork === undefined) this.#probe(open, doubt);
    await new Promise<void>((resolve, reject) => {
      const wake = (): void => {
        signal.removeEventListener('abort', leave);
        resolve();
      };
      const leave = (): void => {
        open.waiting.delete(wake);
        reject(signal.reason as Error);
      };
      open.waiting.add(wake);
      signal.addEventListener('abort', leave, { once: true });
    });
  }

  /** An unsafe call is being made. */
  began(call: JournaledCall, place: CallPlace): void {
    let calls = this.#underWay.get(place.owner);
    if (calls === undefined) this.#underWay.set(place.owner, (calls = new Map()));
    calls.set(call.entry, { call, place });
  }

  /** A call came back, and is recorded in its journal unless that has ended. */
  ended(call: JournaledCall, place: CallPlace, outcome: CallOutcome, isRecorded: boolean): void {
    const calls = this.#underWay.get(place.owner);
    if (calls?.delete(call.entry) === true && calls.size === 0) this.#underWay.delete(place.owner);
    const open = this.#find(place.owner, call.entry);
    if (!isRecorded) this.#late(call, place, outcome);
    else if (open !== undefined) {
      const by = 'the call itself';
      this.#settle(open, outcome.ok ? { how: 'done', by, output: outcome.value } : { how: 'failed', by, ...outcome });
    }
  }

  /** A call failed and is made again in its place. */
  repeats(): void {
    this.#kernel.meter.effect('retried');
  }

  /**
   * Decides about an open one, and resolves once that is committed.
   * Errors: STATE_CONFLICT (nothing waits for a word on it), UNAVAILABLE (what waits is not loaded on this node).
   */
  async resolve(id: string, verdict: Verdict): Promise<EffectRecord> {
    const open = this.#open.get(id);
    if (open === undefined) throw settledAlready(id);
    const { owner, entry } = open.record;
    const cell = this.#cellOf(owner);
    const known = cell?.attached().get(entry) as JournalEntry | undefined;
    if (cell === undefined || known === undefined) {
      throw new OperatingError(
        'UNAVAILABLE',
        `What waits for ${id} (${owner}) is not loaded; the agent ${open.record.agent} may be missing on this node.`,
      );
    }
    this.#kernel.attach(cell, entry, decidedEntry(known, verdict));
    const record = this.#settle(open, verdict);
    await this.#kernel.committer.committed();
    return record;
  }

  /** The task that a doubtful call was begun by, where that is not its own: it was under way when the task was forked. */
  #forkOf({ entry }: Doubt, { owner }: CallPlace): ForkRow | undefined {
    const fork = this.#cellOf(owner)?.attached().get(FORK_ROW) as ForkRow | undefined;
    return fork?.entries.includes(entry) === true ? fork : undefined;
  }

  #begin(doubt: Doubt, place: CallPlace, fork: ForkRow | undefined): Open {
    const isUnderWay = this.#underWay.get(place.owner)?.has(doubt.entry) === true;
    const why = isUnderWay
      ? 'The attempt that made it was cut off before it came back.'
      : 'The node stopped while it was under way.';
    const made = fork === undefined ? { doubt, why } : ofFork(doubt, place, fork);
    const open = this.#keep(this.#record(made.doubt, place, 'unknown', made.why), place.step);
    const { record } = open;
    this.#write(record);
    this.#kernel.meter.effect('unknown');
    const message = `${record.name} may or may not have happened. ${made.why} Say what came of it: troupe effects resolve ${record.id}`;
    if (place.step !== undefined)
      this.#kernel.post(place.step, { type: 'run.parked', effect: record.id, name: record.name, message });
    return open;
  }

  /** The end of the doubt, for all that wait: once it is committed. */
  #settle(open: Open, verdict: Verdict): EffectRecord {
    const { record, step } = open;
    const { nowMs } = this.#kernel.world;
    const decision: EffectDecision = {
      ...verdict,
      atMs: nowMs(),
      ...(verdict.how === 'done' && { output: shown(verdict.output) }),
    };
    const resolved: EffectRecord = { ...record, state: 'resolved', decision };
    this.#close(open);
    this.#write(resolved);
    this.#kernel.meter.effect('resolved');
    const { how, by, comment } = verdict;
    const said = { how, by, ...(comment !== undefined && { comment }) };
    if (step !== undefined)
      this.#kernel.post(step, { type: 'run.unparked', effect: record.id, name: record.name, said });
    this.#kernel.release(() => {
      for (const wake of open.waiting) wake();
    });
    return resolved;
  }

  #probe(open: Open, { probe, idempotencyKey, input }: Doubt): void {
    if (probe === undefined) return;
    open.stopProbing();
    const { id, name } = open.record;
    const { world, log } = this.#kernel;
    open.stopProbing = startProbing({
      world,
      ask: (signal) => probe({ idempotencyKey, input, signal }),
      onAnswer: (answer) => {
        const settled = async (): Promise<unknown> =>
          await this.resolve(
            id,
            answer.happened
              ? { how: 'done', by: 'probe', output: copyOutput(answer.value, `the probe of ${name}`) }
              : { how: 'retry', by: 'probe' },
          );
        settled().catch((error: unknown) =>
          log.warn('What a probe found could not be recorded.', { effect: id, error: String(error) }),
        );
      },
      onGivenUp: (reason) =>
        log.warn('A probe cannot say what came of a call; a person must.', { effect: id, name, error: reason }),
    });
  }

  #ownerEnded(owner: string): void {
    for (const id of [...(this.#byOwner.get(owner)?.values() ?? [])]) this.abandon(id);
    const calls = this.#underWay.get(owner);
    if (calls === undefined) return;
    this.#underWay.delete(owner);
    for (const { call, place } of calls.values()) {
      if (this.#abandoned.has(`${owner}\0${call.entry}`)) continue;
      const record = this.#record(call, place, 'abandoned', 'What it was made for ended while it was under way.');
      this.#write(record);
      this.#kernel.meter.effect('abandoned');
      this.#remember(record);
    }
  }

  /** Nobody waits for it any more: it is written down, and delivered to no one. */
  #late(call: JournaledCall, place: CallPlace, outcome: CallOutcome | EffectOutcome): void {
    const why = 'It came back when nothing waited for it any more.';
    const abandonedId = this.#abandoned.get(`${place.owner}\0${call.entry}`);
    const record = this.#record(call, place, 'late', why);
    const by = 'the call itself';
    const atMs = this.#kernel.world.nowMs();
    const decision: EffectDecision = outcome.ok
      ? { how: 'done', by, atMs, output: shown(outcome.value) }
      : { how: 'failed', by, atMs, error: outcome.error };
    this.#write({ ...record, ...(abandonedId !== undefined && { id: abandonedId }), decision });
    this.#kernel.meter.effect('late');
  }

  #record(call: JournaledCall, place: CallPlace, state: EffectRecord['state'], why: string): EffectRecord {
    const { world } = this.#kernel;
    const { entry, name, idempotencyKey, input } = call;
    const { owner, agent, work } = place;
    return {
      ...{ id: world.id(), state, owner, entry, name, agent, idempotencyKey, sinceMs: world.nowMs(), why },
      ...work,
      ...(input !== undefined && { input: shown(input) }),
    };
  }

  #write(record: EffectRecord): void {
    this.#kernel.committer.recordEffect(record);
  }

  #keep(record: EffectRecord, step: string | undefined): Open {
    const open: Open = { record, step, waiting: new Set(), stopProbing: () => undefined };
    this.#open.set(record.id, open);
    let entries = this.#byOwner.get(record.owner);
    if (entries === undefined) this.#byOwner.set(record.owner, (entries = new Map()));
    entries.set(record.entry, record.id);
    return open;
  }

  #close({ record, stopProbing }: Open): void {
    stopProbing();
    this.#open.delete(record.id);
    const entries = this.#byOwner.get(record.owner);
    if (entries?.delete(record.entry) === true && entries.size === 0) this.#byOwner.delete(record.owner);
  }

  #remember({ owner, entry, id }: EffectRecord): void {
    if (this.#abandoned.size >= ABANDONED_MAX) this.#abandoned.delete(this.#abandoned.keys().next().value ?? '');
    this.#abandoned.set(`${owner}\0${entry}`, id);
  }

  #find(owner: string, entry: string): Open | undefined {
    const id = this.#byOwner.get(owner)?.get(entry);
    return id === undefined ? undefined : this.#open.get(id);
  }

  #cellOf(owner: string): Cell | undefined {
    const cell = this.#kernel.cells.get(owner);
    return cell === undefined || cell.phase === 'ended' ? undefined : cell;
  }
}

/** A call that the first task of a fork had begun: what it is looked for by is that task's key, where it can be told. */
function ofFork(doubt: Doubt, { owner }: CallPlace, { of, task }: ForkRow): { doubt: Doubt; why: string } {
  const why = `It was under way in ${of} when this task was forked from it: look for what that one did.`;
  if (idempotencyKeyOf(owner, doubt.entry) !== doubt.idempotencyKey) return { doubt, why };
  return { doubt: { ...doubt, idempotencyKey: idempotencyKeyOf(owner.replaceAll(task, of), doubt.entry) }, why };
}

/** The answer to a second decision. */
export function settledAlready(id: string): OperatingError {
  return new OperatingError(
    'STATE_CONFLICT',
    `Nothing waits for a word on ${id} any more: \`troupe effects --state resolved\` shows what was said.`,
  );
}

function decidedEntry({ kind, args, begun }: JournalEntry, verdict: Verdict): JournalEntry {
  if (verdict.how === 'done') return { kind, args, state: 'done', value: verdict.output };
  if (verdict.how === 'retry') return { kind, args, state: 'retry', ...(begun !== undefined && { begun }) };
  const error = verdict.error ?? new OperatingError('AGENT_FAILED', 'The call failed.', { retryable: false }).toBody();
  return { kind, args, state: 'failed', error };
}

/** A value as lists show it. */
function shown(value: unknown): unknown {
  if (value === undefined || packState(value).length <= SHOWN_BYTES_MAX) return value;
  return { leftOut: `more than ${SHOWN_BYTES_MAX} bytes` };
}

function stepOf({ owner }: EffectRecord): string | undefined {
  return owner.startsWith('step/') ? owner : undefined;
}

/** A call that is known by its address alone: `run/TASK/STEP[/ITEM]/ATTEMPT`. */
function placeAt(address: string, lane: string): CallPlace {
  const agent = lane.replace(/^agent:/, '');
  const parts = address.split('/');
  const [kind, task, step] = parts;
  if (kind !== 'run' || task === undefined || step === undefined) return { owner: address, agent, work: {} };
  const item = parts.length === 5 ? { item: Number(parts[3]) } : {};
  return { owner: address, agent, work: { task, step, ...item, attempt: Number(parts.at(-1)) } };
}

function callAt(address: string, key: string, name: string): JournaledCall {
  return { entry: key, name, kind: 'keyed', idempotencyKey: `${address}/${key}`, input: undefined };
}
