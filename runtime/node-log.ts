/** The log of a node, as its settings ask for it. */
import { createLog, type NodeLog } from './log.ts';
import { secretsOf, type Settings } from './settings.ts';
import { processEnvironment } from './settings-environment.ts';
import type { World } from './world.ts';

/** The log that the settings ask for. */
export function logOf(settings: Settings, world: World): NodeLog {
  const { logLevel: level, logFormat: format, logFile, logFileBytesMax, logFilesMax } = settings;
  const file =
    logFile === undefined ? {} : { file: { path: logFile, bytesMax: logFileBytesMax, filesMax: logFilesMax } };
  const noColor = (processEnvironment()['NO_COLOR'] ?? '') !== '';
  return createLog({ world, level, format, noColor, secrets: secretsOf(settings), ...file });
}
