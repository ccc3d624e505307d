import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { meshDoorOf, meshProofOf } from '../../runtime/mesh-rules.ts';
import { loadSettings, type SettingMistake, type SettingsInput } from '../../runtime/settings.ts';

type Given = Omit<SettingsInput, 'cwd'>;

const SECRET = 'qWeRtYuIoP+/asdfghjklZXCVBNM1234567890-_aBc';
const OTHER_SECRET = '0123456789abcdef'.repeat(4);
const TLS = { TROUPE_MESH_TLS_CERT: 'node.crt', TROUPE_MESH_TLS_KEY: 'node.key', TROUPE_MESH_TLS_CA: 'ca.crt' };
const NAMED_TLS = { ...TLS, TROUPE_NODE_NAME: 'n-1' };
const CWD = '/x';

function load(given: Given) {
  const outcome = loadSettings({ cwd: CWD, ...given });
  if (!outcome.ok) throw outcome.error;
  return outcome;
}

function messagesOf(env: Record<string, string>): readonly string[] {
  const outcome = loadSettings({ cwd: CWD, env });
  if (outcome.ok) return [];
  return (outcome.error.details as { readonly mistakes: SettingMistake[] }).mistakes.map(({ message }) => message);
}

function warnedOf(env: Record<string, string>): readonly string[] {
  return load({ env }).warnings.map(({ setting }) => setting);
}

describe('the settings of a mesh', () => {
  it('make a node neither an owner nor a worker where none is given', () => {
    const { settings, warnings } = load({});
    expect(meshDoorOf(settings)).toBeUndefined();
    expect(settings).toMatchObject({
      join: undefined,
      meshSecret: [],
      meshHost: '127.0.0.1',
      labels: {},
      meshLostMs: 6_000,
    });
    expect(settings.nodeName).toBeUndefined();
    expect(warnings).toEqual([]);
  });

  it.each([
    ['its port', { TROUPE_MESH_PORT: '7000' }, 7000],
    ['any free port', { TROUPE_MESH_PORT: '0' }, 0],
    ['a secret alone', { TROUPE_MESH_SECRET: SECRET }, 7601],
    ['certificates alone', NAMED_TLS, 7601],
  ])('open a door for other nodes for %s', (_what, env, port) => {
    expect(meshDoorOf(load({ env }).settings)).toEqual({ host: '127.0.0.1', port });
  });

  it('open none on a node that joins another, whatever it proves itself with', () => {
    const env = { TROUPE_JOIN: 'wss://owner:7601', TROUPE_MESH_SECRET: SECRET, ...TLS };
    expect(meshDoorOf(load({ env }).settings)).toBeUndefined();
  });

  it('are flags too, all but the secret', () => {
    const flags = {
      ...{ join: 'wss://owner:7601', name: 'w-1', labels: 'zone=a,gpu=', meshLostMs: '2s' },
      ...{ meshTlsCert: 'c', meshTlsKey: 'k', meshTlsCa: '/a' },
    };
    expect(load({ flags }).settings).toMatchObject({
      ...{ join: 'wss://owner:7601', nodeName: 'w-1', labels: { zone: 'a', gpu: '' }, meshLostMs: 2_000 },
      ...{ meshTlsCert: path.join(CWD, 'c'), meshTlsKey: path.join(CWD, 'k'), meshTlsCa: '/a' },
    });
    expect(loadSettings({ cwd: CWD, flags: { meshSecret: SECRET } }).ok).toBe(false);
  });

  it.each([
    ['64 hexadecimal characters', OTHER_SECRET, [OTHER_SECRET]],
    ['62 hexadecimal characters', OTHER_SECRET.slice(2), undefined],
    ['43 base64 characters', SECRET, [SECRET]],
    ['what openssl rand -base64 32 gives', `${SECRET}=`, [`${SECRET}=`]],
    ['42 base64 characters', SECRET.slice(1), undefined],
    ['few different characters', 'ab'.repeat(60), undefined],
    ['two of them', `${SECRET}, ${OTHER_SECRET}`, [SECRET, OTHER_SECRET]],
    ['two of them, one of which is weak', `${SECRET},secret`, undefined],
    ['three of them', `${SECRET},${OTHER_SECRET},${SECRET}`, undefined],
  ])('take as secret, or refuse: %s', (_what, secret, taken) => {
    const outcome = loadSettings({ cwd: CWD, env: { TROUPE_MESH_SECRET: secret } });
    expect(outcome.ok ? outcome.settings.meshSecret : undefined).toEqual(taken);
    if (!outcome.ok) expect(outcome.error.message).not.toContain(secret.slice(0, 5));
  });

  it.each([
    ['w-1.rack_2', true],
    ['x', true],
    ['-w', false],
    ['w 1', false],
    ['x'.repeat(65), false],
  ])('take as name of a node, or refuse: %s', (name, isTaken) => {
    expect(messagesOf({ TROUPE_NODE_NAME: name })).toHaveLength(isTaken ? 0 : 1);
  });

  it.each([
    ['zone=a=b', { zone: 'a=b' }],
    ['zone', undefined],
    ['zone=a,zone=b', undefined],
    ['__proto__=a', undefined],
    ['a b=c', undefined],
  ])('take as labels, or refuse: %s', (labels, taken) => {
    const outcome = loadSettings({ cwd: CWD, env: { TROUPE_LABELS: labels } });
    expect(outcome.ok ? outcome.settings.labels : undefined).toEqual(taken);
  });

  it('take labels from code as an object', () => {
    expect(load({ options: { labels: { zone: 'a' } } }).settings.labels).toEqual({ zone: 'a' });
  });
});

describe('who is let into a mesh', () => {
  it.each(['0.0.0.0', '::', '192.168.1.4', 'owner.example'])('is proven where the door is at %s', (host) => {
    const [message, ...others] = messagesOf({ TROUPE_MESH_PORT: '7601', TROUPE_MESH_HOST: host });
    expect(others).toEqual([]);
    expect(message).toBe(
      `meshHost: "${host}" (environment TROUPE_MESH_HOST) can be reached from other machines, so nodes must prove who they are: ` +
        'set TROUPE_MESH_SECRET, or all of TROUPE_MESH_TLS_CERT, TROUPE_MESH_TLS_KEY, TROUPE_MESH_TLS_CA. Or listen on 127.0.0.1.',
    );
  });

  it.each(['127.0.0.1', '::1', 'localhost'])('is whoever is on this machine where the door is at %s', (host) => {
    expect(messagesOf({ TROUPE_MESH_PORT: '7601', TROUPE_MESH_HOST: host })).toEqual([]);
  });

  it.each(['ws://owner:7601', 'wss://owner:7601', 'ws://10.0.0.4:7601', 'ws://[fe80::1]:7601'])(
    'is proven where %s is joined',
    (join) => {
      const [message, ...others] = messagesOf({ TROUPE_JOIN: join });
      expect(others).toEqual([]);
      expect(message).toContain(`join: "${join}" (environment TROUPE_JOIN) is another machine`);
      expect(message).toContain('set TROUPE_MESH_SECRET, or all of TROUPE_MESH_TLS_CERT');
    },
  );

  it.each(['ws://127.0.0.1:7601', 'ws://[::1]:7601', 'ws://localhost:7601'])(
    'is whoever is on this machine where %s is joined',
    (join) => {
      expect(messagesOf({ TROUPE_JOIN: join })).toEqual([]);
      expect(warnedOf({ TROUPE_JOIN: join })).toEqual([]);
    },
  );

  it('is proven by a secret, with a warning that it hides nothing', () => {
    const owner = { TROUPE_MESH_HOST: '0.0.0.0', TROUPE_MESH_SECRET: SECRET };
    const worker = { TROUPE_JOIN: 'ws://owner:7601', TROUPE_MESH_SECRET: SECRET };
    for (const env of [owner, worker]) {
      const [warning, ...others] = load({ env }).warnings;
      expect(others).toEqual([]);
      expect(warning?.message).toContain('is authenticated by meshSecret. Its content is not encrypted');
    }
  });

  it('is proven by certificates, and then nothing is in the open', () => {
    expect(warnedOf({ TROUPE_MESH_HOST: '0.0.0.0', ...NAMED_TLS })).toEqual([]);
    expect(warnedOf({ TROUPE_JOIN: 'wss://owner:7601', ...NAMED_TLS })).toEqual([]);
    expect(warnedOf({ TROUPE_JOIN: 'wss://owner:7601', TROUPE_MESH_SECRET: SECRET })).toEqual([]);
  });
});

describe('what nodes prove themselves with', () => {
  it.each([
    ['nothing', {}, 'none'],
    ['a secret', { TROUPE_MESH_SECRET: SECRET }, 'secret'],
    ['certificates', NAMED_TLS, 'certificate'],
    ['a secret, over certificates', { TROUPE_MESH_SECRET: SECRET, ...TLS }, 'secret'],
  ])('is %s', (_what, env, proof) => {
    expect(meshProofOf(load({ env }).settings)).toBe(proof);
  });
});

describe('settings of a mesh that do not go together', () => {
  const { TROUPE_MESH_TLS_CERT, TROUPE_MESH_TLS_KEY, TROUPE_MESH_TLS_CA } = TLS;

  it.each([
    [
      { TROUPE_MESH_TLS_CERT },
      'meshTlsCert (environment TROUPE_MESH_TLS_CERT) is given without meshTlsKey and meshTlsCa',
    ],
    [
      { TROUPE_MESH_TLS_KEY },
      'meshTlsKey (environment TROUPE_MESH_TLS_KEY) is given without meshTlsCert and meshTlsCa',
    ],
    [{ TROUPE_MESH_TLS_CA }, 'meshTlsCa (environment TROUPE_MESH_TLS_CA) is given without meshTlsCert and meshTlsKey'],
    [
      { TROUPE_MESH_TLS_CERT, TROUPE_MESH_TLS_KEY },
      'meshTlsCert (environment TROUPE_MESH_TLS_CERT) and meshTlsKey (environment TROUPE_MESH_TLS_KEY) are given without meshTlsCa',
    ],
  ])('are some certificates without the others: %j', (env: Record<string, string>, start) => {
    for (const host of ['127.0.0.1', '0.0.0.0']) {
      const [message, ...others] = messagesOf({ ...env, TROUPE_MESH_HOST: host, TROUPE_NODE_NAME: 'n-1' });
      expect(others).toEqual([]);
      expect(message).toContain(`${start}: nodes prove themselves to each other with all three; set TROUPE_MESH_TLS_`);
    }
  });

  it('are certificates as proof, and no name that they could have', () => {
    expect(messagesOf({ TROUPE_MESH_PORT: '7601', ...TLS })).toEqual([
      'nodeName: a node that proves itself with a certificate (environment TROUPE_MESH_TLS_CERT) needs a name, ' +
        'which is one of the names in that certificate; set TROUPE_NODE_NAME.',
    ]);
    expect(messagesOf({ TROUPE_MESH_PORT: '7601', TROUPE_MESH_SECRET: SECRET, ...TLS })).toEqual([]);
  });

  it('are certificates and an address without TLS', () => {
    expect(messagesOf({ TROUPE_JOIN: 'ws://owner:7601', ...NAMED_TLS })).toEqual([
      'join: "ws://owner:7601" (environment TROUPE_JOIN) is without TLS, but meshTlsCert is given; an owner with TLS is reached by wss://.',
    ]);
  });

  it('are joining another and being joined', () => {
    const messages = messagesOf({ TROUPE_JOIN: 'ws://127.0.0.1:7601', TROUPE_MESH_PORT: '7602' });
    expect(messages).toHaveLength(1);
    expect(messages[0]).toMatch(/^join \(.*\) and meshPort \(.*\) are both given, .* Take one of them away\.$/);
  });

  it('are one port for clients and for nodes', () => {
    expect(messagesOf({ TROUPE_MESH_PORT: '7600' })).toEqual([
      'meshPort: 7600 (environment TROUPE_MESH_PORT) is the port for clients too; other nodes need one of their own.',
    ]);
    expect(messagesOf({ TROUPE_PORT: '7601', TROUPE_MESH_SECRET: SECRET })).toHaveLength(1);
    expect(messagesOf({ TROUPE_PORT: '0', TROUPE_MESH_PORT: '0' })).toEqual([]);
  });

  it('still are a store that this version does not have', () => {
    const env = { TROUPE_JOIN: 'ws://127.0.0.1:7601', TROUPE_STORE: 'postgres', TROUPE_DATABASE_URL: 'postgres://h/d' };
    expect(messagesOf(env)).toHaveLength(1);
  });

  it('are warned of where one has no effect', () => {
    expect(warnedOf({ TROUPE_MESH_HOST: '0.0.0.0' })).toEqual(['meshHost']);
  });
});
