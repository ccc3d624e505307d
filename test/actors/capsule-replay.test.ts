/** Replays of calls that were set aside, offline. Those of messages, and of whole files: test/cli/quarantine.slow.test.ts. */
import { createMachine } from 'xstate';
import { describe, expect, it } from 'vitest';
import { type AgentDefinition, defineAgent } from '../../actors/agent-definition.ts';
import { takeoverLogic } from '../../actors/agent-logic.ts';
import { replay } from '../../actors/capsule-replay.ts';
import { type Capsule, CAPSULE_FORMAT } from '../../runtime/capsule.ts';
import { createWorld } from '../../runtime/world.ts';
import { createNotingPort } from '../support/noting-port.ts';

const HOUR_MS = 3_600_000;
const WORK = { task: 'one', step: 'main', attempt: 1, owner: 'step/one/main', input: null };

/** A call of this agent during which the process ended three times. */
function ofCall(agent: string, key = 'run', more: Partial<Capsule> = {}): Capsule {
  return {
    format: CAPSULE_FORMAT,
    id: 'capsule',
    atMs: 1,
    cause: 'node',
    address: 'run/one/main/1',
    supervisors: [],
    permanent: false,
    logic: `agent:${agent}@1.0.0`,
    logicVersion: '1.0.0',
    structureHash: '',
    input: WORK,
    message: { kind: 'call', key },
    deliveries: 3,
    error: { code: 'AGENT_CRASHED', message: 'The process ended.', retryable: true },
    trail: [],
    leftOut: [],
    history: [],
    ...more,
  };
}

describe('A replayed call', () => {
  it('of a function does not wait for its waits, which end in their order, at their times', async () => {
    const ended: number[] = [];
    const sleepy = defineAgent({
      name: 'sleepy',
      version: '1.0.0',
      run: async ({ ctx }) => {
        const wait = async (ms: number): Promise<void> => {
          await ctx.sleep(ms);
          ended.push(ms);
        };
        await Promise.all([wait(24 * HOUR_MS), wait(HOUR_MS), wait(2 * HOUR_MS)]);
        // What comes at once comes before a wait.
        return await Promise.race([ctx.sleep(HOUR_MS), ctx.journal('look', () => Promise.resolve('seen'))]);
      },
    });
    const report = await replay(ofCall('sleepy'), { agents: [sleepy] });
    expect([report.output, ended]).toEqual(['seen', [HOUR_MS, 2 * HOUR_MS, 24 * HOUR_MS]]);
    expect(report.steps.filter((step) => step.includes('waits'))[0]).toBe('  waits 60000 ms, cut short');
  });

  it('that comes to what is not there offline says so: that is no failure of the agent', async () => {
    const asking = defineAgent({
      name: 'asking',
      version: '1.0.0',
      run: async ({ ctx }) => await ctx.ask('till', 'x', { type: 'read' }),
    });
    await expect(replay(ofCall('asking'), { agents: [asking] })).rejects.toMatchObject({
      code: 'NOT_AVAILABLE',
      details: { capsule: 'capsule' },
    });
  });

  it('of a machine is made by the effect that the machine asks for, with the input of that moment', async () => {
    const inputs: unknown[] = [];
    const payer = (run: (input: unknown) => unknown): AgentDefinition =>
      defineAgent({
        name: 'payer',
        version: '1.0.0',
        effects: { charge: { run: ({ input }) => Promise.resolve(run(input)) } },
        machine: createMachine({
          id: 'payer',
          initial: 'paying',
          states: {
            paying: {
              invoke: { src: 'effect', input: { name: 'charge', input: 7 }, onDone: 'paid' },
            },
            paid: { type: 'final' },
          },
        }),
      });
    const { factory } = takeoverLogic(
      payer(() => 1),
      createWorld(),
    );
    const noted = createNotingPort('run/one/main/1', WORK);
    const host = factory.create({ ...noted.port, reenter: () => {}, fail: () => {} }, null);
    host.start();
    const snapshot = factory.encode(host.checkpoint());
    const key = noted.asked[0]?.replace('call ', '') ?? '';
    const capsule = ofCall('payer', key, { snapshot, structureHash: factory.structureHash });
    const failing = payer(() => {
      throw new TypeError('no such card');
    });
    await expect(replay(capsule, { agents: [failing] })).rejects.toThrow('no such card');
    const report = await replay(capsule, { agents: [payer((input) => inputs.push(input))] });
    expect([report.status, report.output, inputs]).toEqual(['done', 1, [7]]);
    await expect(
      replay({ ...capsule, message: { kind: 'call', key: 'other' } }, { agents: [failing] }),
    ).rejects.toThrow('does not ask for that call');
  });
});
