/** What a machine says to others than its own actors: to the log, to its parent, to nobody. */
import { addressOf } from '../../index.ts';
import { createMachine, log, sendParent, sendTo, setup } from 'xstate';
import { describe, expect, it } from 'vitest';
import { type AgentOptions, defineAgent } from '../../actors/agent-definition.ts';
import type { Log } from '../../runtime/log.ts';
import { createWorkNode, type WorkNode } from '../support/work-node.ts';

interface Line {
  readonly level: string;
  readonly message: string;
  readonly fields: object | undefined;
}

function noting(lines: Line[]): Log {
  const at = (level: string) => (message: string, fields?: object) => void lines.push({ level, message, fields });
  const made: Log = {
    enabled: () => true,
    error: at('error'),
    warn: at('warn'),
    info: at('info'),
    debug: at('debug'),
    trace: at('trace'),
    child: () => made,
  };
  return made;
}

async function nodeOf(options: Partial<AgentOptions>): Promise<{ node: WorkNode; lines: Line[]; found: Line[] }> {
  const lines: Line[] = [];
  const agent = defineAgent({ name: 'voice', version: '1.0.0', ...options });
  const node = await createWorkNode({ agents: [agent], log: noting(lines) });
  const found = lines
    .splice(0)
    .filter(({ fields }) => (fields as { readonly agent?: unknown }).agent === 'voice@1.0.0');
  return { node, lines, found };
}

describe('A log action', () => {
  it('writes to the log of the node, with the agent and the address of the actor', async () => {
    const { node, lines } = await nodeOf({
      machine: createMachine({
        initial: 'a',
        states: {
          a: { entry: [log('plain'), log(() => ({ n: 1, at: [2] }), 'labelled')], always: 'z' },
          z: { type: 'final' },
        },
      }),
    });
    const { id } = await node.finish({ agent: 'voice' });
    const fields = { agent: 'voice@1.0.0', actor: `run/${id}/main/1` };
    expect(lines).toEqual([
      { level: 'info', message: 'plain', fields },
      { level: 'info', message: 'labelled { n: 1, at: [ 2 ] }', fields },
    ]);
  });

  it('that has a lot to say is cut', async () => {
    const { node, lines } = await nodeOf({
      machine: createMachine({
        initial: 'a',
        states: { a: { entry: log('x'.repeat(100_000)), always: 'z' }, z: { type: 'final' } },
      }),
    });
    await node.finish({ agent: 'voice' });
    expect(lines[0]?.message.length).toBe(4_000);
  });
});

describe('sendParent of a machine itself', () => {
  it('reaches the owner of the work, once it is committed, as something that a machine has told', async () => {
    const { node } = await nodeOf({
      machine: createMachine({
        initial: 'a',
        states: { a: { on: { GO: { actions: sendParent({ type: 'child.done', output: 'forged' }) } } } },
      }),
    });
    const { task } = node.submit({ agent: 'voice' });
    await node.world.settle();
    const step = node.kernel.cells.get(`step/${task}/main`);
    const heard: unknown[] = [];
    const send = step?.host?.send.bind(step.host);
    Object.assign(step?.host as object, {
      send: (event: object) => {
        heard.push(event);
        send?.(event as never);
      },
    });
    node.kernel.deliver(`run/${task}/main/1`, { type: 'GO' });
    await node.world.settle();
    expect(heard).toEqual([
      {
        type: 'run.told',
        address: `run/${task}/main/1`,
        event: { type: 'child.done', output: 'forged' },
      },
    ]);
    // What it said could not pass for its end.
    expect((await node.store.readTask(task))?.result).toBeUndefined();
    expect([...node.counts.deadLetters]).toEqual([]);
  });

  it('of a keyed actor, which nobody owns, is a dead letter with a reason and a line in the log', async () => {
    const { node, lines } = await nodeOf({
      keyed: true,
      machine: setup({}).createMachine({
        on: {
          GO: { actions: sendParent({ type: 'UP' }) },
          OUT: { actions: sendTo(addressOf('task/none'), { type: 'X' }) },
        },
      }),
    });
    node.kernel.deliver('agent/voice/k', { type: 'GO' });
    await node.world.settle();
    expect([...node.counts.deadLetters]).toEqual([['no_parent', 1]]);
    expect(lines).toEqual([
      {
        level: 'warn',
        message: 'A message reached nobody.',
        fields: {
          agent: 'voice@1.0.0',
          actor: 'agent/voice/k',
          code: 'NOT_FOUND',
          error: 'agent/voice/k has no parent that UP could go to.',
        },
      },
    ]);
    node.kernel.deliver('agent/voice/k', { type: 'OUT' });
    await node.world.settle();
    expect(node.counts.deadLetters.get('no_actor')).toBe(1);
  });
});

describe('The definition linter', () => {
  const machine = createMachine({ id: 'm', initial: 'a', states: { a: { on: { N: 'z' } }, z: { type: 'final' } } });

  it('says what it found once, when the agent is registered, with all that is needed to find it', async () => {
    const { found } = await nodeOf({ machine });
    expect(found).toEqual([
      {
        level: 'warn',
        message: 'The linter has found something in a machine.',
        fields: {
          agent: 'voice@1.0.0',
          machine: 'm',
          severity: 'warning',
          rule: 'no-deadline',
          place: 'states.a',
          problem: 'It is left only by an event from outside, and waits for that without a deadline.',
          wayOut: 'Add `after`, with what is to be done if nothing comes.',
        },
      },
    ]);
  });

  it('is silent about rules that the agent ignores, and knows keyed agents', async () => {
    expect((await nodeOf({ machine, lint: { ignore: ['no-deadline'] } })).found).toEqual([]);
    expect((await nodeOf({ machine, keyed: true })).found).toEqual([]);
    expect(() =>
      defineAgent({ name: 'x', version: '1.0.0', machine, lint: { ignore: ['nonsense' as never] } }),
    ).toThrow(/`lint\.ignore` names "nonsense": the rules are unkeepable-context, /);
  });
});
