/** Plans for goals in words, made by templates, called directly: found by a phrase, or by the words alone. */
import { performance } from 'node:perf_hooks';
import { defineAgent } from '../actors/agent-definition.ts';
import { GoalPlanner } from '../actors/planning/goal-planner.ts';
import { TemplateBook } from '../actors/planning/template-book.ts';
import { Registry } from '../actors/registry.ts';
import { FlowPlans } from '../actors/workflow/planner.ts';
import { parsePlanTemplate } from '../protocol/plan-template.ts';
import type { InstalledLogic } from '../runtime/cell.ts';
import { createRegisters } from '../runtime/registers.ts';
import { figure, heading, line } from './table.ts';
import { chain } from './workflows.ts';

const VERBS = ['sort', 'clean', 'merge', 'compare', 'translate', 'summarise', 'publish', 'archive', 'convert', 'check'];
const NOUNS = [
  'ledgers',
  'letters',
  'photos',
  'drawings',
  'recipes',
  'invoices',
  'poems',
  'maps',
  'songs',
  'contracts',
];

/** A planner with a template of three steps for each verb with each noun: a hundred. */
export function plannerOfHundred(): GoalPlanner {
  const book = { install: (): void => undefined, uninstall: (): void => undefined };
  const registry = new Registry(book, createRegisters(), ({ name }) => ({ name }) as InstalledLogic);
  registry.registerAgent(defineAgent({ name: 'lab.echo', version: '1.0.0', run: ({ input }) => input }));
  const templates = new TemplateBook();
  for (const verb of VERBS)
    for (const noun of NOUNS)
      templates.add(
        parsePlanTemplate({
          ...{ name: `${verb}-${noun}`, version: '1.0.0', type: `bench.${verb}` },
          ...{ goals: [`${verb} the ${noun} in {path}`], slots: { path: { kind: 'path' } }, graph: chain(3) },
        }),
      );
  return new GoalPlanner({ templates, plans: new FlowPlans(registry), registry });
}

/** The goal for the `n`th template, as one of its phrases or in other words. */
export function goalOf(n: number, isPhrase: boolean): string {
  const [verb, noun] = [VERBS[Math.floor(n / NOUNS.length) % VERBS.length], NOUNS[n % NOUNS.length]];
  return isPhrase
    ? `${verb} the ${noun} in data/file-${n}.csv`
    : `please ${verb} all my ${noun}, they are in data/${n}.csv`;
}

/** Plans in a second. */
export function benchPlans(isQuick: boolean): void {
  heading('plans by templates, 100 of them');
  const planner = plannerOfHundred();
  for (const [name, isPhrase] of [
    ['the goal is a phrase of one', true],
    ['the goal has its words', false],
  ] as const) {
    let plans = 0;
    const until = (endMs: number): void => {
      for (; performance.now() < endMs; plans++)
        if (planner.fromTemplates(goalOf(plans, isPhrase), undefined) === undefined) throw new TypeError('No plan.');
    };
    const ms = isQuick ? 200 : 1_000;
    until(performance.now() + ms);
    plans = 0;
    const from = performance.now();
    until(from + ms);
    line(name, `${figure((plans / (performance.now() - from)) * 1_000)}/s`);
  }
}
