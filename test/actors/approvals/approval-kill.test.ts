/** Approvals on nodes that die: at every commit, with and without it on the disk, and while nobody looks. */
import { describe, expect, it } from 'vitest';
import { MemoryDisk, type WriteOutcome } from '../../../runtime/stores/memory-store.ts';
import { type AskingNode, createAskingNode, ME, reborn } from './approval-rig.ts';

const HOUR_MS = 3_600_000;

interface Life {
  readonly output: unknown;
  readonly kinds: readonly string[];
  readonly seqs: readonly number[];
  readonly rest: readonly string[];
  readonly commits: number;
}

/** Two questions, both answered by people who ask again until they hear that it is done; the node dies with its `dieAt`th commit. */
async function lifeOf(dieAt: number, outcome: WriteOutcome): Promise<Life> {
  let commits = Number.NEGATIVE_INFINITY;
  let isDead = false;
  const disk = new MemoryDisk({
    onWrite: () => {
      if (isDead) return 'lost';
      if (++commits !== dieAt) return 'done';
      isDead = true;
      return outcome;
    },
  });
  let node = await createAskingNode({ disk });
  const survive = async (): Promise<void> => {
    if (!isDead) return;
    isDead = false;
    node = await reborn(node, disk);
    expect(node.recovered.stranded).toEqual([]);
  };
  commits = 0;
  let task = '';
  do {
    task = node.ask({ role: 'a', name: 'one', deadlineMs: HOUR_MS }, { role: 'b', name: 'two' });
    await node.world.settle();
    await survive();
  } while ((await node.store.readTask(task)) === undefined);
  for (const name of ['one', 'two']) {
    let answer: string | undefined;
    for (let tries = 0; tries < 20 && answer !== 'resolved'; tries++) {
      await node.world.elapse(10);
      await survive();
      node.approvals.resolve(ME, `${task}.main.${name}`, { decision: 'approve' }).then(
        ({ state }) => (answer = state),
        () => undefined,
      );
      await node.world.settle();
      await survive();
    }
  }
  const record = await node.end(task).catch(async () => {
    await survive();
    return await node.end(task);
  });
  const events = await node.events(task);
  const kinds = events.map(({ kind }) => kind).filter((kind) => kind.startsWith('approval.'));
  const rest = disk.keys().filter((key) => /(?:step|run|task|approval)\/01|pending/.test(key));
  node.kill();
  return { output: record.result?.output, kinds, seqs: events.map(({ seq }) => seq), rest, commits };
}

const answered = (name: string) => ({ decision: 'approve', by: ME, atMs: expect.any(Number), name });

describe('An approval on a node that dies', () => {
  it.each<WriteOutcome>(['lost', 'kept'])(
    'is asked for once and decided once, whichever commit it dies with, when that is %s',
    async (outcome) => {
      const { commits } = await lifeOf(Number.POSITIVE_INFINITY, outcome);
      expect(commits).toBeGreaterThan(5);
      for (let dieAt = 1; dieAt <= commits; dieAt++) {
        const life = await lifeOf(dieAt, outcome);
        const [first, second] = [answered('one'), answered('two')].map(({ name: _name, ...said }) => said);
        expect(life.output, `commit ${dieAt}`).toEqual([first, second]);
        expect(life.kinds, `commit ${dieAt}`).toEqual([
          ...['approval.requested', 'approval.resolved'],
          ...['approval.requested', 'approval.resolved'],
        ]);
        expect(life.seqs, `commit ${dieAt}`).toEqual(life.seqs.map((_, at) => at + 1));
        expect(life.rest, `commit ${dieAt}`).toEqual([]);
      }
    },
  );

  it('waits on, with its role, its deadline and its escalations', async () => {
    const disk = new MemoryDisk();
    const first = await createAskingNode({ disk });
    const task = first.ask({
      role: 'editor',
      deadlineMs: 3 * HOUR_MS,
      onExpire: 'reject',
      escalate: [{ afterMs: HOUR_MS, role: 'lead' }],
    });
    await first.world.settle();
    const since = first.world.nowMs();
    await first.world.elapse(HOUR_MS / 2);
    const second = await reborn(first, disk);
    expect(await second.pending()).toMatchObject([{ role: 'editor', since, next: { role: 'lead' } }]);
    expect(await second.store.readTask(task)).toMatchObject({ status: 'input-required' });
    await second.world.elapse(HOUR_MS);
    const third = await reborn(second, disk);
    const [view] = await third.pending();
    expect(view).toMatchObject({ role: 'lead', escalated: 1, expiresAt: since + 3 * HOUR_MS });
    expect(view).not.toHaveProperty('next');
    await third.world.elapse(2 * HOUR_MS);
    expect((await third.end(task)).result?.output).toMatchObject([{ decision: 'reject', by: 'expiry' }]);
    expect((await third.lines(task)).map(([kind]) => kind)).toEqual([
      ...['approval.requested', 'approval.requested', 'approval.resolved'],
    ]);
  });

  it.each([
    ['an escalation', 1.5, { role: 'lead', escalated: 1 }],
    ['all escalations: one line says whom it is asked of now', 2.5, { role: 'boss', escalated: 2 }],
  ])('makes up for %s that it slept through', async (_what, hours, shown) => {
    const disk = new MemoryDisk();
    const first = await createAskingNode({ disk });
    const task = first.ask({
      role: 'editor',
      escalate: [
        { afterMs: HOUR_MS, role: 'lead' },
        { afterMs: 2 * HOUR_MS, role: 'boss' },
      ],
    });
    await first.world.settle();
    const startMs = first.world.nowMs() + hours * HOUR_MS;
    first.kill();
    const second: AskingNode = await createAskingNode({ disk, seed: 2, startMs });
    await second.world.elapse(1);
    expect(await second.pending()).toMatchObject([shown]);
    expect(await second.lines(task)).toHaveLength(2);
  });

  it('expires where the deadline has passed meanwhile', async () => {
    const disk = new MemoryDisk();
    const first = await createAskingNode({ disk });
    const task = first.ask({ deadlineMs: HOUR_MS, escalate: [{ afterMs: HOUR_MS / 2, role: 'lead' }] });
    await first.world.settle();
    const startMs = first.world.nowMs() + 2 * HOUR_MS;
    first.kill();
    const second = await createAskingNode({ disk, seed: 2, startMs });
    expect((await second.end(task)).result?.error).toMatchObject({ code: 'DEADLINE_EXCEEDED' });
    expect((await second.lines(task)).map(([kind]) => kind)).toEqual([
      ...['approval.requested', 'approval.requested', 'approval.resolved'],
    ]);
  });
});
