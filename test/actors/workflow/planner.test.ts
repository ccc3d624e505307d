import { beforeEach, describe, expect, it } from 'vitest';
import { defineAgent } from '../../../actors/agent-definition.ts';
import { Registry } from '../../../actors/registry.ts';
import type { FlowStart } from '../../../actors/workflow/flow-start.ts';
import { FlowPlans } from '../../../actors/workflow/planner.ts';
import { parseGraph, type WorkflowGraph } from '../../../protocol/graph.ts';
import type { InstalledLogic } from '../../../runtime/cell.ts';
import { createRegisters } from '../../../runtime/registers.ts';

let registry: Registry;
let plans: FlowPlans;

const add = (name: string, version = '1.0.0'): void =>
  registry.registerAgent(defineAgent({ name, version, run: () => 1 }));

beforeEach(() => {
  const book = { install: () => undefined, uninstall: () => undefined };
  registry = new Registry(
    book,
    createRegisters(),
    ({ name, version }) => ({ name: `agent:${name}@${version}` }) as InstalledLogic,
  );
  plans = new FlowPlans(registry);
  add('worker');
});

/** A graph as it comes with a submission: another object each time. */
const graphOf = (value: unknown = 'same', agent = 'worker'): unknown => ({
  steps: [
    { id: 'a', agent, input: { value } },
    { id: 'b', agent, input: '${steps.a.output}' },
  ],
});
const started = (target: { readonly graph?: unknown; readonly workflow?: string }): FlowStart =>
  plans.plan({ target, input: null, options: {} }, 'task', 0, 'me').input as FlowStart;
const inputOf = (graph: WorkflowGraph): unknown =>
  plans.planOf(graph).byId.get('a')?.input?.evaluate({ input: null, steps: {} });

describe('Graphs that come with submissions', () => {
  it('are judged and compiled once for as long as they say the same', () => {
    const first = started({ graph: graphOf() });
    const second = started({ graph: graphOf() });
    expect(second.graph).toBe(first.graph);
    expect(plans.planOf(second.graph)).toBe(plans.planOf(first.graph));
  });

  it.each<[what: string, one: unknown, other: unknown]>([
    ['a number and its text', 1, '1'],
    ['zero and what is below it', 0, -0],
    ['a date and its text', new Date(0), new Date(0).toISOString()],
    ['bytes and a list', Buffer.from([1]), [1]],
    ['no number and nothing', Number.NaN, null],
  ])('are not taken for each other: %s', (_what, one, other) => {
    const inputs = [one, other].map((value) => inputOf(started({ graph: graphOf(value) }).graph));
    expect(inputs).toStrictEqual([{ value: one }, { value: other }]);
  });

  it('are judged again once what they name has gone', () => {
    started({ graph: graphOf() });
    registry.unregisterAgent('worker');
    expect(() => started({ graph: graphOf() })).toThrow(expect.objectContaining({ code: 'WORKFLOW_INVALID' }));
    add('worker', '2.0.0');
    expect(started({ graph: graphOf() }).graph.steps).toHaveLength(2);
  });

  it('are refused each time where they are at fault', () => {
    for (let time = 0; time < 2; time++)
      expect(() => started({ graph: graphOf(1, 'nobody') })).toThrow(
        expect.objectContaining({ code: 'WORKFLOW_INVALID' }),
      );
    add('nobody');
    expect(started({ graph: graphOf(1, 'nobody') }).graph.steps).toHaveLength(2);
  });

  it('are compiled again where so many others came since that they were let go', () => {
    const { graph } = started({ graph: graphOf('first') });
    const plan = plans.planOf(graph);
    for (let other = 0; other < 300; other++) started({ graph: graphOf(other) });
    expect(plans.planOf(graph)).not.toBe(plan);
    expect(inputOf(graph)).toEqual({ value: 'first' });
    expect(started({ graph: graphOf('first') }).graph).toEqual(graph);
  });

  it('are read by the rules of whoever takes them, though another has taken the same', () => {
    started({ graph: graphOf() });
    const strictly = (value: unknown) => plans.admitted(value, parseGraph);
    expect(() => strictly(graphOf())).toThrow(expect.objectContaining({ code: 'WORKFLOW_INVALID' }));
    const named = { name: 'w', version: '1.0.0', ...(graphOf() as object) };
    expect(strictly(structuredClone(named))).toBe(strictly(structuredClone(named)));
  });

  it('are judged each time where they are large', () => {
    const large = 'x'.repeat(40_000);
    const first = started({ graph: graphOf(large) });
    expect(started({ graph: graphOf(large) }).graph).not.toBe(first.graph);
    expect(inputOf(first.graph)).toEqual({ value: large });
  });
});

describe('Graphs that come back from the store', () => {
  it('are compiled once for all flows of the same', () => {
    const { graph } = started({ graph: graphOf() });
    const [one, other] = [structuredClone(graph), structuredClone(graph)];
    registry.unregisterAgent('worker');
    const later = new FlowPlans(registry);
    expect(later.planOf(one)).toBe(later.planOf(other));
  });

  it('count as not judged: a submission that says the same is', () => {
    const { graph } = started({ graph: { name: 'w', version: '1.0.0', ...(graphOf() as object) } });
    registry.unregisterAgent('worker');
    const later = new FlowPlans(registry);
    later.planOf(structuredClone(graph));
    expect(() =>
      later.plan({ target: { graph: structuredClone(graph) }, input: null, options: {} }, 'task', 0, 'me'),
    ).toThrow(expect.objectContaining({ code: 'WORKFLOW_INVALID' }));
  });
});

describe('Registered workflows', () => {
  it('are judged again once what they name has gone, and not before', () => {
    const graph = plans.admit({ name: 'w', version: '1.0.0', ...(graphOf() as object) });
    registry.registerWorkflow(graph, 'registered');
    const plan = plans.planOf(started({ workflow: 'w' }).graph);
    expect(plans.planOf(started({ workflow: 'w@1.0.0' }).graph)).toBe(plan);
    registry.unregisterAgent('worker');
    expect(() => started({ workflow: 'w' })).toThrow(expect.objectContaining({ code: 'WORKFLOW_INVALID' }));
  });
});
