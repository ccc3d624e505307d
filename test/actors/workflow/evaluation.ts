/** Short forms for tests of expressions. */
import { compileExpression } from '../../../actors/workflow/expression.ts';
import type { Scope } from '../../../actors/workflow/expression-frame.ts';
import { OperatingError } from '../../../protocol/errors.ts';

/** The value of an expression. */
export function evaluate(text: string, scope: Scope = {}): unknown {
  return compileExpression(text).evaluate(scope);
}

/** The error with which an expression is refused, when it is compiled or when it is evaluated. */
export function refusal(text: string, scope: Scope = {}, at?: string): OperatingError {
  return refusalOf(() => compileExpression(text, at).evaluate(scope, at));
}

/** The OperatingError that a function throws; anything else it does fails the test. */
export function refusalOf(act: () => unknown): OperatingError {
  let value: unknown;
  try {
    value = act();
  } catch (error) {
    if (error instanceof OperatingError) return error;
    throw error;
  }
  throw new TypeError(`not refused, but ${JSON.stringify(value)}`);
}
