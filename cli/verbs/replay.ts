/**
 * `troupe replay`: a crash capsule, offline. It runs in a process of its own, since what is replayed may end its process or
 * never come back: that is a failure then, like any other.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { type AgentDefinition } from '../../actors/agent-definition.ts';
import { loadAgentFiles } from '../../actors/agent-files.ts';
import { analystAgent } from '../../actors/analyst/analyst.ts';
import { readCapsuleFile, replay as replayOffline } from '../../actors/capsule-replay.ts';
import { labAgents } from '../../actors/lab/lab.ts';
import { OperatingError, toErrorBody } from '../../protocol/errors.ts';
import type { Capsule } from '../../runtime/capsule.ts';
import { EXIT, type ExitCode } from '../exit-codes.ts';
import { durationText, type Terminal } from '../terminal.ts';

/** The options of the verb. */
export interface ReplayFlags {
  readonly agents: readonly string[];
  /** In ms. */
  readonly timeout: number;
  readonly json?: boolean;
  readonly inProcess?: boolean;
}

const ALIVE_MS = 60_000;
const MAIN = fileURLToPath(new URL(`../main.${import.meta.url.endsWith('.ts') ? 'ts' : 'js'}`, import.meta.url));
/** What the process of the replay ends with, where it ended by itself. */
const SAID: Readonly<Record<number, ExitCode>> = { 70: EXIT.done, 71: EXIT.failed, 72: EXIT.usage };
const CODES: Readonly<Partial<Record<ExitCode, number>>> = { [EXIT.done]: 70, [EXIT.failed]: 71, [EXIT.usage]: 72 };

/** 0: it no longer fails. 1: it does, with the error. 2: the capsule cannot be used, with why. */
export async function replay(terminal: Terminal, file: string, flags: ReplayFlags): Promise<ExitCode> {
  if (flags.inProcess !== true) return await replayApart(terminal, file, flags);
  // What only waits keeps no process alive, and is no failure: the time limit is for what never comes back.
  setInterval(() => {}, ALIVE_MS); // tidy-allow timer: it keeps the process of a replay alive, and nothing else
  const code = await replayHere(terminal, file, flags);
  process.exit(CODES[code] ?? EXIT.failed);
}

async function replayApart(terminal: Terminal, file: string, flags: ReplayFlags): Promise<ExitCode> {
  const { agents, timeout, json } = flags;
  const args = ['replay', file, '--in-process', ...(json === true ? ['--json'] : [])];
  if (agents.length > 0) args.push('--agents', ...agents);
  const child = spawn(process.execPath, [...process.execArgv, MAIN, ...args], {
    stdio: ['ignore', 'inherit', 'inherit'],
    timeout,
    killSignal: 'SIGKILL',
  });
  const [code, signal] = (await once(child, 'exit')) as [number | null, NodeJS.Signals | null];
  const said = code === null ? undefined : SAID[code];
  if (said !== undefined) return said;
  const why =
    code === null
      ? `It did not come back within ${durationText(timeout)}, or was killed (${String(signal)}).`
      : `It ended its process, with the code ${code}.`;
  if (terminal.isJson) terminal.json({ ok: false, error: { code: 'AGENT_CRASHED', message: why } });
  else terminal.line(`${terminal.style('red', 'Still failing.')} ${why}`);
  return EXIT.failed;
}

async function replayHere(terminal: Terminal, file: string, { agents: globs }: ReplayFlags): Promise<ExitCode> {
  let capsule: Capsule;
  let agents: readonly AgentDefinition[];
  try {
    capsule = await readCapsuleFile(file);
    const cwd = process.cwd();
    const bundled = [analystAgent({ cwd, readable: [cwd], tasksDir: cwd }), ...labAgents(cwd)];
    agents = [...bundled, ...(await loadAgentFiles(globs, cwd)).agents];
  } catch (error) {
    return unusable(terminal, error);
  }
  if (!terminal.isJson) terminal.line(`${capsule.id}  ${capsule.address}  set aside for: ${capsule.error.message}`);
  const onStep = (step: string): void => {
    if (terminal.isJson) terminal.json({ step: step.trim() });
    else terminal.line(`  ${step}`);
  };
  try {
    const report = await replayOffline(capsule, { agents, onStep });
    const { agent, status, output } = report;
    if (terminal.isJson) terminal.json({ ok: true, capsule: capsule.id, agent, status, output: output ?? null });
    else terminal.line(`${terminal.style('green', 'It no longer fails.')} The actor is ${status}.`);
    return EXIT.done;
  } catch (error) {
    const isOfCapsule =
      error instanceof OperatingError &&
      (error.code === 'VERSION_MISMATCH' ||
        (error.details as { capsule?: unknown } | undefined)?.capsule !== undefined);
    if (isOfCapsule) return unusable(terminal, error);
    const body = toErrorBody(error, 'AGENT_CRASHED');
    const isSame = body.message === capsule.error.message;
    if (terminal.isJson) terminal.json({ ok: false, capsule: capsule.id, same: isSame, error: body });
    else {
      const words = isSame ? 'Still failing, with the same error.' : 'Still failing, with another error.';
      terminal.line(`${terminal.style('red', words)}\n${(error instanceof Error && error.stack) || body.message}`);
    }
    return EXIT.failed;
  }
}

function unusable(terminal: Terminal, error: unknown): ExitCode {
  const body = toErrorBody(error);
  if (terminal.isJson) terminal.json({ ok: false, unusable: true, error: body });
  else terminal.note(`troupe: ${body.message}`);
  return EXIT.usage;
}
