import { describe, expect, it } from 'vitest';
import { DEAD_LETTERS_MAX, DeadLetters } from '../../runtime/dead-letters.ts';
import { createBareNode } from '../support/bare-node.ts';
import { createManualWorld } from '../support/manual-world.ts';

function letters() {
  const counted: string[] = [];
  const book = new DeadLetters(
    () => 7,
    (reason) => void counted.push(reason),
  );
  return { book, counted };
}

describe('Dead letters', () => {
  it('are counted, and say what reached nobody: to whom, from whom, of which type and size, and when', () => {
    const { book, counted } = letters();
    book.add({ reason: 'mailbox_full', to: 'agent/a/k', from: 'run/1', event: { type: 'add', n: 1 }, bytes: 10 });
    book.add({ reason: 'no_actor', to: 'task/1', event: { type: 'go', text: 'x'.repeat(100) } });
    book.add({ reason: 'no_parent', to: 'parent' });
    book.add({ reason: 'no_actor', to: 'task/2', event: { type: 'odd', of: () => undefined } });
    expect(counted).toEqual(['mailbox_full', 'no_actor', 'no_parent', 'no_actor']);
    expect(book.list({ limit: 10 })).toEqual([
      { seq: 4, atMs: 7, reason: 'no_actor', to: 'task/2', type: 'odd', bytes: expect.any(Number) },
      { seq: 3, atMs: 7, reason: 'no_parent', to: 'parent', bytes: 0 },
      { seq: 2, atMs: 7, reason: 'no_actor', to: 'task/1', type: 'go', bytes: expect.any(Number) },
      { seq: 1, atMs: 7, reason: 'mailbox_full', to: 'agent/a/k', from: 'run/1', type: 'add', bytes: 10 },
    ]);
    expect(book.list({ limit: 10 })[2]?.bytes).toBeGreaterThan(100);
  });

  it('are kept by their number, the last ones; pages go on where the one before ended', () => {
    const { book, counted } = letters();
    const count = DEAD_LETTERS_MAX + 10;
    for (let n = 1; n <= count; n++) book.add({ reason: n % 2 === 0 ? 'even' : 'odd', to: `task/${n}`, bytes: n });
    expect(counted).toHaveLength(count);
    const all = book.list({ limit: 2 * count });
    expect(all.map(({ seq }) => seq)).toEqual(Array.from({ length: DEAD_LETTERS_MAX }, (_, n) => count - n));
    expect(all.every(({ seq, to, bytes }) => to === `task/${seq}` && bytes === seq)).toBe(true);
    const first = book.list({ limit: 3, reason: 'even' });
    const second = book.list({ limit: 3, reason: 'even', before: first.at(-1)?.seq ?? 0 });
    expect([...first, ...second].map(({ seq }) => seq)).toEqual([0, 2, 4, 6, 8, 10].map((n) => count - n));
    expect(book.list({ limit: 10, before: count - DEAD_LETTERS_MAX + 1 })).toEqual([]);
  });

  it('come of messages to nobody, and say who sent them', async () => {
    const world = createManualWorld();
    const { kernel, installFlat } = await createBareNode({ world });
    installFlat({
      name: 'writer',
      version: '1',
      initial: () => ({ phase: 'open' }),
      table: {
        open: {
          write: (state, _event, port) => {
            port.tell('task/gone', { type: 'hello' });
            return state;
          },
        },
      },
      final: {},
    });
    const rest = { supervisor: '', restart: 'temporary', recovery: 'reset', priority: 5, durable: false } as const;
    kernel.act((port) => port.startChild({ address: 'writer/1', logic: 'writer', input: undefined, ...rest }));
    kernel.deliver('writer/1', { type: 'write' });
    await world.settle();
    expect(kernel.deadLetters.list({ limit: 5 })).toMatchObject([
      { reason: 'no_actor', to: 'task/gone', from: 'writer/1', type: 'hello' },
    ]);
  });
});
