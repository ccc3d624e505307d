import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { GRAPH_FAULT_CODES } from '../../../actors/workflow/graph-faults.ts';
import { functionNames } from '../../../actors/workflow/expression-functions.ts';
import { lintGraph } from '../../../actors/workflow/graph-lint.ts';
import { graphSchema, parseGraph, parseInlineGraph } from '../../../protocol/graph.ts';
import { evaluate } from './evaluation.ts';
import { lookups } from './graph-lookups.ts';

const doc = readFileSync(new URL('../../../docs/workflows.md', import.meta.url), 'utf8');
const [example = '', input = ''] = [...doc.matchAll(/```json\n(.*?)```/gs)].map(([, json]) => json ?? '');
const expressions = doc.slice(doc.indexOf('## Expressions'), doc.indexOf('## Faults'));
const rows = [...expressions.matchAll(/^\| `(.+)` \| `(.+)` \|$/gm)].map(
  ([, left = '', right = '']): [string, string] => [left, right],
);

describe('docs/workflows.md', () => {
  it.each(rows)('says the truth of %s', (expression, value) => {
    expect(evaluate(expression, { input: JSON.parse(input) as unknown })).toStrictEqual(JSON.parse(value));
  });

  it('shows a graph that is taken', () => {
    expect(rows.length).toBeGreaterThan(20);
    const graph = parseGraph(JSON.parse(example));
    expect(
      lintGraph(graph, { ...lookups, hasAgent: () => true, outputSchemaOf: () => undefined }).faults,
    ).toStrictEqual([]);
  });

  it('shows nothing else that is not taken', () => {
    const shown = [...doc.matchAll(/```jsonc\n(.*?)```/gs)].map(([, json]) => JSON.parse(json ?? '') as object);
    expect(shown.length).toBeGreaterThan(2);
    for (const graph of shown) {
      const all = { ...lookups, hasAgent: () => true, hasWorkflow: () => true, outputSchemaOf: () => undefined };
      expect(lintGraph(parseInlineGraph(graph), { ...all, inputSchema: undefined }).faults).toStrictEqual([]);
    }
  });

  it('has a line for each kind of fault, and for no other', () => {
    const table = doc.slice(doc.indexOf('## Faults'));
    expect([...table.matchAll(/^\| `([A-Z_]+)` \|/gm)].map(([, code]) => code)).toStrictEqual([...GRAPH_FAULT_CODES]);
  });

  it('names every field of a workflow and of a step, and every function', () => {
    for (const field of [...Object.keys(graphSchema.shape), ...Object.keys(graphSchema.shape.steps.element.shape)])
      expect(doc, field).toContain(`\`${field}\``);
    for (const name of functionNames(false)) expect(doc, name).toContain(`\`${name}\``);
    for (const name of functionNames(true)) expect(doc, name).toContain(`.${name}()`);
  });
});
