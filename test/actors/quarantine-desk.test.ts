/** What people do with messages that were set aside, on a node in a world that stands still. */
import { describe, expect, it } from 'vitest';
import { QuarantineDesk } from '../../actors/quarantine-desk.ts';
import { CAPSULE_BYTES_MAX } from '../../runtime/capsule-making.ts';
import { CAPSULES_MAX } from '../../runtime/quarantine.ts';
import type { MemoryDisk } from '../../runtime/stores/memory-store.ts';
import { drawerAgent, tillAgent } from '../support/tills.ts';
import { createWorkNode, type WorkNode } from '../support/work-node.ts';

interface Bench extends WorkNode {
  readonly quarantine: QuarantineDesk;
  /** Runs until the promise settles. */
  run<T>(promise: Promise<T>): Promise<T>;
  signal(task: string, name: string, data?: object): Promise<void>;
  /** The capsules, the newest first. */
  rows(): ReturnType<QuarantineDesk['list']>['rows'];
}

async function bench(options: { readonly disk?: MemoryDisk; readonly seed?: number; readonly isFixed?: boolean } = {}) {
  const { isFixed = false, ...rest } = options;
  const node = await createWorkNode({ ...rest, agents: [tillAgent(isFixed), drawerAgent(isFixed)] });
  const quarantine = new QuarantineDesk(node);
  const run: Bench['run'] = async (promise) => {
    let isOver = false;
    void promise.then(
      () => (isOver = true),
      () => (isOver = true),
    );
    while (!isOver) await node.world.settle();
    return await promise;
  };
  const made: Bench = {
    ...node,
    quarantine,
    run,
    signal: (task, name, data) => run(node.desk.signal('loopback', task, name, data)),
    rows: () => quarantine.list(100, undefined).rows,
  };
  return made;
}

/** A till that was given 5, then 13, and failed with that. */
async function poisonedTask(node: Bench): Promise<string> {
  const { task } = node.submit({ agent: 'till' }, { start: 1 });
  await node.world.settle();
  await node.signal(task, 'pay', { amount: 5 });
  await node.signal(task, 'pay', { amount: 13, note: 'x'.repeat(100) });
  await node.end(task);
  return task;
}

/** What the drawer holds. */
async function totalOf(node: Bench, key: string): Promise<unknown> {
  return await node.run(node.desk.ask('drawer', key, { type: 'read' }, 60_000));
}

async function codeOf(promise: Promise<unknown>): Promise<unknown> {
  return await promise.then(
    () => 'no error',
    (error: { readonly code?: string }) => error.code,
  );
}

describe('A capsule', () => {
  it('says whose message it was, what was there before, what happened, and who watched over it', async () => {
    const node = await bench();
    const task = await poisonedTask(node);
    const [row, ...others] = node.rows();
    expect(others).toEqual([]);
    expect(row).toMatchObject({
      cause: 'crash',
      task,
      step: 'main',
      message: 'event pay',
      error: { code: 'AGENT_CRASHED' },
    });
    const capsule = await node.quarantine.get(row?.id ?? '');
    expect(capsule).toMatchObject({
      address: `run/${task}/main/1`,
      work: { task, step: 'main', attempt: 1 },
      owner: `step/${task}/main`,
      supervisors: ['supervisor/agents/till', 'supervisor/agents', 'supervisor/root'],
      logic: 'agent:till@1.0.0',
      logicVersion: '1.0.0',
      deliveries: 3,
      message: { kind: 'event', event: { type: 'pay', amount: 13 } },
      error: { message: '13 brings bad luck' },
      trail: [
        { kind: 'start', what: '' },
        { kind: 'event', what: 'pay', fields: { amount: 5 } },
        { kind: 'start', what: '' },
        { kind: 'start', what: '' },
      ],
      leftOut: [],
    });
    expect(capsule.stack).toContain('RangeError: 13 brings bad luck');
    expect(capsule.structureHash).not.toBe('');
    expect(capsule.snapshot?.length).toBeGreaterThan(10);
  });

  it('is named by the error and by the log of the task that failed with it', async () => {
    const node = await bench();
    const task = await poisonedTask(node);
    const id = node.rows()[0]?.id;
    expect((await node.store.readTask(task))?.result?.error).toMatchObject({
      code: 'QUARANTINED',
      details: { capsule: id },
    });
    expect((await node.events(task)).find(({ kind }) => kind === 'task.quarantined')?.data).toMatchObject({
      capsule: id,
    });
  });

  it('survives the death of the node, and is listed after it', async () => {
    const node = await bench();
    await poisonedTask(node);
    const rows = node.rows();
    node.kill();
    const again = await bench({ disk: node.disk, seed: 2 });
    expect(again.rows()).toEqual(rows);
    expect(rows).toHaveLength(1);
  });

  it('leaves out what does not fit, and says so', async () => {
    const node = await bench();
    const { task } = node.submit({ agent: 'till' });
    await node.world.settle();
    await node.signal(task, 'pay', { amount: 13, note: 'x'.repeat(CAPSULE_BYTES_MAX) });
    await node.end(task);
    const id = node.rows()[0]?.id ?? '';
    expect(await node.quarantine.get(id)).toMatchObject({
      leftOut: ['message'],
      message: { kind: 'event', event: { type: 'pay' } },
    });
    expect(await codeOf(node.run(node.quarantine.replay('me', id)))).toBe('STATE_CONFLICT');
    await node.run(node.quarantine.edit('me', id, { event: { type: 'pay', amount: 1 } }));
    expect(await node.run(node.quarantine.replay('me', id))).toMatchObject({ did: 'submitted', from: 'state' });
  });

  it('makes room for newer ones, the oldest first, with a line in the log', async () => {
    const node = await bench();
    await poisonedTask(node);
    const first = node.rows()[0]?.id ?? '';
    const capsule = await node.quarantine.get(first);
    for (let index = 0; index < CAPSULES_MAX; index++)
      node.kernel.quarantine.write({ ...capsule, id: `Z${String(index).padStart(5, '0')}` });
    await node.world.settle();
    expect(node.kernel.quarantine.size).toBe(CAPSULES_MAX);
    expect(await codeOf(node.quarantine.get(first))).toBe('NOT_FOUND');
    expect(node.counts.quarantined).toEqual(
      new Map([
        ['crash', 1],
        ['dropped', 1],
      ]),
    );
    expect(node.log.filter(({ message }) => message.includes('oldest capsule'))).toHaveLength(1);
  });
});

describe('A list of capsules', () => {
  it('has the newest first, in pages', async () => {
    const node = await bench();
    await poisonedTask(node);
    const capsule = await node.quarantine.get(node.rows()[0]?.id ?? '');
    for (const id of ['Z1', 'Z2', 'Z3']) node.kernel.quarantine.write({ ...capsule, id });
    await node.world.settle();
    const first = node.quarantine.list(2, undefined);
    expect(first.rows.map(({ id }) => id)).toEqual(['Z3', 'Z2']);
    const second = node.quarantine.list(2, first.cursor ?? undefined);
    expect([second.rows.map(({ id }) => id), second.cursor]).toEqual([['Z1', capsule.id], null]);
  });
});

describe('Replaying', () => {
  it('a message of a task that failed with it submits the work again, linked to the old task, and ends the capsule', async () => {
    const node = await bench();
    const task = await poisonedTask(node);
    const id = node.rows()[0]?.id ?? '';
    const outcome = await node.run(node.quarantine.replay('ada', id));
    expect(outcome).toMatchObject({ id, did: 'submitted', replayOf: task });
    const replayed = 'task' in outcome ? outcome.task : '';
    expect(await node.store.readTask(replayed)).toMatchObject({
      target: { agent: 'till@1.0.0' },
      input: { start: 1 },
      options: { labels: { 'replay-of': task } },
    });
    expect((await node.events(replayed))[0]?.data).toMatchObject({ replayOf: { task, capsule: id } });
    expect(node.rows()).toEqual([]);
    expect(await codeOf(node.quarantine.get(id))).toBe('NOT_FOUND');
    expect(node.log).toContainEqual(
      expect.objectContaining({
        message: 'A capsule was replayed.',
        fields: expect.objectContaining({ capsule: id, by: 'ada', task: replayed }) as unknown,
      }),
    );
  });

  it('a message of a machine goes on from the state before it, with the message as it was edited', async () => {
    const node = await bench();
    const task = await poisonedTask(node);
    const id = node.rows()[0]?.id ?? '';
    await node.run(node.quarantine.edit('ada', id, { event: { type: 'pay', amount: 12 } }));
    const outcome = await node.run(node.quarantine.replay('ada', id));
    expect(outcome).toMatchObject({ did: 'submitted', replayOf: task, from: 'state' });
    const replayed = 'task' in outcome ? outcome.task : '';
    await node.signal(replayed, 'close');
    expect((await node.end(replayed)).result).toMatchObject({ status: 'completed', output: { total: 1 + 5 + 12 } });
  });

  it('with another input submits that', async () => {
    const node = await bench();
    const { task } = node.submit({ agent: 'till' }, { start: 13 });
    await node.end(task);
    const id = node.rows()[0]?.id ?? '';
    expect(node.rows()[0]).toMatchObject({ message: 'start', edited: false });
    await node.run(node.quarantine.edit('ada', id, { input: { start: 14 } }));
    expect(node.rows()[0]).toMatchObject({ edited: true });
    const outcome = await node.run(node.quarantine.replay('ada', id));
    const replayed = 'task' in outcome ? outcome.task : '';
    await node.signal(replayed, 'close');
    expect((await node.end(replayed)).result).toMatchObject({ status: 'completed', output: { total: 14 } });
  });

  it('a message of an actor that went on gives it to that actor, with a fresh count', async () => {
    const node = await bench();
    await node.run(node.desk.tell('drawer', 'k', { type: 'pay', amount: 2 }));
    const asked = node.desk.ask('drawer', 'k', { type: 'pay', amount: 13 }, 60_000);
    const refused = codeOf(asked);
    await node.world.elapse(2_000);
    expect(await refused).toBe('QUARANTINED');
    expect(await totalOf(node, 'k')).toEqual({ total: 2 });
    const id = node.rows()[0]?.id ?? '';
    expect(await node.run(node.quarantine.replay('ada', id))).toEqual({
      id,
      did: 'delivered',
      actor: 'agent/drawer/k',
    });
    // Each restart within the period waits longer than the last.
    await node.world.elapse(30_000);
    const [back] = node.rows();
    expect(back).toMatchObject({ message: 'event pay', cause: 'crash' });
    expect(back?.id).not.toBe(id);
    expect((await node.quarantine.get(back?.id ?? '')).deliveries).toBe(3);
    await node.run(node.quarantine.edit('ada', back?.id ?? '', { event: { type: 'pay', amount: 40 } }));
    await node.run(node.quarantine.replay('ada', back?.id ?? ''));
    expect(await totalOf(node, 'k')).toEqual({ total: 42 });
    expect(node.rows()).toEqual([]);
  });

  it('is in one epoch with the end of the capsule: a node that dies has done both or neither', async () => {
    const node = await bench();
    await poisonedTask(node);
    const id = node.rows()[0]?.id ?? '';
    const replay = codeOf(node.quarantine.replay('ada', id));
    // The capsule is read in these, and nothing is committed yet.
    for (let tick = 0; tick < 50 && node.desk.tasksInFlight === 0; tick++) await Promise.resolve();
    node.kill();
    const again = await bench({ disk: node.disk, seed: 2 });
    expect(again.rows().map((row) => row.id)).toEqual([id]);
    expect(again.desk.tasksInFlight).toBe(0);
    expect((await again.desk.list('loopback', { limit: 10 })).tasks).toHaveLength(1);
    void replay;
  });

  it('works after the agent was fixed and the node started again', async () => {
    const node = await bench();
    await node.run(node.desk.tell('drawer', 'k', { type: 'pay', amount: 2 }));
    await node.run(node.desk.tell('drawer', 'k', { type: 'pay', amount: 13 }));
    await node.world.elapse(2_000);
    node.kill();
    const again = await bench({ disk: node.disk, seed: 2, isFixed: true });
    await again.run(again.quarantine.replay('ada', again.rows()[0]?.id ?? ''));
    expect(await totalOf(again, 'k')).toEqual({ total: 15 });
  });

  it('is refused, with a way out, where the task has not failed with it', async () => {
    const node = await bench();
    const task = await poisonedTask(node);
    const capsule = await node.quarantine.get(node.rows()[0]?.id ?? '');
    const other = node.submit({ agent: 'till' });
    await node.world.settle();
    const ofTask = (id: string, of: string) =>
      node.kernel.quarantine.write({ ...capsule, id, work: { task: of, step: 'main' } });
    ofTask('Z1', other.task);
    ofTask('Z2', '01JAAAAAAAAAAAAAAAAAAAAAAA');
    await node.world.settle();
    const refusalOf = async (id: string) =>
      await node.run(node.quarantine.replay('ada', id)).then(
        () => 'no error',
        (error: Error & { readonly code?: string }) => `${error.code} ${error.message}`,
      );
    expect(await refusalOf('Z1')).toMatch(/^STATE_CONFLICT .*goes on without it \(working\)\. Wait for its end/);
    await node.signal(other.task, 'close');
    await node.end(other.task);
    expect(await refusalOf('Z1')).toMatch(
      /^STATE_CONFLICT .*ended completed without it\. Submit the work anew, or discard/,
    );
    expect(await refusalOf('Z2')).toMatch(/^STATE_CONFLICT .*no longer there/);
    expect(await refusalOf('nobody')).toMatch(/^NOT_FOUND/);
    expect(task).not.toBe(other.task);
  });
});

describe('Editing', () => {
  it('is refused for what the capsule has not', async () => {
    const node = await bench();
    const { task } = node.submit({ agent: 'till' }, { start: 13 });
    await node.end(task);
    const started = node.rows()[0]?.id ?? '';
    expect(await codeOf(node.quarantine.edit('me', started, { event: { type: 'pay' } }))).toBe('STATE_CONFLICT');
    await node.run(node.desk.tell('drawer', 'k', { type: 'pay', amount: 13 }));
    await node.world.elapse(2_000);
    const keyed = node.rows()[0]?.id ?? '';
    expect(await codeOf(node.quarantine.edit('me', keyed, { input: 1 }))).toBe('STATE_CONFLICT');
    const event = { type: 'pay', note: 'x'.repeat(CAPSULE_BYTES_MAX) };
    expect(await codeOf(node.quarantine.edit('me', keyed, { event }))).toBe('PROTOCOL_TOO_BIG');
    expect(await codeOf(node.quarantine.edit('me', 'nobody', { input: 1 }))).toBe('NOT_FOUND');
  });

  it('is noted in the capsule and in the log, with who did it', async () => {
    const node = await bench();
    await poisonedTask(node);
    const id = node.rows()[0]?.id ?? '';
    await node.run(node.quarantine.edit('ada', id, { event: { type: 'pay', amount: 1 } }));
    expect((await node.quarantine.get(id)).history).toEqual([{ atMs: node.world.nowMs(), act: 'edited', by: 'ada' }]);
    expect(node.log.some(({ message, fields }) => message === 'A capsule was edited.' && fields['by'] === 'ada')).toBe(
      true,
    );
  });
});

describe('Discarding', () => {
  it('lets a message go for good', async () => {
    const node = await bench();
    await poisonedTask(node);
    const id = node.rows()[0]?.id ?? '';
    await node.run(node.quarantine.discard('ada', id));
    expect(node.rows()).toEqual([]);
    expect(await codeOf(node.run(node.quarantine.discard('ada', id)))).toBe('NOT_FOUND');
    node.kill();
    expect((await bench({ disk: node.disk, seed: 2 })).rows()).toEqual([]);
  });
});
