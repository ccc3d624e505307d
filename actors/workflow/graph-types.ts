/** The kinds of what a graph's expressions give, and whether its agents take them, as far as the schemas of its agents say. */
import { fallbacksOf, type WorkflowCall, type WorkflowStep } from '../../protocol/graph.ts';
import { ANY, eitherShape, listOf, mapOf, type Shape, shapeOfSchema } from './expression-shapes.ts';
import { checkExpression, type RootShapes } from './expression-types.ts';
import type { FaultList } from './graph-faults.ts';
import type { Site, StepSites } from './graph-sites.ts';
import { checkFit } from './input-fit.ts';

/** Whom a step calls. */
export type StepTarget = Pick<WorkflowCall, 'agent' | 'capability' | 'workflow'>;

/** What the type check asks of the registry. All answer a JSON Schema, or undefined where none is known. */
export interface SchemaLookups {
  readonly outputSchemaOf: (target: StepTarget) => unknown;
  /** What it takes; what its own schema would make fit is left open there. */
  readonly inputSchemaOf?: (target: StepTarget) => unknown;
  /** The schema of the workflow's own input. */
  readonly inputSchema?: unknown;
}

/** What an approval alone puts out. */
const DECISION = shapeOfSchema({
  type: 'object',
  properties: {
    decision: { type: 'string' },
    by: { type: 'string' },
    comment: { type: 'string' },
    atMs: { type: 'number' },
  },
  additionalProperties: false,
});

/** What is known of the names that have a value in some places only. */
interface Known {
  readonly item: Shape;
  readonly output: Shape;
  /** The step whose own output may be read, and what that is here. */
  readonly own?: { readonly id: string; readonly shape: Shape };
}

const UNKNOWN: Known = { item: ANY, output: ANY };

/** What a text that is one expression becomes. */
interface Given {
  readonly text: string;
  readonly shape: Shape;
}

type Named = { readonly [Who in keyof StepTarget]: string | undefined };

function keyOf({ agent, capability, workflow }: Named): string {
  return `${agent ?? ''} ${capability ?? ''} ${workflow ?? ''}`;
}

function targetOf({ agent, capability, workflow }: Named): StepTarget {
  return {
    ...(agent !== undefined && { agent }),
    ...(capability !== undefined && { capability }),
    ...(workflow !== undefined && { workflow }),
  };
}

/** Finds what cannot be evaluated whatever the data is. Faults (`TYPE`) go to the list. */
export class GraphTypes {
  readonly #schemas: SchemaLookups;
  readonly #faults: FaultList;
  readonly #input: Shape;
  readonly #targets = new Map<string, Shape>();
  readonly #taken = new Map<string, unknown>();
  readonly #steps = new Map<string, Shape>();

  constructor(steps: readonly WorkflowStep[], schemas: SchemaLookups, faults: FaultList) {
    this.#schemas = schemas;
    this.#faults = faults;
    this.#input = shapeOfSchema(schemas.inputSchema);
    for (const step of steps) {
      this.#steps.set(step.id, mapOf({ output: this.#outputOf(step) }));
    }
  }

  checkStep({ step, index, sites, fallbacks, compensate }: StepSites): void {
    const list = sites.find(({ role }) => role === 'list');
    const item = list === undefined ? ANY : this.#itemOf(list, step.forEach);
    const output = this.#itemOutputOf(step);
    const given = new Map<string, Given>();
    for (const site of sites)
      if (site !== list) this.checkSite(site, { item, output, ...this.#ownOf(site, step) }, given);
    this.#checkInput(step, `/steps/${index}/input`, given);
    for (const call of [...fallbacks, compensate])
      if (call !== undefined) this.#checkInput(call.call, `${call.at}/input`, given);
  }

  /** Whether what is written as the input of a call can be what its agent takes. */
  #checkInput(call: StepTarget & Pick<WorkflowCall, 'input'>, at: string, given: ReadonlyMap<string, Given>): void {
    if (call.input === undefined) return;
    const key = keyOf(call);
    if (!this.#taken.has(key)) this.#taken.set(key, this.#schemas.inputSchemaOf?.(targetOf(call)));
    const schema = this.#taken.get(key);
    if (schema === undefined) return;
    const taker = call.agent ?? call.capability ?? '';
    checkFit(call.input, schema, at, {
      taker,
      givenAt: (place) => given.get(place),
      misfit: (place, message) => this.#faults.add('TYPE', place, `${message}.`),
    });
  }

  /** `given` is filled with what texts that are one expression become. */
  checkSite(site: Site, known: Known = UNKNOWN, given?: Map<string, Given>): void {
    for (const { at, expression, isWhole } of site.expressions) {
      const shape = this.#check(at, expression, known);
      if (isWhole) given?.set(at, { text: expression.text, shape });
      if (site.role !== 'condition' || shape.kind === 'bool' || shape.kind === 'any') continue;
      this.#faults.add('TYPE', at, `\`${expression.text}\` gives a ${shape.kind}; a condition is a bool.`);
    }
  }

  #itemOf(site: Site, written: WorkflowStep['forEach']): Shape {
    const shapes = site.expressions.map(({ at, expression }) => this.#check(at, expression, UNKNOWN));
    if (typeof written !== 'string') return ANY;
    const [only] = site.expressions;
    const shape: Shape = only?.isWhole === false ? { kind: 'string' } : (shapes[0] ?? ANY);
    if (shape.kind === 'list') return shape.element();
    if (shape.kind !== 'any')
      this.#faults.add('TYPE', site.at, `\`${written}\` gives a ${shape.kind}; forEach goes through a list.`);
    return ANY;
  }

  #check(at: string, expression: Site['expressions'][number]['expression'], { item, output, own }: Known): Shape {
    const step = (id: string): Shape => (id === own?.id ? own.shape : (this.#steps.get(id) ?? ANY));
    const roots: RootShapes = { input: this.#input, item, output, step };
    return checkExpression(expression.ast, roots, (message) =>
      this.#faults.add('TYPE', at, `\`${expression.text}\`: ${message}.`.replace(/\?\.$/, '?')),
    );
  }

  /** In a loop its own output is that of one round; where it is undone, that of one item. */
  #ownOf(site: Site, step: WorkflowStep): Pick<Known, 'own'> {
    if (!site.hasOwnOutput) return {};
    const output = site.locals.includes('round') ? this.#roundOf(step) : this.#itemOutputOf(step);
    return { own: { id: step.id, shape: mapOf({ output }) } };
  }

  #outputOf(step: WorkflowStep): Shape {
    if (step.merge === 'reduce') return ANY;
    const one = this.#itemOutputOf(step);
    return step.forEach === undefined || step.merge === 'any' ? one : listOf(one);
  }

  /** The output of the step, or of one of its items. */
  #itemOutputOf(step: WorkflowStep): Shape {
    return fallbacksOf(step)
      .map((call) => this.#targetOutput(call))
      .reduce(eitherShape, this.#roundOf(step));
  }

  /** What one round of the work of a step gives. */
  #roundOf(step: WorkflowStep): Shape {
    const hasTarget = step.agent !== undefined || step.capability !== undefined || step.workflow !== undefined;
    return hasTarget || step.approval === undefined ? this.#targetOutput(step) : DECISION;
  }

  #targetOutput({ agent, capability, workflow }: StepTarget): Shape {
    const key = keyOf({ agent, capability, workflow });
    let shape = this.#targets.get(key);
    if (shape === undefined) {
      const target = targetOf({ agent, capability, workflow });
      shape = shapeOfSchema(key.trim() === '' ? undefined : this.#schemas.outputSchemaOf(target));
      this.#targets.set(key, shape);
    }
    return shape;
  }
}
