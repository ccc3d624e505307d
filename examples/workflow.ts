/**
 * A workflow: steps as plain data. Here it is registered with the node, under its name; examples/workflow.json is the same,
 * to be sent along with a task. The field names are described in docs/workflows.md.
 *
 *   npm start -- --agents examples/shout.ts examples/worker.ts examples/workflow.ts
 *   npm run -s troupe -- submit --workflow headlines --input '{"lines":["one","two"]}' --wait
 *   npm run -s troupe -- submit --graph examples/workflow.json --input '{"lines":["one"]}' --wait
 *
 * The second command prints the id of the task, then {"lines":["ONE","TWO"],"primes":303}; the third one, whose step
 * `count` is skipped, {"lines":["ONE"],"primes":null}.
 */
import { defineWorkflow } from 'troupe';

/** Shouts all lines, four at a time, and counts primes beside it where there are several lines. */
export const headlines = defineWorkflow({
  name: 'headlines',
  version: '1.0.0',
  description: 'Shouts every line; counts primes up to 1,000 for each line where there are several.',
  steps: [
    {
      id: 'shout',
      capability: 'text.upper',
      forEach: '${input.lines}',
      concurrency: 4,
      input: { text: '${item}' },
      retry: { attempts: 2 },
    },
    {
      id: 'count',
      agent: 'primes',
      when: 'size(input.lines) > 1',
      input: { upTo: '${size(input.lines) * 1000}' },
      timeoutMs: 10_000,
    },
  ],
  output: {
    lines: '${steps.shout.output.map(line, line.text)}',
    primes: '${steps.count.output == null ? null : steps.count.output.count}',
  },
});
