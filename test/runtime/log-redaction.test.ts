import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { OperatingError } from '../../protocol/errors.ts';
import { createRedactor, REDACTED } from '../../runtime/log-redaction.ts';

const CANARY = 'kanarie-3f9a2c';
const bare = createRedactor();

describe('redaction by the names of fields', () => {
  it.each([
    'authorization',
    'Authorization',
    'proxy-authorization',
    'cookie',
    'Set-Cookie',
    'token',
    'accessToken',
    'refresh_token',
    'password',
    'dbPassword',
    'passwd',
    'passphrase',
    'secret',
    'MESH_SECRET',
    'clientSecret',
    'key',
    'apiKey',
    'api_key',
    'x-api-key',
    'apikey',
    'apiKeys',
    'privateKey',
    'OPENAI_API_KEY',
    'prompt',
    'systemPrompt',
    'prompts',
    'credentials',
    'jwt',
  ])('takes the value of %s out', (name) => {
    const value = { [name]: CANARY, nested: { list: [{ [name]: { deep: CANARY } }] } };
    expect(JSON.stringify(bare.fields(value))).not.toContain(CANARY);
    expect(bare.fields(value)[name]).toBe(REDACTED);
  });

  it.each([
    'task',
    'actor',
    'trace',
    'keyed',
    'monkey',
    'tokens',
    'tokensIn',
    'keys',
    'effectKey',
    'secretary',
    'code',
    'author',
  ])('leaves %s', (name) => {
    expect(bare.fields({ [name]: 'seen' })[name]).toBe('seen');
  });

  it('leaves counts and switches under names that could be secrets', () => {
    expect(bare.fields({ token: 5, keys: 3, prompt: 17, hasToken: true, secret: null })).toEqual({
      token: 5,
      keys: 3,
      prompt: 17,
      hasToken: true,
      secret: null,
    });
    expect(bare.fields({ password: 123456, pwd: 1 })).toEqual({ password: REDACTED, pwd: REDACTED });
  });
});

describe('redaction by the look of text', () => {
  it.each([
    [`Authorization: Bearer ${CANARY}`],
    [`got bearer ${CANARY}, sorry`],
    ['Basic dXNlcjprYW5hcmllLTNmOWEyYw=='],
    [`connect postgres://user:${CANARY}@db.internal:5432/x failed`],
    [`redis://:${CANARY}@h`],
    [`GET /x?token=${CANARY}&a=1`],
    [`api_key: "${CANARY}"`],
    [`{"password":"${CANARY}","a":1}`],
    [String.raw`{\"password\":\"${CANARY}\"}`],
    [`X-Api-Key=${CANARY}`],
    [`Cookie: sid=${CANARY}; other=${CANARY}`],
    [`eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJrYW5hcmllIn0.${CANARY}`],
    [`sk-${CANARY}-0123456789`],
    [`ghp_0123456789${CANARY.replace('-', '')}`],
    [`-----BEGIN RSA PRIVATE KEY-----\n${CANARY}\n-----END RSA PRIVATE KEY-----`],
    [`-----BEGIN PRIVATE KEY-----\n${CANARY}`],
  ])('takes the credential out of %j', (text) => {
    const shown = bare.text(text);
    expect(shown).toContain(REDACTED);
    expect(shown).not.toContain(CANARY);
    expect(shown).not.toContain('dXNlcjpr');
  });

  it.each([
    'a bearer of news',
    'https://example.org/a@b',
    'Unexpected token in JSON',
    'task/01J8 went to agent/shout',
    'tokensIn=5',
  ])('leaves %j', (text) => {
    expect(bare.text(text)).toBe(text);
  });

  it('takes time in proportion to the length of the text, whatever the text is', () => {
    const worst = [
      'token',
      'token ',
      'token" ',
      '://a',
      'eyJaaaaaaa.',
      'cookie ',
      'Bearer ',
      '-----BEGIN PRIVATE KEY-----',
    ];
    for (const piece of worst) {
      const before = process.cpuUsage();
      for (let round = 0; round < 20; round += 1) bare.text(piece.repeat(2000));
      expect(process.cpuUsage(before).user / 1000, piece).toBeLessThan(1000);
    }
  });
});

describe('redaction by known values', () => {
  const secret = 'p@ss/"w0rd"+x';
  const redactor = createRedactor([secret, 'abc']);

  it('takes a value out wherever and however it stands', () => {
    const forms = [
      secret,
      encodeURIComponent(secret),
      JSON.stringify({ a: secret }),
      Buffer.from(secret).toString('base64'),
    ];
    for (const form of forms) expect(redactor.text(`x${form}y`)).toMatch(/^x.*\[redacted\].*y$/);
    const error = new OperatingError('AGENT_FAILED', `said ${secret}`, {
      details: { list: [secret] },
      cause: new Error(secret),
    });
    const shown = JSON.stringify(
      redactor.fields({
        error,
        [secret]: 1,
        map: new Map([[secret, secret]]),
        set: new Set([secret]),
        url: new URL('http://h/?q=p%40ss'),
      }),
    );
    for (const form of forms) expect(shown).not.toContain(form);
    expect(shown).not.toContain('w0rd');
  });

  it('does not take short words out', () => {
    expect(redactor.text('abc')).toBe('abc');
  });

  it('takes a value out that stands across the cut of a long text', () => {
    const shown = redactor.text(`${'x'.repeat(4090)}${secret}${'y'.repeat(9000)}`);
    expect(shown).not.toContain('p@ss');
    expect(shown.length).toBeLessThan(4200);
    expect(shown).toContain('(13103 characters)');
  });
});

describe('what is logged', () => {
  it('is cut in depth, width and length', () => {
    let deep: Record<string, unknown> = { end: 1 };
    for (let level = 0; level < 50; level += 1) deep = { deep };
    const wide = Object.fromEntries(Array.from({ length: 500 }, (_, index) => [`n${index}`, index]));
    const shown = bare.fields({ deep, wide, list: Array.from({ length: 500 }, () => 1), long: 'x'.repeat(1e6) });
    expect(JSON.stringify(shown).length).toBeLessThan(10_000);
    expect(JSON.stringify(shown['deep'])).toContain('[object]');
    expect((shown['wide'] as Record<string, unknown>)['…']).toBe('436 more');
    expect((shown['list'] as unknown[]).at(-1)).toBe('… 436 more');
  });

  it('is bounded as a whole, however it is built', () => {
    const anything = fc.anything({
      withBigInt: true,
      withDate: true,
      withMap: true,
      withSet: true,
      withTypedArray: true,
      withSparseArray: true,
      maxDepth: 8,
    });
    fc.assert(
      fc.property(fc.dictionary(fc.string(), anything), (value) => {
        const shown = bare.fields(value);
        expect(structuredClone(shown)).toEqual(shown);
        JSON.stringify(shown);
      }),
    );
    const tree = (depth: number): unknown =>
      depth === 0 ? 'x'.repeat(1000) : Array.from({ length: 60 }, () => tree(depth - 1));
    expect(JSON.stringify(bare.fields({ tree: tree(3) })).length).toBeLessThan(64_000);
  });

  it('shows errors with code, cause and stack, once each', () => {
    const error = new OperatingError('BUSY', 'full', { retryAfterMs: 5, cause: new TypeError('inner') });
    const shown = bare.fields({ error })['error'] as Record<string, unknown>;
    expect(shown).toMatchObject({
      name: 'OperatingError',
      message: 'full',
      code: 'BUSY',
      retryAfterMs: 5,
      cause: { name: 'TypeError', message: 'inner' },
    });
    expect(shown['stack']).toContain('log-redaction.test.ts');
  });

  it('survives cycles, getters that throw, proxies and odd values', () => {
    const self: Record<string, unknown> = { id: 1 };
    self['self'] = self;
    const { proxy, revoke } = Proxy.revocable({}, {});
    revoke();
    const value = {
      self,
      proxy,
      get broken(): never {
        throw new Error('no');
      },
      fn: () => 1,
      symbol: Symbol('s'),
      big: 10n,
      nan: Number.NaN,
      bytes: new Uint8Array(9),
      date: new Date(0),
      bad: new Date(Number.NaN),
      absent: undefined,
      twice: [self, self],
    };
    expect(bare.fields(value)).toEqual({
      self: { id: 1, self: '[circular]' },
      proxy: '[proxy]',
      broken: '[unreadable]',
      fn: '[function]',
      symbol: '[symbol]',
      big: '10n',
      nan: 'NaN',
      bytes: '[9 bytes]',
      date: '1970-01-01T00:00:00.000Z',
      bad: '[no date]',
      twice: [
        { id: 1, self: '[circular]' },
        { id: 1, self: '[circular]' },
      ],
    });
  });

  it('shares nothing with what was given', () => {
    const list = [{ a: 1 }];
    const shown = bare.fields({ list });
    (list[0] as { a: number }).a = 2;
    list.push({ a: 3 });
    expect(shown).toEqual({ list: [{ a: 1 }] });
  });
});
