import { assign, setup } from 'xstate';
import { describe, expect, it } from 'vitest';
import { defineAgent } from '../../actors/agent-definition.ts';
import { OperatingError } from '../../protocol/errors.ts';
import { effect } from '../../runtime/machine-effects.ts';
import { createWorkNode } from '../support/work-node.ts';
import { caller, OtherSide } from './ledger-rig.ts';

const ME = 'loopback';

function never(): Promise<never> {
  return new Promise<never>(() => undefined);
}

describe('An attempt', () => {
  it('that the death of the node cut off goes on, and does not count', async () => {
    let failures = 0;
    let lives = 0;
    const faulty = defineAgent({
      name: 'faulty',
      version: '1.0.0',
      retry: { attempts: 2, backoffMs: 10 },
      run: async ({ ctx }) => {
        if (++lives <= 3) await never();
        if (++failures < 2) throw new TypeError(`attempt ${ctx.attempt}`);
        return ctx.attempt;
      },
    });
    let node = await createWorkNode({ agents: [faulty] });
    const { task } = node.submit({ agent: 'faulty' });
    for (let seed = 2; seed < 5; seed++) {
      await node.world.settle();
      node.kill();
      node = await createWorkNode({ agents: [faulty], disk: node.disk, seed });
    }
    expect(await node.end(task)).toMatchObject({ status: 'completed', result: { output: 2, usage: { steps: 2 } } });
    expect([lives, failures]).toEqual([5, 2]);
  });

  it.each(['run', 'journal', 'machine'] as const)(
    'after one whose unsafe call failed does not make it again (%s)',
    async (form) => {
      const other = new OtherSide();
      const node = await createWorkNode({ agents: [caller(form, 'unsafe', (key) => other.call(key))] });
      const { task } = node.submit({ agent: 'caller' });
      await node.world.settle();
      other.refuse(new OperatingError('UNAVAILABLE', 'the line went dead'));
      expect(await node.end(task)).toMatchObject({ status: 'failed', result: { error: { code: 'UNAVAILABLE' } } });
      expect(other.calls).toBe(1);
    },
  );

  it('of a machine is given what its unsafe effect brought before', async () => {
    let charges = 0;
    let sends = 0;
    const shop = defineAgent({
      name: 'shop',
      version: '1.0.0',
      retry: { attempts: 3, backoffMs: 10 },
      effects: {
        charge: { kind: 'unsafe', run: () => `receipt ${++charges}` },
        send: {
          run: ({ input }) => {
            if (++sends < 3) throw new TypeError('not yet');
            return input;
          },
        },
      },
      machine: setup({ types: { context: {} as { receipt: unknown } }, actors: { effect } }).createMachine({
        context: { receipt: undefined },
        initial: 'charging',
        states: {
          charging: {
            invoke: {
              src: 'effect',
              input: { name: 'charge', input: { cents: 5 } },
              onDone: { target: 'sending', actions: assign({ receipt: ({ event }) => event.output }) },
            },
          },
          sending: {
            invoke: {
              src: 'effect',
              input: ({ context }) => ({ name: 'send', input: context.receipt }),
              onDone: 'sent',
            },
          },
          sent: { type: 'final' },
        },
        output: ({ context }) => context.receipt,
      }),
    });
    const node = await createWorkNode({ agents: [shop] });
    expect(await node.finish({ agent: 'shop' })).toMatchObject({
      status: 'completed',
      result: { output: 'receipt 1', usage: { steps: 3 } },
    });
    expect([charges, sends]).toEqual([1, 3]);
  });

  it('of a machine that comes with another input for an unsafe effect is refused, and nothing is made twice', async () => {
    const inputs: unknown[] = [];
    const fickle = defineAgent({
      name: 'fickle',
      version: '1.0.0',
      retry: { attempts: 3, backoffMs: 10 },
      effects: {
        charge: { kind: 'unsafe', run: ({ input }) => inputs.push(input) },
        fail: {
          run: () => {
            throw new TypeError('not yet');
          },
        },
      },
      machine: setup({ types: { context: {} as { cents: number } }, actors: { effect } }).createMachine({
        context: () => ({ cents: inputs.length }),
        initial: 'charging',
        states: {
          charging: {
            invoke: {
              src: 'effect',
              input: ({ context }) => ({ name: 'charge', input: { cents: context.cents } }),
              onDone: 'failing',
            },
          },
          failing: { invoke: { src: 'effect', input: { name: 'fail' } } },
        },
      }),
    });
    const node = await createWorkNode({ agents: [fickle] });
    expect(await node.finish({ agent: 'fickle' })).toMatchObject({
      status: 'failed',
      result: { error: { code: 'JOURNAL_MISMATCH' } },
    });
    expect(inputs).toEqual([{ cents: 0 }]);
  });

  it('finds the journals of a machine that enters a state again apart from each other', async () => {
    let made = 0;
    const twice = defineAgent({
      name: 'twice',
      version: '1.0.0',
      effects: { draw: { run: ({ ctx }) => ctx.journal('draw', () => ++made) } },
      machine: setup({ types: { context: {} as { drawn: unknown[] } }, actors: { effect } }).createMachine({
        context: { drawn: [] },
        initial: 'drawing',
        states: {
          drawing: {
            invoke: {
              src: 'effect',
              input: { name: 'draw' },
              onDone: {
                target: 'looking',
                actions: assign({ drawn: ({ context, event }) => [...context.drawn, event.output] }),
              },
            },
          },
          looking: { always: [{ target: 'drawn', guard: ({ context }) => context.drawn.length === 3 }, 'drawing'] },
          drawn: { type: 'final' },
        },
        output: ({ context }) => context.drawn,
      }),
    });
    const node = await createWorkNode({ agents: [twice] });
    expect(await node.finish({ agent: 'twice' })).toMatchObject({ result: { output: [1, 2, 3] } });
  });

  it('that ran out of time in an unsafe call is followed by one that waits for a word, which the call itself may give', async () => {
    const other = new OtherSide();
    const slow = defineAgent({
      name: 'slow',
      version: '1.0.0',
      timeoutMs: 1_000,
      retry: { attempts: 3, backoffMs: 10 },
      run: ({ ctx }) => ctx.journal('pay', (key) => other.call(key), { kind: 'unsafe' }),
    });
    const node = await createWorkNode({ agents: [slow] });
    const { task } = node.submit({ agent: 'slow' });
    await node.world.elapse(60_000);
    expect(await node.store.readTask(task)).toMatchObject({ status: 'input-required' });
    const [effect] = (await node.effects.list(ME, { limit: 10 })).effects;
    expect(effect).toMatchObject({
      task,
      attempt: 2,
      why: 'The attempt that made it was cut off before it came back.',
    });
    other.answer('at last');
    expect(await node.end(task)).toMatchObject({ status: 'completed', result: { output: 'at last' } });
    expect(await node.effects.get(ME, String(effect?.id))).toMatchObject({
      state: 'resolved',
      decision: { by: 'the call itself' },
    });
    expect(other.calls).toBe(1);
  });
});
