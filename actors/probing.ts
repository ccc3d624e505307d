/** Asks a probe until it knows: each time with a limit, with growing pauses between, and not for ever. */
import { AsyncLocalStorage } from 'node:async_hooks';
import { OperatingError } from '../protocol/errors.ts';
import type { Cancel, World } from '../runtime/world.ts';
import { isProbeAnswer, type ProbeAnswer } from './doubt.ts';

/** Questions until a person must say. */
const QUESTIONS_MAX = 10;
/** The time limit of one. */
const QUESTION_MS = 30_000;
const PAUSE_FIRST_MS = 1_000;
const PAUSE_MAX_MS = 60_000;

/** What asking needs. Exactly one of the two is called, once, unless it is stopped. */
export interface Probing {
  readonly world: World;
  ask(signal: AbortSignal): ProbeAnswer | Promise<ProbeAnswer>;
  onAnswer(answer: Exclude<ProbeAnswer, 'unknown'>): void;
  onGivenUp(reason: string): void;
}

/** Begins at once, and asks each time as whoever began it: what escapes from a probe is that actor's. The answer stops it. */
export function startProbing(probing: Probing): Cancel {
  const { world } = probing;
  const asAsker = AsyncLocalStorage.snapshot();
  let isStopped = false;
  let cancelPause = (): void => {};
  let asked: AbortController | undefined;
  const ask = async (questions: number): Promise<void> => {
    asked = new AbortController();
    const answer = await answerOf(probing, asked);
    if (isStopped) return;
    if (typeof answer === 'object' && 'happened' in answer) return probing.onAnswer(answer);
    if (questions >= QUESTIONS_MAX) return probing.onGivenUp(answer === 'unknown' ? 'it does not know' : answer.reason);
    const pauseMs = Math.min(PAUSE_FIRST_MS * 2 ** (questions - 1), PAUSE_MAX_MS);
    cancelPause = world.after(pauseMs * (1 - world.random() / 4), () => void asAsker(ask, questions + 1));
  };
  void ask(1);
  return () => {
    isStopped = true;
    cancelPause();
    asAsker(() => asked?.abort(new OperatingError('CANCELED', 'The answer is no longer wanted.')));
  };
}

async function answerOf(
  { world, ask }: Probing,
  asked: AbortController,
): Promise<ProbeAnswer | { readonly reason: string }> {
  const late = Promise.withResolvers<{ readonly reason: string }>();
  const giveUp = AsyncLocalStorage.bind((): void => {
    asked.abort(new OperatingError('TIMEOUT', `The probe took longer than ${QUESTION_MS} ms.`));
    late.resolve({ reason: `it took longer than ${QUESTION_MS} ms` });
  });
  const cancel = world.after(QUESTION_MS, giveUp);
  try {
    const answer: unknown = await Promise.race([ask(asked.signal), late.promise]);
    if (isProbeAnswer(answer)) return answer;
    const isLate = typeof answer === 'object' && answer !== null && 'reason' in answer;
    return isLate ? (answer as { reason: string }) : { reason: 'it answered neither `happened` nor "unknown"' };
  } catch (error) {
    return { reason: error instanceof Error ? error.message : String(error) };
  } finally {
    cancel();
  }
}
