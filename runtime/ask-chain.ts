/**
 * The chain of those who wait for an answer. A question travels with the questions that led to it, through the calls that an
 * actor makes because of it, so that the one that would close a circle is known before it is asked. It ends where cause and
 * effect cannot be seen: at timers, at messages that ask nothing, and at a restart of the node in the middle of a call.
 */
import { OperatingError } from '../protocol/errors.ts';

/** One who waits: the actor that asked, and the actor that holds its question. */
export interface AskLink {
  readonly asker: string;
  readonly question: string;
}

/** Those who wait, the first of them first. */
export type AskChain = readonly AskLink[];

/** Askers that may wait for each other in one chain. Over it: LIVELOCK. */
export const ASK_DEPTH_MAX = 32;

/**
 * The chain that a question of `asker` to `target` travels with.
 * Errors: LIVELOCK where the target is one of those who wait for it (`details.circle` names the circle), or the chain is too long.
 * @param isOpen whether a question still waits for its answer: one that was answered closes no circle
 */
export function extendChain(
  chain: AskChain,
  link: AskLink,
  target: string,
  isOpen: (question: string) => boolean,
): AskChain {
  const waiting = [...chain.filter(({ question }) => isOpen(question)), link];
  const first = waiting.findIndex(({ asker }) => asker === target);
  if (first !== -1) throw circleOf([...waiting.slice(first).map(({ asker }) => asker), target]);
  if (waiting.length <= ASK_DEPTH_MAX) return waiting;
  throw new OperatingError(
    'LIVELOCK',
    `${ASK_DEPTH_MAX} actors wait for each other's answers already: ${target} was not asked. Answer before you ask further.`,
    { details: { askers: waiting.map(({ asker }) => asker) } },
  );
}

function circleOf(circle: readonly string[]): OperatingError {
  return new OperatingError(
    'LIVELOCK',
    `${circle.join(' asks ')}: this circle would wait for itself until its deadline, and was not closed. ` +
      'Answer before you ask back, or tell instead of asking.',
    { details: { circle } },
  );
}
