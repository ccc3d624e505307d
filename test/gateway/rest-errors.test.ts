import { once } from 'node:events';
import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CODES, type ErrorCode } from '../../protocol/errors.ts';
import { type Answer, type Rig, startRig } from './rig.ts';

let rig: Rig;
beforeAll(async () => {
  rig = await startRig();
});
afterAll(async () => await rig.stop());

const TASKS = '/api/v1/tasks';
const post = (body: unknown, headers?: Readonly<Record<string, string>>) => rig.send('POST', TASKS, body, headers);

/** Every error has one shape. `status`: where it is not the one of the table. */
function expectProblem(answer: Answer, code: ErrorCode, status: number = CODES[code].httpStatus): void {
  expect(answer.headers.get('content-type')).toBe('application/problem+json; charset=utf-8');
  expect(answer.status).toBe(status);
  expect(answer.json).toMatchObject({
    type: `urn:troupe:error:${code}`,
    title: CODES[code].means,
    status,
    detail: expect.any(String) as string,
    code,
    retryable: expect.any(Boolean) as boolean,
    instance: expect.stringMatching(/^\//) as string,
  });
  expect(answer.text).not.toMatch(/\bat .*\.ts:\d|node_modules/);
}

describe('Every error is a problem with its code and status', () => {
  it.each<[string, ErrorCode, () => Promise<Answer>]>([
    ['a body that is cut short', 'PROTOCOL_MALFORMED', () => post('{"agent":')],
    ['a body with a key that comes twice', 'PROTOCOL_MALFORMED', () => post('{"agent":"a","agent":"b"}')],
    ['a body that is not UTF-8', 'PROTOCOL_MALFORMED', () => post(Buffer.from([0x22, 0xc3, 0x28, 0x22]))],
    ['a body that is no JSON', 'PROTOCOL_MALFORMED', () => post('agent=x', { 'content-type': 'text/plain' })],
    ['a path that cannot be read', 'PROTOCOL_MALFORMED', () => rig.get(`${TASKS}/%zz`)],
    ['a body that is too large', 'PROTOCOL_TOO_BIG', () => post(`"${'x'.repeat(1_100_000)}"`)],
    ['a body that is too deep', 'PROTOCOL_TOO_BIG', () => post('['.repeat(40) + ']'.repeat(40))],
    ['no body at all', 'INVALID_INPUT', () => rig.send('POST', TASKS)],
    ['a body that is a list', 'INVALID_INPUT', () => post([])],
    ['a task without a target', 'INVALID_INPUT', () => post({})],
    ['a field that is wrong', 'INVALID_INPUT', () => post({ agent: 'lab.echo', options: { priority: 99 } })],
    ['an input off the schema of its agent', 'INVALID_INPUT', () => post({ agent: 'lab.delay', input: { ms: 'x' } })],
    ['a query that is wrong', 'INVALID_INPUT', () => rig.get(`${TASKS}?limit=0`)],
    ['a label that is wrong', 'INVALID_INPUT', () => rig.get(`${TASKS}?label=__proto__:x`)],
    [
      'a header that is wrong',
      'INVALID_INPUT',
      () => post({ agent: 'lab.echo' }, { 'Idempotency-Key': 'k'.repeat(256) }),
    ],
    ['an id that is too long', 'INVALID_INPUT', () => rig.get(`${TASKS}/${'x'.repeat(129)}`)],
    ['an agent that is not there', 'NO_AGENT', () => post({ agent: 'lab.ecko' })],
    ['a graph with a cycle', 'WORKFLOW_INVALID', () => post({ graph: cyclic() })],
    ['a graph that is no graph', 'WORKFLOW_INVALID', () => rig.send('POST', '/api/v1/workflows', { name: 'x' })],
    ['a workflow that is not there', 'NOT_FOUND', () => post({ workflow: 'nix' })],
    ['a task that is not there', 'NOT_FOUND', () => rig.get(`${TASKS}/nix`)],
    ['a breaker that is not there', 'NOT_FOUND', () => rig.get('/api/v1/breakers/nix')],
    ['a breaker that is not there, to reset', 'NOT_FOUND', () => rig.send('POST', '/api/v1/breakers/nix/reset')],
    ['a goal that no template fits', 'INVALID_INPUT', () => post({ goal: 'make it so' })],
    ['a route that is not there', 'UNKNOWN_TYPE', () => rig.get('/api/v1/nix')],
    ['a route that is not there, to post to', 'UNKNOWN_TYPE', () => rig.send('POST', '/api/v1/nix', {})],
    ['a page of another origin', 'FORBIDDEN', () => rig.get('/readyz', { origin: 'http://evil.example' })],
    [
      'a page of another origin that posts',
      'FORBIDDEN',
      () => post({ agent: 'lab.echo' }, { origin: 'http://evil.example' }),
    ],
  ])('%s: %s', async (_what, code, ask) => {
    expectProblem(await ask(), code);
  });

  it('with every fault of a body and its place', async () => {
    const { json } = await post({ agent: 'a', capability: 'b', options: { priority: 99, budget: { steps: -1 } } });
    const { issues } = json['details'] as { issues: { path: string; message: string }[] };
    expect(issues.map(({ path }) => path).toSorted()).toEqual(['', 'options.budget.steps', 'options.priority']);
  });

  it('in words that can be read where there is nothing, or no number', async () => {
    expect((await post('')).json['detail']).toContain('The body is not valid: it is missing (expected object)');
    expect((await post(null)).json['detail']).toContain('The body is not valid: it is missing (expected object)');
    const wait = await rig.send('POST', `${TASKS}?wait=abc`, { agent: 'lab.echo' });
    expect(wait.json['detail']).toBe('The query is not valid: wait: is not a number.');
  });

  it('with every fault of a graph and its place', async () => {
    const { json } = await post({ graph: cyclic() });
    const { issues } = json['details'] as { issues: { at: string }[] };
    expect(issues.length).toBeGreaterThan(0);
    expect(issues.every(({ at }) => at.startsWith('/'))).toBe(true);
  });

  it('with what this version does not have', async () => {
    const absent: [string, string][] = [['GET', '/asyncapi.json']];
    for (const [method, path] of absent) expectProblem(await rig.send(method, path), 'NOT_AVAILABLE');
  });

  it('with the methods that a route takes', async () => {
    const answer = await rig.send('DELETE', TASKS);
    expectProblem(answer, 'UNKNOWN_TYPE', 405);
    expect(answer.headers.get('allow')?.split(', ').toSorted()).toEqual(['GET', 'HEAD', 'POST']);
    const stream = await rig.send('HEAD', `${TASKS}/x/events`);
    expect({ status: stream.status, allow: stream.headers.get('allow') }).toEqual({ status: 405, allow: 'GET' });
  });

  it('with a time to wait, where waiting helps', async () => {
    const small = await startRig({ tasksInFlightMax: 1 });
    await small.submit({ agent: 'lab.stall' });
    const answer = await small.send('POST', TASKS, { agent: 'lab.echo' });
    expectProblem(answer, 'BUSY');
    expect(answer.json).toMatchObject({ retryable: true, retryAfterMs: 500 });
    expect(answer.headers.get('retry-after')).toBe('1');
    await small.stop();
  });
});

describe('Every answer', () => {
  it('tells browsers to be careful', async () => {
    for (const path of ['/healthz', '/api/v1/nix', `${TASKS}/nix`, '/', '/openapi.json', '/docs']) {
      const { headers } = await rig.get(path);
      expect(headers.get('x-content-type-options')).toBe('nosniff');
      expect(headers.get('x-frame-options')).toMatch(/DENY|SAMEORIGIN/);
      expect(headers.get('content-security-policy')).toBeTruthy();
      expect(headers.get('access-control-allow-origin')).toBeNull();
      expect(headers.get('x-powered-by')).toBeNull();
    }
  });
});

/** Sends bytes as they are, and gives all that comes back. */
async function raw(...pieces: string[]): Promise<string> {
  const socket = connect(rig.node.port, rig.node.host);
  let seen = '';
  socket.on('data', (data) => (seen += data.toString()));
  socket.on('error', () => {});
  for (const piece of pieces) socket.write(piece);
  await once(socket, 'close');
  return seen;
}

describe('Below requests', () => {
  it('headers over their bounds are refused', async () => {
    const seen = await raw(`GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`);
    expect(seen).toMatch(/^HTTP\/1\.1 431 /);
    expect(seen).toContain('application/problem+json');
    expect(seen).toContain('"code":"PROTOCOL_TOO_BIG"');
  });

  it('what is no HTTP is refused', async () => {
    const seen = await raw('hello there\r\n\r\n');
    expect(seen).toMatch(/^HTTP\/1\.1 400 /);
    expect(seen).toContain('"code":"PROTOCOL_MALFORMED"');
  });

  it('a name that is not this machine is refused', async () => {
    const seen = await raw('GET /healthz HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n');
    expect(seen).toMatch(/^HTTP\/1\.1 403 /);
    expect(seen).toContain('"code":"FORBIDDEN"');
  });

  it('two lengths of one body are refused', async () => {
    const head = 'POST /api/v1/tasks HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n';
    const seen = await raw(`${head}Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`);
    expect(seen).toMatch(/^HTTP\/1\.1 400 /);
  });
});

function cyclic(): object {
  return {
    steps: [
      { id: 'a', agent: 'lab.echo', needs: ['b'] },
      { id: 'b', agent: 'lab.echo', needs: ['a'] },
    ],
  };
}
