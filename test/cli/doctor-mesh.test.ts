import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { type AddressInfo, createServer, type Server } from 'node:net';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { checkMesh } from '../../cli/verbs/doctor-mesh.ts';
import { loadSettings } from '../../runtime/settings.ts';
import { MESH_CERTIFICATES } from '../support/mesh-certificates.ts';
import { freePort, temporaryFolder } from '../support/node-process.ts';

const SECRET = 'qWeRtYuIoP+/asdfghjklZXCVBNM1234567890-_aBc';
const OTHER_SECRET = '0123456789abcdef'.repeat(4);
const NOW_MS = Date.UTC(2030, 0, 1);

const folder = temporaryFolder('doctor-mesh');
let taken: Server;
let port: number;
beforeAll(async () => {
  for (const [name, text] of Object.entries(MESH_CERTIFICATES)) writeFileSync(path.join(folder.path, name), text);
  taken = createServer().listen(0, '127.0.0.1');
  await once(taken, 'listening');
  ({ port } = taken.address() as AddressInfo);
});
afterAll(() => {
  taken.close();
  folder.clear();
});

async function findings(env: Record<string, string>, nowMs = NOW_MS) {
  const outcome = loadSettings({ cwd: folder.path, env });
  if (!outcome.ok) throw outcome.error;
  return await checkMesh(outcome.settings, nowMs);
}

const certificates = (cert: string, key: string, ca: string): Record<string, string> => ({
  ...{ TROUPE_MESH_TLS_CERT: cert, TROUPE_MESH_TLS_KEY: key, TROUPE_MESH_TLS_CA: ca, TROUPE_MESH_PORT: '0' },
  TROUPE_NODE_NAME: 'localhost',
});

describe('What doctor says of a mesh', () => {
  it('is nothing where the node is in none', async () => {
    expect(await findings({})).toEqual([]);
  });

  it('is whether the port of an owner is free', async () => {
    const free = await freePort();
    expect(await findings({ TROUPE_MESH_PORT: String(free), TROUPE_MESH_SECRET: SECRET })).toEqual([
      { check: 'mesh port', state: 'ok', found: `127.0.0.1:${free} is free` },
      { check: 'mesh proof', state: 'ok', found: 'a secret, which is long enough' },
    ]);
    const [inUse] = await findings({ TROUPE_MESH_PORT: String(port) });
    expect(inUse).toMatchObject({ state: 'note', found: `127.0.0.1:${port} is in use` });
    const [elsewhere] = await findings({
      ...{ TROUPE_MESH_PORT: String(free), TROUPE_MESH_HOST: '192.0.2.1', TROUPE_MESH_SECRET: SECRET },
    });
    expect(elsewhere).toMatchObject({
      state: 'wrong',
      found: `192.0.2.1:${free} cannot be listened on (EADDRNOTAVAIL)`,
    });
  });

  it('is whether the owner can be reached that is to be joined', async () => {
    const [reached] = await findings({ TROUPE_JOIN: `ws://localhost:${port}` });
    expect(reached).toEqual({ check: 'mesh owner', state: 'ok', found: `localhost:${port} can be reached` });
    const free = await freePort();
    const [nobody] = await findings({ TROUPE_JOIN: `ws://127.0.0.1:${free}` });
    expect(nobody).toMatchObject({ state: 'wrong', found: `127.0.0.1:${free} cannot be reached (ECONNREFUSED)` });
  });

  it('is by what nodes prove who they are', async () => {
    const proof = async (env: Record<string, string>) => (await findings({ TROUPE_MESH_PORT: '0', ...env })).at(-1);
    expect(await proof({})).toMatchObject({ state: 'note', found: 'none' });
    expect(await proof({ TROUPE_MESH_SECRET: `${SECRET},${OTHER_SECRET}` })).toMatchObject({
      ...{ state: 'note', found: 'two secrets are accepted' },
    });
  });

  it.each([
    ['is right', ['cert', 'key', 'ca'], 'ok', /^a certificate, valid for 35\d{3} days$/],
    ['has the key of another', ['cert', 'otherKey', 'ca'], 'wrong', /otherKey is not the key of .*cert$/],
    ['was signed by another', ['cert', 'key', 'cert'], 'wrong', /cert was not signed by .*cert$/],
    ['is not there', ['none', 'key', 'ca'], 'wrong', /ENOENT/],
    ['is none', ['key', 'key', 'ca'], 'wrong', /./],
  ] as const)('is whether the certificate can be used: it %s', async (_what, [cert, key, ca], state, found) => {
    const proof = (await findings(certificates(cert, key, ca))).at(-1);
    expect(proof).toMatchObject({ check: 'mesh proof', state });
    expect(proof?.found).toMatch(found);
  });

  it('is whether the certificate names the node, where it is what the node proves itself with', async () => {
    const given = { ...certificates('cert', 'key', 'ca'), TROUPE_NODE_NAME: 'w-1' };
    expect((await findings(given)).at(-1)?.found).toMatch(/cert does not name the node w-1$/);
    expect((await findings({ ...given, TROUPE_MESH_SECRET: SECRET })).at(-1)).toMatchObject({ state: 'ok' });
  });

  it('is whether the certificate is to be renewed', async () => {
    const of = async (nowMs: number) => (await findings(certificates('cert', 'key', 'ca'), nowMs)).at(-1);
    expect(await of(Date.UTC(2126, 10, 1))).toMatchObject({ state: 'note', found: 'a certificate, valid for 6 days' });
    expect(await of(Date.UTC(2127, 0, 1))).toMatchObject({ state: 'wrong' });
  });
});
