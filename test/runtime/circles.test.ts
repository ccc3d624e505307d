/** Actors that keep each other, or themselves, busy without getting anywhere; and those that only look like it. */
import { describe, expect, it } from 'vitest';
import { assign, raise, sendTo, setup } from 'xstate';
import type { AgentDefinition } from '../../actors/agent-definition.ts';
import { defineAgent } from '../../actors/agent-definition.ts';
import { HOPS_FREE, REPEATS_MAX } from '../../runtime/circles.ts';
import { addressOf } from '../../runtime/machine-references.ts';
import { createWorkNode, type WorkNode } from '../support/work-node.ts';

const machines = setup({
  types: { context: {} as { count: number }, events: {} as { type: string; to?: string; left?: number } },
});
const agent = (name: string, machine: AgentDefinition['machine'], keyed = false): AgentDefinition =>
  defineAgent({ name, version: '1.0.0', keyed, breaker: { failures: 0 }, ...(machine !== undefined && { machine }) });

/** Sends `type` to its counterpart on each `type`; with `counts`, with a number that grows, as its context does. */
const player = (name: string, other: string) =>
  agent(
    name,
    machines.createMachine({
      id: name,
      context: { count: 0 },
      on: {
        ball: { actions: sendTo(() => addressOf(other), { type: 'ball' }) },
        counted: {
          guard: ({ event }) => (event.left ?? 0) > 0,
          actions: [
            assign({ count: ({ context }) => context.count + 1 }),
            sendTo(
              () => addressOf(other),
              ({ event }) => ({ type: 'counted', left: (event.left ?? 0) - 1 }),
            ),
          ],
        },
      },
    }),
    true,
  );

const AGENTS: readonly AgentDefinition[] = [
  player('ping', 'agent/pong/k'),
  player('pong', 'agent/ping/k'),
  agent(
    'spinner',
    machines.createMachine({
      id: 'spinner',
      context: { count: 0 },
      initial: 'a',
      states: { a: { after: { 0: 'b' } }, b: { after: { 0: 'a' } } },
    }),
  ),
  agent(
    'counter',
    machines.createMachine({
      id: 'counter',
      context: { count: 0 },
      initial: 'a',
      states: {
        a: {
          after: { 0: { target: 'b', actions: assign({ count: ({ context }) => context.count + 1 }) } },
        },
        b: { always: [{ guard: ({ context }) => context.count >= 3_000, target: 'done' }], after: { 0: 'a' } },
        done: { type: 'final' },
      },
      output: ({ context }) => context.count,
    }),
  ),
  agent(
    'patient',
    machines.createMachine({
      id: 'patient',
      context: { count: 0 },
      initial: 'a',
      states: { a: { after: { 50: 'b' } }, b: { after: { 50: 'a' } } },
      on: { stop: '.a' },
    }),
  ),
  agent(
    'raiser',
    machines.createMachine({
      id: 'raiser',
      context: { count: 0 },
      entry: raise({ type: 'again' }, { delay: 1 }),
      on: { again: { actions: raise({ type: 'again' }, { delay: 1 }) } },
    }),
  ),
  agent(
    'selfish',
    machines.createMachine({
      id: 'selfish',
      context: { count: 0 },
      on: {
        again: {
          actions: sendTo(
            ({ event }) => addressOf(event.to ?? ''),
            ({ event }) => event,
          ),
        },
      },
    }),
  ),
  agent(
    'echo',
    machines.createMachine({
      id: 'echo',
      context: { count: 0 },
      on: { ping: { actions: () => undefined } },
    }),
    true,
  ),
];

async function start(): Promise<WorkNode> {
  return await createWorkNode({ agents: AGENTS });
}

async function tell(
  node: WorkNode,
  name: string,
  event: { readonly type: string; readonly left?: number },
): Promise<void> {
  const told = node.desk.tell(name, 'k', event);
  await node.world.settle();
  await told;
}

const causesOf = (node: WorkNode): readonly string[] => node.kernel.quarantine.rows().map(({ cause }) => cause);

describe('Going round in a circle', () => {
  it('of two actors that send the same to each other is ended: one message is set aside, both go on', async () => {
    const node = await start();
    node.kernel.deliver('agent/ping/k', { type: 'ball' });
    await node.world.elapse(5_000);
    expect(causesOf(node)).toEqual(['livelock']);
    const [row] = node.kernel.quarantine.rows();
    expect(row).toMatchObject({ message: 'event ball', error: { code: 'LIVELOCK' } });
    await tell(node, 'ping', { type: 'counted', left: 2 });
    await node.world.elapse(5_000);
    expect(node.kernel.cells.get('agent/pong/k')?.host?.describe().state).toBeDefined();
    expect(causesOf(node)).toHaveLength(1);
  });

  it('of a machine between two states, by timers that take no time, fails its task', async () => {
    const node = await start();
    const { result } = await node.finish({ agent: 'spinner' });
    expect(result).toMatchObject({ status: 'failed', error: { code: 'LIVELOCK', details: { states: 2 } } });
    expect(causesOf(node)).toEqual(['livelock']);
    const supervisor = node.tree.describe().supervisors.flatMap(({ supervisors }) => supervisors);
    expect(supervisor.find(({ address }) => address === 'supervisor/agents/spinner')).toMatchObject({
      failures: 1,
      lastError: { code: 'LIVELOCK' },
    });
  });

  it('of a machine that raises the same event again and again, a moment later, fails its task', async () => {
    const node = await start();
    expect((await node.finish({ agent: 'raiser' })).result).toMatchObject({ error: { code: 'LIVELOCK' } });
  });

  it('of an actor that sends to itself fails its task', async () => {
    const node = await start();
    const { task } = node.submit({ agent: 'selfish' });
    await node.world.settle();
    const to = `run/${task}/main/1`;
    const signaled = node.desk.signal('loopback', task, 'again', { to });
    await node.world.elapse(2_000);
    await signaled;
    expect((await node.end(task)).result).toMatchObject({ error: { code: 'LIVELOCK', details: { actor: to } } });
  });

  it('is found soon, and not before a chain is long', async () => {
    const node = await start();
    node.kernel.deliver('agent/ping/k', { type: 'ball' });
    await node.world.elapse(5_000);
    const error = node.log.find(
      ({ message }) => message === 'A message was set aside: it can be inspected, edited, replayed and discarded.',
    );
    const count = Number(/(\d+) messages after/.exec(String(error?.fields['error']))?.[1]);
    expect(count).toBeGreaterThan(HOPS_FREE);
    expect(count).toBeLessThan(HOPS_FREE + 2 * REPEATS_MAX + 20);
  });
});

describe('Not a circle', () => {
  it('is a long chain whose states and messages are new each time', async () => {
    const node = await start();
    await tell(node, 'ping', { type: 'counted', left: 4_000 });
    await node.world.elapse(1_000);
    expect(causesOf(node)).toEqual([]);
    expect((await node.finish({ agent: 'counter' })).result).toMatchObject({ status: 'completed', output: 3_000 });
  });

  it('is what clients send again and again', async () => {
    const node = await start();
    for (let index = 0; index < HOPS_FREE + 2 * REPEATS_MAX; index++) {
      node.kernel.deliver('agent/echo/k', { type: 'ping' });
      if (index % 100 === 0) await node.world.settle();
    }
    await node.world.settle();
    expect(causesOf(node)).toEqual([]);
  });

  it('is a machine that waits in between, for however long it goes on', async () => {
    const node = await start();
    const { task } = node.submit({ agent: 'patient' });
    await node.world.elapse(50 * (HOPS_FREE + 2 * REPEATS_MAX));
    expect((await node.store.readTask(task))?.status).toBe('working');
  });
});
