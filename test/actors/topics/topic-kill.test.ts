/**
 * Random messages to durable subscriptions on a node that is killed at random commits: what was acknowledged is handed over once,
 * in the order it was published in; what was not, once or not at all. An agent that is missing for a while holds nothing up but
 * its own.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { defineAgent } from '../../../actors/agent-definition.ts';
import { matchesTopic } from '../../../protocol/topics.ts';
import { type Death, deaths, DyingDisk } from '../../support/dying-disk.ts';
import { scribe } from '../../support/scribe.ts';
import { createWorkNode, type WorkNode } from '../../support/work-node.ts';

const ME = 'loopback';
const SUBSCRIPTIONS = {
  all: { topic: '#', agent: 'hears', key: 'all' },
  keyed: { topic: 'a.*', agent: 'hears', key: 'keyed-${input.data.n % 2}' },
  late: { topic: '*.y', agent: 'late', key: 'k' },
} as const;
const TASKS = { topic: 'b.#', task: { agent: 'notes' }, tasksMax: 1 } as const;
const TOPICS = ['a.x', 'a.y', 'b.x', 'b.y'] as const;

interface Life {
  /** Topics that are published to, some of them twice under one key. */
  readonly publishes: readonly { readonly topic: (typeof TOPICS)[number]; readonly twice: boolean }[];
  readonly death: Death;
  readonly hasLate: boolean;
}

const life: fc.Arbitrary<Life> = fc.record({
  publishes: fc.array(fc.record({ topic: fc.constantFrom(...TOPICS), twice: fc.boolean() }), { maxLength: 6 }),
  death: deaths(6, 1).map(([death]) => death as Death),
  hasLate: fc.boolean(),
});

async function settled<T>(node: WorkNode, promise: Promise<T>): Promise<T> {
  void promise.catch(() => undefined);
  await node.world.settle();
  return await promise;
}

async function heard(node: WorkNode, agent: string, key: string): Promise<number[]> {
  const answer = await settled(node, node.desk.ask(agent, key, { type: 'read' }, 10_000));
  return (answer as { heard: { data: { n: number } }[] }).heard.map(({ data }) => data.n);
}

/** Whether `found` has all that is `known` to be there, in that order, and beside it only what may be there, once and in its place. */
function expectHanded(found: readonly number[], sent: readonly { n: number; isKnown: boolean }[]): void {
  expect(found).toEqual([...new Set(found)]);
  expect(found).toEqual([...found].toSorted((a, b) => a - b));
  const may = new Set(sent.map(({ n }) => n));
  expect(found.filter((n) => !may.has(n))).toEqual([]);
  expect(sent.filter(({ n, isKnown }) => isKnown && !found.includes(n))).toEqual([]);
}

describe('Durable subscriptions on a node that dies', () => {
  it('hand over what was acknowledged once and in order, and what was not at most once', async () => {
    let died = 0;
    let acknowledged = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(life, { minLength: 1, maxLength: 4 }), async (lives) => {
        const dying = new DyingDisk();
        const notes: number[] = [];
        const agent = defineAgent({
          name: 'notes',
          version: '1.0.0',
          run: async ({ input, ctx }) => {
            const { n } = input as { n: number };
            await ctx.tell('hears', 'tasks', { type: 'task', data: { n } });
          },
        });
        let seed = 0;
        let startMs: number | undefined;
        const start = async (hasLate: boolean): Promise<WorkNode> =>
          await createWorkNode({
            ...{
              agents: [scribe('hears'), agent, ...(hasLate ? [scribe('late')] : [])],
              disk: dying.disk,
              seed: ++seed,
            },
            ...{ noBreakers: true, ...(startMs !== undefined && { startMs }) },
          });
        const sent: { n: number; topic: string; isKnown: boolean }[] = [];
        const made = await start(true);
        for (const [name, request] of Object.entries({ ...SUBSCRIPTIONS, tasks: TASKS }))
          await settled(made, made.subscriptions.define(ME, name, request, false));
        made.kill();
        for (const { publishes, death, hasLate } of lives) {
          const node = await start(hasLate);
          dying.arm(death);
          for (const { topic, twice } of publishes) {
            const message = { n: sent.length, topic, isKnown: false };
            sent.push(message);
            const publication = { topic, data: { n: message.n }, key: `k${message.n}` };
            const publish = () => node.topics.publish(ME, publication).then(() => (message.isKnown = !dying.isDead));
            void publish().catch(() => undefined);
            if (twice) void publish().catch(() => undefined);
            await node.world.settle();
            if (dying.isDead) break;
          }
          await node.world.elapse(100);
          startMs = node.world.nowMs();
          node.kill();
          died += Number(dying.isDead);
          dying.heal();
        }
        const node = await start(true);
        await node.world.elapse(300_000);
        const of = (pattern: string) => sent.filter(({ topic }) => matchesTopic(pattern, topic));
        expectHanded(await heard(node, 'hears', 'all'), sent);
        expectHanded(await heard(node, 'late', 'k'), of('*.y'));
        for (const half of [0, 1])
          expectHanded(
            await heard(node, 'hears', `keyed-${half}`),
            of('a.*').filter(({ n }) => n % 2 === half),
          );
        expectHanded(await heard(node, 'hears', 'tasks'), of('b.#'));
        for (const { name } of node.topics.accounts.values())
          expect(await settled(node, node.subscriptions.read(name))).toMatchObject({ waiting: 0, bytes: 0, tasks: 0 });
        expect(notes).toEqual([]);
        acknowledged += sent.filter(({ isKnown }) => isKnown).length;
        node.kill();
      }),
      { numRuns: 25 },
    );
    // Without deaths and messages this would have shown nothing.
    expect([died > 15, acknowledged > 40]).toEqual([true, true]);
  }, 60_000);
});
