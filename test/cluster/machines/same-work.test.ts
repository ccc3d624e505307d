import { describe, expect, it } from 'vitest';
import type { AgentDefinition } from '../../../actors/agent-definition.ts';
import type { Log } from '../../../runtime/log.ts';
import { createMeshRig } from '../../support/mesh-rig.ts';
import { createWorkNode, type WorkNode } from '../../support/work-node.ts';
import { auditor, picky, tally } from './asked-machines.ts';
import { clumsy, dizzy, hoarder, unlucky } from './faulty-machines.ts';
import { courier, type Diary, household, seeker } from './machines.ts';

/** What is done with some machines: the first is the one that works on the task. */
interface Work {
  readonly name: string;
  make(diary: Diary): readonly AgentDefinition[];
  readonly input?: unknown;
  /** Before the task. */
  begin?(node: WorkNode): Promise<void>;
}

const WORKS: readonly Work[] = [
  { name: 'a call and a timer', make: (diary) => [courier(diary)], input: { order: 7 } },
  { name: 'promises: one that fails, one that is stopped, an inline one', make: (diary) => [seeker(diary)] },
  { name: 'regions, children, delays, and data of many kinds', make: () => [household()] },
  { name: 'an end that it has chosen by itself', make: () => [unlucky()] },
  { name: 'two crashes, and then none', make: (diary) => [clumsy(diary, 2)] },
  { name: 'one crash too many', make: (diary) => [clumsy(diary, 9)] },
  { name: 'a state that cannot be kept', make: () => [hoarder()] },
  { name: 'states that lead to each other for ever', make: () => [dizzy()] },
  { name: 'an input that its schema completes', make: () => [picky()], input: {} },
  {
    name: 'a question to a keyed actor',
    make: () => [auditor(), tally()],
    begin: async (node) => await node.desk.mail.tell('tally', 'eu', { type: 'add', n: 4 }),
  },
];

/** All that anybody could see of it. */
async function seenOf(node: WorkNode, { make, begin, input }: Work, diary: Diary, lines: string[]): Promise<object> {
  const agent = make([])[0]?.name ?? '';
  if (begin !== undefined) {
    const begun = begin(node);
    await node.world.settle();
    await begun;
  }
  const { id, status, result } = await node.finish({ agent }, input);
  const events = (await node.events(id)).map(({ kind, data }) => ({ kind, data }));
  const quarantined = node.kernel.quarantine.rows().map(({ cause, message, error }) => ({ cause, message, error }));
  const seen = { status, result, events, diary, lines, quarantined, crashes: crashesOf(node) };
  return shown(seen, id) as object;
}

function crashesOf({ log }: WorkNode): readonly unknown[] {
  return log
    .filter(({ message }) => message === 'An actor crashed.')
    .map(({ fields: { actor, code } }) => ({ actor, code }));
}

/** Without ids and times, which are other ones in each run. */
function shown(value: unknown, task: string): unknown {
  const text = JSON.stringify(value, (key, one: unknown) => {
    if (/^(?:capsule|durationMs|at|.*At)$/.test(key)) return undefined;
    return typeof one === 'bigint' ? `${one}n` : one;
  });
  return JSON.parse(text.replaceAll(task, 'TASK').replaceAll(/"[0-9A-HJKMNP-TV-Z]{26}"/g, '"ID"'));
}

function noting(lines: string[]): Log {
  const quiet = (): void => undefined;
  const made: Log = {
    ...{ enabled: () => true, error: quiet, warn: quiet, debug: quiet, trace: quiet, child: () => made },
    info: (message, fields) => {
      if (fields !== undefined && 'actor' in fields) lines.push(`${String(fields.actor)} ${message}`);
    },
  };
  return made;
}

describe('A machine on a worker does the same as at home:', () => {
  it.each(WORKS)('$name', async (work) => {
    const here: { diary: Diary; lines: string[] } = { diary: [], lines: [] };
    const local = await createWorkNode({ agents: work.make(here.diary), log: noting(here.lines) });
    const there: { diary: Diary; lines: string[] } = { diary: [], lines: [] };
    const rig = await createMeshRig({ log: noting(there.lines) });
    await rig.join('w1', work.make(there.diary));
    const far = await seenOf(rig.owner, work, there.diary, there.lines);
    expect(far).toEqual(await seenOf(local, work, here.diary, here.lines));
  });
});
