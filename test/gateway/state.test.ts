import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { connect, type SharedValue } from '../../client/index.ts';
import { LIMITS } from '../../protocol/limits.ts';
import { type Rig, startRig } from './rig.ts';

let rig: Rig;
const dataDir = mkdtempSync(path.join(tmpdir(), 'troupe-state-'));
beforeAll(async () => {
  rig = await startRig({ dataDir, store: 'level' });
});
afterAll(async () => {
  await rig.stop();
  rmSync(dataDir, { recursive: true, force: true });
});

let names = 0;
const fresh = (): string => `/api/v1/state/global/n${names++}`;
const problem = (status: number, code: string) => ({ status, json: { code } });

describe('Shared state over REST', () => {
  it('is written, read with its version as the ETag, and removed', async () => {
    const at = fresh();
    expect(await rig.get(at)).toMatchObject(problem(404, 'NOT_FOUND'));
    const put = await rig.send('PUT', at, { value: { n: 1 } });
    expect(put).toMatchObject({ status: 200, json: { version: 1 } });
    expect(put.headers.get('etag')).toBe('"1"');
    const got = await rig.get(at);
    expect(got).toMatchObject({ status: 200, json: { scope: 'global', value: { n: 1 }, version: 1 } });
    expect(got.headers.get('etag')).toBe('"1"');
    expect(await rig.send('DELETE', at)).toMatchObject({ status: 200, json: { version: 2 } });
    expect(await rig.get(at)).toMatchObject({ status: 404, json: { code: 'NOT_FOUND', details: { version: 2 } } });
  });

  it.each([
    ['the version that is there', { 'if-match': '"1"' }, 200],
    ['any version', { 'if-match': '*' }, 200],
    ['another version', { 'if-match': '"7"' }, 409],
    ['there being none', { 'if-none-match': '*' }, 409],
    ['what is no version', { 'if-match': 'yes' }, 422],
    ['two things at once', { 'if-match': '"1"', 'if-none-match': '*' }, 422],
  ])('is written on condition of %s', async (_what, headers, status) => {
    const at = fresh();
    expect((await rig.send('PUT', at, { value: 1 }, { 'if-none-match': '*' })).status).toBe(200);
    expect((await rig.send('PUT', at, { value: 2 }, headers)).status).toBe(status);
  });

  it('is refused in words where the scope or the body is wrong', async () => {
    expect(await rig.get('/api/v1/state/nowhere/x')).toMatchObject(problem(422, 'INVALID_INPUT'));
    expect(await rig.send('PUT', fresh(), 'no json')).toMatchObject({ status: 400 });
    expect(await rig.send('PUT', '/api/v1/state/task:nobody/x', { value: 1 })).toMatchObject(problem(404, 'NOT_FOUND'));
    const large = { value: 'x'.repeat(LIMITS.stateValueBytesMax) };
    expect(await rig.send('PUT', fresh(), large)).toMatchObject(problem(413, 'PROTOCOL_TOO_BIG'));
  });

  it('is leased, renewed, let go of; and written by who holds the lease alone', async () => {
    const at = fresh();
    const lease = await rig.send('POST', `${at}/lease`, { holder: 'me', ttlMs: 60_000 });
    expect(lease).toMatchObject({ status: 200, json: { holder: 'me' } });
    const token = lease.json['token'];
    expect(await rig.send('PUT', at, { value: 1 })).toMatchObject(problem(409, 'STATE_CONFLICT'));
    expect(await rig.send('PUT', at, { value: 1, token })).toMatchObject({ status: 200 });
    expect(await rig.send('PUT', `${at}/lease`, { token, ttlMs: 120_000 })).toMatchObject({
      status: 200,
      json: { token },
    });
    expect((await rig.get(at)).json).toMatchObject({ lease: { holder: 'me', token } });
    const other = { holder: 'you', ttlMs: 1_000 };
    expect(await rig.send('POST', `${at}/lease`, other)).toMatchObject(problem(409, 'STATE_CONFLICT'));
    const waiting = rig.send('POST', `${at}/lease`, { ...other, waitMs: 20_000 });
    expect(await rig.send('DELETE', `${at}/lease?token=${String(token)}`)).toMatchObject({ status: 200 });
    expect(await waiting).toMatchObject({ status: 200, json: { holder: 'you' } });
  });

  it('shows the names of a scope in pages, and the versions of a name', async () => {
    for (const name of ['a', 'b', 'c']) await rig.send('PUT', `/api/v1/state/tenant:paged/${name}`, { value: name });
    await rig.send('PUT', '/api/v1/state/tenant:paged/a', { value: 'a again' });
    const first = await rig.get('/api/v1/state/tenant:paged?limit=2');
    expect(first.json).toMatchObject({ state: [{ name: 'a', version: 2 }, { name: 'b' }], cursor: 'b' });
    const rest = await rig.get('/api/v1/state/tenant:paged?limit=2&cursor=b');
    expect(rest.json).toMatchObject({ state: [{ name: 'c' }], cursor: null });
    const history = await rig.get('/api/v1/state/tenant:paged/a/history');
    expect(history.json).toMatchObject({
      versions: [
        { version: 2, removed: false, value: 'a again' },
        { version: 1, removed: false, value: 'a' },
      ],
    });
  });
});

describe('Shared state over the socket', () => {
  it('is written, read and compared, and watched by the client library over a lost connection', async () => {
    const client = await connect(rig.socketUrl);
    const seen: SharedValue[] = [];
    const stop = await client.watchState('global', 'watched', (value) => seen.push(value));
    expect(await client.setState('global', 'watched', 'one', 0)).toBe(1);
    await expect(client.setState('global', 'watched', 'two', 0)).rejects.toMatchObject({ code: 'STATE_CONFLICT' });
    expect(await client.getState('global', 'watched')).toEqual({ version: 1, value: 'one' });
    await vi.waitFor(() => expect(seen.at(-1)).toEqual({ version: 1, value: 'one' }), { timeout: 10_000, interval: 5 });
    await rig.send('DELETE', '/api/v1/state/global/watched');
    await vi.waitFor(() => expect(seen.at(-1)).toEqual({ version: 2 }), { timeout: 10_000, interval: 5 });
    expect(seen[0]).toEqual({ version: 0 });
    stop();
    await client.setState('global', 'watched', 'three');
    expect(seen.at(-1)).toEqual({ version: 2 });
    await client.close();
  });

  it('is followed by one connection at bounded many places', async () => {
    const wire = await rig.open('troupe.v1.json');
    for (let n = 0; n <= LIMITS.sessionSubscriptionsMax; n++)
      wire.send({ type: 'state.watch', id: `w${n}`, scope: 'tenant:many', name: `n${n}` });
    const last = await wire.until((frame) => frame['re'] === `w${LIMITS.sessionSubscriptionsMax}`);
    expect(last).toMatchObject({ type: 'error', code: 'BUSY' });
  });
});
