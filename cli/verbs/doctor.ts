/** `troupe doctor`: looks for what could be wrong on this machine and with the node, and says what to do about it. */
import { constants } from 'node:fs';
import { access, mkdtemp, open, rm, statfs } from 'node:fs/promises';
import { availableParallelism, tmpdir, totalmem } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { performance } from 'node:perf_hooks';
import { loadSettings, type SettingsOutcome } from '../../runtime/settings.ts';
import { processEnvironment } from '../../runtime/settings-environment.ts';
import { VERSION } from '../../runtime/version.ts';
import { createWorld } from '../../runtime/world.ts';
import { EXIT, type ExitCode } from '../exit-codes.ts';
import type { VerbContext } from '../verb.ts';
import { fetchJson } from '../remote.ts';
import { checkMesh } from './doctor-mesh.ts';
import type { Finding } from './finding.ts';

const FREE_BYTES_MIN = 512 * 1024 * 1024;
const SYNC_ROUNDS = 16;
const SYNC_SLOW_MS = 20;
const NODE_MAJOR_BEST = 24;

/** Done (0) when nothing is wrong, failed (1) otherwise. */
export async function doctor(context: VerbContext, options: Record<string, unknown>): Promise<ExitCode> {
  const { terminal } = context;
  const dataDir = resolve(String(options['data']));
  const outcome = loadSettings({ cwd: process.cwd(), env: processEnvironment() });
  const findings = [
    checkRuntime(),
    checkSettings(outcome),
    await checkFolder(dataDir),
    await checked('disk', () => checkSpace(dataDir)),
    await checked('durability', () => checkSync(dataDir)),
    await checkNode(context),
    ...(await checkStranded(context)),
    ...(outcome.ok ? await checkMesh(outcome.settings, createWorld().nowMs()) : []),
  ];
  if (terminal.isJson) for (const finding of findings) terminal.json(finding);
  else {
    const marks = {
      ok: terminal.style('green', '✓'),
      note: terminal.style('yellow', '!'),
      wrong: terminal.style('red', '✗'),
    };
    for (const { check, state, found, advice } of findings) {
      terminal.line(`${marks[state]} ${check}: ${found}`);
      if (advice !== undefined) terminal.line(`    ${advice}`);
    }
  }
  return findings.some((finding) => finding.state === 'wrong') ? EXIT.failed : EXIT.done;
}

function checkRuntime(): Finding {
  const found = `Node.js ${process.version}, troupe ${VERSION}, ${availableParallelism()} cores, ${Math.round(totalmem() / 2 ** 30)} GiB`;
  const major = Number(process.versions.node.split('.')[0]);
  if (major >= NODE_MAJOR_BEST) return { check: 'runtime', state: 'ok', found };
  return { check: 'runtime', state: 'note', found, advice: `Troupe is tested on Node.js ${NODE_MAJOR_BEST}.` };
}

function checkSettings(outcome: SettingsOutcome): Finding {
  if (!outcome.ok) return { check: 'settings', state: 'wrong', found: outcome.error.message };
  const [first] = outcome.warnings;
  if (first !== undefined) return { check: 'settings', state: 'note', found: first.message };
  return { check: 'settings', state: 'ok', found: 'no mistakes in the environment and .env' };
}

/** A check that cannot be made is a finding too: the others are wanted all the same. */
async function checked(check: string, look: () => Promise<Finding>): Promise<Finding> {
  try {
    return await look();
  } catch (error) {
    const found = error instanceof Error ? error.message : String(error);
    return { check, state: 'wrong', found, advice: 'Name a folder on another disk with --data.' };
  }
}

/** The folder, or where it would be made. */
async function existing(path: string): Promise<string> {
  try {
    await access(path, constants.F_OK);
    return path;
  } catch {
    const parent = dirname(path);
    return parent === path ? path : await existing(parent);
  }
}

async function checkFolder(dataDir: string): Promise<Finding> {
  const place = await existing(dataDir);
  try {
    await access(place, constants.W_OK);
    const found =
      place === dataDir ? `${dataDir} can be written` : `${dataDir} is not there yet; ${place} can be written`;
    return { check: 'data folder', state: 'ok', found };
  } catch {
    return {
      check: 'data folder',
      state: 'wrong',
      found: `${place} cannot be written`,
      advice: 'Give this user the right to, or name another folder with --data.',
    };
  }
}

async function checkSpace(dataDir: string): Promise<Finding> {
  const { bavail, bsize } = await statfs(await existing(dataDir));
  const freeBytes = bavail * bsize;
  const found = `${(freeBytes / 2 ** 30).toFixed(1)} GiB free`;
  if (freeBytes >= FREE_BYTES_MIN) return { check: 'disk', state: 'ok', found };
  return {
    check: 'disk',
    state: 'wrong',
    found,
    advice: 'A full disk stops every acknowledgement. Make room, or name another folder with --data.',
  };
}

/** What one durable write costs here: the price of one task at a time. */
async function checkSync(dataDir: string): Promise<Finding> {
  const place = await existing(dataDir);
  const folder = await mkdtemp(join((await isWritable(place)) ? place : tmpdir(), '.troupe-doctor-'));
  try {
    const file = await open(join(folder, 'probe'), 'w');
    const times: number[] = [];
    for (let round = 0; round < SYNC_ROUNDS; round++) {
      await file.write('x'.repeat(400));
      const from = performance.now(); // tidy-allow clock: the command measures the disk itself
      await file.datasync();
      times.push(performance.now() - from); // tidy-allow clock: the command measures the disk itself
    }
    await file.close();
    const medianMs = times.sort((a, b) => a - b)[SYNC_ROUNDS >> 1] ?? 0;
    const found = `a durable write takes ${medianMs.toFixed(2)} ms`;
    if (medianMs < SYNC_SLOW_MS) return { check: 'durability', state: 'ok', found };
    return {
      check: 'durability',
      state: 'note',
      found,
      advice: 'Tasks one after another will be slow; many at a time share their writes.',
    };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function isWritable(path: string): Promise<boolean> {
  return await access(path, constants.W_OK).then(
    () => true,
    () => false,
  );
}

async function checkNode({ remote }: VerbContext): Promise<Finding> {
  try {
    const answer = (await fetchJson(remote, '/readyz')) as { readonly status?: string };
    return { check: 'node', state: 'ok', found: `${remote.url} answers: ${answer.status ?? 'ready'}` };
  } catch (error) {
    return { check: 'node', state: 'note', found: (error as Error).message };
  }
}

const STRANDED_SHOWN_MAX = 3;

/** Actors in the node's store that it cannot go on with. Nothing where there is no node to ask. */
async function checkStranded({ remote }: VerbContext): Promise<readonly Finding[]> {
  let stranded: readonly { readonly address: string; readonly message: string }[];
  try {
    ({ stranded = [] } = (await fetchJson(remote, '/api/v1/cluster')) as { readonly stranded?: typeof stranded });
  } catch {
    return [];
  }
  const check = 'stored actors';
  if (stranded.length === 0) return [{ check, state: 'ok', found: 'all that were asked for could be loaded' }];
  const shown = stranded.slice(0, STRANDED_SHOWN_MAX).map(({ message }) => message);
  return [
    {
      ...{
        check,
        state: 'wrong',
        found: `${stranded.length} could not be loaded and stay as they are: ${shown.join(' ')}`,
      },
      advice: 'Load the versions they were stored by, or stop the node and see `troupe migrate --dry-run`.',
    },
  ];
}
