/** Shared state: values with versions, and leases. */
import { OperatingError } from '../../protocol/errors.ts';
import { LIMITS } from '../../protocol/limits.ts';
import type { Lease } from '../../actors/state/lease.ts';
import type { PieceRow } from '../../actors/state/piece.ts';
import { STATE_ANSWERS, STATE_ASKS } from '../state-schemas.ts';
import { API, answers, type RestApp, type RouteDeps } from '../route-deps.ts';

const tags = ['state'];
const AT = `${API}/state/:scope/:name`;

/** Adds the routes of shared state. */
export function registerStateRoutes(app: RestApp, { state }: Pick<RouteDeps, 'state'>): void {
  const get = {
    tags,
    summary: 'A piece of shared state. Its version is the ETag.',
    operationId: 'getState',
    params: STATE_ASKS.piece,
    response: answers({ 200: [STATE_ANSWERS.piece, 'The value.'] }),
  };
  app.get(AT, { schema: get }, async (request, reply) => {
    const { exists, lease, ...piece } = await state.get(request.principal, request.params);
    if (!exists) {
      const { scope, name } = request.params;
      const details = { version: piece.version };
      throw new OperatingError('NOT_FOUND', `There is no value at ${scope}/${name}.`, { details });
    }
    reply.header('ETag', etagOf(piece.version));
    return { ...piece, ...(lease !== undefined && { lease: leaseView(lease) }) };
  });

  const put = {
    tags,
    summary: 'Write a value: on any version, on one (`If-Match`), or where there is none (`If-None-Match: *`).',
    description:
      'The answer comes when it is durable. While it is leased to another, or on another version: STATE_CONFLICT.',
    operationId: 'putState',
    params: STATE_ASKS.piece,
    headers: STATE_ASKS.headers,
    body: STATE_ASKS.value,
    response: answers({ 200: [STATE_ANSWERS.changed, 'Its version now.'] }),
  };
  app.put(AT, { schema: put }, async (request, reply) => {
    const { value, token } = request.body;
    const options = { ...conditionOf(request.headers), ...(token !== undefined && { token }) };
    const { version } = await state.set(request.principal, request.params, value, options);
    reply.header('ETag', etagOf(version));
    return { ...request.params, version };
  });

  const remove = {
    tags,
    summary: 'Remove a value. Its versions go on counting for a day.',
    operationId: 'deleteState',
    params: STATE_ASKS.piece,
    headers: STATE_ASKS.headers,
    querystring: STATE_ASKS.removal,
    response: answers({ 200: [STATE_ANSWERS.changed, 'The version of the removal.'] }),
  };
  app.delete(AT, { schema: remove }, async (request) => {
    const { token } = request.query;
    const options = { ...conditionOf(request.headers), ...(token !== undefined && { token }) };
    return { ...request.params, version: await state.remove(request.principal, request.params, options) };
  });
  addLists(app, state);
  addLeases(app, state);
}

function addLists(app: RestApp, state: RouteDeps['state']): void {
  const list = {
    tags,
    summary: 'The names in a scope.',
    operationId: 'listState',
    params: STATE_ASKS.scope,
    querystring: STATE_ASKS.page,
    response: answers({ 200: [STATE_ANSWERS.page, 'A page of names, without their values.'] }),
  };
  app.get(`${API}/state/:scope`, { schema: list }, async (request) => {
    const { cursor, limit = LIMITS.listDefault } = request.query;
    const page = { limit, ...(cursor !== undefined && { after: cursor }) };
    const found = await state.list(request.principal, request.params.scope, page);
    const shown = found.map(({ atMs, ...entry }) => ({ ...entry, at: atMs }));
    return { state: shown, cursor: found.length < limit ? null : (found.at(-1)?.name ?? null) };
  });

  const history = {
    tags,
    summary: 'The versions of a piece that are kept, the newest first.',
    operationId: 'listStateVersions',
    params: STATE_ASKS.piece,
    response: answers({ 200: [STATE_ANSWERS.history, 'Its versions.'] }),
  };
  app.get(`${AT}/history`, { schema: history }, async (request) => ({
    versions: (await state.history(request.principal, request.params)).map(versionView),
    cursor: null,
  }));
}

function addLeases(app: RestApp, state: RouteDeps['state']): void {
  const lock = {
    tags,
    summary: 'Take a lease: the right to write, for a while.',
    description: 'Tokens rise from lease to lease. The request is held for `waitMs` at most while another holds it.',
    operationId: 'lockState',
    params: STATE_ASKS.piece,
    body: STATE_ASKS.lock,
    response: answers({ 200: [STATE_ANSWERS.lease, 'The lease.'] }),
  };
  const handlerTimeout = LIMITS.stateLeaseWaitMaxMs + ANSWER_MS;
  app.post(`${AT}/lease`, { schema: lock, handlerTimeout }, async (request) => {
    const { holder, ttlMs, waitMs = 0 } = request.body;
    return leaseView(await state.lock(request.principal, request.params, { holder, ttlMs, waitMs }));
  });

  const renew = {
    tags,
    summary: 'Go on holding a lease.',
    operationId: 'renewStateLease',
    params: STATE_ASKS.piece,
    body: STATE_ASKS.renewal,
    response: answers({ 200: [STATE_ANSWERS.lease, 'The lease, with its time anew.'] }),
  };
  app.put(`${AT}/lease`, { schema: renew }, async (request) => {
    const { token, ttlMs } = request.body;
    return leaseView(await state.renew(request.principal, request.params, token, ttlMs));
  });

  const unlock = {
    tags,
    summary: 'Let go of a lease; also of one that is over.',
    operationId: 'unlockState',
    params: STATE_ASKS.piece,
    querystring: STATE_ASKS.release,
    response: answers({ 200: [STATE_ASKS.piece, 'It is free, or passes on to who waits.'] }),
  };
  app.delete(`${AT}/lease`, { schema: unlock }, async (request) => {
    await state.unlock(request.principal, request.params, request.query.token);
    return { scope: request.params.scope, name: request.params.name };
  });
}

const ANSWER_MS = 30_000;
const ETAG = /^(?:W\/)?"?(\d{1,15})"?$/;

function etagOf(version: number): string {
  return `"${version}"`;
}

function conditionOf(headers: { readonly 'if-match'?: string; readonly 'if-none-match'?: string }): {
  readonly ifVersion?: number;
} {
  const match = headers['if-match']?.trim();
  const noneMatch = headers['if-none-match']?.trim();
  if (noneMatch === '*' && match === undefined) return { ifVersion: 0 };
  if (noneMatch === undefined && (match === undefined || match === '*')) return {};
  const version = noneMatch === undefined ? ETAG.exec(match ?? '')?.[1] : undefined;
  if (version !== undefined) return { ifVersion: Number(version) };
  throw new OperatingError(
    'INVALID_INPUT',
    'Give If-Match with an ETag such as "3", or If-None-Match: *, and not both.',
  );
}

function leaseView({ holder, token, expiresAtMs }: Lease): object {
  return { holder, token, expiresAt: expiresAtMs };
}

function versionView(row: PieceRow): object {
  const { version, atMs, by } = row;
  const isRemoval = !('value' in row);
  return { version, at: atMs, by, removed: isRemoval, ...(!isRemoval && { value: row.value }) };
}
