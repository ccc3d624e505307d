import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { countUp, type Rig, startRig } from './rig.ts';

let rig: Rig;
beforeAll(async () => {
  rig = await startRig();
});
afterAll(async () => await rig.stop());

const post = (path: string, body?: unknown, headers?: Readonly<Record<string, string>>) =>
  rig.send('POST', path, body, headers);

describe('POST /api/v1/tasks', () => {
  it('takes a task on, and says where it is', async () => {
    const { status, json, headers } = await post('/api/v1/tasks', { agent: 'lab.echo', input: { n: 1 } });
    expect({ status, json }).toEqual({
      status: 202,
      json: { task: expect.any(String) as string, status: 'working', duplicate: false },
    });
    expect(headers.get('location')).toBe(`/api/v1/tasks/${String(json['task'])}`);
    // What was accepted can be looked at, at once.
    expect(await rig.get(String(headers.get('location')))).toMatchObject({ status: 200, json: { task: json['task'] } });
  });

  it('with ?wait answers with the result, if it comes in time', async () => {
    const done = await post('/api/v1/tasks?wait=10', { agent: 'lab.echo', input: { n: 2 } });
    expect(done).toMatchObject({
      status: 200,
      json: { seq: 6, status: 'completed', output: { n: 2 }, usage: { steps: 1 } },
    });
    expect(done.headers.get('location')).toBe(`/api/v1/tasks/${String(done.json['task'])}`);
    const failed = await post('/api/v1/tasks?wait=10', { agent: 'lab.crash', input: { where: 'action' } });
    expect(failed).toMatchObject({ status: 200, json: { status: 'failed' } });
    const late = await post('/api/v1/tasks?wait=0.05', { agent: 'lab.stall' });
    expect(late).toMatchObject({ status: 202, json: { status: 'working', duplicate: false } });
    // Who has waited is told what it waits for now, not how it began.
    const asking = { steps: [{ id: 'p', approval: { role: 'boss' } }] };
    const asked = await post('/api/v1/tasks?wait=0.3', { graph: asking });
    expect(asked).toMatchObject({ status: 202, json: { status: 'input-required', duplicate: false } });
    const none = await post('/api/v1/tasks?wait=0', { agent: 'lab.echo' });
    expect(none.status).toBe(202);
    for (const wait of ['-1', 'soon', '1e999', 'NaN']) {
      expect(await post(`/api/v1/tasks?wait=${wait}`, { agent: 'lab.echo' })).toMatchObject({ status: 422 });
    }
  });

  it('waits no longer than it must, whatever it is asked for', async () => {
    const { status } = await post('/api/v1/tasks?wait=1000000', { agent: 'lab.delay', input: { ms: 100, value: 1 } });
    expect(status).toBe(200);
  });

  it('gives the same task for the same key, in the header or the body, and its result to whoever waits', async () => {
    const body = { agent: 'lab.delay', input: { ms: 150, value: 'once' } };
    const first = await post('/api/v1/tasks', body, { 'Idempotency-Key': 'rest-1' });
    const [again, waited] = await Promise.all([
      post('/api/v1/tasks', { ...body, key: 'rest-1' }),
      post('/api/v1/tasks?wait=10', body, { 'Idempotency-Key': 'rest-1' }),
    ]);
    expect(again).toMatchObject({ status: 202, json: { task: first.json['task'], duplicate: true } });
    expect(waited).toMatchObject({ status: 200, json: { task: first.json['task'], output: 'once' } });
    const late = await post('/api/v1/tasks?wait=10', body, { 'Idempotency-Key': 'rest-1' });
    expect(late).toMatchObject({ status: 200, json: { task: first.json['task'], output: 'once' } });
    const other = await post('/api/v1/tasks', { ...body, input: { ms: 1 } }, { 'Idempotency-Key': 'rest-1' });
    expect(other).toMatchObject({ status: 409, json: { code: 'IDEMPOTENCY_MISMATCH' } });
    const two = await post('/api/v1/tasks', { ...body, key: 'a' }, { 'Idempotency-Key': 'b' });
    expect(two).toMatchObject({ status: 422, json: { details: { issues: [{ path: 'key' }] } } });
  });

  it('makes one task of many requests with one key at the same time', async () => {
    const body = { agent: 'lab.echo', input: 'race', key: 'rest-race' };
    const answers = await Promise.all(Array.from({ length: 40 }, () => post('/api/v1/tasks', body)));
    expect(new Set(answers.map(({ json }) => json['task'])).size).toBe(1);
    expect(answers.every(({ status }) => status === 202)).toBe(true);
    expect(answers.filter(({ json }) => json['duplicate'] === false)).toHaveLength(1);
  });

  it('keeps values as they are: what JSON cannot say exactly, and what is not there', async () => {
    const input = '{"big":9007199254740993,"half":0.5,"none":null,"text":"\\ud83d\\ude00"}';
    const { text } = await post('/api/v1/tasks?wait=10', `{"agent":"lab.echo","input":${input}}`);
    expect(text).toContain('"big":9007199254740993');
    expect(text).toContain('"text":"😀"');
    const bare = await post('/api/v1/tasks?wait=10', { agent: 'lab.echo' });
    expect(bare.json).not.toHaveProperty('output');
  });

  it('takes what the socket takes: a capability, an inline graph', async () => {
    const graph = { steps: [{ id: 'a', agent: 'lab.echo', input: '${input.n + 1}' }], output: '${steps.a.output * 2}' };
    expect(await post('/api/v1/tasks?wait=10', { graph, input: { n: 20 } })).toMatchObject({ json: { output: 42 } });
    expect(await post('/api/v1/tasks?wait=10', { capability: 'lab.echo', input: 7 })).toMatchObject({
      json: { output: 7 },
    });
  });
});

describe('A task', () => {
  it('is shown with its result', async () => {
    const task = await rig.submit({ agent: 'lab.echo', input: 5, key: 'shown' });
    await post('/api/v1/tasks?wait=10', { agent: 'lab.echo', input: 5, key: 'shown' });
    expect(await rig.get(`/api/v1/tasks/${task}`)).toMatchObject({
      status: 200,
      json: { task, status: 'completed', seq: 6, result: { status: 'completed', output: 5 } },
    });
  });

  it('is found in pages, by status and by all its labels', async () => {
    const options = { labels: { team: 'a', 'x/y': 'b:c' } };
    const tasks: string[] = [];
    for (let n = 0; n < 5; n++) tasks.push(await rig.submit({ agent: 'lab.stall', options }));
    const found: string[] = [];
    let path = '/api/v1/tasks?label=team:a&label=x/y:b:c&status=working&limit=2';
    for (let cursor: string | null = ''; cursor !== null; ) {
      const { status, json } = await rig.get(`${path}${cursor === '' ? '' : `&cursor=${cursor}`}`);
      expect(status).toBe(200);
      found.push(...(json['tasks'] as { task: string }[]).map(({ task }) => task));
      ({ cursor } = json as { cursor: string | null });
    }
    expect(found).toEqual(tasks.toReversed());
    path = '/api/v1/tasks?label=team:a&label=x/y:other';
    expect((await rig.get(path)).json).toEqual({ tasks: [], cursor: null });
    expect((await rig.get('/api/v1/tasks?label=team:a&status=completed')).json['tasks']).toEqual([]);
  });

  it('is canceled, with or without a reason, and shown as it ended', async () => {
    const task = await rig.submit({ agent: 'lab.stall' });
    const canceled = await post(`/api/v1/tasks/${task}/cancel`, { reason: 'enough' });
    expect(canceled).toMatchObject({
      status: 200,
      json: { task, status: 'canceled', result: { error: { code: 'CANCELED' } } },
    });
    expect(await post(`/api/v1/tasks/${task}/cancel`)).toMatchObject({ status: 200, json: { status: 'canceled' } });
    const done = await post('/api/v1/tasks?wait=10', { agent: 'lab.echo' });
    const late = await post(`/api/v1/tasks/${String(done.json['task'])}/cancel`);
    expect(late).toMatchObject({ status: 409, json: { code: 'STATE_CONFLICT', details: { status: 'completed' } } });
    expect(await post('/api/v1/tasks/nix/cancel')).toMatchObject({ status: 404, json: { code: 'NOT_FOUND' } });
  });

  it('gets signals while it goes on', async () => {
    const task = await rig.submit({ agent: 'lab.stall' });
    const path = `/api/v1/tasks/${task}/signals`;
    expect(await post(`${path}/go`, { n: 1 })).toMatchObject({ status: 202, json: { task, signal: 'go' } });
    expect(await post(`${path}/go`, { data: { n: 1 } })).toMatchObject({ status: 202 });
    expect(await post(`${path}/go`)).toMatchObject({ status: 202 });
    expect(await post(`${path}/go`, { type: 'x' })).toMatchObject({ status: 422, json: { code: 'INVALID_INPUT' } });
    expect(await post(`${path}/go`, { data: { type: 'x' } })).toMatchObject({ status: 422 });
    expect(await post(`${path}/go`, [1])).toMatchObject({ status: 422 });
    expect(await post(`${path}/xstate.stop`, {})).toMatchObject({ status: 422 });
    await post(`/api/v1/tasks/${task}/cancel`);
    expect(await post(`${path}/go`, {})).toMatchObject({ status: 409, json: { code: 'STATE_CONFLICT' } });
  });

  it('shows the actors that work for it, and none once it has ended', async () => {
    const task = await rig.submit({ agent: 'lab.stall' });
    const { json } = await rig.get(`/api/v1/tasks/${task}/tree`);
    expect(json).toMatchObject({ task, actor: { address: `task/${task}`, supervisor: 'supervisor/tasks' } });
    await post(`/api/v1/tasks/${task}/cancel`);
    expect(await rig.get(`/api/v1/tasks/${task}/tree`)).toMatchObject({ status: 200, json: { task, actor: null } });
    expect(await rig.get('/api/v1/tasks/nix/tree')).toMatchObject({ status: 404 });
  });

  it('that was submitted over HTTP is watched over the socket', async () => {
    const task = await rig.submit({ agent: 'lab.delay', input: { ms: 50, value: 1 } });
    const wire = await rig.open();
    wire.send({ type: 'task.watch', task });
    await wire.result(task);
    expect(countUp(wire.events(task).map(({ seq }) => seq))).toBe(true);
  });
});

describe('The rest of the surface', () => {
  it('lists agents in pages, and shows one', async () => {
    const names: string[] = [];
    for (let cursor: string | null = ''; cursor !== null; ) {
      const { json } = await rig.get(`/api/v1/agents?limit=3${cursor === '' ? '' : `&cursor=${cursor}`}`);
      names.push(...(json['agents'] as { name: string }[]).map(({ name }) => name));
      ({ cursor } = json as { cursor: string | null });
    }
    expect(names).toContain('lab.echo');
    expect(names).toEqual(names.toSorted());
    expect(new Set(names).size).toBe(names.length);
    const some = await rig.get('/api/v1/agents?capability=lab.delay');
    expect(some.json).toMatchObject({ agents: [{ name: 'lab.delay' }], cursor: null });
    for (const name of ['lab.echo', 'lab.echo@1.0.0']) {
      expect(await rig.get(`/api/v1/agents/${name}`)).toMatchObject({ status: 200, json: { name: 'lab.echo' } });
    }
    expect(await rig.get('/api/v1/agents/lab.echo@9.9.9')).toMatchObject({ status: 404, json: { code: 'NOT_FOUND' } });
    expect(await rig.get('/api/v1/agents/%3Cscript%3E')).toMatchObject({ status: 404 });
  });

  it('registers a workflow, which then can be run', async () => {
    const graph = {
      name: 'twice',
      version: '1.0.0',
      steps: [{ id: 'a', agent: 'lab.echo', input: '${input * 2}' }],
      output: '${steps.a.output}',
    };
    const { status, headers, json } = await post('/api/v1/workflows', graph);
    expect({ status, at: headers.get('location') }).toEqual({ status: 201, at: '/api/v1/workflows/twice@1.0.0' });
    expect(json).toEqual(graph);
    expect((await rig.get('/api/v1/workflows/twice')).json).toEqual(graph);
    expect(await post('/api/v1/workflows', graph)).toMatchObject({ status: 201 });
    expect(await post('/api/v1/workflows', { ...graph, output: 1 })).toMatchObject({
      status: 409,
      json: { code: 'STATE_CONFLICT' },
    });
    const list = (await rig.get('/api/v1/workflows')).json['workflows'];
    const entry = { name: 'twice', version: '1.0.0', steps: ['a'], source: 'registered', state: 'ready', running: 0 };
    expect(list).toContainEqual(entry);
    expect(await post('/api/v1/tasks?wait=10', { workflow: 'twice', input: 21 })).toMatchObject({
      json: { output: 42 },
    });
    expect(await rig.get('/api/v1/workflows/nix')).toMatchObject({ status: 404 });
  });

  it('shows the supervisors and the cluster', async () => {
    const tree = await rig.get('/api/v1/supervisors');
    expect(tree.json).toMatchObject({
      supervisors: [{ address: 'supervisor/root', supervisors: expect.any(Array) as unknown[] }],
      cursor: null,
    });
    expect((await rig.get('/api/v1/cluster')).json).toMatchObject({ nodes: [{ node: rig.node.id }], shards: [{}] });
  });

  it('lives, is ready, and counts', async () => {
    expect((await rig.get('/healthz')).json).toEqual({
      status: 'ok',
      node: rig.node.id,
      version: expect.any(String) as string,
    });
    expect((await rig.get('/readyz')).json).toMatchObject({ status: 'ready' });
    const { text, headers } = await rig.get('/metrics');
    expect(headers.get('content-type')).toContain('text/plain; version=0.0.4');
    expect(text).toMatch(/^troupe_tasks_submitted_total \d+$/m);
  });
});
