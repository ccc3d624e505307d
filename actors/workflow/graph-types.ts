/** The kinds of what a graph's expressions give, as far as the schemas of its agents say. */
import type { WorkflowCall, WorkflowStep } from '../../protocol/graph.ts';
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
    for (const site of sites) if (site !== list) this.checkSite(site, item);
  }

  checkSite(site: Site, item: Shape = ANY): void {
    for (const { at, expression } of site.expressions) {
      const shape = this.#check(at, expression, item);
      if (site.role !== 'condition' || shape.kind === 'bool' || shape.kind === 'any') continue;
      this.#faults.add('TYPE', at, `\`${expression.text}\` gives a ${shape.kind}; a condition is a bool.`);
    }
  }

  #itemOf(site: Site, written: WorkflowStep['forEach']): Shape {
    const shapes = site.expressions.map(({ at, expression }) => this.#check(at, expression, ANY));
    if (typeof written !== 'string') return ANY;
    const [only] = site.expressions;
    const shape: Shape = only?.isWhole === false ? { kind: 'string' } : (shapes[0] ?? ANY);
    if (shape.kind === 'list') return shape.element();
    if (shape.kind !== 'any')
      this.#faults.add('TYPE', site.at, `\`${written}\` gives a ${shape.kind}; forEach goes through a list.`);
    return ANY;
  }

  #check(at: string, expression: Site['expressions'][number]['expression'], item: Shape): Shape {
    const roots: RootShapes = { input: this.#input, item, step: (id) => this.#steps.get(id) ?? ANY };
    return checkExpression(expression.ast, roots, (message) =>
      this.#faults.add('TYPE', at, `\`${expression.text}\`: ${message}.`.replace(/\?\.$/, '?')),
    );
  }

  #outputOf(step: WorkflowStep): Shape {
    if (step.merge !== undefined && step.merge !== 'all') return ANY;
    const own = this.#targetOutput(step);
    const one = step.fallback === undefined ? own : eitherShape(own, this.#targetOutput(step.fallback));
    return step.forEach === undefined ? one : listOf(one);
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
