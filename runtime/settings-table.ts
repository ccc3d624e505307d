/**
 * The one table of settings. The type `Settings`, the names of environment variables and flags, `.env.example` and
 * `docs/settings.md` all come from it; a test proves that they agree.
 *
 * It holds no logic: how a value is found and checked is in `settings.ts`, what values forbid each other in
 * `settings-rules.ts`.
 */
import { availableParallelism } from 'node:os';
import { STRATEGIES } from '../protocol/selection.ts';
import { MESH_SETTINGS } from './mesh-settings.ts';
import { row, type SettingRow } from './setting-row.ts';
import { kinds } from './settings-kinds.ts';

const KIB = 1024;
const MIB = 1024 * KIB;
const GIB = 1024 * MIB;
const SECOND_MS = 1000;
const HOUR_MS = 3_600_000;
/** By name, in the order of the page. */
export const SETTINGS = {
  config: row({
    group: 'Listening',
    kind: kinds.path(),
    fallback: undefined,
    flag: 'config',
    doc: 'A JSON file (comments allowed) with settings by their names, such as "port" or "dataDir".',
  }),
  host: row({
    group: 'Listening',
    kind: kinds.host(),
    fallback: '127.0.0.1',
    flag: 'host',
    doc: 'The address to listen on. Beyond loopback a node wants credentials and TLS, or a proxy that does them (behindProxy).',
  }),
  port: row({
    group: 'Listening',
    kind: kinds.port(),
    fallback: 7600,
    flag: 'port',
    doc: 'The port for WebSocket, REST and the dashboard; 0 takes any free one.',
  }),
  tlsCert: row({
    group: 'Listening',
    kind: kinds.path(),
    fallback: undefined,
    flag: 'tls-cert',
    standing: 'refused',
    doc: 'The certificate chain (PEM) to listen with; goes with tlsKey.',
  }),
  tlsKey: row({
    group: 'Listening',
    kind: kinds.path(),
    fallback: undefined,
    flag: 'tls-key',
    standing: 'refused',
    doc: 'The private key (PEM) of the certificate; goes with tlsCert.',
  }),
  behindProxy: row({
    group: 'Listening',
    kind: kinds.choice(['none', 'tls', 'tls-and-auth']),
    fallback: 'none',
    flag: 'behind-proxy',
    doc: 'What a proxy in front of the node does for it: nothing, TLS, or TLS and the checking of credentials.',
  }),
  apiKeysFile: row({
    group: 'Listening',
    kind: kinds.path(),
    fallback: undefined,
    flag: 'api-keys-file',
    standing: 'refused',
    doc: 'A file with the hashes of the API keys that clients may use.',
  }),
  jwtIssuers: row({
    group: 'Listening',
    kind: kinds.list('URLs of issuers', 'URLS'),
    fallback: [],
    flag: 'jwt-issuers',
    standing: 'refused',
    doc: 'Issuers whose JSON web tokens clients may use.',
  }),
  originsAllowed: row({
    group: 'Listening',
    kind: kinds.list('origins such as https://app.example', 'ORIGINS'),
    fallback: [],
    flag: 'origins-allowed',
    doc: 'Origins besides its own from which browsers may open a socket to the node.',
  }),

  dataDir: row({
    group: 'Storing',
    kind: kinds.folder(),
    fallback: './.troupe',
    flag: 'data',
    ofOwner: true,
    doc: 'The folder of everything the node keeps. One node opens it at a time.',
  }),
  durability: row({
    group: 'Storing',
    kind: kinds.choice(['fsync', 'os']),
    fallback: 'fsync',
    flag: 'durability',
    ofOwner: true,
    doc: 'When a write counts as kept: once the disk has it ("fsync", survives power loss) or the system has it ("os", survives a kill).',
  }),
  store: row({
    group: 'Storing',
    kind: kinds.choice(['level', 'memory', 'postgres']),
    fallback: 'level',
    flag: 'store',
    ofOwner: true,
    doc: 'The store: "level" is embedded and needs no service, "memory" forgets everything at the end, "postgres" wants databaseUrl.',
  }),
  databaseUrl: row({
    group: 'Storing',
    kind: kinds.url(['postgres', 'postgresql']),
    fallback: undefined,
    flag: null,
    secret: true,
    standing: 'unused',
    doc: 'The PostgreSQL database of store "postgres".',
  }),
  redisUrl: row({
    group: 'Storing',
    kind: kinds.url(['redis', 'rediss']),
    fallback: undefined,
    flag: null,
    secret: true,
    standing: 'unused',
    doc: 'A Redis server for topics and cache between nodes.',
  }),

  agents: row({
    group: 'Agents and work',
    kind: kinds.list('paths or globs of modules', 'GLOB', true),
    fallback: [],
    flag: 'agents',
    doc: 'Modules (.ts, .js, .mjs) that export agents, by default or by name.',
  }),
  moduleRoots: row({
    group: 'Agents and work',
    kind: kinds.list('folders', 'FOLDERS', true),
    fallback: [],
    flag: 'module-roots',
    ofOwner: true,
    doc: 'Folders from which agents may be registered while the node runs (POST /api/v1/agents). Their code gets the rights of the node.',
  }),
  selectStrategy: row({
    group: 'Agents and work',
    kind: kinds.choice([...STRATEGIES]),
    fallback: 'balanced',
    flag: 'select-strategy',
    ofOwner: true,
    doc: 'How an agent is chosen for a capability where neither task nor step says it (docs/selection.md).',
  }),
  dataRoots: row({
    group: 'Agents and work',
    kind: kinds.list('folders', 'FOLDERS', true),
    fallback: [],
    flag: 'data-roots',
    ofOwner: true,
    doc: 'Folders whose files agents such as the analyst may read, besides the one the node was started in and its own.',
  }),
  lab: row({
    group: 'Agents and work',
    kind: kinds.toggle(),
    fallback: false,
    flag: 'lab',
    doc: 'Also load the lab: agents that crash, stall, burn and wait on demand, for trying things out.',
  }),
  workerThreadsMax: row({
    group: 'Agents and work',
    kind: kinds.integer(1, 256),
    fallback: Math.max(1, availableParallelism() - 1),
    fallbackText: 'one less than the cores of the machine, at least 1',
    flag: 'worker-threads-max',
    doc: 'Worker threads for work that needs a processor; none runs before it is needed.',
  }),
  workerMemoryMib: row({
    group: 'Agents and work',
    kind: kinds.integer(16, 65_536),
    fallback: 512,
    flag: 'worker-memory-mib',
    doc: 'JavaScript heap of one worker thread, in MiB; a job that wants more is ended with AGENT_CRASHED.',
  }),
  workerTimeoutMs: row({
    group: 'Agents and work',
    kind: kinds.durationMs(10, 24 * HOUR_MS),
    fallback: 900 * SECOND_MS,
    flag: 'worker-timeout-ms',
    doc: 'How long a job in a worker thread may take where its caller sets no limit.',
  }),
  drainMs: row({
    group: 'Agents and work',
    kind: kinds.durationMs(0, HOUR_MS),
    fallback: 10 * SECOND_MS,
    flag: 'drain-ms',
    doc: 'How long a stopping node lets running work finish; what is left goes on at the next start.',
  }),

  tasksInFlightMax: row({
    group: 'Limits',
    kind: kinds.integer(1, 1_000_000),
    fallback: 10_000,
    flag: 'tasks-in-flight-max',
    ofOwner: true,
    doc: 'Unfinished tasks the node takes on; above it a submission is answered BUSY.',
  }),
  residentActorsMax: row({
    group: 'Limits',
    kind: kinds.integer(1, 10_000_000),
    fallback: 10_000,
    flag: 'resident-actors-max',
    ofOwner: true,
    doc: 'Keyed actors that stay in memory with nothing to do; the others rest in the store until a message or a timer wakes them.',
  }),
  passivateAfterMs: row({
    group: 'Limits',
    kind: kinds.durationMs(SECOND_MS, 24 * HOUR_MS),
    fallback: 300 * SECOND_MS,
    flag: 'passivate-after-ms',
    ofOwner: true,
    doc: 'How long a keyed actor may have nothing to do before it leaves memory.',
  }),
  checkpointsMax: row({
    group: 'Limits',
    kind: kinds.integer(0, 1_000),
    fallback: 100,
    flag: 'checkpoints-max',
    ofOwner: true,
    doc: 'Commits of an unfinished task whose state is kept, for `troupe checkpoints` and `troupe fork`; the first ones. 0: none.',
  }),
  checkpointTasksMax: row({
    group: 'Limits',
    kind: kinds.integer(0, 100_000),
    fallback: 1_000,
    flag: 'checkpoint-tasks-max',
    ofOwner: true,
    doc: 'Ended tasks whose checkpoints are kept; those of the tasks that ended before them are removed.',
  }),
  cacheEntriesMax: row({
    group: 'Limits',
    kind: kinds.integer(0, 1_000_000),
    fallback: 10_000,
    flag: 'cache-entries-max',
    ofOwner: true,
    doc: 'Results that the node keeps for the same input (docs/cache.md); the one that was not used for longest goes first.',
  }),
  cacheBytesMax: row({
    group: 'Limits',
    kind: kinds.byteCount(MIB, 64 * GIB),
    fallback: 256 * MIB,
    flag: 'cache-bytes-max',
    ofOwner: true,
    doc: 'The bytes of all results that the node keeps for the same input, packed.',
  }),
  tasksKeptMs: row({
    group: 'Limits',
    kind: kinds.durationMs(24 * HOUR_MS, 3_650 * 24 * HOUR_MS),
    fallback: 30 * 24 * HOUR_MS,
    flag: 'tasks-kept-ms',
    ofOwner: true,
    doc: 'How long tasks are kept, with their logs and results, once they have ended.',
  }),
  connectionsMax: row({
    group: 'Limits',
    kind: kinds.integer(1, 100_000),
    fallback: 1000,
    flag: 'connections-max',
    doc: 'Open WebSocket connections.',
  }),
  frameBytesMax: row({
    group: 'Limits',
    kind: kinds.byteCount(KIB, 16 * MIB),
    fallback: 64 * KIB,
    flag: 'frame-bytes-max',
    doc: 'The largest frame or request body taken from a client.',
  }),
  heartbeatMs: row({
    group: 'Limits',
    kind: kinds.durationMs(SECOND_MS, HOUR_MS),
    fallback: 15 * SECOND_MS,
    flag: 'heartbeat-ms',
    ofOwner: true,
    doc: 'How often the node pings its clients; two missed answers close the connection.',
  }),
  workerQueueMax: row({
    group: 'Limits',
    kind: kinds.integer(0, 100_000),
    fallback: 1000,
    flag: 'worker-queue-max',
    doc: 'Jobs that may wait for a worker thread; above it a job is answered BUSY.',
  }),

  logLevel: row({
    group: 'Logs',
    kind: kinds.choice(['error', 'warn', 'info', 'debug', 'trace']),
    fallback: 'info',
    flag: 'log-level',
    doc: 'The least important kind of line that is written.',
  }),
  logFormat: row({
    group: 'Logs',
    kind: kinds.choice(['auto', 'json', 'pretty']),
    fallback: 'auto',
    flag: 'log-format',
    doc: 'One JSON object a line, or lines for people; "auto" is pretty on a terminal and JSON elsewhere. A log file is always JSON.',
  }),
  logFile: row({
    group: 'Logs',
    kind: kinds.path(),
    fallback: undefined,
    flag: 'log-file',
    doc: 'A file to write the log to as well, with rotation.',
  }),
  logFileBytesMax: row({
    group: 'Logs',
    kind: kinds.byteCount(4 * KIB, 4 * GIB),
    fallback: 10 * MIB,
    flag: 'log-file-bytes-max',
    doc: 'The size at which the log file is set aside and a new one begun.',
  }),
  logFilesMax: row({
    group: 'Logs',
    kind: kinds.integer(2, 1000),
    fallback: 5,
    flag: 'log-files-max',
    doc: 'Log files kept, the current one included.',
  }),

  openaiApiKey: row({
    group: 'Models',
    kind: kinds.text('a key'),
    fallback: undefined,
    flag: null,
    secret: true,
    standing: 'unused',
    doc: 'The key for OpenAI, or for the endpoint of openaiBaseUrl.',
  }),
  openaiBaseUrl: row({
    group: 'Models',
    kind: kinds.url(['https', 'http']),
    fallback: undefined,
    flag: 'openai-base-url',
    standing: 'unused',
    doc: 'Any endpoint that speaks the OpenAI protocol.',
  }),
  model: row({
    group: 'Models',
    kind: kinds.text('a model name', 'NAME'),
    fallback: undefined,
    flag: 'model',
    standing: 'unused',
    doc: 'The model to use where an agent names none.',
  }),
  anthropicApiKey: row({
    group: 'Models',
    kind: kinds.text('a key'),
    fallback: undefined,
    flag: null,
    secret: true,
    standing: 'unused',
    doc: 'The key for Anthropic.',
  }),

  otelExporterOtlpEndpoint: row({
    group: 'Telemetry',
    kind: kinds.url(['https', 'http']),
    fallback: undefined,
    flag: 'otel-exporter-otlp-endpoint',
    standing: 'unused',
    doc: 'Where to send traces (OTLP over HTTP).',
  }),

  ...MESH_SETTINGS,
} as const;

export type SettingName = keyof typeof SETTINGS;

/** Every setting with its value, as a node takes them. */
export type Settings = { readonly [K in SettingName]: (typeof SETTINGS)[K] extends SettingRow<infer T> ? T : never };

/** Variables with the product's prefix that are not settings of a node: the command reads them. */
export const CLIENT_VARIABLES: readonly string[] = ['TROUPE_URL', 'TROUPE_TOKEN'];

/** All settings, in the order of the table. */
export const SETTING_NAMES = Object.keys(SETTINGS) as readonly SettingName[];

/** The environment variable of a setting: `dataDir` is `TROUPE_DATA_DIR`. */
export function variableOf(name: SettingName): string {
  return `TROUPE_${name.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()}`;
}
