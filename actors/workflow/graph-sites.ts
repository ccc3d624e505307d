/**
 * Where expressions stand in a graph, compiled: each place knows what may be read there. Syntax and scope are judged
 * here; what the referenced things are is judged by `graph-lint.ts`, their kinds by `graph-types.ts`.
 */
import { OperatingError } from '../../protocol/errors.ts';
import { fallbacksOf, type WorkflowCall, type WorkflowGraph, type WorkflowStep } from '../../protocol/graph.ts';
import { compileExpression, type Expression } from './expression.ts';
import type { References } from './expression-references.ts';
import { scanText } from './expression-scanner.ts';
import type { FaultList } from './graph-faults.ts';
import type { PlannedNext } from './graph-next.ts';
import type { PlannedFold } from './graph-plan.ts';
import { compileTemplate, type Template } from './template.ts';

/** Names that have a value in some places only. */
type LocalName = 'item' | 'index' | 'round' | 'acc' | 'output';

/** What may be read in a place, beside the input and the steps before. */
interface PlaceRules {
  readonly locals: readonly LocalName[];
  /** Whether the step's own output may be read here: what it has put out, or the last round of its loop. */
  readonly hasOwnOutput: boolean;
}

/** One place with expressions. */
export interface Site extends PlaceRules {
  readonly at: string;
  readonly role: 'condition' | 'list' | 'value';
  readonly expressions: readonly SiteExpression[];
  readonly references: References;
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
  readonly reduce: PlannedFold | undefined;
  readonly loopWhile: Expression | undefined;
  readonly signalName: Template | undefined;
  readonly approvalMessage: Template | undefined;
  readonly fallbacks: readonly CallSite[];
  readonly compensate: CallSite | undefined;
}

const NOTHING: PlaceRules = { locals: [], hasOwnOutput: false };
const ITEM: readonly LocalName[] = ['item', 'index'];

/** Compiles the places of one step, or of what surrounds the steps, and gathers them. */
class Places {
  readonly sites: Site[] = [];
  readonly #faults: FaultList;

  constructor(faults: FaultList) {
    this.#faults = faults;
  }

  /** An expression as it is; `role` says what is expected of it. */
  expression(
    text: string | undefined,
    at: string,
    rules: PlaceRules,
    role: Site['role'] = 'condition',
  ): Expression | undefined {
    if (text === undefined) return undefined;
    const expression = compileCondition(text, at, this.#faults);
    if (expression !== undefined) {
      const { references } = expression;
      this.#add({ at, role, expressions: [{ at, expression, isWhole: true }], references, ...rules });
    }
    return expression;
  }

  template(value: unknown, at: string, rules: PlaceRules, role: Site['role'] = 'value'): Template | undefined {
    if (value === undefined) return undefined;
    const compiled = compileGraphTemplate(value, at, this.#faults);
    const { placeholders: expressions, references } = compiled;
    this.#add({ at, role, expressions, references, ...rules });
    return compiled;
  }

  call(called: WorkflowCall | undefined, at: string, rules: PlaceRules): CallSite | undefined {
    if (called === undefined) return undefined;
    return { call: called, at, input: this.template(called.input, `${at}/input`, rules) };
  }

  fold(written: WorkflowStep['reduce'], at: string): PlannedFold | undefined {
    if (written === undefined) return undefined;
    const initial = this.template(written.initial, `${at}/initial`, NOTHING);
    const rules: PlaceRules = { locals: [...ITEM, 'acc', 'output'], hasOwnOutput: false };
    const each = this.expression(written.with, `${at}/with`, rules, 'value');
    return each === undefined ? undefined : { initial, with: each };
  }

  #add(site: Site): void {
    this.sites.push(site);
    checkScope(site, this.#faults);
  }
}

/** Compiles the expressions of a step. Faults (`SYNTAX`, `OUT_OF_PLACE`) go to the list. */
export function compileStepSites(step: WorkflowStep, index: number, faults: FaultList): StepSites {
  const at = `/steps/${index}`;
  const places = new Places(faults);
  const item = step.forEach === undefined ? [] : ITEM;
  const before: PlaceRules = { locals: item, hasOwnOutput: false };
  const after: PlaceRules = { locals: item, hasOwnOutput: true };
  const inLoop: PlaceRules = { locals: [...item, 'round'], hasOwnOutput: true };
  const isList = Array.isArray(step.fallback);
  return {
    step,
    index,
    sites: places.sites,
    when: places.expression(step.when, `${at}/when`, NOTHING),
    forEach: places.template(listTemplate(step.forEach), `${at}/forEach`, NOTHING, 'list'),
    input: places.template(step.input, `${at}/input`, step.loop === undefined ? before : inLoop),
    reduce: places.fold(step.reduce, `${at}/reduce`),
    loopWhile: places.expression(step.loop?.while, `${at}/loop/while`, inLoop),
    signalName: places.template(step.signal?.name, `${at}/signal/name`, before),
    approvalMessage: places.template(step.approval?.message, `${at}/approval/message`, before),
    fallbacks: fallbacksOf(step).flatMap(
      (one, place) => places.call(one, isList ? `${at}/fallback/${place}` : `${at}/fallback`, before) ?? [],
    ),
    compensate: places.call(step.compensate, `${at}/compensate`, after),
  };
}

/** Compiles the output of a graph, and what follows it. */
export function compileGraphSites(
  { output, then = [] }: Pick<WorkflowGraph, 'output' | 'then'>,
  faults: FaultList,
): { readonly output: Template | undefined; readonly next: readonly PlannedNext[]; readonly sites: readonly Site[] } {
  const places = new Places(faults);
  const after: PlaceRules = { locals: ['output'], hasOwnOutput: false };
  return {
    output: places.template(output, '/output', NOTHING),
    next: then.map((next, index) => {
      const at = `/then/${index}`;
      const when = places.expression(next.when, `${at}/when`, after);
      return { next, at, when, input: places.template(next.input, `${at}/input`, after) };
    }),
    sites: places.sites,
  };
}

/** A text can only mean an expression here, so it may leave out the `${…}` around it. */
function listTemplate(forEach: WorkflowStep['forEach']): unknown {
  return typeof forEach === 'string' && !forEach.includes('${') ? `\${${forEach}}` : forEach;
}

/** A condition is CEL as it is; one that is wrapped in a single `${…}` is taken for what was meant. */
export function conditionText(text: string): string {
  const scanned = scanText(text.trim());
  const only = 'parts' in scanned && scanned.parts.length === 1 ? scanned.parts[0] : undefined;
  return (only?.type === 'expression' ? only.text : text).trim();
}

function compileCondition(text: string, at: string, faults: FaultList): Expression | undefined {
  try {
    return compileExpression(conditionText(text), at);
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

const ITEM_PLACES = 'in the input of a step with forEach';

const PLACES_OF: Readonly<Record<LocalName, string>> = {
  item: ITEM_PLACES,
  index: ITEM_PLACES,
  round: 'in the input and the condition of a step with a loop',
  acc: 'in `reduce.with`',
  output: 'in `reduce.with`, and in `then`',
};

function checkScope(site: Site, faults: FaultList): void {
  for (const { at, expression } of site.expressions) {
    for (const name of Object.keys(PLACES_OF) as LocalName[]) {
      if (!expression.references[name] || site.locals.includes(name)) continue;
      faults.add(
        'OUT_OF_PLACE',
        at,
        `\`${expression.text}\` reads \`${name}\`, which has a value only ${PLACES_OF[name]}.`,
      );
    }
  }
}
