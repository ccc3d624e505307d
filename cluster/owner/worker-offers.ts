/**
 * What workers offer, taken into the owner's registry: an agent that several of them offer is there once. What was offered is kept,
 * so that unfinished work finds its agents after a restart of the owner, before any worker is back.
 */
import type { AgentDefinition } from '../../actors/agent-definition.ts';
import { OperatingError } from '../../protocol/errors.ts';
import type { AgentOffer, MeshMessageOf } from '../../protocol/mesh-messages.ts';
import type { Kernel } from '../../runtime/kernel.ts';
import type { Log } from '../../runtime/log.ts';
import type { DefinitionWrite } from '../../runtime/stores/store.ts';
import type { OfferBook } from './offer-book.ts';
import { isRemote, isSameOffer, misfitOf, otherSchemaOf, remoteAgent } from './remote-agent.ts';
import { noWorkerRow, readWorkerRow, type WorkerRow, workerRow } from './worker-row.ts';

/** What the offers are kept with. */
export interface WorkerOffersDeps {
  readonly kernel: Pick<Kernel, 'nowMs'>;
  readonly log: Pick<Log, 'info' | 'warn'>;
  book(): OfferBook;
  define(write: DefinitionWrite): void;
}

/** What became of an offer. */
export interface TakenOffers {
  /** By `name@version`. */
  readonly fitting: ReadonlyMap<string, AgentOffer>;
  readonly refused: readonly { readonly agent: string; readonly why: string }[];
}

/** A worker that was lost is waited for so long while its owner runs. How long that was away says nothing of its workers. */
const AWAITED_MS = 24 * 60 * 60_000;
/** Workers that were lost and are waited for, the last ones: each start of one without a name is another. */
const ABSENT_MAX = 100;
/** Workers that have left in good order and whose agents are kept, the last ones: with each start they may have other names. */
const LEFT_MAX = 100;

/** The offers of one mesh. */
export class WorkerOffers {
  readonly #deps: WorkerOffersDeps;
  /** Node → what it offered last, whether it is there or not. */
  readonly #rows = new Map<string, WorkerRow>();
  /** Those of them that are not there → since when, in ms since the epoch, the first to go first. */
  readonly #absent = new Map<string, number>();
  /** Those that have left in good order, or are not waited for any more, the first to leave first. */
  readonly #left = new Set<string>();
  /** `name@version` → how many of those offer it. */
  readonly #offered = new Map<string, number>();

  constructor(deps: WorkerOffersDeps) {
    this.#deps = deps;
  }

  /** Takes in what was kept. @returns the workers that may come back. */
  restore(rows: readonly DefinitionWrite[]): readonly string[] {
    const { kernel, define, log } = this.#deps;
    const back: string[] = [];
    const readable: WorkerRow[] = [];
    for (const write of rows) {
      const row = readWorkerRow(write);
      if (row !== undefined) readable.push(row);
      else {
        log.warn('What a worker offered cannot be read; it is asked again.', { worker: write.name });
        define(noWorkerRow(write.name));
      }
    }
    // What was offered last counts where one version was offered in several forms.
    const taken = readable
      .toSorted((a, b) => b.seenAtMs - a.seenAtMs)
      .map((row) => [row, this.#taken(row, false)] as const);
    for (const [row, { fitting: offers }] of taken.toReversed()) {
      const fitting = [...offers.values()];
      if (row.hasLeft === true) {
        this.#left.add(row.node);
        continue;
      }
      this.#keep({ ...row, agents: fitting });
      this.#absent.set(row.node, kernel.nowMs());
      back.push(row.node);
    }
    return back;
  }

  /** Takes in all that a worker offers, in place of what it offered before. @returns what of it can be used, and why others cannot. */
  taken(node: string, { agents, labels }: MeshMessageOf<'node.offer'>): TakenOffers {
    const { kernel, define } = this.#deps;
    const row: WorkerRow = { node, labels, agents, seenAtMs: kernel.nowMs() };
    const taken = this.#taken(row, true);
    this.#left.delete(node);
    this.#absent.delete(node);
    this.#keep({ ...row, agents: [...taken.fitting.values()] });
    define(workerRow(row));
    return taken;
  }

  /** A worker was lost, and may come back. */
  lost(node: string): void {
    if (!this.#rows.has(node)) return;
    const nowMs = this.#deps.kernel.nowMs();
    this.#absent.delete(node);
    this.#absent.set(node, nowMs);
    for (const [name, sinceMs] of this.#absent)
      if (nowMs - sinceMs > AWAITED_MS || this.#absent.size > ABSENT_MAX) this.left(name);
  }

  /** A worker has left in good order, and is not waited for. Its agents are kept: unfinished work may be for them. */
  left(node: string): void {
    const { define } = this.#deps;
    const row = this.#rows.get(node);
    if (row === undefined) return;
    this.#forget(node);
    this.#left.add(node);
    define(workerRow({ ...row, hasLeft: true }));
    if (this.#left.size <= LEFT_MAX) return;
    const [first = ''] = this.#left;
    this.#left.delete(first);
    define(noWorkerRow(first));
  }

  /** Node → the agents that it offered last. */
  *remembered(): Iterable<readonly [string, readonly string[]]> {
    for (const [node, { agents }] of this.#rows) yield [node, agents.map(referenceOf)];
  }

  /** Whether any worker offers it, or has offered it and may come back. */
  isOffered(reference: string): boolean {
    return this.#offered.has(reference);
  }

  /** Calls of an agent that all those workers take together. */
  rememberedCapacity(reference: string): number {
    let sum = 0;
    for (const { agents } of this.#rows.values())
      for (const offer of agents) if (referenceOf(offer) === reference) sum += offer.concurrency;
    return sum;
  }

  /** Offers that can stand beside what is known here; the others are reported. `isNews`: they may stand for what was offered before. */
  #taken({ node, labels, agents }: WorkerRow, isNews: boolean): TakenOffers {
    const { log } = this.#deps;
    const fitting = new Map<string, AgentOffer>();
    const refused: { readonly agent: string; readonly why: string }[] = [];
    for (const offer of agents) {
      const reference = referenceOf(offer);
      try {
        this.#enlist(node, offer, labels, isNews);
        fitting.set(reference, offer);
      } catch (error) {
        if (!(error instanceof OperatingError)) throw error;
        const fields = { worker: node, agent: reference, code: error.code, error: error.message };
        log.warn('An agent of a worker was not taken in.', fields);
        refused.push({ agent: reference, why: error.message });
      }
    }
    return { fitting, refused };
  }

  #enlist(node: string, offer: AgentOffer, labels: WorkerRow['labels'], isNews: boolean): void {
    const book = this.#deps.book();
    const reference = referenceOf(offer);
    const known = book.known(reference);
    const misfit = known === undefined ? undefined : misfitOf(known, offer);
    if (misfit !== undefined)
      throw new OperatingError('STATE_CONFLICT', `${reference} is not the agent of that name here: ${misfit}.`);
    if (known === undefined) {
      book.enlist(remoteAgent(offer, labels));
      this.#deps.log.info('An agent of a worker is there.', { agent: reference });
      return;
    }
    const isShared = !isRemote(known) || this.#isElsewhere(node, reference);
    if (isShared) this.#compare(known, offer);
    if (!isNews || !isRemote(known) || book.isRetired(known)) return;
    const agent = remoteAgent(offer, labels);
    if (isSameOffer(known, agent)) return;
    if (isShared) {
      const message =
        'An agent of a worker is another than on other nodes: what those say of it counts. A changed agent needs a new version.';
      this.#deps.log.warn(message, { worker: node, agent: reference });
      return;
    }
    book.replace(agent);
    this.#deps.log.info('An agent of a worker has changed: what it offers now counts.', {
      worker: node,
      agent: reference,
    });
  }

  /** Whether another worker has it that is there: one that was lost may have been started again, under another name. */
  #isElsewhere(node: string, reference: string): boolean {
    return [...this.#rows].some(
      ([other, { agents }]) =>
        other !== node && !this.#absent.has(other) && agents.some((one) => referenceOf(one) === reference),
    );
  }

  /** Calls go to any node that offers the agent: one that takes other input than the rest would fail those that it happens to get. */
  #compare(known: AgentDefinition, offer: AgentOffer): void {
    const io = otherSchemaOf(known, offer);
    if (io === undefined) return;
    const why = `its ${io} has another schema there than on other nodes. A changed agent needs a new version`;
    throw new OperatingError('STATE_CONFLICT', `${referenceOf(offer)} is not the agent of that name here: ${why}.`);
  }

  #keep(row: WorkerRow): void {
    this.#forget(row.node);
    this.#rows.set(row.node, row);
    for (const offer of row.agents) this.#count(referenceOf(offer), 1);
  }

  #forget(node: string): void {
    for (const offer of this.#rows.get(node)?.agents ?? []) this.#count(referenceOf(offer), -1);
    this.#rows.delete(node);
    this.#absent.delete(node);
  }

  #count(reference: string, by: number): void {
    const offered = (this.#offered.get(reference) ?? 0) + by;
    if (offered > 0) this.#offered.set(reference, offered);
    else this.#offered.delete(reference);
  }
}

function referenceOf({ name, version }: Pick<AgentOffer, 'name' | 'version'>): string {
  return `${name}@${version}`;
}
