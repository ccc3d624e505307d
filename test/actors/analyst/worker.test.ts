import { afterAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import {
  ANALYST_CAPABILITIES,
  ANALYST_TIMEOUT_MS,
  ANALYST_WORKER,
  type AnalystOutput,
  analystInputSchema,
  analystOutputSchema,
  pathsOf,
  type ProgressUpdate,
} from '../../../actors/analyst/index.ts';
import { analyse } from '../../../actors/analyst/worker.ts';
import { createWorkerPool } from '../../../runtime/workers/pool.ts';
import { createWorld } from '../../../runtime/world.ts';
import { errorOf, makeFiles } from './files.ts';

const files = makeFiles();
const DATA = new URL('../../../examples/data/', import.meta.url).pathname;
const pool = createWorkerPool({ world: createWorld(), threadsMax: 2, queueMax: 20 });
afterAll(() => pool.stop(0));

function run(input: unknown, onProgress: (update: unknown) => void = () => {}): Promise<unknown> {
  return pool.run({ ...ANALYST_WORKER, input, onProgress, timeoutMs: ANALYST_TIMEOUT_MS });
}

describe('the analyst in worker threads', () => {
  it('does the steps of an analysis, each with the answers of those before it', async () => {
    const path = `${DATA}seattle-weather.csv`;
    const workDir = `${files.folder}/work`;
    const updates: ProgressUpdate[] = [];
    const onProgress = (update: unknown): void => void updates.push(update as ProgressUpdate);
    const scan = analystOutputSchema.parse(await run({ op: 'scan', path }));
    if (scan.op !== 'scan') throw new Error('expected a scan');
    const profiles = await Promise.all(
      scan.groups.map(({ columns }) =>
        run({ op: 'profile', path, dialect: scan.dialect, columns, workDir }, onProgress),
      ),
    );
    const correlations = await run({ op: 'correlate', path, dialect: scan.dialect, profiles, workDir }, onProgress);
    const report = analystOutputSchema.parse(
      await run({ op: 'report', outDir: `${files.folder}/out`, scan, profiles, correlations }, onProgress),
    );
    expect(report).toMatchObject({ op: 'report', rows: 1_461, columns: 6 });
    for (const output of [...profiles, correlations]) expect(analystOutputSchema.parse(output)).toEqual(output);
    expect(new Set(updates.map(({ unit }) => unit))).toEqual(new Set(['bytes', 'files']));
    expect(updates.at(-1)).toMatchObject({ done: updates.at(-1)?.total });
  });

  it('carries coded errors out of the thread', async () => {
    expect((await errorOf(run({ op: 'scan', path: `${files.folder}/missing.csv` }))).code).toBe('NOT_FOUND');
    const error = await errorOf(run({ op: 'profile', path: `${DATA}penguins.json`, columns: ['nope'] }));
    expect([error.code, error.details]).toEqual(['INVALID_INPUT', { column: 'nope' }]);
  });

  it.each([
    [undefined],
    [{}],
    [{ op: 'nope', path: 'x' }],
    [{ op: 'scan' }],
    [{ op: 'scan', path: 'x', extra: 1 }],
    [{ op: 'profile', path: 'x', columns: [] }],
    [{ op: 'correlate', path: 'x', seed: -1 }],
    [{ op: 'report', path: 'x' }],
  ])('refuses %j, naming the faults', async (input) => {
    const error = await errorOf(analyse(input));
    expect(error.code).toBe('INVALID_INPUT');
    expect((error.details as { faults: string[] }).faults.length).toBeGreaterThan(0);
  });
});

describe('the description of the analyst', () => {
  it('has a capability for every operation, and one operation is of one capability', () => {
    const operations = Object.values(ANALYST_CAPABILITIES).flat();
    expect([...operations].sort()).toEqual(['correlate', 'profile', 'report', 'scan']);
  });

  it('can be shown as JSON Schema', () => {
    for (const schema of [analystInputSchema, analystOutputSchema]) {
      expect(JSON.stringify(z.toJSONSchema(schema, { io: 'input' }))).toContain('"const":"correlate"');
    }
  });

  it('names every path that an operation touches', async () => {
    expect(pathsOf({ op: 'scan', path: '/a.csv' })).toEqual({ reads: ['/a.csv'], writes: [] });
    expect(pathsOf({ op: 'profile', path: '/a.csv', workDir: '/w' })).toEqual({ reads: ['/a.csv'], writes: ['/w'] });
    expect(pathsOf({ op: 'correlate', path: '/a.csv' })).toEqual({ reads: ['/a.csv'], writes: [] });
    const path = files.write('paths.csv', 'a,b\n1,2\n');
    const workDir = `${files.folder}/paths`;
    const outputs: AnalystOutput[] = [
      await analyse({ op: 'scan', path }),
      await analyse({ op: 'profile', path, workDir }),
      await analyse({ op: 'correlate', path, workDir }),
    ];
    const [scan, profile, correlations] = outputs;
    if (scan?.op !== 'scan' || profile?.op !== 'profile' || correlations?.op !== 'correlate')
      throw new Error('expected the three');
    const { reads, writes } = pathsOf({ op: 'report', outDir: '/out', scan, profiles: [profile], correlations });
    expect([reads, writes]).toEqual([[profile.file, correlations.file], ['/out']]);
    expect(pathsOf({ op: 'report', outDir: '/out', path })).toEqual({ reads: [path], writes: ['/out'] });
  });
});
