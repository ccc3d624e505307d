import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { OperatingError } from '../../protocol/errors.ts';
import type { SettingMistake, SettingsInput } from '../../runtime/settings.ts';
import { loadSettings, secretsOf } from '../../runtime/settings.ts';
import { SETTING_NAMES, SETTINGS, variableOf } from '../../runtime/settings-table.ts';

let cwd: string;
beforeEach(() => {
  cwd = mkdtempSync(join(tmpdir(), 'troupe-settings-'));
});
afterEach(() => {
  rmSync(cwd, { recursive: true, force: true });
});

function load(input: Omit<SettingsInput, 'cwd'> = {}) {
  const outcome = loadSettings({ cwd, ...input });
  if (!outcome.ok) throw outcome.error;
  return outcome;
}

function mistakesOf(input: Omit<SettingsInput, 'cwd'>): readonly SettingMistake[] {
  const outcome = loadSettings({ cwd, ...input });
  if (outcome.ok) return [];
  expect(outcome.error).toBeInstanceOf(OperatingError);
  expect(outcome.error.code).toBe('INVALID_INPUT');
  return (outcome.error.details as { mistakes: SettingMistake[] }).mistakes;
}

function messagesOf(input: Omit<SettingsInput, 'cwd'>): readonly string[] {
  return mistakesOf(input).map((mistake) => mistake.message);
}

function write(name: string, text: string): string {
  writeFileSync(join(cwd, name), text);
  return join(cwd, name);
}

describe('settings', () => {
  it('have the promised defaults', () => {
    const { settings, sources, warnings } = load();
    expect(settings).toMatchObject({
      host: '127.0.0.1',
      port: 7600,
      durability: 'fsync',
      store: 'level',
      meshPort: undefined,
      lab: false,
    });
    expect(settings.dataDir).toBe(join(cwd, '.troupe'));
    expect(settings.workerThreadsMax).toBeGreaterThanOrEqual(1);
    expect(sources.port).toEqual({ kind: 'default', at: 'default' });
    expect(warnings).toEqual([]);
  });

  it('come from options before flags before the environment before .env before the file before the default', () => {
    const file = write('troupe.json', '{ "port": 5 }');
    expect(load({ file }).settings.port).toBe(5);
    write('.env', 'TROUPE_PORT=4\n');
    expect(load({ file }).settings.port).toBe(4);
    const env = { TROUPE_PORT: '3' };
    expect(load({ file, env }).settings.port).toBe(3);
    const flags = { port: '2' };
    expect(load({ file, env, flags }).settings.port).toBe(2);
    const options = { port: 1 };
    expect(load({ file, env, flags, options }).settings.port).toBe(1);
  });

  it('say where each value came from', () => {
    const file = write('troupe.json', '{\n  // the level\n  "logLevel": "debug"\n}');
    write('.env', '# mine\nTROUPE_LAB=yes\n');
    const { settings, sources } = load({ file, env: { TROUPE_HOST: '::1' }, flags: { meshPort: 8000 } });
    expect(settings).toMatchObject({ logLevel: 'debug', lab: true, host: '::1', meshPort: 8000 });
    expect(sources.logLevel).toEqual({ kind: 'file', at: 'troupe.json line 3' });
    expect(sources.lab).toEqual({ kind: 'dotenv', at: '.env line 2, TROUPE_LAB' });
    expect(sources.host).toEqual({ kind: 'environment', at: 'environment TROUPE_HOST' });
    expect(sources.meshPort).toEqual({ kind: 'flag', at: 'flag --mesh-port' });
  });

  it('take flags in kebab case and in camel case, and the settings file from the flag or the variable', () => {
    write('a.json', '{ "port": 11 }');
    expect(load({ flags: { config: 'a.json', 'mesh-port': '12' } }).settings).toMatchObject({ port: 11, meshPort: 12 });
    expect(load({ env: { TROUPE_CONFIG: './a.json' } }).settings.port).toBe(11);
  });

  it('resolve relative paths against the folder of their source', () => {
    const file = write('troupe.json', '{ "agents": ["./agents/*.ts", "/abs/x.ts"], "logFile": "node.log" }');
    const { settings } = loadSettingsIn('/elsewhere', file);
    expect(settings.agents).toEqual([join(cwd, 'agents/*.ts'), '/abs/x.ts']);
    expect(settings.logFile).toBe(join(cwd, 'node.log'));
    expect(settings.dataDir).toBe('/elsewhere/d');
  });

  function loadSettingsIn(folder: string, file: string) {
    const outcome = loadSettings({ cwd: folder, file, flags: { data: 'd' } });
    if (!outcome.ok) throw outcome.error;
    return outcome;
  }

  it('treat an empty value as not given', () => {
    expect(load({ env: { TROUPE_PORT: '', TROUPE_LOG_FILE: '  ' }, flags: { host: undefined } }).settings.port).toBe(
      7600,
    );
  });

  it('read times, sizes, switches and lists as people write them', () => {
    const env = {
      TROUPE_DRAIN_MS: '1.5s',
      TROUPE_FRAME_BYTES_MAX: '128 KiB',
      TROUPE_LAB: 'on',
      TROUPE_AGENTS: '/a.ts, /b.ts,',
      TROUPE_LOG_LEVEL: 'WARN',
    };
    expect(load({ env }).settings).toMatchObject({
      drainMs: 1500,
      frameBytesMax: 131_072,
      lab: true,
      agents: ['/a.ts', '/b.ts'],
      logLevel: 'warn',
    });
  });

  it('read every default back from its own text', () => {
    for (const name of SETTING_NAMES) {
      const { fallback, kind } = SETTINGS[name];
      if (fallback === undefined || typeof fallback === 'object') continue;
      expect(kind.schema.parse(String(fallback)), name).toBe(fallback);
    }
  });

  it('accept a number exactly within its bounds, however it is given', () => {
    fc.assert(
      fc.property(fc.integer({ min: -100_000, max: 200_000 }), fc.boolean(), (value, asText) => {
        const outcome = loadSettings({ cwd, flags: { port: asText ? String(value) : value } });
        expect(outcome.ok).toBe(value >= 0 && value <= 65_535);
        if (outcome.ok) expect(outcome.settings.port).toBe(value);
      }),
    );
  });
});

describe('mistakes in settings', () => {
  it('are all answered at once, each with what, where, why and what is allowed', () => {
    const file = write('troupe.json', '{\n  "durability": "sometimes",\n  "lab": 3\n}');
    write('.env', '\nTROUPE_LOG_LEVEL=loud\n');
    const messages = messagesOf({
      file,
      env: { TROUPE_PORT: '70000', TROUPE_DRAIN_MS: 'soon' },
      flags: { host: 'http://x:1' },
      options: { meshPort: 1.5 },
    });
    expect(messages).toEqual([
      'host: "http://x:1" (flag --host) is not an IP address or a host name (without scheme or port).',
      'port: "70000" (environment TROUPE_PORT) is not a whole number from 0 to 65535.',
      'durability: "sometimes" (troupe.json line 2) is not one of fsync, os.',
      'lab: 3 (troupe.json line 3) is not true or false.',
      'drainMs: "soon" (environment TROUPE_DRAIN_MS) is not a time of 0 to 3600000 ms ' +
        '(a whole number of milliseconds, or a number with ms, s, m or h).',
      'logLevel: "loud" (.env line 2, TROUPE_LOG_LEVEL) is not one of error, warn, info, debug, trace.',
      'meshPort: 1.5 (option meshPort) is not a whole number from 0 to 65535.',
    ]);
  });

  it('stand one to a line in the message of the error', () => {
    const outcome = loadSettings({ cwd, env: { TROUPE_PORT: 'x', TROUPE_STORE: 'y' } });
    expect(outcome.ok ? '' : outcome.error.message).toBe(
      [
        '2 settings are wrong:',
        '  - port: "x" (environment TROUPE_PORT) is not a whole number from 0 to 65535.',
        '  - store: "y" (environment TROUPE_STORE) is not one of level, memory, postgres.',
      ].join('\n'),
    );
  });

  it('in unknown names come with the nearest known one', () => {
    const file = write('troupe.json', '{\n"datadir": "x",\n"nonsense": 1 }');
    const messages = messagesOf({
      file,
      env: { TROUPE_PROT: '1', TROUPE_QQQQQQQQQ: '1', OTHER: '1' },
      flags: { 'log-lvl': 'x' },
      options: { hots: 'x' },
    });
    expect(messages).toEqual([
      'option hots is not a setting. Did you mean host?',
      'flag --log-lvl is not a setting. Did you mean --log-level?',
      'environment TROUPE_PROT is not a setting. Did you mean TROUPE_PORT?',
      'environment TROUPE_QQQQQQQQQ is not a setting. docs/settings.md lists all settings.',
      'troupe.json line 2: "datadir" is not a setting. Did you mean dataDir?',
      'troupe.json line 3: "nonsense" is not a setting. docs/settings.md lists all settings.',
    ]);
  });

  it('do not include the variables that the command reads', () => {
    expect(messagesOf({ env: { TROUPE_URL: 'http://x', TROUPE_TOKEN: 'abc' } })).toEqual([]);
  });

  it('never repeat a secret', () => {
    const canary = 'canary-7f3a';
    const outcome = loadSettings({
      cwd,
      env: {
        TROUPE_MESH_SECRET: canary,
        TROUPE_DATABASE_URL: `mysql://u:${canary}@h/d`,
        TROUPE_OPENAI_BASE_URL: `ftp://u:${canary}@h`,
      },
    });
    expect(outcome.ok).toBe(false);
    if (outcome.ok) return;
    expect(JSON.stringify(outcome.error.toBody())).not.toContain(canary);
    expect(outcome.error.message).toContain('meshSecret: (hidden, 11 characters) (environment TROUPE_MESH_SECRET)');
  });

  it('tell someone who gives a secret as a flag where it goes', () => {
    expect(messagesOf({ flags: { databaseUrl: 'postgres://x' } })).toEqual([
      'flag --database-url does not exist, because other users of the machine can read command lines; set TROUPE_DATABASE_URL.',
    ]);
  });

  it('in the settings file name the line, and what cannot be read is said', () => {
    const broken = write('broken.json', '{\n  "port": 1,\n  "host" "x"\n}');
    expect(messagesOf({ file: broken })[0]).toMatch(
      /^broken\.json line 3: the file is not JSON \(comments are allowed\): .+\.$/,
    );
    expect(messagesOf({ file: join(cwd, 'none.json') })[0]).toMatch(
      /^The settings file .*none\.json cannot be read: ENOENT/,
    );
    expect(messagesOf({ file: write('twice.json', '{ "port": 1,\n "port": 2 }') })).toEqual([
      'twice.json line 2: "port" is given a second time; keep one.',
    ]);
    expect(messagesOf({ file: write('self.json', '{ "config": "x.json" }') })[0]).toContain('cannot stand in it');
    expect(messagesOf({ file: write('big.json', ' '.repeat(300_000)) })[0]).toContain('has 300000 bytes');
  });
});

describe('settings that concern each other', () => {
  const hosts = ['0.0.0.0', '::', '192.168.1.4', 'node.example', '128.0.0.1'];

  it.each(hosts)('refuse to listen on %s without credentials and TLS', (host) => {
    const [message, ...others] = messagesOf({ env: { TROUPE_HOST: host } });
    expect(others).toEqual([]);
    expect(message).toContain(`host: "${host}" (environment TROUPE_HOST) can be reached from other machines`);
    expect(message).toContain('TROUPE_API_KEYS_FILE or TROUPE_JWT_ISSUERS');
    expect(message).toContain('TLS (TROUPE_TLS_CERT and TROUPE_TLS_KEY; not available in this version)');
  });

  it.each(['127.0.0.1', '127.9.9.9', '::1', 'localhost'])('let a node listen on %s without either', (host) => {
    expect(messagesOf({ env: { TROUPE_HOST: host } })).toEqual([]);
  });

  it('still want credentials where a proxy does TLS alone, and nothing where it does both', () => {
    const [message] = messagesOf({ env: { TROUPE_HOST: '0.0.0.0', TROUPE_BEHIND_PROXY: 'tls' } });
    expect(message).toContain('credentials for its clients');
    expect(message).not.toContain('TLS (TROUPE_TLS_CERT');
    const { warnings } = load({ env: { TROUPE_HOST: '0.0.0.0', TROUPE_BEHIND_PROXY: 'tls-and-auth' } });
    expect(warnings.map((warning) => warning.setting)).toEqual(['behindProxy']);
  });

  it('want TLS beside credentials, and both files for TLS', () => {
    const messages = messagesOf({ env: { TROUPE_HOST: '0.0.0.0', TROUPE_API_KEYS_FILE: 'k', TROUPE_TLS_CERT: 'c' } });
    expect(messages[0]).toContain('needs TLS (');
    expect(messages[1]).toBe(
      'tlsCert (environment TROUPE_TLS_CERT) is given without tlsKey: TLS needs both; set TROUPE_TLS_KEY too.',
    );
  });

  it('refuse what leaving out in silence would be unsafe', () => {
    const mistakes = mistakesOf({ env: { TROUPE_API_KEYS_FILE: 'k', TROUPE_JWT_ISSUERS: 'https://issuer' } });
    expect(mistakes.map(({ setting, code }) => [setting, code])).toEqual([
      ['apiKeysFile', 'NOT_AVAILABLE'],
      ['jwtIssuers', 'NOT_AVAILABLE'],
    ]);
  });

  it('say that PostgreSQL is not available, and that it needs its database', () => {
    const mistakes = mistakesOf({ env: { TROUPE_STORE: 'postgres' } });
    expect(mistakes.map(({ setting, code }) => [setting, code])).toEqual([
      ['store', 'NOT_AVAILABLE'],
      ['databaseUrl', 'INVALID_INPUT'],
    ]);
    expect(mistakesOf({ env: { TROUPE_STORE: 'postgres', TROUPE_DATABASE_URL: 'postgres://h/d' } })).toHaveLength(1);
  });

  it('warn of what is accepted but not used, and of what keeps less than people expect', () => {
    const settingsWarned = (env: Record<string, string>) => load({ env }).warnings.map((warning) => warning.setting);
    expect(
      settingsWarned({ TROUPE_REDIS_URL: 'redis://h', TROUPE_OTEL_EXPORTER_OTLP_ENDPOINT: 'http://h:4318' }),
    ).toEqual(['redisUrl', 'otelExporterOtlpEndpoint']);
    expect(settingsWarned({ TROUPE_DURABILITY: 'os' })).toEqual(['durability']);
    expect(settingsWarned({ TROUPE_STORE: 'memory', TROUPE_DURABILITY: 'os' })).toEqual(['store']);
  });

  it('give the log everything that must not be seen', () => {
    const two = ['0123456789abcdef', 'fedcba9876543210'].map((text) => text.repeat(4));
    const { settings } = load({
      env: {
        TROUPE_OPENAI_API_KEY: 'sk-one',
        TROUPE_REDIS_URL: 'redis://u:p%40ss@h',
        TROUPE_MESH_SECRET: two.join(),
      },
    });
    expect(secretsOf(settings)).toEqual(['redis://u:p%40ss@h', 'p%40ss', 'p@ss', 'sk-one', ...two]);
  });
});

describe('names of settings', () => {
  it('give the variables people know', () => {
    expect(variableOf('dataDir')).toBe('TROUPE_DATA_DIR');
    expect(variableOf('otelExporterOtlpEndpoint')).toBe('TROUPE_OTEL_EXPORTER_OTLP_ENDPOINT');
    expect(variableOf('openaiBaseUrl')).toBe('TROUPE_OPENAI_BASE_URL');
  });

  it('are unique as variables and flags, and no secret has a flag', () => {
    const flags = SETTING_NAMES.map((name) => SETTINGS[name].flag).filter((flag) => flag !== null);
    expect(new Set(flags).size).toBe(flags.length);
    expect(new Set(SETTING_NAMES.map(variableOf)).size).toBe(SETTING_NAMES.length);
    for (const name of SETTING_NAMES) expect('secret' in SETTINGS[name], name).toBe(SETTINGS[name].flag === null);
  });
});
