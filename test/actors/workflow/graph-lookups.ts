/** A registry for tests of graphs, and random graphs. */
import fc from 'fast-check';
import { type GraphLookups, lintGraph } from '../../../actors/workflow/graph-lint.ts';
import type { GraphPlan } from '../../../actors/workflow/graph-plan.ts';
import { parseInlineGraph, type WorkflowGraph } from '../../../protocol/graph.ts';

const OUTPUTS: Readonly<Record<string, unknown>> = {
  search: {
    type: 'object',
    properties: {
      hits: {
        type: 'array',
        items: {
          type: 'object',
          properties: { url: { type: 'string' }, rank: { type: 'integer' } },
          additionalProperties: false,
        },
      },
      total: { type: 'number' },
      done: { type: 'boolean' },
    },
    required: ['hits'],
    additionalProperties: false,
  },
  'research.search': {
    $ref: '#/$defs/Found',
    $defs: {
      Found: {
        type: 'object',
        properties: { hits: { type: 'array', items: { type: 'string' } } },
        additionalProperties: false,
      },
    },
  },
  count: { type: 'integer' },
};

const INPUTS: Readonly<Record<string, unknown>> = {
  reader: {
    type: 'object',
    properties: {
      url: { type: 'string' },
      pages: { type: 'integer' },
      tags: { type: 'array', items: { type: 'string' } },
      from: {
        type: 'object',
        properties: { hits: { type: 'array', items: { type: 'object', properties: { url: { type: 'string' } } } } },
        required: ['hits'],
      },
      any: {},
    },
    required: ['url', 'any'],
    additionalProperties: false,
  },
};

/** What is registered: the agents `echo`, `search`, `count`, `reader`, the capability `research.search`, the workflow `brief`. */
export const lookups: GraphLookups = {
  hasAgent: (reference) => ['echo', 'echo@1.0.0', 'search', 'count', 'reader'].includes(reference),
  hasCapability: (capability) => capability === 'research.search',
  hasWorkflow: (reference) => reference === 'brief',
  namesOf: (kind) =>
    kind === 'agent' ? ['echo', 'search', 'count'] : kind === 'capability' ? ['research.search'] : ['brief'],
  outputSchemaOf: ({ agent, capability }) => OUTPUTS[agent ?? capability ?? ''],
  inputSchemaOf: ({ agent }) => INPUTS[agent ?? ''],
  inputSchema: {
    type: 'object',
    properties: {
      topic: { type: 'string' },
      limit: { type: 'number' },
      tags: { type: 'array', items: { type: 'string' } },
    },
  },
  notAvailable: new Set(),
};

/** A graph of these steps, through the schema of the wire. */
export function graphOf(steps: readonly unknown[], output?: unknown): WorkflowGraph {
  return parseInlineGraph({ steps, ...(output === undefined ? {} : { output }) });
}

/** The same graph, followed by others. */
export function withNext(graph: object, next: readonly object[]): object {
  // oxlint-disable-next-line unicorn/no-thenable -- a list of what follows, and never a function
  return { ...graph, then: next };
}

/** The plan of a graph without faults. */
export function planOf(steps: readonly unknown[], output?: unknown): GraphPlan {
  const { faults, plan } = lintGraph(graphOf(steps, output), lookups);
  if (plan === undefined) throw new TypeError(JSON.stringify(faults));
  return plan;
}

/** Random needs among so many steps: for each step, others; without cycles only those before it in a random order. */
export function needsArbitrary(options: {
  readonly acyclic: boolean;
  readonly stepsMax?: number;
}): fc.Arbitrary<number[][]> {
  return fc.integer({ min: 1, max: options.stepsMax ?? 24 }).chain((count) => {
    const order = fc.shuffledSubarray(
      Array.from({ length: count }, (_, i) => i),
      { minLength: count, maxLength: count },
    );
    const picks = fc.array(fc.array(fc.nat(count - 1), { maxLength: 4 }), { minLength: count, maxLength: count });
    return fc.tuple(order, picks).map(([ranks, picked]) =>
      picked.map((needs, step) => {
        const rank = (index: number): number => ranks[index] ?? 0;
        return [...new Set(needs)].filter((need) => need !== step && (!options.acyclic || rank(need) < rank(step)));
      }),
    );
  });
}
