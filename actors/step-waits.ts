/** What a step waits for between its attempts, in words. */
import type { Wait, WaitScene } from '../runtime/wait.ts';
import type { StepState } from './step.ts';

/** While it works, its agent's actor says more. */
export function stepWaits(state: StepState, scene: WaitScene): readonly Wait[] {
  const name = state.agent.split('@')[0] ?? state.agent;
  if (state.phase === 'parked') {
    // An approval is an actor of its own, and says it itself.
    const effects = (state.parked ?? []).filter((id) => !id.includes('.'));
    return effects.map((effect) => ({
      kind: 'decision',
      what: `A call of ${state.agent} may or may not have happened; nobody knows yet (effect ${effect}).`,
      next: `Look on the other side, then: troupe effects resolve ${effect} --done JSON | --failed CODE | --retry.`,
    }));
  }
  if (state.phase === 'reserving') {
    return [
      {
        ...{ kind: 'budget', what: `Attempt ${state.attempt + 1} by ${state.agent} waits for its part of the budget.` },
        next: 'It begins when attempts that are under way have given back enough, or a person has raised the budget: troupe approvals.',
      },
    ];
  }
  if (state.phase === 'looking') {
    const what = `Another step makes the result of ${state.agent} for the same input.`;
    return [{ kind: 'message', what, next: 'Its result is taken; where it comes to nothing, this step makes it.' }];
  }
  if (state.phase !== 'waiting') return [];
  const untilMs = scene.timers.get('retry');
  const until = untilMs === undefined ? {} : { untilMs };
  const last =
    state.failure === undefined ? '' : ` The last one failed: ${state.failure.code}, ${state.failure.message}`;
  if (state.isTurnedAway === true || scene.breakerMs(name) > 0) {
    return [
      {
        ...{ kind: 'breaker', what: `The circuit breaker in front of ${name} is open.${last}`, ...until },
        next: `It lets a probe through when its time is over; or close it by hand: troupe breakers reset ${name}.`,
      },
    ];
  }
  return [
    {
      ...{ kind: 'timer', what: `A pause before attempt ${state.attempt + 1} by ${state.agent}.${last}`, ...until },
      next: 'The next attempt begins when the pause is over.',
    },
  ];
}
