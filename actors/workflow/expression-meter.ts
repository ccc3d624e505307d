/**
 * The budget of one evaluation, and the fault that ends one.
 *
 * CEL always ends, but three nested `all()` over 200 elements are eight million visits: seconds on the event loop of a
 * node. So every loop, comparison, copy and search of an evaluation pays here before it works, and an evaluation that
 * has nothing left stops. Straight-line code is bounded by the size of the expression and pays nothing.
 *
 * Stays inside the `expression-` files: what leaves them is an OperatingError.
 */

/**
 * What one evaluation (of an expression, or of all expressions of one template) may cost. One operation is one node of
 * a loop's body visited once, one element compared or copied, or some characters searched: 10 to 40 ns, so that the whole budget is
 * some 5 to 20 ms.
 */
export const OPERATIONS_MAX = 500_000;

/** What an error costs that `&&`, `||`, `all` or `exists` swallow: making one is some hundred times an operation. */
const FAULT_OPERATIONS = 200;

/** Characters copied or looked through for one operation. */
const CHARS_PER_OPERATION = 16;

/** What an evaluation has left, in operations. One may be shared by several evaluations. */
export interface Meter {
  left: number;
}

/** A part of the source text: offsets in UTF-16 units. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

/** Why an evaluation, or the compilation of an expression, ended. */
export class ExpressionFault extends Error {
  override readonly name = 'ExpressionFault';
  readonly span: Span | undefined;
  /** The field that was missed, and the object it was missed in: its field names help whoever reads the message. */
  readonly missed: { readonly field: string; readonly of: object } | undefined;

  constructor(message: string, span?: Span, options: { missed?: { field: string; of: object } } = {}) {
    super(message);
    this.span = span;
    this.missed = options.missed;
  }
}

/** Pays for `operations`. Throws an ExpressionFault when the budget is used up. */
export function charge(meter: Meter, operations: number): void {
  meter.left -= operations;
  if (meter.left < 0) {
    throw new ExpressionFault(`it takes more than ${OPERATIONS_MAX.toLocaleString('en')} operations`);
  }
}

/** Pays for looking through or copying `chars` characters. */
export function chargeText(meter: Meter, chars: number): void {
  if (chars >= CHARS_PER_OPERATION) charge(meter, Math.ceil(chars / CHARS_PER_OPERATION));
}

/**
 * Returns where `error` may be swallowed (CEL's `error || true` is true), and throws where it may not. That the budget is
 * used up cannot be swallowed: nothing is left to pay for it.
 */
export function swallow(meter: Meter, error: unknown): asserts error is ExpressionFault {
  if (!(error instanceof ExpressionFault)) throw error;
  charge(meter, FAULT_OPERATIONS);
}
