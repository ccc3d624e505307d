import { describe, expect, it } from 'vitest';
import { goalTable } from '../../../actors/planning/goal.ts';
import type { PlanModel, PlanRequest } from '../../../actors/planning/plan-model.ts';
import { OperatingError } from '../../../protocol/errors.ts';
import { createWorkNode, type WorkNode } from '../../support/work-node.ts';

/** A stand-in for what answers with a plan: what is tested is what becomes of its answers, good and bad. */
function planning(...answers: readonly (object | Error)[]): PlanModel & { readonly asked: PlanRequest[] } {
  const asked: PlanRequest[] = [];
  return {
    name: 'stand-in',
    asked,
    propose: async (request) => {
      asked.push(request);
      const answer = answers[Math.min(asked.length, answers.length) - 1];
      if (answer instanceof Error) throw answer;
      return answer;
    },
  };
}

const GOOD = {
  steps: [
    { id: 'first', agent: 'lab.echo', input: { said: '${input.word}' } },
    { id: 'second', agent: 'lab.echo', input: '${steps.first.output.said + "!"}' },
  ],
  output: '${steps.second.output}',
};
const GOAL = { goal: 'say it with force' };

async function echoTemplate(node: WorkNode): Promise<void> {
  const registering = node.planning.register({
    ...{ name: 'echo', version: '1.0.0', type: 'lab', goals: ['echo {text}'], slots: { text: { kind: 'text' } } },
    graph: { name: 'echo', version: '1.0.0', steps: [{ id: 'a', agent: 'lab.echo', input: '${input.text}' }] },
  });
  await node.world.settle();
  await registering;
}

describe('A goal that a template fits', () => {
  it('becomes the workflow of the template, and its log says so', async () => {
    const node = await createWorkNode();
    await echoTemplate(node);
    const { task } = node.submit({ goal: 'Echo good morning' });
    expect((await node.end(task)).result).toMatchObject({ status: 'completed', output: { a: 'good morning' } });
    const events = await node.events(task);
    expect(events.slice(0, 3).map(({ seq, kind }) => [seq, kind])).toEqual([
      [1, 'task.submitted'],
      [2, 'task.planned'],
      [3, 'task.started'],
    ]);
    expect(events[1]?.data).toMatchObject({ source: 'template', by: 'echo@1.0.0', confidence: 1, steps: 1 });
    expect(events.map(({ seq }) => seq)).toEqual(events.map((_event, index) => index + 1));
  });

  it('is planned by the template that was registered, after the process was killed too', async () => {
    const first = await createWorkNode();
    await echoTemplate(first);
    first.kill();
    const node = await createWorkNode({ disk: first.disk, seed: 2 });
    node.planning.restore(await node.store.definitions('template'));
    expect((await node.finish({ goal: 'echo again' })).result).toMatchObject({ output: { a: 'again' } });
  });

  it('takes what is given as input before what is said', async () => {
    const node = await createWorkNode();
    await echoTemplate(node);
    expect((await node.finish({ goal: 'echo this' }, { text: 'that' })).result).toMatchObject({
      output: { a: 'that' },
    });
  });

  it('without a model is refused when none fits, with those that came nearest', async () => {
    const node = await createWorkNode();
    await echoTemplate(node);
    expect(() => node.submit({ goal: 'bake a cake' })).toThrow(
      expect.objectContaining({ code: 'INVALID_INPUT', message: expect.stringContaining('No plan template fits') }),
    );
    expect(() => node.submit({ goal: 'analyse the statistics' })).toThrow(
      expect.objectContaining({
        message: expect.stringContaining('does not say `path`'),
        details: { candidates: [expect.objectContaining({ template: 'analyse-dataset@1.0.0', missing: ['path'] })] },
      }),
    );
  });
});

describe('A goal that a model plans for', () => {
  it('is told what there is, and its plan runs', async () => {
    const model = planning(GOOD);
    const node = await createWorkNode({ planModel: model });
    const { task } = node.submit(GOAL, { word: 'hey' });
    expect((await node.end(task)).result).toMatchObject({ status: 'completed', output: 'hey!' });
    expect(model.asked).toHaveLength(1);
    expect(model.asked[0]?.agents.map(({ name }) => name)).toContain('lab.echo');
    expect(model.asked[0]?.schema).toMatchObject({ type: 'object' });
    const planned = (await node.events(task)).find(({ kind }) => kind === 'task.planned');
    expect(planned?.data).toMatchObject({ source: 'model', by: 'stand-in', steps: 2 });
  });

  it('is mended where it is plain what was meant, and the log says what was changed', async () => {
    const [first, second] = GOOD.steps;
    const sloppy = {
      ...GOOD,
      steps: [
        { ...first, agent: 'lab.ecko', urgency: 'high' },
        { ...second, input: '${steps.frist.output.said + "!"}' },
      ],
    };
    const model = planning(sloppy);
    const node = await createWorkNode({ planModel: model });
    const { task } = node.submit(GOAL, { word: 'hey' });
    expect((await node.end(task)).result).toMatchObject({ output: 'hey!' });
    expect(model.asked).toHaveLength(1);
    const planned = (await node.events(task)).find(({ kind }) => kind === 'task.planned');
    expect(planned?.data['changes']).toHaveLength(3);
  });

  it('is given back with its faults where it is not, and refused in the end', async () => {
    const circle = {
      steps: [
        { id: 'a', agent: 'lab.echo', needs: ['b'] },
        { id: 'b', agent: 'lab.echo', needs: ['a'] },
      ],
    };
    const better = planning(circle, GOOD);
    const node = await createWorkNode({ planModel: better });
    expect((await node.finish(GOAL, { word: 'hey' })).result).toMatchObject({ output: 'hey!' });
    expect(better.asked[1]?.previous).toMatchObject({ graph: circle, faults: [{ code: 'CYCLE' }] });

    const stubborn = planning(circle);
    const other = await createWorkNode({ planModel: stubborn });
    expect((await other.finish(GOAL, {})).result).toMatchObject({
      status: 'failed',
      error: { code: 'WORKFLOW_INVALID', message: expect.stringContaining('in 3 rounds') },
    });
    expect(stubborn.asked).toHaveLength(3);
  });

  it.each([
    ['no object', 'a poem'],
    ['null', null],
    ['names that lead to prototypes', { steps: [{ id: 'a', agent: '__proto__' }], ['__proto__']: { polluted: true } }],
    ['an agent that there is not', { steps: [{ id: 'a', agent: 'rm.everything' }] }],
    ['far too many steps', { steps: Array.from({ length: 2_100 }, (_, i) => ({ id: `s${i}`, agent: 'lab.echo' })) }],
  ])('is refused when it answers with %s', async (_what, answer) => {
    const node = await createWorkNode({ planModel: planning(answer as object) });
    expect((await node.finish(GOAL, {})).result).toMatchObject({
      status: 'failed',
      error: { code: 'WORKFLOW_INVALID' },
    });
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
  });

  it('is asked again when it fails in a way that may pass, and not for ever', async () => {
    const busy = new OperatingError('UNAVAILABLE', 'overloaded', { retryAfterMs: 10 });
    const model = planning(busy, busy, GOOD);
    const node = await createWorkNode({ planModel: model });
    expect((await node.finish(GOAL, { word: 'hey' })).result).toMatchObject({ output: 'hey!' });
    expect(model.asked).toHaveLength(3);
    const down = planning(busy);
    const other = await createWorkNode({ planModel: down });
    expect((await other.finish(GOAL, {})).result).toMatchObject({ status: 'failed', error: { code: 'UNAVAILABLE' } });
    expect(down.asked).toHaveLength(3);
  });

  it('ends the same wherever the process is killed, and its plan never changes once it is made', async () => {
    for (let stopAfter = 1; ; stopAfter++) {
      const model = planning(GOOD, { steps: [{ id: 'other', agent: 'lab.echo', input: 'another plan' }] });
      let node = await createWorkNode({ planModel: model, seed: stopAfter });
      const { task } = node.submit(GOAL, { word: 'hey' });
      let commits = 0;
      const { store } = node;
      const commit = store.commit.bind(store);
      const cut = Promise.withResolvers<void>();
      store.commit = async (epoch, fence) => {
        await commit(epoch, fence);
        if (++commits === stopAfter) cut.resolve();
      };
      const ended = node.end(task).then(() => 'ended');
      if ((await Promise.race([ended, cut.promise.then(() => 'cut')])) === 'ended') break;
      node.kill();
      node = await createWorkNode({ planModel: model, disk: node.disk, seed: stopAfter + 1_000 });
      const { result } = await node.end(task);
      const planned = (await node.events(task)).filter(({ kind }) => kind === 'task.planned');
      expect(planned).toHaveLength(1);
      expect(result?.status).toBe('completed');
      expect(result?.output).toEqual(planned[0]?.data['steps'] === 2 ? 'hey!' : { other: 'another plan' });
      node.kill();
    }
  });

  it('is canceled with its task, while it is planned and while it runs', async () => {
    const never: PlanModel = { name: 'never', propose: () => new Promise(() => undefined) };
    const node = await createWorkNode({ planModel: never });
    const { task } = node.submit(GOAL);
    await node.world.settle();
    const canceling = node.desk.cancel('loopback', task, undefined);
    await node.world.settle();
    await canceling;
    expect((await node.end(task)).result?.status).toBe('canceled');
    expect(node.kernel.census.get('goal') ?? 0).toBe(0);
  });

  it('goes through the phases that its table has', () => {
    expect(Object.keys(goalTable.table)).toEqual(['drafting', 'waiting', 'running', 'done']);
  });
});
