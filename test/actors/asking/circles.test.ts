import { assign, sendTo, setup } from 'xstate';
import { describe, expect, it } from 'vitest';
import { type AgentOptions, defineAgent } from '../../../actors/agent-definition.ts';
import { ASK_DEPTH_MAX, type AskLink, extendChain } from '../../../runtime/ask-chain.ts';
import { ask } from '../../../runtime/machine-messages.ts';
import { addressOf } from '../../../runtime/machine-references.ts';
import { createWorkNode, type WorkNode } from '../../support/work-node.ts';

type Heard =
  /** Asks the next of `route`, by its effect or as an actor of the machine, and answers with what came of it. */
  | { readonly type: 'pass'; readonly route: readonly string[]; readonly replyTo: string }
  /** Answers first, and asks then. */
  | { readonly type: 'early'; readonly route: readonly string[]; readonly replyTo: string }
  | { readonly type: 'said'; readonly replyTo: string };

interface Passing {
  readonly replyTo: string;
  readonly route: readonly string[];
  readonly said: readonly string[];
}

const WORDS = 10_000;

/** One link of a circle: `how` it asks. */
function link(name: string, how: 'effect' | 'ask' | 'two effects', more: Partial<AgentOptions> = {}) {
  const note = ({ context, event }: { context: Passing; event: unknown }) => [
    ...context.said,
    ((event as { error?: { code?: string } }).error?.code ?? (event as { output?: unknown }).output) as string,
  ];
  const invoke = (src: 'effect' | 'ask') => ({
    src,
    input: ({ context }: { context: Passing }) => {
      const [next = '', ...route] = context.route;
      const type = next.startsWith('~') ? 'early' : route.length > 0 ? 'pass' : 'said';
      const asked = { agent: next.replace('~', ''), key: 'k', event: { type, route }, timeoutMs: 60_000 };
      return src === 'ask' ? asked : { name: 'ask', input: asked };
    },
    onDone: { target: 'idle', actions: ['answer', 'forget'] },
    onError: { target: 'idle', actions: ['note', 'answerError', 'forget'] },
  });
  const machine = setup({
    types: { context: {} as Passing, events: {} as Heard },
    actors: { ask },
    actions: {
      note: assign({ said: (args: { context: Passing; event: unknown }) => note(args) }),
      forget: assign({ replyTo: '' }),
      answer: sendTo(
        ({ context }: { context: Passing }) => addressOf(context.replyTo),
        ({ event }: { event: unknown }) => ({ type: 'passed', ...(event as { output: object }).output }),
      ),
      answerError: sendTo(
        ({ context }: { context: Passing }) => addressOf(context.replyTo),
        ({ event }: { event: unknown }) => ({ type: 'rejected', error: errorOf(event) }),
      ),
    },
  }).createMachine({
    id: name,
    context: { replyTo: '', route: [], said: [] },
    initial: 'idle',
    states: {
      idle: {
        on: {
          pass: {
            target: how === 'two effects' ? 'before' : 'asking',
            actions: assign(({ event }) => ({ replyTo: event.replyTo, route: event.route })),
          },
          early: {
            target: 'asking',
            actions: [
              assign(({ event }) => ({ replyTo: event.replyTo, route: event.route })),
              sendTo(({ event }) => addressOf(event.replyTo), { type: 'passed', word: 'early' }),
            ],
          },
        },
      },
      before: { invoke: { src: 'effect', input: { name: 'nothing' }, onDone: 'asking', onError: 'idle' } } as never,
      asking: { invoke: invoke(how === 'ask' ? 'ask' : 'effect') } as never,
    },
    on: {
      said: {
        actions: sendTo(
          ({ event }) => addressOf(event.replyTo),
          ({ context }) => ({ type: 'said', said: context.said }),
        ),
      },
    },
  });
  const effects: AgentOptions['effects'] = {
    nothing: { run: () => null },
    ask: {
      run: ({ input, ctx }) => {
        const { agent, key, event, timeoutMs } = input as {
          agent: string;
          key: string;
          event: Heard;
          timeoutMs: number;
        };
        return ctx.ask(agent, key, event, timeoutMs);
      },
    },
  };
  return defineAgent({ name, version: '1.0.0', keyed: true, machine, effects, ...more });
}

function errorOf(event: unknown): unknown {
  const { code, message, details } = (event as { error: { code: string; message: string; details?: unknown } }).error;
  return { code, message, details };
}

async function passed(node: WorkNode, ...route: readonly string[]): Promise<unknown> {
  const [first = '', ...rest] = route;
  const asked = node.desk.ask(first, 'k', { type: 'pass', route: rest }, WORDS).catch((error: unknown) => error);
  await node.world.elapse(WORDS);
  return await asked;
}

const circle = (...names: readonly string[]) => names.map((name) => `agent/${name}/k`);

describe.each(['effect', 'ask', 'two effects'] as const)('A circle of questions, asked by %s,', (how) => {
  const agents = ['a', 'b', 'c'].map((name) => link(name, how));

  it.each([
    [
      ['a', 'a'],
      ['a', 'a'],
    ],
    [
      ['a', 'b', 'a'],
      ['a', 'b', 'a'],
    ],
    [
      ['a', 'b', 'c', 'a'],
      ['a', 'b', 'c', 'a'],
    ],
    [
      ['a', 'b', 'c', 'b'],
      ['b', 'c', 'b'],
    ],
  ])('of %j is not closed, and named', async (route, named) => {
    const node = await createWorkNode({ agents });
    const outcome = await passed(node, ...route);
    const names = circle(...named);
    expect(outcome).toMatchObject({ code: 'LIVELOCK', retryable: false, details: { circle: names } });
    expect((outcome as Error).message).toContain(names.join(' asks '));
    expect(node.counts.deadLetters.size).toBe(0);
  });

  it('that is none is not taken for one: an actor may be asked by several, one after the other', async () => {
    const node = await createWorkNode({ agents });
    expect(await passed(node, 'a', 'b', 'c')).toEqual({ said: [] });
    expect(await passed(node, 'c', 'b', 'a')).toEqual({ said: [] });
  });
});

describe('A circle of questions', () => {
  it('is seen through a coordinator that hands messages on', async () => {
    const coordinator = defineAgent({
      name: 'coordinator',
      version: '1.0.0',
      keyed: true,
      machine: setup({
        types: { events: {} as { type: 'mediate'; address: string; event: { type: string } } },
      }).createMachine({
        on: {
          mediate: {
            actions: sendTo(
              ({ event }) => addressOf(event.address),
              ({ event }) => event.event,
            ),
          },
        },
      }),
    });
    const agents = [link('a', 'effect'), link('b', 'effect', { via: 'coordinator' }), coordinator];
    const node = await createWorkNode({ agents });
    expect(await passed(node, 'a', 'b', 'a')).toMatchObject({
      code: 'LIVELOCK',
      details: { circle: circle('a', 'b', 'a') },
    });
    expect(await passed(node, 'a', 'b')).toEqual({ said: ['LIVELOCK'] });
  });

  it('is none where the question was answered before another is asked', async () => {
    const node = await createWorkNode({ agents: ['a', 'b'].map((name) => link(name, 'effect')) });
    expect(await passed(node, 'a', '~b', 'a')).toEqual({ word: 'early' });
    expect(await passed(node, 'b', 'a')).toEqual({ said: [] });
    const said = node.desk.ask('b', 'k', { type: 'said' }, WORDS);
    await node.world.settle();
    expect(await said).toEqual({ said: [] });
  });
});

describe('A chain of questions', () => {
  const chain = (length: number): AskLink[] =>
    Array.from({ length }, (_, n) => ({ asker: `agent/a/${n}`, question: `question/${n}` }));
  const me: AskLink = { asker: 'agent/me/k', question: 'question/mine' };

  it('has a bound', () => {
    expect(extendChain(chain(ASK_DEPTH_MAX - 1), me, 'agent/x/k', () => true)).toHaveLength(ASK_DEPTH_MAX);
    expect(() => extendChain(chain(ASK_DEPTH_MAX), me, 'agent/x/k', () => true)).toThrow(/32 actors wait/);
  });

  it('forgets those who do not wait any more', () => {
    const isOpen = (question: string): boolean => question !== 'question/1';
    expect(extendChain(chain(3), me, 'agent/a/1', isOpen).map(({ asker }) => asker)).toEqual([
      ...['agent/a/0', 'agent/a/2', 'agent/me/k'],
    ]);
    expect(() => extendChain(chain(3), me, 'agent/a/2', isOpen)).toThrow('agent/a/2 asks agent/me/k asks agent/a/2');
  });
});
