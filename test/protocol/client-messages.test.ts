import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { CLIENT_MESSAGES } from '../../protocol/client-messages.ts';
import { jsonCodec, msgpackCodec } from '../../protocol/codec.ts';
import { OperatingError } from '../../protocol/errors.ts';
import type { Issue } from '../../protocol/issues.ts';
import { messageIdOf, parseClientMessage, parseTaskRequest } from '../../protocol/messages.ts';
import { readSubmit } from '../../protocol/submit-reader.ts';

function refusalOf(value: unknown, parse: (value: unknown) => unknown = parseClientMessage): OperatingError {
  try {
    parse(value);
  } catch (error) {
    if (error instanceof OperatingError) return error;
    throw error;
  }
  throw new Error('nothing was refused');
}

const issuesOf = (error: OperatingError): readonly Issue[] =>
  (error.details as { readonly issues: readonly Issue[] }).issues;
const pathsOf = (value: unknown): readonly string[] => issuesOf(refusalOf(value)).map(({ path }) => path);

const task = '01JD9Z6W3Q8X5T7R2K4M6N8P0V';

/** A good message of every type, with all its fields. */
const GOOD: Readonly<Record<keyof typeof CLIENT_MESSAGES, Readonly<Record<string, unknown>>>> = {
  auth: { token: 'secret' },
  ping: {},
  'task.submit': {
    agent: 'lab.echo@1.0.0',
    input: { text: 'hi' },
    key: 'order-7',
    options: {
      priority: 9,
      deadlineMs: 1000,
      budget: { usd: 0.5, tokens: 10, steps: 3 },
      labels: { team: 'a' },
      cache: true,
    },
    watch: false,
  },
  'task.get': { task },
  'task.list': { status: 'input-required', labels: { team: 'a' }, cursor: 'abc', limit: 200 },
  'task.cancel': { task, reason: 'no longer needed' },
  'task.watch': { task, after: 0 },
  'task.unwatch': { task },
  'task.signal': { task, name: 'approved', data: { by: 'me' } },
  'approval.resolve': { approval: 'a-1', decision: 'reject', comment: 'no' },
  'agent.list': { capability: 'text.upper', cursor: 'x', limit: 1 },
  'agent.tell': { agent: 'lab.counter', key: 'a', event: { type: 'add', n: 2 } },
  'agent.ask': { agent: 'lab.counter', key: 'a', event: { type: 'get' }, timeoutMs: 1000 },
  'topic.subscribe': { topic: 'orders.*.#' },
  'topic.unsubscribe': { topic: '#' },
  'topic.publish': { topic: 'orders.eu', data: [1], key: 'k' },
  'state.get': { scope: 'team', name: 'counter' },
  'state.set': { scope: 'team', name: 'counter', value: null, ifVersion: 0 },
  'state.watch': { scope: 'team', name: 'counter' },
};

describe.each(Object.entries(GOOD))('%s', (type, fields) => {
  it('is taken with all its fields, through both codecs, with and without an id', () => {
    for (const message of [
      { type, ...fields },
      { type, id: 'c-1', ...fields },
    ]) {
      expect(parseClientMessage(message)).toEqual(message);
      for (const codec of [msgpackCodec, jsonCodec])
        expect(parseClientMessage(codec.decode(codec.encode(message)))).toEqual(message);
    }
  });

  it('is taken without the fields that nobody knows', () => {
    expect(parseClientMessage({ type, ...fields, extra: { a: 1 } })).toEqual({ type, ...fields });
  });

  it('is refused with an id that is none', () => {
    for (const id of ['', 'x'.repeat(129), 7, null]) expect(pathsOf({ type, ...fields, id })).toEqual(['id']);
  });

  it('is refused without a field that it needs', () => {
    const needed = Object.keys(fields).filter((field) => {
      const schema: z.ZodType = CLIENT_MESSAGES[type as keyof typeof CLIENT_MESSAGES];
      const { [field]: _gone, ...rest } = fields;
      return !schema.safeParse({ type, ...rest }).success;
    });
    for (const field of needed) {
      const { [field]: _gone, ...rest } = fields;
      expect(issuesOf(refusalOf({ type, ...rest }))).toHaveLength(1);
    }
  });

  it('can be described as JSON schema', () => {
    const schema: z.ZodType = CLIENT_MESSAGES[type as keyof typeof CLIENT_MESSAGES];
    expect(z.toJSONSchema(schema)).toMatchObject({ type: 'object', properties: { type: { const: type } } });
  });
});

describe('what is no message', () => {
  it('is malformed where it is no map', () => {
    for (const value of [null, undefined, 1, 'ping', [], [{ type: 'ping' }], true, 5n]) {
      expect(refusalOf(value).code).toBe('PROTOCOL_MALFORMED');
    }
  });

  it('is invalid where its type is missing or no text', () => {
    for (const value of [{}, { type: 1 }, { type: null }, { id: 'a' }]) {
      const error = refusalOf(value);
      expect(error.code).toBe('INVALID_INPUT');
      expect(issuesOf(error)[0]?.path).toBe('type');
    }
  });

  it('is unknown where its type is, and the answer lists the types there are', () => {
    for (const type of ['task.submitt', 'hello', 'constructor', '__proto__', 'toString', '', 'x'.repeat(10_000)]) {
      const error = refusalOf({ type });
      expect(error.code, type).toBe('UNKNOWN_TYPE');
      expect(error.details).toMatchObject({ type: type.slice(0, 64), types: Object.keys(GOOD) });
      expect(error.message.length).toBeLessThan(200);
    }
  });
});

describe('fields', () => {
  it('that are wrong are told all at once, each with its place', () => {
    const error = refusalOf({
      type: 'task.submit',
      id: '',
      agent: 'no name',
      goal: 'and a goal',
      key: 5,
      options: {
        priority: 10,
        deadlineMs: 0,
        budget: { usd: -1, timeMs: -1 },
        labels: { 'a b': 'x', ok: 1 },
        cache: 'yes',
      },
      watch: true,
    });
    expect(error.code).toBe('INVALID_INPUT');
    expect(issuesOf(error).map(({ path }) => path)).toEqual([
      'id',
      'agent',
      'key',
      'options.priority',
      'options.deadlineMs',
      'options.budget.usd',
      'options.budget.timeMs',
      'options.labels.a b',
      'options.labels.ok',
      'options.cache',
      'watch',
      '',
    ]);
    expect(error.message).toMatch(/^task\.submit is not valid: id: .* \(and 11 more, see details\.issues\)\.$/);
    for (const { message } of issuesOf(error)) expect(message).not.toBe('');
  });

  it('have their bounds', () => {
    const labels = (count: number): unknown =>
      Object.fromEntries(Array.from({ length: count }, (_, index) => [`l${index}`, '']));
    const cases: readonly (readonly [Record<string, unknown>, Record<string, unknown>])[] = [
      [
        { type: 'task.submit', goal: 'g', options: { priority: 0, budget: { usd: 0, tokens: 0, steps: 0 } } },
        { type: 'task.submit', goal: 'g', options: { priority: -1 } },
      ],
      [
        { type: 'task.list', limit: 200 },
        { type: 'task.list', limit: 201 },
      ],
      [
        { type: 'task.list', limit: 1 },
        { type: 'task.list', limit: 0 },
      ],
      [
        { type: 'task.list', labels: labels(16) },
        { type: 'task.list', labels: labels(17) },
      ],
      [
        { type: 'task.list', labels: { a: 'x'.repeat(256) } },
        { type: 'task.list', labels: { a: 'x'.repeat(257) } },
      ],
      [
        { type: 'task.watch', task, after: 5 },
        { type: 'task.watch', task, after: -1 },
      ],
      [
        { type: 'task.watch', task, after: 5 },
        { type: 'task.watch', task, after: 1.5 },
      ],
      [
        { type: 'task.get', task: 'any id' },
        { type: 'task.get', task: '' },
      ],
      [
        { type: 'task.cancel', task, reason: 'x'.repeat(4096) },
        { type: 'task.cancel', task, reason: 'x'.repeat(4097) },
      ],
      [
        { type: 'approval.resolve', approval: 'a', decision: 'approve' },
        { type: 'approval.resolve', approval: 'a', decision: 'yes' },
      ],
      [
        { type: 'task.list', status: 'working' },
        { type: 'task.list', status: 'running' },
      ],
      [
        { type: 'task.signal', task, name: 'go' },
        { type: 'task.signal', task, name: 'xstate.done.actor.x' },
      ],
      [
        { type: 'task.signal', task, name: 'go', data: { a: 1 } },
        { type: 'task.signal', task, name: 'go', data: { type: 'other' } },
      ],
      [
        { type: 'task.signal', task, name: 'go', data: {} },
        { type: 'task.signal', task, name: 'go', data: [1] },
      ],
      [
        { type: 'agent.tell', agent: 'a', key: 'k', event: { type: 'e' } },
        { type: 'agent.tell', agent: 'a', key: 'k', event: { type: 'xstate.init' } },
      ],
      [
        { type: 'agent.tell', agent: 'a', key: 'k', event: { type: 'e' } },
        { type: 'agent.tell', agent: 'a', key: 'k', event: {} },
      ],
      [
        { type: 'topic.publish', topic: 'a' },
        { type: 'topic.publish', topic: 'a.*' },
      ],
      [
        { type: 'state.set', scope: 's', name: 'n', value: 0 },
        { type: 'state.set', scope: 's', name: 'n' },
      ],
    ];
    for (const [good, bad] of cases) {
      expect(parseClientMessage(good)).toEqual(good);
      expect(refusalOf(bad).code, JSON.stringify(bad)).toBe('INVALID_INPUT');
      expect(issuesOf(refusalOf(bad))).toHaveLength(1);
    }
  });

  it('of an event stay, whatever they are', () => {
    const message = { type: 'agent.tell', agent: 'a', key: 'k', event: { type: 'add', n: 1, deep: [{ a: null }] } };
    expect(parseClientMessage(message)).toEqual(message);
  });

  it('list no more faults than their bound', () => {
    const labels = Object.fromEntries(Array.from({ length: 300 }, (_, index) => [`bad key ${index}`, '']));
    expect(issuesOf(refusalOf({ type: 'task.list', labels }))).toHaveLength(100);
  });
});

describe('the target of a submission', () => {
  const targets = { agent: 'a', capability: 'b', workflow: 'c@1.0.0', graph: { steps: [] }, goal: 'find out' };

  it('is exactly one', () => {
    for (const [name, target] of Object.entries(targets)) {
      expect(parseClientMessage({ type: 'task.submit', [name]: target })).toEqual({
        type: 'task.submit',
        [name]: target,
      });
      expect(parseTaskRequest({ [name]: target })).toEqual({ [name]: target });
    }
    for (const value of [{}, { agent: 'a', goal: 'b' }, targets]) {
      expect(pathsOf({ type: 'task.submit', ...value })).toEqual(['']);
      expect(refusalOf(value, parseTaskRequest).code).toBe('INVALID_INPUT');
    }
  });

  it('may come without a message around it', () => {
    const request = { workflow: 'brief', input: 1, key: 'k', options: { cache: false } };
    expect(parseTaskRequest({ ...request, type: 'x', watch: 'y' })).toEqual(request);
    for (const value of [null, [], 'a', 7]) expect(refusalOf(value, parseTaskRequest).code).toBe('INVALID_INPUT');
  });
});

describe('the id of anything', () => {
  it('is found where there is one', () => {
    expect(messageIdOf({ id: 'a', type: 5 })).toBe('a');
    for (const value of [null, 'a', [], { id: 5 }, { id: '' }, { id: 'x'.repeat(129) }])
      expect(messageIdOf(value)).toBeUndefined();
  });
});

describe('the quick way to read a submission', () => {
  const oddity = fc.constantFrom<unknown[]>(
    undefined,
    null,
    '',
    0,
    5,
    true,
    [],
    {},
    'x'.repeat(300),
    'a b',
    Number.NaN,
    1.5,
    -1,
    5n,
  );
  const or = (good: fc.Arbitrary<unknown>): fc.Arbitrary<unknown> =>
    fc.oneof({ weight: 12, arbitrary: good }, { weight: 1, arbitrary: oddity });
  const name = fc.constantFrom('lab.echo', 'lab.echo@1.0.0', 'a', 'a@1', 'constructor');
  const options = fc.record(
    {
      priority: or(fc.integer({ min: -1, max: 10 })),
      deadlineMs: or(fc.integer({ min: 0, max: 1e12 })),
      budget: or(fc.record({ usd: fc.double() }, { requiredKeys: [] })),
      labels: or(
        fc.oneof(
          fc.dictionary(fc.constantFrom('team', 'a/b', 'a b', 'constructor'), or(fc.string()), {
            noNullPrototype: true,
          }),
          fc
            .integer({ min: 15, max: 18 })
            .map((count) => Object.fromEntries(Array.from({ length: count }, (_, i) => [`l${i}`, '']))),
          fc.integer({ min: 254, max: 258 }).map((length) => ({ team: 'x'.repeat(length) })),
        ),
      ),
      cache: or(fc.boolean()),
      extra: fc.anything(),
    },
    { requiredKeys: [] },
  );
  const submission = fc.record(
    {
      type: fc.constant('task.submit'),
      id: or(fc.string({ minLength: 1 })),
      agent: or(name),
      capability: or(name),
      workflow: or(name),
      goal: or(fc.string()),
      graph: or(fc.constant({})),
      input: fc.anything(),
      key: or(fc.string({ minLength: 1 })),
      options: or(options),
      watch: or(fc.constantFrom<unknown[]>('events', 'result', false)),
      extra: fc.anything(),
    },
    { requiredKeys: ['type'] },
  );
  /** Most of these have the one target that the quick way knows. */
  const likely = submission.map(
    ({ workflow: _workflow, goal: _goal, graph: _graph, capability: _capability, ...rest }) => rest,
  );

  it('takes only what the schema takes, with the same result', () => {
    let quick = 0;
    fc.assert(
      fc.property(fc.oneof(submission, likely), (message) => {
        const result = readSubmit(message);
        if (result === undefined) return;
        quick++;
        const parsed = CLIENT_MESSAGES['task.submit'].safeParse(message);
        expect(parsed.error).toBeUndefined();
        expect(result).toStrictEqual(parsed.data);
        expect(Object.keys(result)).toEqual(Object.keys(parsed.data ?? {}));
        expect(Object.keys(result.options ?? {})).toEqual(Object.keys(parsed.data?.options ?? {}));
      }),
      { numRuns: 5_000 },
    );
    expect(quick).toBeGreaterThan(100);
  });

  it('leaves too many labels, and too long ones, to the schema', () => {
    const withLabels = (labels: unknown): unknown =>
      readSubmit({ type: 'task.submit', agent: 'a', options: { labels } });
    const many = (count: number): unknown => Object.fromEntries(Array.from({ length: count }, (_, i) => [`l${i}`, '']));
    expect(withLabels(many(16))).toBeDefined();
    expect(withLabels(many(17))).toBeUndefined();
    expect(withLabels({ a: 'x'.repeat(257) })).toBeUndefined();
  });

  it('takes the messages that it is meant for', () => {
    const options = { priority: 5, labels: { team: 'a' }, deadlineMs: 5, cache: true };
    for (const message of [
      { type: 'task.submit', agent: 'lab.echo', input: {} },
      { type: 'task.submit', id: 'a', capability: 'text.upper', key: 'k', watch: 'result', options },
      { type: 'task.submit', agent: 'lab.echo@1.0.0', options: {} },
    ]) {
      expect(readSubmit(message)).toEqual(message);
    }
  });
});
