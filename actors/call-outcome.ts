/** What comes of code of an agent: its value, or its error as that travels and as it was thrown. */
import { type ErrorBody, toErrorBody } from '../protocol/errors.ts';

/** Runs it. Never rejects. */
export async function outcomeOf(
  fn: () => unknown,
): Promise<
  { readonly ok: true; readonly value: unknown } | { readonly ok: false; readonly error: ErrorBody; thrown: unknown }
> {
  try {
    return { ok: true, value: await fn() };
  } catch (thrown) {
    return { ok: false, error: toErrorBody(thrown, 'AGENT_FAILED'), thrown };
  }
}
