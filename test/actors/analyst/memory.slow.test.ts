/** A million rows in a small heap: what is kept of a file does not grow with it. */
import { execFile } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { once } from 'node:events';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, it } from 'vitest';
import { makeFiles, repeatable } from './files.ts';

const files = makeFiles();
const path = join(files.folder, 'million.csv');
const ROWS = 1_000_000;
const HEAP_MIB = 128;
const WORKER = new URL('../../../actors/analyst/worker.ts', import.meta.url).href;

/** Runs one operation in a process of its own with a small heap; gives its answer, and the most memory that it ever held, in MiB. */
async function run(input: object): Promise<{ answer: Record<string, unknown>; peakMib: number }> {
  const script = `import { analyse } from ${JSON.stringify(WORKER)};
    const answer = await analyse(JSON.parse(process.argv[1]));
    console.log(JSON.stringify({ answer, peakMib: process.resourceUsage().maxRSS / 1024 }));`;
  const args = [`--max-old-space-size=${HEAP_MIB}`, '--input-type=module', '-e', script, JSON.stringify(input)];
  const { stdout } = await promisify(execFile)(process.execPath, args, { maxBuffer: 2 ** 26 });
  return JSON.parse(stdout) as { answer: Record<string, unknown>; peakMib: number };
}

beforeAll(async () => {
  const random = repeatable(1);
  const out = createWriteStream(path);
  out.write('id,when,region,amount,score,note\n');
  for (let row = 1; row <= ROWS; row += 5_000) {
    let lines = '';
    for (let index = row; index < row + 5_000; index++) {
      const when = new Date(1.6e12 + index * 60_000).toISOString();
      const amount = (random() ** 3 * 1_000).toFixed(6);
      const score = random() < 0.1 ? '' : index % 100;
      const note = `"text ${Math.floor(random() * 1e9)}, unlike the others"`;
      lines += `${index},${when},region ${Math.floor(random() * 50)},${amount},${score},${note}\n`;
    }
    if (!out.write(lines)) await once(out, 'drain');
  }
  out.end();
  await once(out, 'finish');
}, 120_000);

describe('a million rows', () => {
  it('are profiled in a heap of 128 MiB', async () => {
    const { answer, peakMib } = await run({ op: 'profile', path });
    expect(answer).toMatchObject({ rows: ROWS });
    const details = answer['details'] as readonly {
      name: string;
      type: string;
      missing: number;
      distinct: number;
      estimated: string[];
      number?: { mean: number; median: number };
    }[];
    expect(details.map(({ name, type }) => `${name} ${type}`)).toEqual([
      'id id',
      'when datetime',
      'region category',
      'amount number',
      'score integer',
      'note text',
    ]);
    const amount = details[3];
    expect(amount?.estimated).toContain('median');
    // The mean of u³ is a quarter, its median an eighth.
    expect(amount?.number?.mean).toBeCloseTo(250, -1);
    expect(amount?.number?.median).toBeCloseTo(125, -1);
    expect(Math.abs((details[5]?.distinct ?? 0) / ROWS - 1)).toBeLessThan(0.03);
    expect(details[2]).toMatchObject({ distinct: 50, estimated: [] });
    expect(peakMib).toBeLessThan(500);
  }, 120_000);

  it('are related in a heap of 128 MiB, from a sample that is said to be one', async () => {
    const { answer, peakMib } = await run({ op: 'correlate', path });
    expect(answer).toMatchObject({ rows: ROWS, sampleRows: 50_000 });
    expect(JSON.stringify(answer['notes'])).toContain('random sample of 50000 of 1000000 rows');
    expect(peakMib).toBeLessThan(500);
  }, 120_000);
});
