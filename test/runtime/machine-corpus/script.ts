/** Runs the script of a case: hosted, in any way of killing, and in plain XState. */
import { createActor, SimulatedClock } from 'xstate';
import type { OperatingError } from '../../../protocol/errors.ts';
import { Bench, type Killing, type TurnTrace } from './bench.ts';
import type { Case, OutsideStep } from './case.ts';
import { Lab } from './lab.ts';
import { show } from './show.ts';
import type { LiveActor } from '../../../runtime/machine-xstate.ts';

export interface CaseTrace {
  readonly turns: readonly TurnTrace[];
  readonly failures: readonly string[];
  readonly undelivered: readonly unknown[];
  /** What the outside saw, each thing once (see differences.ts). */
  readonly seen: readonly string[];
  /** State after each step, without what only a host gives. */
  readonly steps: readonly unknown[];
}

/** Runs a case on the bench, whose figures say at which turns which kind of end makes a difference. */
export async function runHosted(one: Case, killing: Killing): Promise<CaseTrace & { readonly bench: Bench }> {
  const lab = new Lab();
  const { parent, input } = one;
  const bench = new Bench({
    makeMachine: () => one.machine(lab),
    input,
    killing,
    ...(parent === undefined ? {} : { parent }),
  });
  const steps: unknown[] = [];
  await bench.start();
  steps.push(outline(bench.root));
  for (const step of one.steps) {
    if (typeof step === 'number') await bench.pass(step);
    else if (typeof step === 'string') await bench.send({ type: step });
    else if ('type' in step) await bench.send(step);
    else if ('settle' in step) await bench.settle(step.settle, outcomeOf(step));
    else await bench.outside(() => actOutside(lab, step));
    await bench.settleDown();
    steps.push(outline(bench.root));
  }
  const { trace: turns, failures, undelivered } = bench;
  return { turns, failures: failures.map(String), undelivered, seen: [...new Set(lab.seen)], steps, bench };
}

/** Every way of ending one life of this run that makes a difference. */
export function* killsOf({ turns, outcomeTurns, hasReleases }: Bench): Generator<Exclude<Killing, string>> {
  for (let turn = 1; turn <= turns; turn++) {
    yield { time: 'before commit', turn };
    yield { time: 'before release', turn };
    if (hasReleases) yield { time: 'after release', turn };
  }
  for (const turn of outcomeTurns) {
    yield { time: 'in flight', turn };
    // It is lost in the turn before it would have been handled.
    yield { time: 'out of sight', turn: turn - 1 };
  }
}

/** Plain XState, with its own clock for tests. */
export async function runPlain(one: Case): Promise<readonly unknown[]> {
  const lab = new Lab();
  const clock = new SimulatedClock();
  const actor = createActor(one.machine(lab), { clock, input: one.input, logger: () => {} });
  actor.subscribe({ error: () => {} });
  const root = actor as unknown as LiveActor;
  const steps: unknown[] = [];
  const settleDown = async (): Promise<void> => {
    for (let round = 0; round < 6; round++) await new Promise((resolve) => setImmediate(resolve));
    steps.push(outline(root));
  };
  actor.start();
  await settleDown();
  for (const step of one.steps) {
    if (typeof step === 'number') clock.increment(step);
    else if (typeof step === 'string') actor.send({ type: step });
    else if ('type' in step) actor.send(step);
    else if (!('settle' in step)) actOutside(lab, step);
    await settleDown();
  }
  return steps;
}

function outcomeOf(step: { readonly value?: unknown; readonly error?: string }): Parameters<Bench['settle']>[1] {
  if (step.error === undefined) return { ok: true, value: step.value };
  return { ok: false, error: { code: step.error as OperatingError['code'], message: 'It failed.', retryable: false } };
}

function actOutside(lab: Lab, step: OutsideStep): void {
  if ('resolve' in step) lab.resolve(step.resolve, step.value);
  else if ('reject' in step) lab.reject(step.reject, step.error);
  else if ('emit' in step) lab.emit(step.emit, step.value);
  else lab.end(step.end);
}

function outline(root: LiveActor): unknown {
  const { status, value, context, output, error } = root._snapshot;
  const { tags } = root._snapshot as { readonly tags?: ReadonlySet<string> };
  const shown = {
    status,
    value,
    tags: [...(tags ?? [])],
    children: Object.keys(root._snapshot.children ?? {}),
    context: show(context, root),
    output: show(output, root),
    error: show(error, root),
  };
  // Plain XState numbers its actors through the process, a machine of ours from 1.
  return JSON.parse(JSON.stringify(shown).replace(/\bx:\d+/g, 'x:N')) as unknown;
}
