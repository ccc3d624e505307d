/**
 * Hours of everything: mixed load, kills at every place and at random, and between them quiet times in which what leaks
 * would show. Judged by the checker of histories, round by round.
 *
 *     npm run soak -- --hours 8            how long; parts of hours count
 *     npm run soak -- --hours 8 --seed 1   the same dice
 *
 * Says a line a round and a summary; exit code 1 where anything was lost, repeated or has grown. A round that failed leaves
 * its history and its store, and says where.
 */
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { anomaliesOf } from '../support/history/checker.ts';
import { History } from '../support/history/history.ts';
import { seeded } from '../support/task-record.ts';
import { FAILPOINTS, type FailpointName } from './failpoints.ts';
import { FaultNode, pass } from './fault-rig.ts';
import { readAtRest } from './final-reading.ts';
import { killAtPoints } from './kill-rounds.ts';
import { MixedLoad } from './mixed-load.ts';

const HOUR_MS = 3_600_000;
const MIB = 1024 * 1024;
const KILLS_PER_ROUND = 20;
/** Fewer than the load has, so that they leave memory and come back all the time. */
const OPTIONS = { residentActorsMax: 2 };
/** Load without kills, in pieces; memory is looked at after each. */
const PIECES = 6;
const PIECE_MS = 5_000;
/** What may be found more after the last piece than after the second: caches fill, books of keys grow to their bounds. */
const HEAP_GROWTH_BYTES_MAX = 24 * MIB;
const HANDLES_GROWTH_MAX = 8;
/** No key is claimed twice over this many rounds, so its book grows with the load: this much of the heap a task. */
const HEAP_BYTES_PER_TASK = 1_500;

interface Sample {
  readonly heapBytes: number;
  readonly rssBytes: number;
  readonly timers: number;
  readonly handles: number;
  readonly acknowledged: number;
}

interface Round {
  readonly kills: number;
  readonly acknowledged: number;
  readonly faults: readonly string[];
}

const say = (line: string): void => void process.stdout.write(`${line}\n`);

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new TypeError('There is no port.');
  return address.port;
}

async function sample(node: FaultNode, load: MixedLoad): Promise<Sample> {
  const { heapBytes, rssBytes, timers } = await node.figures();
  return {
    ...{ heapBytes, rssBytes, timers },
    handles: readdirSync(`/proc/${node.pid}/fd`).length,
    acknowledged: load.acknowledged,
  };
}

/** Load without kills: what is there after each piece, garbage collected. */
async function leaksOf(
  node: FaultNode,
  load: MixedLoad,
): Promise<{ readonly faults: string[]; readonly words: string }> {
  const samples: Sample[] = [];
  for (let piece = 0; piece < PIECES; piece++) {
    await pass(PIECE_MS);
    samples.push(await sample(node, load));
  }
  const [first, last] = [samples[1], samples.at(-1)];
  if (first === undefined || last === undefined) return { faults: ['no samples'], words: '' };
  const faults: string[] = [];
  const heap = last.heapBytes - first.heapBytes;
  const allowed = HEAP_GROWTH_BYTES_MAX + HEAP_BYTES_PER_TASK * (last.acknowledged - first.acknowledged);
  if (heap > allowed) faults.push(`the heap grew by ${mib(heap)}`);
  if (last.handles - first.handles > HANDLES_GROWTH_MAX) faults.push(`${last.handles - first.handles} more open files`);
  if (last.timers - first.timers > HANDLES_GROWTH_MAX) faults.push(`${last.timers - first.timers} more timers`);
  const words =
    `heap ${mib(first.heapBytes)} to ${mib(last.heapBytes)}, rss ${mib(last.rssBytes)}, ` +
    `${last.handles} files, ${last.timers} timers`;
  return { faults, words };
}

function mib(bytes: number): string {
  return `${(bytes / MIB).toFixed(1)} MiB`;
}

/** One node from its first start to its judgement. */
async function runRound(number: number, seed: number): Promise<Round> {
  const folder = mkdtempSync(path.join(tmpdir(), 'troupe-soak-'));
  const random = seeded(seed);
  const history = new History();
  const node = new FaultNode(path.join(folder, 'node'), await freePort(), OPTIONS);
  const faults: string[] = [];
  let acknowledged = 0;
  let kills = 0;
  try {
    const load = new MixedLoad({ url: node.url, socketUrl: node.socketUrl, history, random });
    const points = Array.from({ length: KILLS_PER_ROUND }, () => pointBy(random));
    kills = (await killAtPoints({ node, history, random }, points)).length;
    const leaks = await leaksOf(node, load);
    await load.stop();
    ({ acknowledged } = load);
    faults.push(...leaks.faults);
    const findings = await readAtRest(node, history);
    faults.push(
      ...anomaliesOf(history.entries, findings).map(({ guarantee, name, what }) => `${guarantee} ${name}: ${what}`),
    );
    say(
      `round ${number}  seed ${seed}  ${kills} kills  ${acknowledged} acknowledged  ${leaks.words}  ` +
        (faults.length === 0 ? 'sound' : `${faults.length} FAULTS`),
    );
  } catch (error) {
    faults.push(error instanceof Error ? (error.stack ?? error.message) : String(error));
  } finally {
    await node.kill();
  }
  if (faults.length === 0) rmSync(folder, { recursive: true, force: true });
  else {
    const written = new History(path.join(folder, 'history.jsonl'));
    for (const entry of history.entries) written.note(entry);
    for (const fault of faults.slice(0, 20)) say(`  ${fault}`);
    say(`  What it left is in ${folder}.`);
  }
  return { kills, acknowledged, faults };
}

function pointBy(random: () => number): FailpointName | 'random' {
  return random() < 0.3 ? 'random' : (FAILPOINTS[Math.floor(random() * FAILPOINTS.length)] as FailpointName);
}

const { values } = parseArgs({ options: { hours: { type: 'string', default: '1' }, seed: { type: 'string' } } });
const hours = Number(values.hours);
if (!(hours > 0)) {
  say('Say for how many hours: npm run soak -- --hours 8');
  process.exit(2);
}
const firstSeed = Number(values.seed ?? Math.floor(Math.random() * 2 ** 31));
const fromMs = performance.now();
const rounds: Round[] = [];
while (rounds.length === 0 || performance.now() - fromMs < hours * HOUR_MS)
  rounds.push(await runRound(rounds.length + 1, firstSeed + rounds.length));
const sum = (of: (round: Round) => number): number => rounds.reduce((all, round) => all + of(round), 0);
const failed = rounds.filter(({ faults }) => faults.length > 0).length;
say(
  `${((performance.now() - fromMs) / 60_000).toFixed(1)} min, ${rounds.length} rounds, ${sum(({ kills }) => kills)} kills, ` +
    `${sum(({ acknowledged }) => acknowledged)} tasks acknowledged: ${failed === 0 ? 'all sound' : `${failed} rounds FAILED`}`,
);
process.exit(failed === 0 ? 0 : 1);
