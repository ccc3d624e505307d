/**
 * When the end of a child ends its supervisor: OTP's `significant` children and `auto_shutdown`. Pure.
 *
 * Only an end of its own accord counts, after which the child stays away: a transient child that ended normally, a temporary
 * one that ended in any way. One that the supervisor has stopped, or starts again, does not.
 */
import { OperatingError } from '../protocol/errors.ts';
import type { ChildSpec } from '../runtime/child-spec.ts';
import type { Strategy } from './strategy.ts';

/** `never`: it does not. `any-significant`: with the first significant child; `all-significant`: with the last one. */
export type AutoShutdown = 'never' | 'any-significant' | 'all-significant';

/**
 * Whether the supervisor shuts itself down now that `ended` stays away.
 * @param others the other significant children that live, or are to be restarted
 */
export function shutsDown(autoShutdown: AutoShutdown, ended: Pick<ChildSpec, 'significant'>, others: number): boolean {
  if (autoShutdown === 'never' || ended.significant !== true) return false;
  return autoShutdown === 'any-significant' || others === 0;
}

/** Refuses a significant child where OTP does: a permanent one, and any where nothing follows from it. Errors: INVALID_INPUT. */
export function assertSignificance(
  autoShutdown: AutoShutdown,
  strategy: Strategy,
  children: readonly ChildSpec[],
): void {
  if (autoShutdown !== 'never' && strategy === 'dynamic') {
    throw refusal('autoShutdown', `A dynamic supervisor lists no children, so that its autoShutdown must be "never".`);
  }
  for (const { address, restart, significant } of children) {
    if (significant !== true) continue;
    if (restart === 'permanent') {
      throw refusal(
        'significant',
        `${address} is permanent: it never stays away, and cannot be significant. Make it transient or temporary.`,
      );
    }
    if (autoShutdown === 'never') {
      throw refusal(
        'significant',
        `${address} is significant, but its supervisor's autoShutdown is "never". Set that to any-significant or all-significant.`,
      );
    }
  }
}

function refusal(field: string, message: string): OperatingError {
  return new OperatingError('INVALID_INPUT', message, { details: { field } });
}
