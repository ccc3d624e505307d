/** Why a cell ended. OTP's words; `failed` is an end with an error of the actor's own, `crashed` one it did not choose. */
import type { ErrorBody } from '../protocol/errors.ts';

export type Exit =
  | { readonly reason: 'normal'; readonly output: unknown }
  | { readonly reason: 'shutdown' }
  | { readonly reason: 'killed' }
  | { readonly reason: 'failed'; readonly error: ErrorBody }
  | { readonly reason: 'crashed'; readonly error: ErrorBody };

/** Whether OTP would call this end normal: a transient child is not restarted after it. */
export function isNormalExit(exit: Exit): boolean {
  return exit.reason === 'normal' || exit.reason === 'shutdown';
}
