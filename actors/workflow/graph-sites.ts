/**
 * Where expressions stand in a graph, compiled: each place knows what may be read there. Syntax and scope are judged
 * here; what the referenced things are is judged by `graph-lint.ts`, their kinds by `graph-types.ts`.
 */
import { OperatingError } from '../../protocol/errors.ts';
import { fallbacksOf, type WorkflowCall, type WorkflowStep } from '../../protocol/graph.ts';
import { compileExpression, type Expression } from './expression.ts';
import type { References } from './expression-references.ts';
import { scanText } from './expression-scanner.ts';
import type { FaultList } from './graph-faults.ts';
import { compileTemplate, type Template } from './template.ts';

/** One place with expressions. */
export interface Site {
  readonly at: string;
  readonly role: 'condition' | 'list' | 'value';
  readonly expressions: readonly SiteExpression[];
  readonly references: References;
  /** Whether `item` and `index` mean something here. */
  readonly hasItem: boolean;
  /** Whether the step's own output may be read here: what it has put out, or the last round of its loop. */
  readonly hasOwnOutput: boolean;
  /** Whether `round` means something here. */
  readonly hasRound: boolean;
}

/** An expression and its JSON pointer in the graph. */
export interface SiteExpression {
  readonly at: string;
  readonly expression: Expression;
  /** Whether its value is used as it is, not as a part of a text. */
  readonly isWhole: boolean;
}

/** A call beside a step's own, with its pointer and its compiled input. */
export interface CallSite {
  readonly call: WorkflowCall;
  readonly at: string;
  readonly input: Template | undefined;
}

/** A step with its expressions compiled. What did not compile is undefined, and a fault. */
export interface StepSites {
  readonly step: WorkflowStep;
  readonly index: number;
  readonly sites: readonly Site[];
  readonly when: Expression | undefined;
  readonly input: Template | undefined;
  readonly forEach: Template | undefined;
  readonly loopWhile: Expression | undefined;
  readonly signalName: Template | undefined;
  readonly approvalMessage: Template | undefined;
  readonly fallbacks: readonly CallSite[];
  readonly compensate: CallSite | undefined;
}

type Rules = Pick<Site, 'role' | 'hasItem' | 'hasOwnOutput' | 'hasRound'>;

/** Compiles the expressions of a step. Faults (`SYNTAX`, `OUT_OF_PLACE`) go to the list. */
export function compileStepSites(step: WorkflowStep, index: number, faults: FaultList): StepSites {
  const at = `/steps/${index}`;
  const sites: Site[] = [];
  const hasItem = step.forEach !== undefined;
  const hasRound = step.loop !== undefined;
  const condition = (text: string | undefined, place: string, isInLoop: boolean): Expression | undefined => {
    if (text === undefined) return undefined;
    const expression = compileCondition(text, place, faults);
    if (expression !== undefined) {
      const rules = { hasItem: hasItem && isInLoop, hasOwnOutput: isInLoop, hasRound: isInLoop };
      sites.push({
        at: place,
        role: 'condition',
        expressions: [{ at: place, expression, isWhole: true }],
        references: expression.references,
        ...rules,
      });
    }
    return expression;
  };
  const template = (value: unknown, place: string, rules: Rules): Template | undefined => {
    if (value === undefined) return undefined;
    const compiled = compileGraphTemplate(value, place, faults);
    sites.push({ at: place, expressions: compiled.placeholders, references: compiled.references, ...rules });
    return compiled;
  };
  const call = (called: WorkflowCall | undefined, place: string, hasOwnOutput: boolean): CallSite | undefined => {
    if (called === undefined) return undefined;
    const rules: Rules = { role: 'value', hasItem, hasOwnOutput, hasRound: false };
    return { call: called, at: place, input: template(called.input, `${place}/input`, rules) };
  };
  const before: Rules = { role: 'value', hasItem, hasOwnOutput: false, hasRound: false };
  const isList = Array.isArray(step.fallback);
  const compiled: StepSites = {
    step,
    index,
    sites,
    when: condition(step.when, `${at}/when`, false),
    forEach: template(listTemplate(step.forEach), `${at}/forEach`, {
      role: 'list',
      hasItem: false,
      hasOwnOutput: false,
      hasRound: false,
    }),
    input: template(step.input, `${at}/input`, { role: 'value', hasItem, hasOwnOutput: hasRound, hasRound }),
    loopWhile: condition(step.loop?.while, `${at}/loop/while`, true),
    signalName: template(step.signal?.name, `${at}/signal/name`, before),
    approvalMessage: template(step.approval?.message, `${at}/approval/message`, before),
    fallbacks: fallbacksOf(step).flatMap(
      (one, place) => call(one, isList ? `${at}/fallback/${place}` : `${at}/fallback`, false) ?? [],
    ),
    compensate: call(step.compensate, `${at}/compensate`, true),
  };
  for (const site of sites) checkScope(site, faults);
  return compiled;
}

/** Compiles the output of a graph. */
export function compileOutputSite(
  output: unknown,
  faults: FaultList,
): { readonly template: Template; readonly site: Site } {
  const template = compileGraphTemplate(output, '/output', faults);
  const { references, placeholders } = template;
  const site: Site = {
    at: '/output',
    role: 'value',
    expressions: placeholders,
    references,
    hasItem: false,
    hasOwnOutput: false,
    hasRound: false,
  };
  checkScope(site, faults);
  return { template, site };
}

/** A text can only mean an expression here, so it may leave out the `${…}` around it. */
function listTemplate(forEach: WorkflowStep['forEach']): unknown {
  return typeof forEach === 'string' && !forEach.includes('${') ? `\${${forEach}}` : forEach;
}

/** A condition is CEL as it is; one that is wrapped in a single `${…}` is taken for what was meant. */
function compileCondition(text: string, at: string, faults: FaultList): Expression | undefined {
  const scanned = scanText(text.trim());
  const only = 'parts' in scanned && scanned.parts.length === 1 ? scanned.parts[0] : undefined;
  const source = only?.type === 'expression' ? only.text : text;
  try {
    return compileExpression(source.trim(), at);
  } catch (error) {
    addSyntaxFault(error, at, faults);
    return undefined;
  }
}

function compileGraphTemplate(value: unknown, at: string, faults: FaultList): Template {
  return compileTemplate(value, at, (error, place) => addSyntaxFault(error, place, faults));
}

function addSyntaxFault(error: unknown, at: string, faults: FaultList): void {
  if (!(error instanceof OperatingError)) throw error;
  faults.add('SYNTAX', at, error.message);
}

const ITEM_PLACES = 'the input of a step with forEach';

/** The names that have no value everywhere, and where they have one. */
const PLACES: readonly (readonly [name: 'item' | 'index' | 'round', has: 'hasItem' | 'hasRound', where: string])[] = [
  ['item', 'hasItem', ITEM_PLACES],
  ['index', 'hasItem', ITEM_PLACES],
  ['round', 'hasRound', 'the input and the condition of a step with a loop'],
];

function checkScope(site: Site, faults: FaultList): void {
  for (const { at, expression } of site.expressions) {
    for (const [name, has, where] of PLACES) {
      if (site[has] || !expression.references[name]) continue;
      faults.add('OUT_OF_PLACE', at, `\`${expression.text}\` reads \`${name}\`, which has a value only in ${where}.`);
    }
  }
}
