/** What a stage waits for, in words. While something works for it, or is asked, that says more. */
import type { Wait, WaitScene } from '../../runtime/wait.ts';
import type { StageState } from './stage-turn.ts';

/** The waits of one stage. */
export function stageWaits({ phase, signal, sinceMs, attempt }: StageState, { timers }: WaitScene): readonly Wait[] {
  const since = sinceMs === undefined ? {} : { sinceMs };
  const until = (timer: string): { readonly untilMs?: number } => {
    const untilMs = timers.get(timer);
    return untilMs === undefined ? {} : { untilMs };
  };
  if (phase === 'delayed')
    return [
      { kind: 'timer', what: 'Its delay is not over.', next: 'It goes on when it is.', ...since, ...until('delay') },
    ];
  if (phase === 'listening') {
    const next = `Send it: POST /api/v1/tasks/{id}/signals/${signal ?? '{name}'}, or task.signal on the socket.`;
    return [{ kind: 'signal', what: `It waits for the signal ${signal ?? ''}.`, next, ...since, ...until('signal') }];
  }
  if (phase !== 'pausing') return [];
  const what = `A pause before attempt ${attempt + 1} of the workflow that it calls.`;
  return [
    { kind: 'timer', what, next: 'The next attempt begins when the pause is over.', ...since, ...until('retry') },
  ];
}
