/** One end of a wire between two nodes of a simulation. What it is sent goes over the network, which does with it what it likes. */
import type { Wire, WireEars, WireSecurity } from '../../../cluster/link/wire.ts';
import type { Owner } from '../simulated-world.ts';

/** Where frames and goodbyes of a wire go. */
export interface Carrier {
  frame(from: SimulatedWire, frame: Buffer): void;
  close(from: SimulatedWire, why: string): void;
  /** Something that happens at this end a moment later. */
  soon(at: SimulatedWire, fn: () => void): void;
  /** This end is closed. */
  gone(wire: SimulatedWire): void;
}

/** One end. */
export class SimulatedWire implements Wire {
  readonly security: WireSecurity = { isTls: false };
  readonly remoteAddress: string;
  readonly isReliable: boolean;
  /** The process whose end it is. */
  readonly process: Owner;
  /** Bytes that stand in front of a network that takes nothing. */
  bufferedAmount = 0;
  other!: SimulatedWire;
  readonly #carrier: Carrier;
  #ears: WireEars | undefined;
  #state: 'open' | 'closing' | 'closed' = 'open';

  constructor(process: Owner, remoteAddress: string, isReliable: boolean, carrier: Carrier) {
    this.process = process;
    this.remoteAddress = remoteAddress;
    this.isReliable = isReliable;
    this.#carrier = carrier;
  }

  get isOpen(): boolean {
    return this.#state === 'open';
  }

  hear(ears: WireEars): void {
    this.#ears = ears;
  }

  send(frame: Uint8Array): void {
    // A copy: who has sent it may use its bytes for something else.
    if (this.isOpen && this.process.alive) this.#carrier.frame(this, Buffer.from(frame));
  }

  close(code: number, reason: string): void {
    if (!this.isOpen) return;
    this.#state = 'closing';
    this.#carrier.close(this, `${code} ${reason}`);
    this.#carrier.soon(this, () => this.#closed(reason));
  }

  cut(): void {
    if (this.#state === 'closed') return;
    this.#state = 'closing';
    this.#carrier.close(this, '1006');
    this.#carrier.soon(this, () => this.#closed('1006'));
  }

  /** A frame has come. One that is closing still hears what the other side had sent. */
  arrive(frame: Buffer): void {
    if (this.#state !== 'closed') this.#ears?.onFrame(frame);
  }

  /** The other side has said goodbye, or its process is gone. */
  left(why: string): void {
    this.#closed(why);
  }

  #closed(why: string): void {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    this.#carrier.gone(this);
    this.#ears?.onClose(why);
  }
}
