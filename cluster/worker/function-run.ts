/**
 * One making of a function that the code of a call has given with a request. The owner says when it is made, and knows it by an
 * invocation; one that has started anew comes with an invocation of its own, and joins what is made already.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import { outcomeOf } from '../../actors/call-outcome.ts';
import { type ErrorBody, toErrorBody } from '../../protocol/errors.ts';
import { packState } from '../../runtime/state-codec.ts';

/** What came of it, as it travels. */
export type MeshOutcome =
  | { readonly ok: true; readonly value?: unknown }
  | { readonly ok: false; readonly error: ErrorBody };

/** Which making the current code belongs to, also after any number of `await`s. */
const current = new AsyncLocalStorage<FunctionRun>();

/** One making. */
export class FunctionRun {
  /** Whose it is: what is asked for inside of it is asked for within it by the same call alone. */
  readonly #call: object;
  /** The arguments, packed: another making with other ones is not this one. */
  readonly args: Buffer;
  /** What the owner that is there now knows it by, and the number of that owner. */
  invocation: number;
  owner: number;
  readonly ended: Promise<MeshOutcome>;
  outcome: MeshOutcome | undefined;
  /** What it threw, as it was thrown. */
  thrown: unknown;
  bytes = 0;

  constructor(call: object, known: { readonly invocation: number; readonly owner: number }, args: Buffer) {
    this.#call = call;
    this.args = args;
    this.invocation = known.invocation;
    this.owner = known.owner;
    const { promise, resolve } = Promise.withResolvers<MeshOutcome>();
    this.ended = promise;
    this.#end = resolve;
  }

  readonly #end: (outcome: MeshOutcome) => void;

  /** Makes it, once. */
  async make(fn: () => unknown): Promise<void> {
    const outcome = await current.run(this, () => outcomeOf(fn));
    if (!outcome.ok) this.thrown = outcome.thrown;
    this.outcome = travelling(outcome.ok ? outcome : { ok: false, error: outcome.error });
    this.bytes = packState(this.outcome).byteLength;
    this.#end(this.outcome);
  }

  /** The one that the current code of a call belongs to, where it belongs to one. */
  static current(call: object): FunctionRun | undefined {
    const run = current.getStore();
    return run !== undefined && run.#call === call ? run : undefined;
  }
}

/** An outcome that can be sent: one that cannot is INVALID_OUTPUT. */
export function travelling(
  outcome: { readonly ok: true; readonly value: unknown } | (MeshOutcome & { ok: false }),
): MeshOutcome {
  const sent: MeshOutcome = outcome.ok && outcome.value === undefined ? { ok: true } : outcome;
  try {
    packState(sent);
    return sent;
  } catch (error) {
    return unsendable(error);
  }
}

/** What is said instead of an outcome that cannot be sent. */
export function unsendable(why: unknown): MeshOutcome {
  return { ok: false, error: { ...toErrorBody(why), code: 'INVALID_OUTPUT', retryable: false } };
}
