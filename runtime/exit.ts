/** Why a cell ended. OTP's words; `failed` is an end with an error of the actor's own, `crashed` one it did not choose. */
import type { ErrorBody } from '../protocol/errors.ts';
import type { ChildSpec } from './child-spec.ts';

export type Exit =
  | { readonly reason: 'normal'; readonly output: unknown }
  | { readonly reason: 'shutdown'; readonly error?: ErrorBody }
  | { readonly reason: 'killed' }
  | { readonly reason: 'failed'; readonly error: ErrorBody }
  | { readonly reason: 'crashed'; readonly error: ErrorBody };

/** Whether OTP would call this end normal: a transient child is not restarted after it. */
export function isNormalExit(exit: Exit): boolean {
  return exit.reason === 'normal' || exit.reason === 'shutdown';
}

/**
 * Whether the supervisor of a cell is told of this end, because OTP's rules may ask something of it then. Not of the ends of
 * those who work for an owner, nor of the normal ones of those who come and go: a finished task costs its supervisor nothing.
 * A durable permanent cell that no supervisor lists is a keyed actor, which the next message makes again.
 */
export function reportsEnd(spec: ChildSpec, { reason }: Exit): boolean {
  if (spec.listed === true || spec.significant === true) return true;
  if (spec.restart === 'permanent') return !spec.durable;
  return spec.owner === undefined && spec.restart === 'transient' && reason !== 'normal' && reason !== 'shutdown';
}
