/**
 * Durable workflows of three trivial steps, beside others who run such: `npm run bench:peers [-- --quick]`. The peers are a
 * package of their own (bench/peers), which is installed on the first run.
 *
 * All take turns, several rounds; each has as many in flight as it does best with. Peers run in the process of their client, and
 * are spared the socket between the two that Troupe is measured over. In brackets: how many times faster Troupe is, and how many
 * times as much CPU time a workflow takes elsewhere, in all processes but Troupe's client: this moves less with other load.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { type Absent, type Contestant, PEERS, troupe } from './contestants.ts';
import type { LoadFigures } from './load.ts';
import { cpuOfTrees } from './servers.ts';
import { figure, goal, heading, line, median } from './table.ts';

/** Against the best peer that syncs before it answers. */
const TIMES_LEAST = 10;
const IN_FLIGHT = [64, 256];
const FIRST = 128;
const ROUND_WORKFLOWS_MAX = 20_000;
/** Passes of the warm-up, which goes on while a pass is so many times as fast as those before. */
const WARM_UPS_MAX = 6;
const WARMER = 1.1;

interface Entry {
  readonly contestant: Contestant;
  readonly inFlight: number;
  readonly workflows: number;
  readonly figures: RoundFigures[];
}

/** CPU time of all its processes for each workflow, in ms. */
type RoundFigures = LoadFigures & { readonly cpuMs: number };

/** Installs the peers where what is installed is not what their lock file says. */
function install(): void {
  const cwd = fileURLToPath(new URL('./peers/', import.meta.url));
  const stamp = `${cwd}node_modules/.troupe-peers`;
  const lock = readFileSync(`${cwd}package-lock.json`, 'utf8');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === lock) return;
  process.stderr.write('installing the peers (npm ci in bench/peers)\n');
  const [program, args] =
    process.env['npm_execpath'] === undefined ? ['npm', []] : [process.execPath, [process.env['npm_execpath']]];
  const { status } = spawnSync(program, [...args, 'ci', '--no-audit', '--no-fund', '--loglevel=error'], {
    cwd,
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  if (status !== 0) throw new TypeError('npm ci failed in bench/peers.');
  writeFileSync(stamp, lock);
}

/** Runs until it gets no faster, and finds how many in flight it does best with, and how many workflows a round of `seconds` is. */
async function warmUp(contestant: Contestant, seconds: number): Promise<Entry> {
  let { perSecond } = await contestant.run(FIRST, FIRST);
  const sizeOf = (inFlight: number): number =>
    Math.min(Math.max(Math.ceil(perSecond * seconds), inFlight), ROUND_WORKFLOWS_MAX);
  let best = { inFlight: 0, perSecond: 0 };
  for (let pass = 0; pass < WARM_UPS_MAX; pass++) {
    const before = best.perSecond;
    for (const inFlight of IN_FLIGHT) {
      ({ perSecond } = await contestant.run(sizeOf(inFlight), inFlight));
      if (perSecond > best.perSecond) best = { inFlight, perSecond };
    }
    if (best.perSecond < before * WARMER) break;
  }
  ({ perSecond } = best);
  return { contestant, inFlight: best.inFlight, workflows: sizeOf(best.inFlight), figures: [] };
}

async function runRound({ contestant, workflows, inFlight, figures }: Entry): Promise<void> {
  const before = cpuOfTrees(contestant.pids) ?? Number.NaN;
  const shown = await contestant.run(workflows, inFlight);
  const after = cpuOfTrees(contestant.pids) ?? Number.NaN;
  figures.push({ ...shown, cpuMs: (after - before) / workflows });
}

const middle = ({ figures }: Entry, field: keyof RoundFigures): number => median(figures.map((one) => one[field]));

function show(entry: Entry, own: Entry): void {
  const { contestant, inFlight } = entry;
  const [perSecond, p50Ms, cpuMs] = [middle(entry, 'perSecond'), middle(entry, 'p50Ms'), middle(entry, 'cpuMs')];
  const times = (figures: string): string => (entry === own ? '' : ` (${figures} ×)`);
  const faster = times(figure(middle(own, 'perSecond') / perSecond));
  const dearer = times(figure(cpuMs / middle(own, 'cpuMs')));
  const synced = `synced before the answer: ${contestant.isSynced ? 'yes' : 'no'}`;
  const value = `${figure(perSecond)}/s${faster}`;
  line(
    contestant.name,
    value,
    `p50 ${figure(p50Ms)} ms at ${inFlight} in flight; CPU ${figure(cpuMs)} ms${dearer}; ${synced}`,
  );
}

async function benchPeers(isQuick: boolean): Promise<void> {
  install();
  heading('durable workflows of three trivial steps, beside peers; all in the same rounds');
  const seconds = isQuick ? 1 : 3;
  const absent: Absent[] = [];
  const entries: Entry[] = [];
  try {
    for (const start of [troupe, ...PEERS]) {
      const contestant = await start();
      if ('why' in contestant) absent.push(contestant);
      else entries.push(await warmUp(contestant, seconds));
    }
    for (let round = 0; round < (isQuick ? 1 : 5); round++) for (const entry of entries) await runRound(entry);
  } finally {
    for (const { contestant } of entries) await contestant.stop();
  }
  const [own, ...others] = entries as [Entry, ...Entry[]];
  for (const entry of entries) show(entry, own);
  for (const { name, why } of absent) line(name, 'skipped', why);
  const synced = others.filter(({ contestant }) => contestant.isSynced);
  const ratio = middle(own, 'perSecond') / Math.max(...synced.map((entry) => middle(entry, 'perSecond')));
  line('Troupe beside the best that syncs', `${figure(ratio)} ×`, goal(ratio, TIMES_LEAST));
}

await benchPeers(process.argv.includes('--quick'));
process.exit(0);
