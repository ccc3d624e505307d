/**
 * Sets a checkout up, then runs one of its programs on the Node.js that came with the installation.
 *
 *   node scripts/setup.mjs                  sets up
 *   node scripts/setup.mjs FILE [ARGS...]   sets up, then becomes `node FILE ARGS...`
 *
 * Plain JavaScript without dependencies: this is the one file that runs on the system's Node.js, before there is
 * anything else. Every npm script goes through it. Both steps are in one process on purpose: a shell that ran
 * `node setup && node program` may remember the first `node` and start the program on the old one.
 *
 * Set-up means `npm ci`, made when node_modules is missing or does not belong to package-lock.json. When there is
 * nothing to do this takes a few milliseconds and prints nothing. It changes nothing outside of the checkout.
 */
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { constants, tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
const MODULES = path.join(ROOT, 'node_modules');
const LOCK_FILE = path.join(ROOT, 'package-lock.json');
const STAMP_FILE = path.join(MODULES, '.troupe-setup.json');

/** The major version that everything runs on, and the oldest Node.js that runs TypeScript without flags. */
const WANTED_MAJOR = 24;
const OLDEST_USABLE = [22, 18];
/** What npm itself and the packages' install scripts need. */
const OLDEST_INSTALLING = [20, 19];
const WAIT_FOR_OTHER_MS = 10 * 60_000;
const ERROR_LINES_MAX = 20;

/** A failure that is explained in its message; no stack is shown for it. */
class SetupError extends Error {}

const say = (text) => process.stderr.write(`setup: ${text}\n`);

const atLeast = (version, [major, minor]) => {
  const [haveMajor = 0, haveMinor = 0] = version.replace(/^v/, '').split('.').map(Number);
  return haveMajor > major || (haveMajor === major && haveMinor >= minor);
};

const readJson = (file) => {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    return undefined;
  }
};

/** Identifies an installation: the lock file and the platform whose binaries were chosen. */
const fingerprint = () => {
  if (!existsSync(LOCK_FILE)) throw new SetupError(`package-lock.json is missing in ${ROOT}; get it back with git`);
  const hash = createHash('sha256').update(readFileSync(LOCK_FILE)).digest('hex');
  return `${process.platform}-${process.arch}-${hash}`;
};

/** Where npm put the Node.js of tools/package.json. */
const localNode = () =>
  process.platform === 'win32'
    ? path.join(MODULES, `node-win-${process.arch}`, 'bin', 'node.exe')
    : path.join(MODULES, '.bin', 'node');

/**
 * Whether what npm says it installed is what the lock file asks for: then somebody ran npm by hand, and there is
 * nothing to install. Optional packages may be absent (they are for other platforms).
 */
const installedByHand = () => {
  const wanted = readJson(LOCK_FILE)?.packages;
  const installed = readJson(path.join(MODULES, '.package-lock.json'))?.packages;
  if (!wanted || !installed) return false;
  return Object.entries(wanted).every(([place, entry]) => {
    if (!place.startsWith('node_modules/')) return true;
    const have = installed[place];
    if (!have) return entry.optional === true;
    if (entry.link === true) return have.resolved === entry.resolved;
    return have.version === entry.version && have.integrity === entry.integrity;
  });
};

const sleepSync = (ms) => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);

const isAlive = (pid) => {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
};

/** Runs `fn` while no other process sets up the same checkout. */
const exclusively = (fn) => {
  const name = `troupe-setup-${createHash('sha256').update(ROOT).digest('hex').slice(0, 16)}`;
  const place = path.join(tmpdir(), name);
  const owner = path.join(place, 'pid');
  const giveUpAt = Date.now() + WAIT_FOR_OTHER_MS;
  for (let told = false; ; sleepSync(200)) {
    try {
      mkdirSync(place);
      break;
    } catch (error) {
      if (error.code !== 'EEXIST') throw error;
    }
    const pid = Number(existsSync(owner) ? readFileSync(owner, 'utf8') : 0);
    const ageMs = Date.now() - (statSync(place, { throwIfNoEntry: false })?.mtimeMs ?? Date.now());
    if (pid > 0 ? !isAlive(pid) : ageMs > 5_000) rmSync(place, { recursive: true, force: true });
    else if (Date.now() > giveUpAt)
      throw new SetupError(`process ${pid} is still installing; if it is not, remove ${place}`);
    else if (!told) say(`waiting for process ${pid}, which is installing already`);
    told = true;
  }
  try {
    writeFileSync(owner, String(process.pid));
    return fn();
  } finally {
    rmSync(place, { recursive: true, force: true });
  }
};

/**
 * npm as the running npm would start itself; else the one on PATH that is not below node_modules.
 * @returns {[command: string, prefix: string[]]}
 */
const npmCommand = () => {
  const { npm_execpath: cli, npm_node_execpath: node } = process.env;
  if (cli && existsSync(cli) && /npm-cli\.c?js$/.test(cli))
    return [node && existsSync(node) ? node : process.execPath, [cli]];
  return ['npm', []];
};

const install = () => {
  if (!atLeast(process.version, OLDEST_INSTALLING)) {
    throw new SetupError(
      `Node.js ${OLDEST_INSTALLING.join('.')} or newer is needed to install; this is ${process.version}`,
    );
  }
  say(
    existsSync(MODULES)
      ? 'the dependencies changed; installing them again (npm ci)'
      : 'installing dependencies (npm ci)',
  );
  const startedAt = Date.now();
  const [command, prefix] = npmCommand();
  // Without the old binaries in the way, and whole even where the environment asks for a smaller installation.
  const env = { ...process.env, PATH: pathWithout(path.join(MODULES, '.bin')) };
  const flags = ['ci', '--include=dev', '--include=optional', '--no-audit', '--no-fund', '--loglevel=error'];
  const run = spawnSync(command, [...prefix, ...flags], {
    cwd: ROOT,
    env,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
    shell: command === 'npm' && process.platform === 'win32',
  });
  if (run.error) throw new SetupError(`npm could not be started: ${run.error.message}. Is npm installed?`);
  if (run.status !== 0) {
    // npm says first what is wrong; a page of usage may follow, and at the end the place of its log.
    const lines = run.stderr.split('\n').filter((line) => line.trim() !== '');
    const shown = lines.length > ERROR_LINES_MAX ? [...lines.slice(0, ERROR_LINES_MAX - 1), '…', lines.at(-1)] : lines;
    const how = run.signal ? `was ended by ${run.signal}` : `failed with exit code ${run.status}`;
    throw new SetupError(
      `npm ci ${how}:\n\n${shown.join('\n')}\n\n` +
        'Check that the npm registry can be reached (npm ping) and that there is room on the disk, then run this again.',
    );
  }
  say(`installed in ${((Date.now() - startedAt) / 1000).toFixed(1)} s`);
};

const pathWithout = (folder) =>
  (process.env.PATH ?? '')
    .split(path.delimiter)
    .filter((entry) => path.resolve(entry) !== folder)
    .join(path.delimiter);

/** The Node.js to run on. Says so where it is not the wanted one, and fails where it is too old. */
const chooseNode = () => {
  const local = localNode();
  const answer = existsSync(local) ? spawnSync(local, ['--version'], { encoding: 'utf8' }) : undefined;
  if (answer?.status === 0 && atLeast(answer.stdout.trim(), [WANTED_MAJOR, 0])) {
    return { path: local, version: answer.stdout.trim() };
  }
  const why = answer
    ? `the installed one does not run here`
    : `none could be installed for ${process.platform}-${process.arch}`;
  const need = `Node.js ${WANTED_MAJOR} is needed, and ${why}`;
  if (!atLeast(process.version, OLDEST_USABLE)) {
    throw new SetupError(`${need}; this is ${process.version}. Install Node.js ${WANTED_MAJOR} and run this again.`);
  }
  if (!atLeast(process.version, [WANTED_MAJOR, 0])) say(`${need}; going on with ${process.version}`);
  return { path: process.execPath, version: process.version };
};

/** Installs where needed. Returns the path of the Node.js to run on. */
const setUp = () => {
  const mark = fingerprint();
  const readyNode = () => {
    const stamp = readJson(STAMP_FILE);
    if (stamp?.fingerprint !== mark) return undefined;
    const node = path.resolve(ROOT, stamp.node);
    if (!existsSync(node)) return undefined;
    if (!atLeast(stamp.version, [WANTED_MAJOR, 0]))
      say(`running on Node.js ${stamp.version}, not on the wanted ${WANTED_MAJOR}`);
    return node;
  };
  const ready = readyNode();
  if (ready !== undefined) return ready;
  return exclusively(() => {
    const meanwhile = readyNode();
    if (meanwhile !== undefined) return meanwhile;
    if (!installedByHand()) install();
    const chosen = chooseNode();
    // Relative inside of the checkout: a copy of it must not run the original's.
    const node = chosen.path.startsWith(ROOT + path.sep) ? path.relative(ROOT, chosen.path) : chosen.path;
    mkdirSync(MODULES, { recursive: true });
    writeFileSync(STAMP_FILE, `${JSON.stringify({ fingerprint: mark, node, version: chosen.version })}\n`);
    return chosen.path;
  });
};

/** Becomes the program, so that signals, exit code and terminal are its own; by a child process where Node.js cannot. */
const become = (node, file, args) => {
  const env = {
    ...process.env,
    PATH: [path.join(MODULES, '.bin'), pathWithout(path.join(MODULES, '.bin'))].join(path.delimiter),
  };
  const program = path.resolve(ROOT, file);
  if (!existsSync(program)) throw new SetupError(`${file} does not exist in ${ROOT}`);
  if (typeof process.execve === 'function' && process.platform !== 'win32') {
    process.execve(node, [node, program, ...args], env);
  }
  const child = spawn(node, [program, ...args], { stdio: 'inherit', env });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
    // A terminal sends SIGINT to the whole group: then the child has it already.
    process.on(signal, () => (signal === 'SIGINT' && process.stdin.isTTY ? undefined : child.kill(signal)));
  }
  child.on('error', (error) => {
    say(`${node} could not be started: ${error.message}`);
    process.exitCode = 1;
  });
  child.on('exit', (code, signal) => {
    process.exitCode = signal ? 128 + (constants.signals[signal] ?? 0) : (code ?? 1);
  });
};

try {
  const node = setUp();
  const [file, ...args] = process.argv.slice(2);
  if (file !== undefined) become(node, file, args);
} catch (error) {
  if (!(error instanceof SetupError)) throw error;
  say(error.message);
  process.exitCode = 1;
}
