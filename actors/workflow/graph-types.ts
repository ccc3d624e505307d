/** The kinds of what a graph's expressions give, as far as the schemas of its agents say. */
import { fallbacksOf, type WorkflowCall, type WorkflowStep } from '../../protocol/graph.ts';
import { ANY, eitherShape, listOf, mapOf, type Shape, shapeOfSchema } from './expression-shapes.ts';
import { checkExpression, type RootShapes } from './expression-types.ts';
import type { FaultList } from './graph-faults.ts';
import type { Site, StepSites } from './graph-sites.ts';

/** Whom a step calls. */
export type StepTarget = Pick<WorkflowCall, 'agent' | 'capability' | 'workflow'>;

/** What the type check asks of the registry. Both answer a JSON Schema, or undefined where none is known. */
export interface SchemaLookups {
  readonly outputSchemaOf: (target: StepTarget) => unknown;
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

/** Finds what cannot be evaluated whatever the data is. Faults (`TYPE`) go to the list. */
export class GraphTypes {
  readonly #schemas: SchemaLookups;
  readonly #faults: FaultList;
  readonly #input: Shape;
  readonly #targets = new Map<string, Shape>();
  readonly #steps = new Map<string, Shape>();

  constructor(steps: readonly WorkflowStep[], schemas: SchemaLookups, faults: FaultList) {
    this.#schemas = schemas;
    this.#faults = faults;
    this.#input = shapeOfSchema(schemas.inputSchema);
    for (const step of steps) {
      this.#steps.set(step.id, mapOf({ output: this.#outputOf(step) }));
    }
  }

  checkStep({ step, sites }: StepSites): void {
    const list = sites.find(({ role }) => role === 'list');
    const item = list === undefined ? ANY : this.#itemOf(list, step.forEach);
    const output = this.#itemOutputOf(step);
    for (const site of sites) if (site !== list) this.checkSite(site, { item, output, ...this.#ownOf(site, step) });
  }

  checkSite(site: Site, known: Known = UNKNOWN): void {
    for (const { at, expression } of site.expressions) {
      const shape = this.#check(at, expression, known);
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
    const key = `${agent ?? ''} ${capability ?? ''} ${workflow ?? ''}`;
    let shape = this.#targets.get(key);
    if (shape === undefined) {
      const target: StepTarget = {
        ...(agent === undefined ? {} : { agent }),
        ...(capability === undefined ? {} : { capability }),
        ...(workflow === undefined ? {} : { workflow }),
      };
      shape = shapeOfSchema(key.trim() === '' ? undefined : this.#schemas.outputSchemaOf(target));
      this.#targets.set(key, shape);
    }
    return shape;
  }
}
