/** How a supervisor ends: with whom, in which order, and with which words for those above it. */
import { type ErrorBody, OperatingError } from '../protocol/errors.ts';
import type { ChildSpec } from '../runtime/child-spec.ts';
import type { StopStep } from './procedure.ts';
import { isAwaited, specOf } from './restart-plan.ts';
import { shutsDown } from './significance.ts';
import type { ChildEnded, ChildNews, SupervisorContext } from './supervisor-context.ts';

/** All listed children, to be stopped in reverse order, and with them those that are not listed. */
export function allStops({ seat, ending }: SupervisorContext): readonly StopStep[] {
  const { input, port } = seat;
  const isKept = ({ durable, restart }: ChildSpec): boolean =>
    ending?.keep === true && durable && restart !== 'temporary';
  const listed = input.children().map((spec): StopStep => ({ address: spec.address, keep: isKept(spec) }));
  return [{ address: port.address, keep: ending?.keep === true }, ...listed.toReversed()];
}

/** Whether the supervisor ends now that this child stays away. */
export function endsWith(context: SupervisorContext, address: string): boolean {
  const { children, deps, policy } = context.seat.input;
  const ended = specOf(context, address);
  if (ended === undefined) return false;
  const others = children().filter(
    (spec) =>
      spec.significant === true &&
      spec.address !== address &&
      (deps.presenceOf(spec.address) !== 'absent' || isAwaited(context, spec.address)),
  );
  return shutsDown(policy.autoShutdown ?? 'never', ended, others.length);
}

/** The error that goes up the tree when the intensity is exceeded. */
export function excessOf({ seat }: SupervisorContext, news: ChildNews | ChildEnded): OperatingError {
  const { port, input } = seat;
  const { intensity, periodMs } = input.policy;
  const { address } = news;
  const error = errorOf(news);
  const words = `${port.address} exceeded its ${intensity} restarts in ${periodMs} ms when ${address} crashed: ${error.message}`;
  const details = { supervisor: port.address, child: address, intensity, periodMs, cause: error };
  return new OperatingError(error.code, words, { retryable: error.retryable, details });
}

/** The error that goes up the tree when a child cannot be started with the others. */
export function startFaultOf({ seat }: SupervisorContext, news: ChildNews | ChildEnded): OperatingError {
  const { address } = seat.port;
  const error = errorOf(news);
  const words = `${address} could not start ${news.address}, and stopped what it had started before: ${error.message}`;
  const details = { supervisor: address, child: news.address, cause: error };
  return new OperatingError(error.code, words, { retryable: error.retryable, details });
}

/** What a child ended with; words for its exit where it has said nothing. */
export function errorOf(news: ChildNews | ChildEnded): ErrorBody {
  if (news.error !== undefined) return news.error;
  const exit = 'exit' in news ? news.exit : 'killed';
  return new OperatingError('AGENT_CRASHED', `It ended (${exit}).`).toBody();
}
