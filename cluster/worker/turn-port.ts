/** The port of a machine for one turn on a worker: notes what is asked for. Once the turn is over, nothing is heard any more. */
import { OperatingError } from '../../protocol/errors.ts';
import type { ActorEvent, EffectRequest, HostPort } from '../../runtime/host.ts';
import type { TurnOp, TurnVoice } from '../machine-turn.ts';

/** What a port is made for. */
interface TurnPlace {
  readonly address: string;
  /** What the actor was started with, where it has no state yet. */
  readonly input: unknown;
  readonly nowMs: number;
  /** Something of the turn is left over that nobody can be told of. */
  onLeftOver(what: string, error?: unknown): void;
}

/** One port. */
export class TurnPort implements HostPort {
  readonly address: string;
  readonly input: unknown;
  readonly voices: TurnVoice[] = [];
  readonly #place: TurnPlace;
  #ops: TurnOp[] = [];
  #isOpen = true;

  constructor(place: TurnPlace) {
    this.#place = place;
    this.address = place.address;
    this.input = place.input;
  }

  get ops(): TurnOp[] {
    return this.#ops;
  }

  /** What it has asked for is known already. */
  forget(): void {
    this.#ops = [];
  }

  close(): void {
    this.#isOpen = false;
  }

  nowMs(): number {
    return this.#place.nowMs;
  }

  effect(request: EffectRequest): void {
    this.#note({ op: 'effect', request });
  }

  cancelEffect(key: string): void {
    this.#note({ op: 'cancelEffect', key });
  }

  send(address: string, event: ActorEvent): void {
    this.#note({ op: 'send', address, event });
  }

  setTimer(id: string, dueAtMs: number): void {
    this.#note({ op: 'setTimer', id, dueAtMs });
  }

  clearTimer(id: string): void {
    this.#note({ op: 'clearTimer', id });
  }

  /** Nothing of a machine is in this process once its turn is over. */
  afterCommit(): void {
    throw new OperatingError('UNSUPPORTED_LOGIC', `${this.address} starts something that only one process could hold.`);
  }

  reenter(): void {
    this.#place.onLeftOver('an event that was sent after the turn');
  }

  fail(error: unknown): void {
    this.#place.onLeftOver('an error that escaped after the turn', error);
  }

  #note(op: TurnOp): void {
    if (this.#isOpen) this.#ops.push(op);
    else this.#place.onLeftOver(`${op.op} after the turn`);
  }
}
