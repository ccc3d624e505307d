import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Rig, startRig } from './rig.ts';

let rig: Rig;
beforeAll(async () => {
  rig = await startRig();
});
afterAll(async () => await rig.stop());

const echo = (id: string, more: object = {}) => ({ id, agent: 'lab.echo', ...more });
const plan = (body: object) => rig.send('POST', '/api/v1/plans', body);

describe('A plan over REST', () => {
  it('of a goal shows the template, what would run and what it is expected to take, and begins nothing', async () => {
    const { status, json, text } = await plan({ goal: 'analyse examples/data/penguins.json' });
    expect(status, text).toBe(200);
    expect(json).toMatchObject({
      ...{ source: 'template', by: 'analyse-dataset@1.0.0', confidence: 1 },
      input: { path: 'examples/data/penguins.json' },
      graph: { name: 'analyse-dataset' },
      analysis: { steps: 4, width: 2, levels: [['scan'], ['profile', 'correlate'], ['report']] },
    });
    const { estimate, steps, assumptions } = json as {
      estimate: { durationMs: { p50: number; p90: number } };
    } & Record<string, unknown[]>;
    expect(estimate.durationMs.p90).toBeGreaterThan(estimate.durationMs.p50);
    expect(steps).toHaveLength(4);
    expect(assumptions).toContainEqual(expect.stringContaining('profile: 10 items are assumed'));
    expect((await rig.get('/api/v1/tasks')).json['tasks']).toEqual([]);
  });

  it('of a graph counts the items that its input tells, and names the longest chain and what nobody uses', async () => {
    const graph = {
      steps: [
        echo('each', { forEach: '${input.names}' }),
        echo('then', { needs: ['each'] }),
        echo('aside', { delayMs: undefined }),
      ].map(({ delayMs: _none, ...step }: Record<string, unknown>) => step),
      output: '${steps.then.output}',
    };
    const { json } = await plan({ graph, input: { names: ['a', 'b', 'c'] } });
    expect(json).toMatchObject({
      source: 'graph',
      analysis: { criticalPath: ['each', 'then'], unusedOutputs: ['aside'] },
      steps: [{ step: 'each', items: 3, agents: ['lab.echo@1.0.0'] }, { step: 'aside' }, { step: 'then' }],
    });
  });

  it('of a workflow that is registered is of its steps', async () => {
    expect((await plan({ workflow: 'analyse-dataset' })).json).toMatchObject({
      source: 'workflow',
      analysis: { steps: 4 },
    });
    expect(await plan({ workflow: 'nobody' })).toMatchObject({ status: 404, json: { code: 'NOT_FOUND' } });
  });

  it.each([
    ['nothing', {}, 'INVALID_INPUT'],
    ['two things', { goal: 'x', workflow: 'analyse-dataset' }, 'INVALID_INPUT'],
    ['a goal that no template fits', { goal: 'bake a cake' }, 'INVALID_INPUT'],
    ['a graph with faults', { graph: { steps: [echo('a', { needs: ['b'] })] } }, 'WORKFLOW_INVALID'],
  ])('of %s is refused', async (_what, body, code) => {
    const { status, json } = await plan(body);
    expect({ status, code: json['code'] }).toEqual({ status: 422, code });
  });
});

describe('Plan templates over REST', () => {
  const template = {
    ...{ name: 'shouts', version: '1.0.0', type: 'text.upper', goals: ['shout {text}'] },
    slots: { text: { kind: 'text' } },
    graph: { name: 'shouts', version: '1.0.0', steps: [echo('a', { input: '${input.text}' })] },
  };

  it('are registered, listed, used, and forgotten', async () => {
    const { status, headers } = await rig.send('POST', '/api/v1/templates', template);
    expect([status, headers.get('location')]).toEqual([201, '/api/v1/templates/shouts@1.0.0']);
    expect((await rig.send('POST', '/api/v1/templates', template)).status).toBe(201);
    expect(await rig.send('POST', '/api/v1/templates', { ...template, type: 'other' })).toMatchObject({
      status: 409,
      json: { code: 'STATE_CONFLICT' },
    });
    const names = (await rig.get('/api/v1/templates')).json['templates'] as { name: string }[];
    expect(names.map(({ name }) => name)).toEqual(['analyse-dataset', 'shouts']);
    const done = await rig.send('POST', '/api/v1/tasks?wait=20', { goal: 'Shout hello' });
    expect(done.json).toMatchObject({ status: 'completed', output: { a: 'hello' } });
    expect((await rig.send('DELETE', '/api/v1/templates/shouts')).status).toBe(200);
    expect((await rig.get('/api/v1/templates/shouts')).status).toBe(404);
    expect((await plan({ goal: 'Shout hello' })).status).toBe(422);
  });

  it('are refused with the place of each fault, of their shape and of their graph', async () => {
    const shape = await rig.send('POST', '/api/v1/templates', { ...template, goals: ['do {it}'] });
    expect(shape.json).toMatchObject({ code: 'WORKFLOW_INVALID', details: { issues: [{ at: '/goals/0' }] } });
    const graph = { ...template.graph, steps: [{ id: 'a', agent: 'nobody' }] };
    const meaning = await rig.send('POST', '/api/v1/templates', { ...template, graph });
    expect(meaning.json).toMatchObject({ code: 'WORKFLOW_INVALID', details: { issues: [{ at: '/steps/0/agent' }] } });
  });
});
