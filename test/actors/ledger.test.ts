import { describe, expect, it } from 'vitest';
import { OperatingError } from '../../protocol/errors.ts';
import { currentCell } from '../../runtime/machine-references.ts';
import type { EffectKind } from '../../runtime/host.ts';
import type { EffectRecord } from '../../runtime/stores/store.ts';
import type { WorkNode } from '../support/work-node.ts';
import { caller, type Form, HeldDisk, nodeWith, OtherSide } from './ledger-rig.ts';

const FORMS: readonly Form[] = ['run', 'journal', 'machine'];
const ME = 'loopback';

async function unknownOf(node: WorkNode): Promise<readonly EffectRecord[]> {
  return (await node.effects.list(ME, { limit: 200 })).effects;
}

async function statusOf(node: WorkNode, task: string): Promise<string | undefined> {
  return (await node.store.readTask(task))?.status;
}

/** Decides, and lets the decision be committed. */
async function decide(
  node: WorkNode,
  id: string,
  decision: Parameters<WorkNode['effects']['resolve']>[2],
): Promise<EffectRecord> {
  const decided = node.effects.resolve(ME, id, decision);
  decided.catch(() => undefined);
  await node.world.settle();
  return await decided;
}

/** A task whose unsafe call was cut off by the death of its node, on the next node. */
async function cutOff(form: Form, more: Parameters<typeof caller>[3] = {}) {
  const other = new OtherSide();
  const held = new HeldDisk();
  const agent = caller(form, 'unsafe', (key) => other.call(key), more);
  const first = await nodeWith(agent, held.disk, 1);
  const { task } = first.submit({ agent: 'caller' });
  await first.world.settle();
  expect(other.calls).toBe(1);
  first.kill();
  const again = (seed: number) => nodeWith(agent, held.disk, seed);
  const node = await again(2);
  await node.world.settle();
  return { other, held, task, node, again };
}

describe('A call whose node dies', () => {
  const kinds: readonly EffectKind[] = ['pure', 'keyed', 'unsafe'];
  const cases = FORMS.flatMap((form) => kinds.map((kind) => ({ form, kind })));

  it.each(cases)(
    'before its intent is committed is made once, by the next node ($form, $kind)',
    async ({ form, kind }) => {
      const other = new OtherSide();
      other.isQuick = true;
      const held = new HeldDisk();
      let nodes = 0;
      const agent = caller(form, kind, (key) => other.call(key));
      const first = await nodeWith(agent, held.disk, ++nodes);
      held.isHeld = true;
      const { task } = first.submit({ agent: 'caller' });
      await first.world.settle();
      // Nothing of it is on disk: it was never taken on. What is pure may have run, which nobody can tell.
      expect(other.calls).toBe(kind === 'pure' && form !== 'journal' ? 1 : 0);
      first.kill();
      held.isHeld = false;
      const next = await nodeWith(agent, held.disk, ++nodes);
      await next.world.settle();
      expect(await next.store.readTask(task)).toBeUndefined();
      const { task: second } = next.submit({ agent: 'caller' });
      const calls = other.calls;
      expect(await next.end(second)).toMatchObject({ status: 'completed', result: { output: calls + 1 } });
      expect(other.calls).toBe(calls + 1);
    },
  );

  it.each(kinds)('in a function that had begun, before its intent is committed, is made once (%s)', async (kind) => {
    const other = new OtherSide();
    other.isQuick = true;
    const held = new HeldDisk();
    const gate = Promise.withResolvers<void>();
    const { defineAgent } = await import('../../actors/agent-definition.ts');
    const agent = defineAgent({
      name: 'caller',
      version: '1.0.0',
      run: async ({ ctx }) => {
        await gate.promise;
        return await ctx.journal('pay', (key) => other.call(key), { kind });
      },
    });
    const first = await nodeWith(agent, held.disk, 1);
    const { task } = first.submit({ agent: 'caller' });
    await first.world.settle();
    held.isHeld = true;
    gate.resolve();
    await first.world.settle();
    const before = kind === 'pure' ? 1 : 0;
    expect(other.calls).toBe(before);
    first.kill();
    held.isHeld = false;
    const next = await nodeWith(agent, held.disk, 2);
    expect(await next.end(task)).toMatchObject({ status: 'completed' });
    expect(other.calls).toBe(before + 1);
    expect(await unknownOf(next)).toEqual([]);
  });

  it.each(cases)(
    'after its intent is committed, before it is made: made by the next node, unless it is unsafe ($form, $kind)',
    async ({ form, kind }) => {
      const other = new OtherSide();
      other.isQuick = true;
      const held = new HeldDisk();
      let node: WorkNode | undefined;
      let isFirst = true;
      const agent = caller(form, kind, (key) => {
        if (!isFirst) return other.call(key);
        isFirst = false;
        // The moment the call would leave the node, the node is gone.
        node?.kill();
        return new Promise<never>(() => undefined);
      });
      node = await nodeWith(agent, held.disk, 1);
      // A call that is pure begins before the commit: let the task be there first.
      const { task } = node.submit({ agent: 'caller' });
      await node.world.settle();
      expect([isFirst, other.calls]).toEqual([false, 0]);
      const next = await nodeWith(agent, held.disk, 2);
      await next.world.settle();
      if (kind === 'pure' && form !== 'journal') {
        // It began in the epoch that would have held the task, which so never was.
        expect(await next.store.readTask(task)).toBeUndefined();
        return;
      }
      if (kind === 'unsafe') {
        expect([other.calls, await statusOf(next, task)]).toEqual([0, 'input-required']);
        expect(await unknownOf(next)).toMatchObject([{ task, name: expect.stringMatching(/pay|run/) }]);
        return;
      }
      expect(await next.end(task)).toMatchObject({ status: 'completed' });
      expect(other.calls).toBe(1);
    },
  );

  it.each(cases)(
    'while it is made: made again under its key, unless it is unsafe ($form, $kind)',
    async ({ form, kind }) => {
      const other = new OtherSide();
      const held = new HeldDisk();
      const agent = caller(form, kind, (key) => other.call(key));
      const first = await nodeWith(agent, held.disk, 1);
      const { task } = first.submit({ agent: 'caller' });
      await first.world.settle();
      first.kill();
      other.isQuick = true;
      const next = await nodeWith(agent, held.disk, 2);
      await next.world.settle();
      if (kind === 'unsafe') {
        expect([other.calls, await statusOf(next, task)]).toEqual([1, 'input-required']);
        expect(await unknownOf(next)).toMatchObject([{ task, idempotencyKey: other.keys[0] }]);
        return;
      }
      expect(await next.end(task)).toMatchObject({ status: 'completed', result: { output: 2 } });
      expect([other.calls, new Set(other.keys).size]).toEqual([2, 1]);
    },
  );

  it.each(cases)('after it, before its record: as while it is made ($form, $kind)', async ({ form, kind }) => {
    const other = new OtherSide();
    const held = new HeldDisk();
    const agent = caller(form, kind, (key) => other.call(key));
    const first = await nodeWith(agent, held.disk, 1);
    const { task } = first.submit({ agent: 'caller' });
    await first.world.settle();
    held.isHeld = true;
    other.answer('from before');
    await first.world.settle();
    first.kill();
    held.isHeld = false;
    other.isQuick = true;
    const next = await nodeWith(agent, held.disk, 2);
    await next.world.settle();
    if (kind === 'unsafe') {
      expect([other.calls, await statusOf(next, task)]).toEqual([1, 'input-required']);
      return;
    }
    expect(await next.end(task)).toMatchObject({ status: 'completed', result: { output: 2 } });
    expect(other.calls).toBe(2);
  });

  it.each(kinds)('after its record, before its function has gone on, is not made again (%s)', async (kind) => {
    const other = new OtherSide();
    const held = new HeldDisk();
    let lives = 0;
    const agent = caller('journal', kind, (key) => other.call(key), {
      after: () => (++lives === 1 ? new Promise<never>(() => undefined) : Promise.resolve()),
    });
    const first = await nodeWith(agent, held.disk, 1);
    const { task } = first.submit({ agent: 'caller' });
    await first.world.settle();
    other.answer('paid');
    await first.world.settle();
    first.kill();
    const next = await nodeWith(agent, held.disk, 2);
    expect(await next.end(task)).toMatchObject({ status: 'completed', result: { output: 'paid' } });
    expect([other.calls, lives]).toEqual([1, 2]);
  });
});

describe('A call that nobody knows the outcome of', () => {
  it.each(FORMS)(
    'is in the list and in the log of its task, which waits, over any number of restarts (%s)',
    async (form) => {
      const { other, task, node, again } = await cutOff(form);
      const [effect] = await unknownOf(node);
      expect(effect).toMatchObject({
        ...{ state: 'unknown', task, step: 'main', attempt: 1, agent: 'caller@1.0.0', idempotencyKey: other.keys[0] },
        why: 'The node stopped while it was under way.',
      });
      const unknown = (await node.events(task)).filter(({ kind }) => kind === 'effect.unknown');
      expect(unknown).toMatchObject([{ data: { step: 'main', attempt: 1, effect: effect?.id, name: effect?.name } }]);
      let last = node;
      for (let restart = 3; restart < 6; restart++) {
        last.kill();
        last = await again(restart);
        await last.world.settle();
        expect(await unknownOf(last)).toEqual([effect]);
        expect(await statusOf(last, task)).toBe('input-required');
      }
      expect((await last.kinds(task)).filter((kind) => kind === 'effect.unknown')).toHaveLength(1);
      expect(other.calls).toBe(1);
    },
  );

  it.each(FORMS)('is done where someone says so, and its task goes on with what they say (%s)', async (form) => {
    const { other, task, node } = await cutOff(form);
    const [effect] = await unknownOf(node);
    const id = String(effect?.id);
    const decided = await decide(node, id, { decision: 'done', output: { receipt: 7 }, comment: 'seen in the books' });
    expect(decided).toMatchObject({ state: 'resolved', decision: { how: 'done', by: ME, output: { receipt: 7 } } });
    expect(await node.end(task)).toMatchObject({ status: 'completed', result: { output: { receipt: 7 } } });
    expect(other.calls).toBe(1);
    const events = await node.events(task);
    expect(events.filter(({ kind }) => kind === 'effect.resolved')).toMatchObject([
      { data: { step: 'main', effect: id, how: 'done', by: ME, comment: 'seen in the books' } },
    ]);
    expect(await unknownOf(node)).toEqual([]);
    expect(await node.effects.get(ME, id)).toEqual(decided);
    expect(node.counts.effects.get('unknown')).toBe(1);
    expect(node.counts.effects.get('resolved')).toBe(1);
  });

  it.each(FORMS)('has failed where someone says so, and is never made again (%s)', async (form) => {
    const { other, task, node } = await cutOff(form);
    const [effect] = await unknownOf(node);
    await decide(node, String(effect?.id), { decision: 'failed', error: { code: 'UNAVAILABLE', message: 'no money' } });
    expect(await node.end(task)).toMatchObject({
      status: 'failed',
      result: { error: { code: 'UNAVAILABLE', message: 'no money' } },
    });
    expect(other.calls).toBe(1);
  });

  it.each(FORMS)('is made again under its key where someone says that it may be, and only then (%s)', async (form) => {
    const { other, task, node } = await cutOff(form);
    const [effect] = await unknownOf(node);
    await decide(node, String(effect?.id), { decision: 'retry' });
    await node.world.settle();
    expect([other.calls, new Set(other.keys).size]).toEqual([2, 1]);
    expect(await statusOf(node, task)).toBe('working');
    other.answer('paid');
    expect(await node.end(task)).toMatchObject({ status: 'completed', result: { output: 'paid' } });
  });

  it('can be decided about before its function has come to it again', async () => {
    const { task, node, again } = await cutOff('journal');
    const [effect] = await unknownOf(node);
    node.kill();
    const next = await again(3);
    // No turn has been taken yet.
    const decided = next.effects.resolve(ME, String(effect?.id), { decision: 'done', output: 'early' });
    await next.world.settle();
    await decided;
    expect(await next.end(task)).toMatchObject({ status: 'completed', result: { output: 'early' } });
  });

  it('can be decided about once', async () => {
    const { node } = await cutOff('journal');
    const [effect] = await unknownOf(node);
    const id = String(effect?.id);
    const both = ['done', 'retry'].map((decision) =>
      node.effects.resolve(ME, id, { decision: decision as 'done' | 'retry' }).catch((error: unknown) => error),
    );
    await node.world.settle();
    const outcomes = await Promise.all(both);
    expect(outcomes.filter((one) => (one as EffectRecord).state === 'resolved')).toHaveLength(1);
    expect(outcomes.filter((one) => (one as OperatingError).code === 'STATE_CONFLICT')).toHaveLength(1);
    await expect(decide(node, id, { decision: 'done' })).rejects.toMatchObject({ code: 'STATE_CONFLICT' });
  });

  it.each(['done', 'failed', 'retry'] as const)(
    'is not decided about where the node dies before the decision (%s) is on disk; where it dies after, it is',
    async (decision) => {
      const { other, held, task, node, again } = await cutOff('journal');
      const [effect] = await unknownOf(node);
      const id = String(effect?.id);
      held.isHeld = true;
      let isAnswered = false;
      void node.effects.resolve(ME, id, { decision }).then(() => (isAnswered = true));
      await node.world.settle();
      expect(isAnswered).toBe(false);
      node.kill();
      held.isHeld = false;
      const next = await again(3);
      await next.world.settle();
      expect(await unknownOf(next)).toEqual([effect]);
      expect([await statusOf(next, task), other.calls]).toEqual(['input-required', 1]);

      const answer = next.effects.resolve(ME, id, { decision });
      // As soon as it is answered, and before anything is done about it.
      void answer.then(() => next.kill());
      await next.world.settle();
      other.isQuick = true;
      const last = await again(4);
      const end = await last.end(task);
      expect(end.status).toBe(decision === 'failed' ? 'failed' : 'completed');
      expect(other.calls).toBe(decision === 'retry' ? 2 : 1);
      expect((await last.kinds(task)).filter((kind) => kind === 'effect.resolved')).toHaveLength(1);
      expect(await unknownOf(last)).toEqual([]);
    },
  );

  it('that is cut off again after it was made again is in doubt again, as another', async () => {
    const { other, task, node, again } = await cutOff('journal');
    const [effect] = await unknownOf(node);
    await decide(node, String(effect?.id), { decision: 'retry' });
    await node.world.settle();
    expect(other.calls).toBe(2);
    node.kill();
    const next = await again(3);
    await next.world.settle();
    const [second] = await unknownOf(next);
    expect(second?.idempotencyKey).toBe(effect?.idempotencyKey);
    expect(second?.id).not.toBe(effect?.id);
    expect([other.calls, await statusOf(next, task)]).toEqual([2, 'input-required']);
    await expect(decide(next, String(effect?.id), { decision: 'retry' })).rejects.toMatchObject({
      code: 'STATE_CONFLICT',
    });
  });

  it('is given up with its task, and says so', async () => {
    const { task, node } = await cutOff('journal');
    const [effect] = await unknownOf(node);
    const canceled = node.desk.cancel(ME, task, undefined);
    await node.world.settle();
    await canceled;
    expect(await unknownOf(node)).toEqual([]);
    expect(await node.effects.get(ME, String(effect?.id))).toMatchObject({ state: 'abandoned' });
    expect((await node.effects.list(ME, { state: 'abandoned', limit: 10 })).effects).toHaveLength(1);
    await expect(decide(node, String(effect?.id), { decision: 'done' })).rejects.toMatchObject({
      code: 'STATE_CONFLICT',
    });
  });

  it('holds no slot of its agent', async () => {
    const other = new OtherSide();
    const held = new HeldDisk();
    const { defineAgent } = await import('../../actors/agent-definition.ts');
    const agent = defineAgent({
      name: 'caller',
      version: '1.0.0',
      concurrency: 1,
      run: ({ ctx }) => ctx.journal('pay', (key) => other.call(key), { kind: 'unsafe' }),
    });
    const first = await nodeWith(agent, held.disk, 1);
    first.submit({ agent: 'caller' });
    await first.world.settle();
    first.kill();
    const node = await nodeWith(agent, held.disk, 2);
    await node.world.settle();
    expect(await unknownOf(node)).toHaveLength(1);
    expect(node.kernel.effects.figures).toEqual({ running: 0, waiting: 0 });
    other.isQuick = true;
    expect(await node.finish({ agent: 'caller' })).toMatchObject({ status: 'completed' });
  });
});

describe('A probe', () => {
  it.each(FORMS)('that finds that the call has happened ends the doubt, with what it gave (%s)', async (form) => {
    const asked: unknown[] = [];
    const { other, task, node } = await cutOff(form, {
      probe: ({ idempotencyKey }) => {
        asked.push(idempotencyKey);
        return { happened: true, value: 'found' };
      },
    });
    expect(await node.end(task)).toMatchObject({ status: 'completed', result: { output: 'found' } });
    expect([other.calls, asked]).toEqual([1, [other.keys[0]]]);
    const resolved = (await node.events(task)).filter(({ kind }) => kind === 'effect.resolved');
    expect(resolved).toMatchObject([{ data: { how: 'done', by: 'probe' } }]);
  });

  it.each(FORMS)('that finds that it has not lets it be made (%s)', async (form) => {
    const { other, task, node } = await cutOff(form, { probe: () => ({ happened: false }) });
    expect(other.calls).toBe(2);
    other.answer('second');
    expect(await node.end(task)).toMatchObject({ status: 'completed', result: { output: 'second' } });
  });

  it('that does not know is asked again, with pauses that grow, and not for ever', async () => {
    const askedAtMs: number[] = [];
    const askers = new Set<string | undefined>();
    let nowMs = (): number => 0;
    const probe = (): 'unknown' => {
      askedAtMs.push(nowMs());
      askers.add(currentCell()?.address);
      if (askedAtMs.length % 2 === 0) throw new TypeError('the line is bad');
      return 'unknown';
    };
    const { task, node } = await cutOff('journal', { probe });
    ({ nowMs } = node.world);
    await node.world.elapse(3_600_000);
    expect(askedAtMs).toHaveLength(10);
    // What escapes from it is its actor's, whichever time it is asked.
    expect([...askers]).toEqual([`run/${task}/main/1`]);
    const pauses = askedAtMs.slice(2).map((ms, index) => ms - Number(askedAtMs[index + 1]));
    expect(Math.max(...pauses)).toBeLessThanOrEqual(60_000);
    expect(pauses.slice(1, 5).every((ms, index) => ms > Number(pauses[index]))).toBe(true);
    expect(await statusOf(node, task)).toBe('input-required');
    const [effect] = await unknownOf(node);
    await decide(node, String(effect?.id), { decision: 'done', output: 1 });
    expect(await node.end(task)).toMatchObject({ status: 'completed' });
  });

  it('that never answers is given up each time, and told so', async () => {
    const signals: AbortSignal[] = [];
    const listeners: (string | undefined)[] = [];
    const { node, task } = await cutOff('journal', {
      probe: ({ signal }) => {
        signals.push(signal);
        signal.addEventListener('abort', () => listeners.push(currentCell()?.address));
        return new Promise<never>(() => undefined);
      },
    });
    await node.world.elapse(29_999);
    expect(signals.map(({ aborted }) => aborted)).toEqual([false]);
    await node.world.elapse(2_000);
    expect(signals.map(({ aborted }) => aborted)).toEqual([true, false]);
    expect(listeners).toEqual([`run/${task}/main/1`]);
  });

  it('is not heard once someone has said', async () => {
    const late = Promise.withResolvers<{ readonly happened: true; readonly value: string }>();
    const { task, node } = await cutOff('journal', { probe: () => late.promise });
    const [effect] = await unknownOf(node);
    await decide(node, String(effect?.id), { decision: 'done', output: 'by hand' });
    late.resolve({ happened: true, value: 'by probe' });
    expect(await node.end(task)).toMatchObject({ result: { output: 'by hand' } });
    expect((await node.kinds(task)).filter((kind) => kind === 'effect.resolved')).toHaveLength(1);
  });
});
