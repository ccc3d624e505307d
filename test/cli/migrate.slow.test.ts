/** A stopped node's actors, taken over into another version of their agent by the command. */
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Ended, freePort, NodeUnderTest, runTroupe, temporaryFolder } from '../support/node-process.ts';
import { type Frame, Wire } from '../support/wire.ts';

const FIRST = `
import { defineAgent, addressOf } from 'troupe';
import { assign, sendTo, setup } from 'xstate';
const reply = sendTo(({ event }) => addressOf(event.replyTo),
  ({ context, self }) => ({ type: 'r', value: self.getSnapshot().value, ...context }));
export const first = defineAgent({
  name: 'orders', version: '1.0.0', keyed: true,
  machine: setup({}).createMachine({
    id: 'orders', context: { total: 7 }, initial: 'idle', on: { get: { actions: reply } },
    states: { idle: { on: { go: 'waiting', odd: 'odd' } }, waiting: { after: { 3600000: 'idle' } }, odd: {} },
  }),
});
`;
const SECOND = FIRST.replaceAll('first', 'second')
  .replace("'1.0.0'", "'2.0.0'")
  .replace('idle: {', 'resting: {')
  .replace("'idle', on", "'resting', on")
  .replace("3600000: 'idle'", "3600000: 'resting'")
  .replace(', odd: {}', '')
  .replace(", odd: 'odd'", '')
  .replace(
    'keyed: true,',
    "keyed: true, migrate: [{ from: '1.x', run: (s) => ({ ...s, value: s.value === 'idle' ? 'resting' : s.value }) }],",
  );

const folder = temporaryFolder('cli-migrate');
const first = path.join(folder.path, 'first.ts');
const second = path.join(folder.path, 'second.ts');
let port: number;

async function withNode(agents: string, use: (wire: Wire) => Promise<void>): Promise<void> {
  const node = new NodeUnderTest(folder.path, port, ['--agents', agents]);
  await node.start();
  const wire = await Wire.open(node.socketUrl);
  try {
    await use(wire);
  } finally {
    await wire.close();
    await node.kill(0, 'SIGTERM');
  }
}

function migrate(...args: string[]): Promise<Ended> {
  return runTroupe(['migrate', '--data', folder.path, ...args], { cwd: folder.path });
}

const lines = ({ out }: Ended): Frame[] =>
  out
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Frame);

const ask = async (wire: Wire, key: string): Promise<Frame> =>
  await wire.request({ type: 'agent.ask', agent: 'orders', key, event: { type: 'get' }, timeoutMs: 10_000 });

beforeAll(async () => {
  writeFileSync(first, FIRST);
  writeFileSync(second, SECOND);
  port = await freePort();
  await withNode(first, async (wire) => {
    for (const [key, type] of [
      ['a', 'get0'],
      ['b', 'go'],
      ['c', 'odd'],
    ])
      await wire.request({ type: 'agent.tell', agent: 'orders', key, event: { type } });
  });
}, 60_000);

afterAll(() => folder.clear());

describe('troupe migrate', () => {
  it('is refused while the node runs, and where there is no store', async () => {
    await withNode(first, async () => {
      const { code, err } = await migrate('--dry-run', '--agents', second);
      expect(code).not.toBe(0);
      expect(err).toMatch(/Another process \(\d+\) has the store .* open\. Stop it first/);
    });
    const nowhere = await runTroupe(['migrate', '--dry-run', '--data', path.join(folder.path, 'none')]);
    expect(nowhere.code).not.toBe(0);
    expect(nowhere.err).toContain('There is no store in');
  }, 60_000);

  it('says of each actor how it would fare, and writes nothing, with --dry-run', async () => {
    for (let round = 0; round < 2; round++) {
      const ended = await migrate('--dry-run', '--json', '--agents', second);
      expect(ended.code).toBe(1);
      const found = lines(ended);
      expect(found.slice(0, -1)).toMatchObject([
        { address: 'agent/orders/a', agent: 'orders@1.0.0', verdict: 'migrates', to: '2.0.0', losses: [] },
        { address: 'agent/orders/b', verdict: 'migrates', losses: [] },
        { address: 'agent/orders/c', verdict: 'refused', losses: [{ kind: 'state', place: 'value.odd' }] },
      ]);
      expect(found.at(-1)).toMatchObject({
        dryRun: true,
        summary: [{ agent: 'orders@1.0.0', fits: 0, migrates: 2, refused: 1, reasons: { 'state value.odd': 1 } }],
      });
    }
    const fits = await migrate('--dry-run', '--agents', first);
    expect(fits.code).toBe(0);
    expect(fits.out).toMatch(/orders@1\.0\.0\s+3\s+0\s+0/);
    const unknown = await migrate('--dry-run');
    expect(unknown.code).toBe(1);
    expect(unknown.out).toContain('is not among the agents given');
  }, 60_000);

  it('takes over what can be, leaves the rest as it is, and has nothing more to do then', async () => {
    const ended = await migrate('--agents', second);
    expect(ended.code).toBe(1);
    expect(ended.out).toContain('agent/orders/a  orders@1.0.0 → 2.0.0  taken over');
    const again = lines(await migrate('--json', '--agents', second, first));
    expect(again.slice(0, -1).map(({ verdict }) => verdict)).toEqual(['fits', 'fits', 'fits']);
    await withNode(second, async (wire) => {
      expect(await ask(wire, 'a')).toMatchObject({ value: { value: 'resting', total: 7 } });
      expect(await ask(wire, 'b')).toMatchObject({ value: { value: 'waiting', total: 7 } });
      expect(await ask(wire, 'c')).toMatchObject({ type: 'error', code: 'VERSION_MISMATCH' });
      const { stranded } = (await (await fetch(`http://127.0.0.1:${port}/api/v1/cluster`)).json()) as {
        stranded: unknown[];
      };
      expect(stranded).toMatchObject([{ address: 'agent/orders/c', code: 'VERSION_MISMATCH' }]);
      const doctor = await runTroupe(['doctor', '--json', '--url', `http://127.0.0.1:${port}`, '--data', folder.path]);
      expect(doctor.out).toMatch(/"check":"stored actors","state":"wrong","found":"1 could not be loaded/);
    });
  }, 60_000);
});
