/** `troupe start`: runs a node until it is told to stop. */
import { MessageChannel } from 'node:worker_threads';
import { buildNode } from '../../node.ts';
import type { AgentDefinition } from '../../actors/agent-definition.ts';
import { tuneCollector } from '../../runtime/collector.ts';
import type { Log } from '../../runtime/log.ts';
import { logOf } from '../../runtime/node-log.ts';
import { loadSettings, type Settings } from '../../runtime/settings.ts';
import { processEnvironment } from '../../runtime/settings-environment.ts';
import { createWorld, type World } from '../../runtime/world.ts';
import { buildWorker } from '../../worker-node.ts';
import { installEscapeHandlers } from '../../supervisors/escapes.ts';
import { EXIT, type ExitCode } from '../exit-codes.ts';
import { durationText, type Terminal } from '../terminal.ts';

/** Resolves when the node has stopped. A second signal ends it at once; nothing acknowledged is lost by that either. */
export async function start(terminal: Terminal, flags: Readonly<Record<string, unknown>>): Promise<ExitCode> {
  tuneCollector();
  const env = processEnvironment();
  const cwd = process.cwd();
  const outcome = loadSettings({ cwd, env, flags });
  if (!outcome.ok) throw outcome.error;
  const { settings } = outcome;
  const world = createWorld();
  const log = logOf(terminal.isJson ? { ...settings, logFormat: 'json' } : settings, world);
  const ended = Promise.withResolvers<ExitCode>();
  const onFatal = (error: Error): void => {
    log.error('The node cannot go on and ends; unfinished work goes on when it is started again.', {
      error: error.message,
    });
    void log.close().then(() => process.exit(EXIT.failed));
  };
  for (const warning of outcome.warnings) log.warn(warning.message);
  const uninstall = installEscapeHandlers({ log, onUnattributed: onFatal });
  const parts = { settings, world, log, agents: [] };
  const hasDoor = outcome.sources.port.kind !== 'default';
  const node =
    settings.join === undefined
      ? await startOwner(terminal, { ...parts, onFatal })
      : await startWorker(terminal, { ...parts, hasDoor });
  const stop = (signal: NodeJS.Signals): void => {
    if (!terminal.isJson) terminal.line(`\n${signal}: finishing what is under way (again to end at once) …`);
    process.once('SIGINT', () => process.exit(130)).once('SIGTERM', () => process.exit(143));
    node.stop().then(() => ended.resolve(EXIT.done), ended.reject);
  };
  process.once('SIGINT', stop);
  process.once('SIGTERM', stop);
  // A worker that its owner is away from has nothing else that keeps its process alive.
  const alive = new MessageChannel();
  alive.port1.on('message', () => undefined);
  const code = await ended.promise;
  alive.port1.close();
  uninstall();
  await log.close();
  if (!terminal.isJson) terminal.line('Stopped.');
  // Handles that libraries keep open must not keep a stopped node alive.
  process.exit(code);
}

/** Any node, as far as stopping it goes. */
interface Stoppable {
  stop(): Promise<void>;
}

interface Parts {
  readonly settings: Settings;
  readonly world: World;
  readonly log: Log;
  readonly agents: readonly AgentDefinition[];
}

async function startOwner(
  terminal: Terminal,
  parts: Parts & { readonly onFatal: (error: Error) => void },
): Promise<Stoppable> {
  const node = await buildNode({ ...parts, workflows: [] });
  const { settings } = parts;
  const { mesh, recovery } = node;
  const meshUrl = mesh && `${settings.meshTlsCert === undefined ? 'ws' : 'wss'}://${hostInUrl(mesh.host)}:${mesh.port}`;
  if (terminal.isJson) {
    const { url, id } = node;
    const ready = { ready: true, url, node: id, pid: process.pid, resumed: recovery.resumed };
    terminal.json(meshUrl === undefined ? ready : { ...ready, mesh: meshUrl });
    return node;
  }
  terminal.line(
    `${terminal.style('bold', 'Troupe')} is ready at ${terminal.style('cyan', node.url)}  ` +
      `(data in ${settings.dataDir}, pid ${process.pid})`,
  );
  if (meshUrl !== undefined) terminal.line(`Other nodes join with: troupe start --join ${meshUrl} --agents FILE`);
  if (recovery.resumed > 0)
    terminal.line(
      `Going on with unfinished work: ${recovery.resumed} actors, loaded in ${durationText(recovery.durationMs)}.`,
    );
  terminal.line('Ctrl-C stops it. What is unfinished goes on at the next start.');
  return node;
}

async function startWorker(terminal: Terminal, parts: Parts & { readonly hasDoor: boolean }): Promise<Stoppable> {
  const worker = await buildWorker(parts);
  const { id, owner, agents, door } = worker;
  const url = door && `http://${hostInUrl(door.host)}:${door.port}`;
  if (terminal.isJson) {
    terminal.json({ ready: true, node: id, pid: process.pid, join: owner, agents, ...(url !== undefined && { url }) });
    void worker.joined.then(() => terminal.json({ joined: true, node: id, owner }));
    return worker;
  }
  terminal.line(
    `${terminal.style('bold', 'Troupe')} worker ${terminal.style('cyan', id)} offers ${agents.join(', ')}  (pid ${process.pid})`,
  );
  terminal.line(`Joining ${owner} …${url === undefined ? '' : `  (health and metrics at ${url})`}`);
  void worker.joined.then(() => terminal.line(`Joined ${owner}. Ctrl-C stops it: it ends what it has in hand first.`));
  return worker;
}

function hostInUrl(host: string): string {
  return host.includes(':') ? `[${host}]` : host;
}
