/** `troupe start`: runs a node until it is told to stop. */
import { buildNode, logOf } from '../../node.ts';
import { tuneCollector } from '../../runtime/collector.ts';
import { loadSettings } from '../../runtime/settings.ts';
import { processEnvironment } from '../../runtime/settings-environment.ts';
import { createWorld } from '../../runtime/world.ts';
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
  const node = await buildNode({ settings, world, log, onFatal, agents: [], workflows: [] });
  if (terminal.isJson)
    terminal.json({ ready: true, url: node.url, node: node.id, pid: process.pid, resumed: node.recovery.resumed });
  else {
    terminal.line(
      `${terminal.style('bold', 'Troupe')} is ready at ${terminal.style('cyan', node.url)}  ` +
        `(data in ${settings.dataDir}, pid ${process.pid})`,
    );
    if (node.recovery.resumed > 0)
      terminal.line(
        `Going on with unfinished work: ${node.recovery.resumed} actors, loaded in ${durationText(node.recovery.durationMs)}.`,
      );
    terminal.line('Ctrl-C stops it. What is unfinished goes on at the next start.');
  }
  const stop = (signal: NodeJS.Signals): void => {
    if (!terminal.isJson) terminal.line(`\n${signal}: finishing what is under way (again to end at once) …`);
    process.once('SIGINT', () => process.exit(130)).once('SIGTERM', () => process.exit(143));
    node.stop().then(() => ended.resolve(EXIT.done), ended.reject);
  };
  process.once('SIGINT', stop);
  process.once('SIGTERM', stop);
  const code = await ended.promise;
  uninstall();
  await log.close();
  if (!terminal.isJson) terminal.line('Stopped.');
  // Handles that libraries keep open must not keep a stopped node alive.
  process.exit(code);
}
