/** Versions of workflows over REST; and what one step may do beyond calling an agent, each from the outside of a whole node. */
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { type Rig, startRig } from './rig.ts';

let rig: Rig;
beforeAll(async () => {
  rig = await startRig();
});
afterAll(async () => await rig.stop());

const post = async (path: string, body: unknown) => await rig.send('POST', path, body);

async function resultOf(steps: readonly object[], input: unknown = {}) {
  const { json } = await post('/api/v1/tasks?wait=10', { graph: { steps }, input });
  return json;
}

async function define(graph: object): Promise<void> {
  const { status, text } = await post('/api/v1/workflows', graph);
  if (status !== 201) throw new TypeError(text);
}

async function entries(name: string): Promise<unknown[]> {
  const { json } = await rig.get('/api/v1/workflows?limit=200');
  return (json['workflows'] as { readonly name: string }[]).filter((entry) => entry.name === name);
}

const flaky = { agent: 'lab.flaky', input: { failures: 9 }, retry: { attempts: 1 } };

describe('A step, seen from outside', () => {
  it('waits for a time', async () => {
    expect(await resultOf([{ id: 'a', delayMs: 20, agent: 'lab.echo', input: 1 }])).toMatchObject({ output: { a: 1 } });
  });

  it('waits for a signal, also one that was sent before', async () => {
    const steps = [
      { id: 'a', signal: { name: 'one' } },
      { id: 'b', signal: { name: 'two' }, needs: ['a'] },
    ];
    const task = await rig.submit({ graph: { steps, output: '${[steps.a.output, steps.b.output]}' } });
    for (const name of ['two', 'one'])
      expect(await post(`/api/v1/tasks/${task}/signals/${name}`, { of: name })).toMatchObject({ status: 202 });
    await vi.waitFor(async () => {
      expect((await rig.get(`/api/v1/tasks/${task}`)).json).toMatchObject({
        status: 'completed',
        result: { output: [{ of: 'one' }, { of: 'two' }] },
      });
    });
  });

  it('waits for an approval', async () => {
    const approval = { deadlineMs: 20, onExpire: 'approve' };
    expect(await resultOf([{ id: 'a', approval, agent: 'lab.echo', input: 1 }])).toMatchObject({ output: { a: 1 } });
    expect(await resultOf([{ id: 'a', approval: { ...approval, onExpire: 'reject' } }])).toMatchObject({
      status: 'failed',
      error: { code: 'FORBIDDEN', message: 'Step a failed: It was rejected, since nobody decided in time.' },
    });
  });

  it('repeats its work', async () => {
    const step = { id: 'a', agent: 'lab.echo', input: '${round * 10}', loop: { while: 'steps.a.output < 30', max: 5 } };
    expect(await resultOf([step])).toMatchObject({ output: { a: 30 } });
    expect(await resultOf([{ ...step, loop: { ...step.loop, max: 2 } }])).toMatchObject({
      error: { code: 'LIVELOCK' },
    });
  });

  it('falls back to other calls', async () => {
    const fallback = [flaky, { agent: 'lab.echo', input: 'plan C' }];
    expect(await resultOf([{ id: 'a', ...flaky, fallback }])).toMatchObject({
      status: 'completed',
      output: { a: 'plan C' },
      degraded: [{ step: 'a', code: 'AGENT_FAILED' }],
    });
  });

  it('calls a workflow', async () => {
    await define({
      name: 'called',
      version: '1.0.0',
      steps: [{ id: 'x', agent: 'lab.echo' }],
      output: '${steps.x.output}',
    });
    const steps = [{ id: 'a', forEach: [1, 2], workflow: 'called', input: '${item * 2}' }];
    const json = await resultOf(steps);
    expect(json).toMatchObject({ output: { a: [2, 4] } });
    const { text } = await rig.get(`/api/v1/tasks/${String(json['task'])}/events`);
    expect(text).toContain('"step":"a:1.x"');
  });

  it('is refused with every fault of what it says', async () => {
    const steps = [
      { id: 'a', delayMs: 1, loop: { while: 'steps.b.output', max: 2 } },
      { id: 'b', workflow: 'nowhere', fallback: [{ agent: 'lab.ecko' }] },
      { id: 'c', signal: { name: '${item}' } },
    ];
    const { json } = await post('/api/v1/tasks', { graph: { steps } });
    expect(json).toMatchObject({ code: 'WORKFLOW_INVALID' });
    const { issues } = json['details'] as {
      readonly issues: readonly { readonly code: string; readonly at: string }[];
    };
    expect(issues.map(({ code, at }) => `${code} ${at}`).toSorted()).toEqual([
      'NO_AGENT /steps/1/fallback/0/agent',
      'NO_AGENT /steps/1/workflow',
      'OUT_OF_PLACE /steps/0/loop',
      'OUT_OF_PLACE /steps/2/signal/name',
    ]);
  });
});

describe('Versions of a workflow, seen from outside', () => {
  const steps = [{ id: 'w', signal: { name: 'go' } }];
  const brief = (version: string, more: object = {}): object => ({ name: 'brief', version, steps, ...more });

  it('are listed with what runs of them, drained, and taken away', async () => {
    await define(brief('1.0.0'));
    const task = await rig.submit({ workflow: 'brief' });
    await define(brief('2.0.0', { onNewVersion: 'drain' }));
    expect(await entries('brief')).toEqual([
      {
        name: 'brief',
        version: '1.0.0',
        steps: ['w'],
        source: 'registered',
        state: 'draining',
        running: 1,
        successor: 'brief@2.0.0',
      },
      { name: 'brief', version: '2.0.0', steps: ['w'], source: 'registered', state: 'ready', running: 0 },
    ]);
    expect(await post('/api/v1/tasks', { workflow: 'brief@1.0.0' })).toMatchObject({
      status: 409,
      json: { code: 'STATE_CONFLICT', details: { successor: 'brief@2.0.0' } },
    });
    expect(await rig.send('DELETE', '/api/v1/workflows/brief@1.0.0')).toMatchObject({
      status: 200,
      json: { workflow: 'brief@1.0.0', running: 1, callers: [] },
    });
    expect(await entries('brief')).toMatchObject([
      { version: '1.0.0', source: null, state: 'gone' },
      { version: '2.0.0' },
    ]);
    expect(await rig.send('DELETE', '/api/v1/workflows/brief')).toMatchObject({ status: 422 });
    expect(await rig.send('DELETE', '/api/v1/workflows/brief@1.0.0')).toMatchObject({ status: 404 });
    expect(await rig.send('DELETE', '/api/v1/workflows/analyse-dataset@1.0.0')).toMatchObject({ status: 409 });
    await post(`/api/v1/tasks/${task}/signals/go`, {});
    await vi.waitFor(async () => expect(await entries('brief')).toHaveLength(1));
  });

  it('take over what runs, where it fits', async () => {
    const b = { id: 'b', agent: 'lab.echo', input: 2, needs: ['w'] };
    const moving = (version: string, all: readonly object[]): object => ({ name: 'moving', version, steps: all });
    await define(moving('1.0.0', steps));
    const task = await rig.submit({ workflow: 'moving' });
    await define(moving('2.0.0', [...steps, b]));
    await define(moving('3.0.0', [b, { id: 'w', delayMs: 1 }]));
    const migrate = async (workflow: unknown) => await post(`/api/v1/tasks/${task}/migrate`, { workflow });
    expect(await migrate('moving@3.0.0')).toMatchObject({
      status: 409,
      json: { code: 'STATE_CONFLICT', details: { issues: [{ code: 'STEP_CHANGED', at: '/steps/0' }] } },
    });
    expect(await migrate('moving@2.0.0')).toMatchObject({
      status: 200,
      json: { task, from: 'moving@1.0.0', to: 'moving@2.0.0' },
    });
    expect(await migrate(7)).toMatchObject({ status: 422, json: { code: 'INVALID_INPUT' } });
    await post(`/api/v1/tasks/${task}/signals/go`, {});
    await vi.waitFor(async () => {
      expect((await rig.get(`/api/v1/tasks/${task}`)).json).toMatchObject({ result: { output: { b: 2 } } });
    });
    expect(await migrate('moving@1.0.0')).toMatchObject({ status: 409 });
  });
});
