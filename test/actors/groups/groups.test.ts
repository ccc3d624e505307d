import { sendTo, setup } from 'xstate';
import { describe, expect, it } from 'vitest';
import { type AgentOptions, defineAgent } from '../../../actors/agent-definition.ts';
import type { Audience } from '../../../actors/groups/group-desk.ts';
import { LIMITS } from '../../../protocol/limits.ts';
import { effect } from '../../../runtime/machine-effects.ts';
import { addressOf } from '../../../runtime/machine-references.ts';
import { MemoryDisk } from '../../../runtime/stores/memory-store.ts';
import { scribe } from '../../support/scribe.ts';
import { createWorkNode, type WorkNode } from '../../support/work-node.ts';

async function settled<T>(node: WorkNode, promise: Promise<T>): Promise<T> {
  void promise.catch(() => undefined);
  await node.world.settle();
  return await promise;
}

const heard = async (node: WorkNode, agent: string, key: string): Promise<unknown[]> =>
  ((await settled(node, node.desk.ask(agent, key, { type: 'read' }, 10_000))) as { heard: unknown[] }).heard;
const broadcast = (node: WorkNode, audience: Audience, event: { type: string; [field: string]: unknown }) =>
  settled(node, node.groups.broadcast(audience, event, 'outside'));

const PAIR = [scribe('one', { capabilities: ['hearing'] }), scribe('two', { capabilities: ['hearing'] })];
const NEWS = { type: 'news', text: 'hi', replyTo: 'task/x' };

describe('A group', () => {
  it('has members who join and leave, durably; what is sent to it reaches each of them', async () => {
    const disk = new MemoryDisk();
    const first = await createWorkNode({ agents: PAIR, disk });
    await settled(first, first.groups.join('staff', ['one', 'a']));
    await settled(first, first.groups.join('staff', ['two', 'b/c']));
    await settled(first, first.groups.join('staff', ['two', 'd']));
    await settled(first, first.groups.join('staff', ['one', 'a']));
    expect(await settled(first, first.groups.leave('staff', ['two', 'd']))).toEqual({
      group: 'staff',
      members: [
        { agent: 'one', key: 'a' },
        { agent: 'two', key: 'b/c' },
      ],
    });
    first.kill();
    const second = await createWorkNode({ agents: PAIR, disk, seed: 2 });
    expect(second.groups.list(10, undefined)).toEqual({ groups: [{ group: 'staff', members: 2 }], cursor: null });
    expect(await broadcast(second, { group: 'staff' }, NEWS)).toEqual({ delivered: 2, refused: [] });
    second.kill();
    const third = await createWorkNode({ agents: PAIR, disk, seed: 3 });
    for (const [agent, key] of [
      ['one', 'a'],
      ['two', 'b/c'],
    ] as const)
      expect(await heard(third, agent, key)).toEqual([{ type: 'news', text: 'hi' }]);
    for (const member of [
      ['one', 'a'],
      ['two', 'b/c'],
    ] as const)
      await settled(third, third.groups.leave('staff', member));
    expect(third.groups.list(10, undefined).groups).toEqual([]);
    await expect(broadcast(third, { group: 'staff' }, NEWS)).rejects.toMatchObject({ code: 'NOT_FOUND' });
    expect(third.disk.keys().filter((key) => key.includes('group'))).toEqual([]);
  });

  it('names those of its members that could not take a message', async () => {
    const node = await createWorkNode({ agents: PAIR });
    for (const agent of ['one', 'two']) await settled(node, node.groups.join('staff', [agent, 'k']));
    node.registry.unregisterAgent('two');
    expect(await broadcast(node, { group: 'staff' }, NEWS)).toMatchObject({
      delivered: 1,
      refused: [{ agent: 'two', key: 'k', code: 'NO_AGENT' }],
    });
  });

  it('takes in actors of keyed agents alone, and so many', async () => {
    const node = await createWorkNode({ agents: PAIR });
    await expect(settled(node, node.groups.join('g', ['lab.echo', 'k']))).rejects.toMatchObject({
      code: 'INVALID_INPUT',
    });
    await expect(settled(node, node.groups.join('g', ['nobody', 'k']))).rejects.toMatchObject({ code: 'NO_AGENT' });
    const joining = Array.from({ length: LIMITS.groupMembersMax }, (_, n) => node.groups.join('g', ['one', `k${n}`]));
    await settled(node, Promise.all(joining));
    await expect(settled(node, node.groups.join('g', ['two', 'k']))).rejects.toMatchObject({ code: 'BUSY' });
    await settled(node, node.groups.remove('g'));
    await expect(settled(node, node.groups.read('g'))).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });
});

describe('A broadcast', () => {
  it('to a capability reaches the actors under one key of all keyed agents that offer it', async () => {
    const node = await createWorkNode({ agents: [...PAIR, scribe('three')] });
    expect(await broadcast(node, { capability: 'hearing', key: 'k' }, NEWS)).toEqual({ delivered: 2, refused: [] });
    for (const agent of ['one', 'two']) expect(await heard(node, agent, 'k')).toHaveLength(1);
    expect(await heard(node, 'three', 'k')).toEqual([]);
    await expect(broadcast(node, { capability: 'lab.echo', key: 'k' }, NEWS)).rejects.toMatchObject({
      code: 'NO_AGENT',
    });
  });

  it('by an agent is sent once, however often it begins again', async () => {
    const disk = new MemoryDisk();
    let isHeld = true;
    const caller = defineAgent({
      name: 'caller',
      version: '1.0.0',
      run: async ({ ctx }) => {
        const told = await ctx.broadcast({ group: 'staff' }, { type: 'news' });
        await ctx.broadcast({ capability: 'hearing', key: 'k' }, { type: 'more' });
        if (isHeld) await new Promise(() => undefined);
        return told;
      },
    });
    const agents = [...PAIR, caller];
    const first = await createWorkNode({ agents, disk });
    await settled(first, first.groups.join('staff', ['one', 'k']));
    const { task } = first.submit({ agent: 'caller' });
    await first.world.settle();
    first.kill();
    isHeld = false;
    const second = await createWorkNode({ agents, disk, seed: 2 });
    expect(await second.end(task)).toMatchObject({ result: { output: { delivered: 1, refused: [] } } });
    expect(await heard(second, 'one', 'k')).toEqual([{ type: 'news' }, { type: 'more' }]);
  });

  it('reaches an actor that has joined by itself, until it leaves', async () => {
    const effects: AgentOptions['effects'] = {
      join: { run: ({ ctx }) => ctx.join('club') },
      leave: { run: ({ ctx }) => ctx.leave('club') },
    };
    const machine = setup({
      types: { events: {} as { type: 'join' | 'leave' } },
      actors: { effect },
    }).createMachine({
      initial: 'idle',
      states: {
        idle: { on: { join: 'joining', leave: 'leaving' } },
        joining: { invoke: { src: 'effect', input: { name: 'join' }, onDone: 'idle', onError: 'idle' } },
        leaving: { invoke: { src: 'effect', input: { name: 'leave' }, onDone: 'idle', onError: 'idle' } },
      },
    });
    const lone = defineAgent({ name: 'lone', version: '1.0.0', run: ({ ctx }) => ctx.join('club') });
    const joiner = defineAgent({ name: 'joiner', version: '1.0.0', keyed: true, machine, effects });
    const node = await createWorkNode({ agents: [joiner, lone] });
    await settled(node, node.desk.tell('joiner', 'j', { type: 'join' }));
    await node.world.settle();
    expect(await settled(node, node.groups.read('club'))).toMatchObject({ members: [{ agent: 'joiner', key: 'j' }] });
    await settled(node, node.desk.tell('joiner', 'j', { type: 'leave' }));
    await node.world.settle();
    expect(node.groups.list(10, undefined).groups).toEqual([]);
    expect(await node.finish({ agent: 'lone' })).toMatchObject({ result: { error: { code: 'INVALID_INPUT' } } });
  });
});

describe('A coordinator', () => {
  interface Mediate {
    readonly type: 'mediate';
    readonly address: string;
    readonly from: string;
    readonly replyTo?: string;
    readonly event: { readonly type: string; readonly [field: string]: unknown };
  }
  const coordinator = defineAgent({
    name: 'coordinator',
    version: '1.0.0',
    keyed: true,
    effects: { spread: { run: ({ input, ctx }) => ctx.broadcast({ group: 'staff' }, input as Mediate['event']) } },
    machine: setup({ types: { events: {} as Mediate } }).createMachine({
      initial: 'idle',
      states: {
        idle: {
          on: {
            mediate: [
              { guard: ({ event }) => 'group' in event, target: 'spreading' },
              {
                guard: ({ event }) => event.event.type === 'forbidden',
                actions: sendTo(({ event }) => addressOf(event.replyTo ?? ''), {
                  type: 'rejected',
                  error: { code: 'FORBIDDEN', message: 'Not here.' },
                }),
              },
              {
                actions: sendTo(
                  ({ event }) => addressOf(event.address),
                  ({ event }) => ({ ...event.event, from: event.from }),
                ),
              },
            ],
          },
        },
        spreading: {
          invoke: {
            src: 'effect',
            input: ({ event }: { event: Mediate }) => ({ name: 'spread', input: event.event }),
            onDone: 'idle',
            onError: 'idle',
          },
        } as never,
      },
    }),
  });
  const guarded = scribe('guarded', { via: 'coordinator' });

  it('gets all that is sent to an agent, by whomever, and hands it on, changes it, or refuses it', async () => {
    const speaker = defineAgent({
      name: 'speaker',
      version: '1.0.0',
      keyed: true,
      machine: setup({ types: { events: {} as { type: 'speak' } } }).createMachine({
        on: { speak: { actions: sendTo(() => addressOf('agent/guarded/g'), { type: 'by.address' }) } },
      }),
    });
    const teller = defineAgent({
      name: 'teller',
      version: '1.0.0',
      run: async ({ ctx }) => {
        await ctx.tell('guarded', 'g', { type: 'told' });
        await ctx.broadcast({ capability: 'guarding', key: 'g' }, { type: 'spread' });
        return await ctx.ask('guarded', 'g', { type: 'forbidden' }).catch((error: { code: string }) => error.code);
      },
    });
    const agents = [
      coordinator,
      scribe('guarded', { via: 'coordinator', capabilities: ['guarding'] }),
      speaker,
      teller,
    ];
    const node = await createWorkNode({ agents });
    await settled(node, node.desk.tell('guarded', 'g', { type: 'outside' }));
    await settled(node, node.desk.tell('speaker', 's', { type: 'speak' }));
    const { result } = await node.finish({ agent: 'teller' });
    expect(result?.output).toBe('FORBIDDEN');
    await settled(
      node,
      node.subscriptions.define('loopback', 'g', { topic: 't', agent: 'guarded', key: 'g', event: 'topic' }, false),
    );
    await settled(node, node.topics.publish('loopback', { topic: 't' }));
    const all = (await heard(node, 'guarded', 'g')) as { type: string; from: string }[];
    expect(all.map(({ type }) => type)).toEqual(['outside', 'by.address', 'told', 'spread', 'topic']);
    expect(all.map(({ from }) => from.replace(/run\/.*/, 'run'))).toEqual([
      ...['outside', 'agent/speaker/s', 'run', 'run', 'subscription/g'],
    ]);
    await expect(settled(node, node.desk.ask('guarded', 'g', { type: 'forbidden' }, 1_000))).rejects.toMatchObject({
      code: 'FORBIDDEN',
      message: 'Not here.',
    });
  });

  it('may stand before a group', async () => {
    const node = await createWorkNode({ agents: [coordinator, ...PAIR] });
    await settled(node, node.groups.set('staff', 'coordinator'));
    for (const agent of ['one', 'two']) await settled(node, node.groups.join('staff', [agent, 'k']));
    expect(await broadcast(node, { group: 'staff' }, NEWS)).toEqual({ delivered: 0, refused: [] });
    for (const agent of ['one', 'two']) expect(await heard(node, agent, 'k')).toEqual([{ type: 'news', text: 'hi' }]);
    expect(await settled(node, node.groups.set('staff', undefined))).toMatchObject({ group: 'staff' });
    expect(await broadcast(node, { group: 'staff' }, NEWS)).toEqual({ delivered: 2, refused: [] });
    await expect(settled(node, node.groups.set('x', 'nobody'))).rejects.toMatchObject({ code: 'NO_AGENT' });
    await expect(settled(node, node.groups.set('x', 'lab.echo'))).rejects.toMatchObject({ code: 'INVALID_INPUT' });
  });

  it('must be there, and another keyed agent', async () => {
    const node = await createWorkNode({ agents: [guarded] });
    await expect(settled(node, node.desk.tell('guarded', 'g', { type: 'x' }))).rejects.toMatchObject({
      code: 'NO_AGENT',
    });
    const wrong = (more: Partial<AgentOptions>) => () => scribe('me', more);
    for (const via of ['me', 'no name', 'x/', '']) expect(wrong({ via })).toThrow(/`via` names another keyed agent/);
    expect(() => defineAgent({ name: 'f', version: '1.0.0', run: () => 1, via: 'coordinator' })).toThrow(
      /keyed agents/,
    );
  });
});
