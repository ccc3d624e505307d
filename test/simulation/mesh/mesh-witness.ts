/**
 * Sees all that nodes of a mesh say to each other, and holds it against what a link and an owner promise: each message once and in
 * order, outcomes settled once they are on stable storage, and no say for a dispatch that is over.
 */
import type { Link, LinkEars } from '../../../cluster/link/link.ts';
import type { MeshMessage, MeshMessageOf } from '../../../protocol/mesh-messages.ts';
import type { Judge } from '../judge.ts';
import type { Owner } from '../simulated-world.ts';
import { WatchedLink } from './watched-link.ts';

/** The last dispatch of a call. */
interface Latest {
  readonly token: string;
  readonly owner: Owner;
  readonly worker: string;
  isOver: boolean;
}

/** One direction of one session: what was sent, and how much of it has been heard. */
interface Talk {
  readonly said: string[];
  heard: number;
}

/** Who is at which end. */
export interface LinkEnd {
  readonly side: 'owner' | 'worker';
  readonly process: Owner;
}

/** A marking of what one making of a function gives. */
const MAKING = /making-\d+-/;

/** The witness of one run. */
export class MeshWitness {
  readonly #judge: Judge;
  readonly #trace: (line: string) => void;
  readonly #talks = new Map<string, Talk>();
  /** By the address of the actor that asks for the call. */
  readonly #latest = new Map<string, Latest>();
  /** Makings whose outcome came with the token that was out. */
  readonly #taken = new Set<string>();
  /** Outcomes that came with such a token: what each gave. */
  readonly #outcomes = new Map<string, string | undefined>();
  #makings = 0;
  readonly totals = { dispatches: 0, joined: 0, late: 0, settled: 0 };

  constructor(judge: Judge, trace: (line: string) => void) {
    this.#judge = judge;
    this.#trace = trace;
  }

  /** A mark for what one making of a function will give. */
  making(): string {
    return `making-${++this.#makings}-`;
  }

  /** Somebody was shown what a making gave: it must have come from a dispatch that was not over when it said so. */
  check(making: string): void {
    this.#judge.expect(this.#taken.has(making), 'late', () => `${making} came from a dispatch that was over`);
  }

  /** Whether what a worker does for an actor is for the dispatch of it that is out now. */
  isAtWork(worker: string, run: string): boolean {
    const latest = this.#latest.get(run);
    return latest !== undefined && latest.worker === worker && !latest.isOver && latest.owner.alive;
  }

  /** Watches one end of a new session. */
  watch(link: Link, end: LinkEnd, attach: (link: Link) => LinkEars): LinkEars {
    const session = String((link as Link & { readonly id?: string }).id);
    const worker = `${link.peer.node} ${link.peer.incarnation}`;
    const other = end.side === 'owner' ? 'worker' : 'owner';
    const watched = new WatchedLink(link, {
      sending: (message) => {
        if (end.side === 'owner') this.#ownerSays(message, worker, end.process);
      },
      sent: (message) => void this.#talk(session, end.side).said.push(summaryOf(message)),
      heard: (message) => {
        this.#heard(session, other, message);
        if (end.side === 'owner') this.#ownerHears(message, worker);
      },
      ended: () => {
        if (end.side === 'owner') this.#lost(worker);
      },
    });
    return watched.watched(attach(watched));
  }

  #talk(session: string, side: LinkEnd['side']): Talk {
    const key = `${session} ${side}`;
    let talk = this.#talks.get(key);
    if (talk === undefined) this.#talks.set(key, (talk = { said: [], heard: 0 }));
    return talk;
  }

  #heard(session: string, from: LinkEnd['side'], message: MeshMessage): void {
    const talk = this.#talk(session, from);
    const [said, heard] = [talk.said[talk.heard], summaryOf(message)];
    this.#trace(`${from} says ${heard}`);
    talk.heard++;
    this.#judge.expect(
      said === heard,
      'link',
      () => `message ${talk.heard} of the ${from} in ${session} is ${said}, and was heard as ${heard}`,
    );
  }

  #ownerSays(message: MeshMessage, worker: string, owner: Owner): void {
    if (message.type === 'call.start' || message.type === 'call.join') {
      this.totals[message.type === 'call.start' ? 'dispatches' : 'joined']++;
      this.#latest.set(runOf(message.call), { token: message.token, worker, owner, isOver: false });
    } else if (message.type === 'call.cancel') {
      const latest = this.#latest.get(runOf(message.call));
      if (latest?.token === message.token) latest.isOver = true;
    } else if (message.type === 'call.settled') this.#settled(message);
  }

  #ownerHears(message: MeshMessage, worker: string): void {
    if (message.type !== 'call.outcome' && message.type !== 'call.handback') return;
    const latest = this.#latest.get(runOf(message.call));
    const isOut = latest?.token === message.token && !latest.isOver && latest.worker === worker;
    if (!isOut) this.totals.late++;
    if (!isOut || latest === undefined) return;
    latest.isOver = true;
    if (message.type === 'call.handback') return;
    const making = MAKING.exec(JSON.stringify(message.ok ? message.value : message.error) ?? '')?.[0];
    this.#outcomes.set(message.token, making);
    if (making !== undefined) this.#taken.add(making);
  }

  /** An outcome that counts must be on stable storage before its worker may forget it. */
  #settled({ call, token }: MeshMessageOf<'call.settled'>): void {
    this.totals.settled++;
    const making = this.#outcomes.get(token);
    if (making !== undefined) this.#judge.settled(runOf(call), making);
  }

  #lost(worker: string): void {
    for (const latest of this.#latest.values()) if (latest.worker === worker) latest.isOver = true;
  }
}

/** The actor that asks for a call. */
function runOf(call: string): string {
  return call.split(' ')[0] ?? '';
}

/** Enough of a message to tell it from those before and after. */
function summaryOf(message: MeshMessage): string {
  const { type, call, token, request, invocation, verb } = message as MeshMessage & {
    readonly call?: string;
    readonly token?: string;
    readonly request?: number;
    readonly invocation?: number;
    readonly verb?: string;
  };
  return [type, call, token, request, invocation, verb].filter((part) => part !== undefined).join(' ');
}
