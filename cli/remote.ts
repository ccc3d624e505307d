/** The node that a verb talks to: over its socket, and over REST for what only REST has. */
import { connect, type Client } from '../client/index.ts';
import { isErrorCode, OperatingError } from '../protocol/errors.ts';

/** Where the node is. */
export interface RemoteOptions {
  readonly url: string;
  readonly token?: string;
}

const REQUEST_MS = 10_000;
/** Entries of a list that a node gives at a time. */
const PAGE_MAX = 200;
/** For an answer over the socket: what is asked may have to be written first, by a node that has much to do. */
const ANSWER_MS = 60_000;

/** Runs `fn` with a connected client, and ends the connection. Errors: UNAVAILABLE, saying how to start a node; INVALID_INPUT. */
export async function withClient<T>(options: RemoteOptions, fn: (client: Client) => Promise<T>): Promise<T> {
  const socketUrl = addressOf(options.url.replace(/^http/, 'ws'), '/ws', /^wss?:$/);
  let client: Client;
  try {
    client = await connect(socketUrl.href, options.token === undefined ? {} : { token: options.token });
  } catch (error) {
    throw noNode(options.url, error);
  }
  try {
    return await fn(client);
  } finally {
    await client.close();
  }
}

/**
 * The same for what is answered at once: a node that goes away meanwhile, or is stuck, is not waited for without end.
 * Errors: as `withClient`; UNAVAILABLE where no answer comes, which leaves open whether it was done.
 */
export async function askNode<T>(options: RemoteOptions, fn: (client: Client) => Promise<T>): Promise<T> {
  return await withClient(options, (client) => answered(options, fn(client)));
}

/** The answer. Errors: UNAVAILABLE where it does not come in time. */
export async function answered<T>({ url }: RemoteOptions, answer: Promise<T>): Promise<T> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  AbortSignal.timeout(ANSWER_MS).addEventListener('abort', () => {
    const what = `${url} did not answer within ${ANSWER_MS / 1_000} s. Whether it did what was asked is open: look, then ask again.`;
    reject(new OperatingError('UNAVAILABLE', what));
  });
  return await Promise.race([answer, late]);
}

/**
 * GETs a JSON resource of the node, or sends it something: with a JSON body, or none. `waitMs`: how much longer the answer may
 * take than it does as a rule.
 * Errors: those of the node, by their code; UNAVAILABLE; INVALID_INPUT for an address that is none.
 */
export async function fetchJson(
  options: RemoteOptions,
  path: string,
  method: 'GET' | 'POST' | 'PUT' | 'DELETE' = 'GET',
  content?: unknown,
  headers: Readonly<Record<string, string>> = {},
  waitMs = 0,
): Promise<unknown> {
  const address = addressOf(options.url.replace(/^ws/, 'http'), path, /^https?:$/);
  let response: Response;
  try {
    response = await fetch(address, {
      method,
      signal: AbortSignal.timeout(REQUEST_MS + waitMs),
      headers: {
        ...headers,
        ...(options.token !== undefined && { authorization: `Bearer ${options.token}` }),
        ...(content !== undefined && { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(content !== undefined && { body: JSON.stringify(content) }),
    });
  } catch (error) {
    throw noNode(options.url, error);
  }
  const body: unknown = await response.json().catch(() => undefined);
  if (response.ok) return body;
  const { code, detail, retryable, retryAfterMs, details } = (body ?? {}) as Record<string, unknown>;
  throw new OperatingError(
    isErrorCode(code) ? code : 'INTERNAL',
    typeof detail === 'string' ? detail : `${path} answered ${response.status}.`,
    {
      retryable: retryable === true,
      ...(typeof retryAfterMs === 'number' && { retryAfterMs }),
      details,
    },
  );
}

/** GETs all pages of a list, at most `countMax` entries. `plural` is what the list is called in them. Errors: as for `fetchJson`. */
export async function fetchAll(
  options: RemoteOptions,
  path: string,
  plural: string,
  countMax = Infinity,
): Promise<readonly unknown[]> {
  const found: unknown[] = [];
  let cursor: string | null = null;
  do {
    const limit = Math.min(countMax - found.length, PAGE_MAX);
    const query: string = `limit=${limit}${cursor === null ? '' : `&cursor=${encodeURIComponent(cursor)}`}`;
    const page = (await fetchJson(options, `${path}${path.includes('?') ? '&' : '?'}${query}`)) as Record<
      string,
      unknown
    >;
    found.push(...(page[plural] as readonly unknown[]));
    cursor = page['cursor'] as string | null;
  } while (cursor !== null && found.length < countMax);
  return found;
}

/** GETs something large of the node, as it comes. Errors: as for `fetchJson`. */
export async function fetchBytes(options: RemoteOptions, path: string): Promise<AsyncIterable<Uint8Array>> {
  const address = addressOf(options.url.replace(/^ws/, 'http'), path, /^https?:$/);
  const headers = options.token === undefined ? {} : { authorization: `Bearer ${options.token}` };
  const response = await fetch(address, { headers }).catch((error: unknown) => {
    throw noNode(options.url, error);
  });
  if (response.ok && response.body !== null) return response.body;
  throw new OperatingError('UNAVAILABLE', `${path} answered ${response.status}.`);
}

function addressOf(base: string, path: string, protocols: RegExp): URL {
  const url = URL.canParse(path, base) ? new URL(path, base) : undefined;
  if (url !== undefined && protocols.test(url.protocol)) return url;
  throw new OperatingError(
    'INVALID_INPUT',
    `${base} is not the address of a node. Expected one such as http://127.0.0.1:7600 in --url or TROUPE_URL.`,
  );
}

function noNode(url: string, cause: unknown): OperatingError {
  const { message } = cause instanceof Error ? cause : new OperatingError('UNAVAILABLE', String(cause));
  return new OperatingError(
    'UNAVAILABLE',
    `No node answers at ${url} (${message}). Start one with \`troupe start\`, or name another with --url or TROUPE_URL.`,
    { cause },
  );
}
