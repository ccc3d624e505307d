/**
 * Branches: a step that is the `else` of another is done where the `when` of that one gave false, and where its own, if it has one,
 * gives true. An `else` of an `else` is what is left when neither was true. All of a branch's steps decide by the same expressions over
 * the same outputs, so that exactly one of them is done.
 */
import { OperatingError } from '../../protocol/errors.ts';
import type { WorkflowStep } from '../../protocol/graph.ts';
import { compileExpression, type Expression } from './expression.ts';
import type { FaultList } from './graph-faults.ts';
import { conditionText, type Site, type StepSites } from './graph-sites.ts';
import { closestName } from './graph-suggestion.ts';

/** Steps before an `else` in one branch. */
const BRANCHES_MAX = 64;

/** Steps by their ids. */
export type StepsById = ReadonlyMap<string, WorkflowStep>;

/** A step with the condition of its `else` in its own. Faults go to the list, with the place of the `else`. */
export function withBranch(compiled: StepSites, byId: StepsById, faults: FaultList): StepSites {
  const { step, index } = compiled;
  if (step.else === undefined) return compiled;
  const at = `/steps/${index}/else`;
  const others = conditionsBefore(step, byId, at, faults);
  if (others === undefined || !others.every(isExpression)) return compiled;
  const own = step.when === undefined ? [] : [`(${closed(conditionText(step.when))})`];
  const when = composed([...others.map((text) => `!(${text})`), ...own].join(' && '), at, faults);
  if (when === undefined) return compiled;
  const { references } = when;
  if (references.steps.includes(step.id)) {
    faults.add('SELF_REFERENCE', at, `Whether step \`${step.id}\` is done would depend on its own output.`);
    return compiled;
  }
  // What is wrong in the expressions of others is told in their places.
  const site: Site = { at, role: 'condition', expressions: [], references, locals: [], hasOwnOutput: false };
  return { ...compiled, when, sites: [...compiled.sites, site] };
}

/** The conditions of the steps that go before, each as it is written; undefined where there is a fault. */
function conditionsBefore(
  step: WorkflowStep,
  byId: StepsById,
  at: string,
  faults: FaultList,
): readonly string[] | undefined {
  const texts: string[] = [];
  const seen = new Set([step.id]);
  for (let { else: id } = step; id !== undefined; ) {
    const before = byId.get(id);
    const what = `Step \`${step.id}\` is the else of step \`${id}\``;
    if (before === undefined) {
      faults.add('UNKNOWN_STEP', at, `${what}, which does not exist.`, () => closestName(id ?? '', byId.keys()));
      return undefined;
    }
    if (seen.has(id)) {
      const isOwn = id === step.id && texts.length === 0;
      faults.add(isOwn ? 'SELF_REFERENCE' : 'CYCLE', at, `${what}, and this leads in a circle.`);
      return undefined;
    }
    if (before.when === undefined) {
      faults.add('OUT_OF_PLACE', at, `${what}, which has no \`when\`: it is always done.`);
      return undefined;
    }
    seen.add(id);
    texts.push(closed(conditionText(before.when)));
    if (texts.length > BRANCHES_MAX) {
      faults.add('TOO_BIG', at, `More than ${BRANCHES_MAX} steps are the else of one another.`);
      return undefined;
    }
    id = before.else;
  }
  return texts;
}

/** A comment at the end must not take what is put behind it. */
function closed(text: string): string {
  return text.includes('//') ? `${text}\n` : text;
}

function isExpression(text: string): boolean {
  try {
    compileExpression(text, '');
    return true;
  } catch {
    return false;
  }
}

function composed(text: string, at: string, faults: FaultList): Expression | undefined {
  try {
    return compileExpression(text, at);
  } catch (error) {
    if (!(error instanceof OperatingError)) throw error;
    faults.add('SYNTAX', at, error.message);
    return undefined;
  }
}
