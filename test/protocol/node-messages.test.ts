import { describe, expect, it } from 'vitest';
import { jsonCodec, msgpackCodec } from '../../protocol/codec.ts';
import { OperatingError } from '../../protocol/errors.ts';
import { CLIENT_FRAME, LIMITS, NODE_FRAME } from '../../protocol/limits.ts';
import {
  NODE_MESSAGES,
  type NodeMessage,
  type NodeMessageType,
  parseNodeMessage,
} from '../../protocol/node-messages.ts';

const task = '01JD9Z6W3Q8X5T7R2K4M6N8P0V';
const result = {
  status: 'completed',
  output: { text: 'hi' },
  error: { code: 'AGENT_FAILED', message: 'no', retryable: true, details: { a: 1 }, retryAfterMs: 5 },
  degraded: [{ step: 'a', code: 'TIMEOUT', message: 'late' }],
  usage: { usd: 0.1, tokensIn: 1, tokensOut: 2, steps: 3 },
  durationMs: 12.5,
} as const;
const status = { task, status: 'working', seq: 3, waiting: 'an approval', result } as const;

/** A message of every type, as a node builds it. The compiler checks their shapes too. */
const GOOD: { readonly [Type in NodeMessageType]: Extract<NodeMessage, { type: Type }> } = {
  hello: { type: 'hello', protocol: 1, node: 'n-1', version: '0.1.0', heartbeatMs: 15_000, limits: { ...LIMITS } },
  ok: { type: 'ok', re: 'a' },
  pong: { type: 'pong' },
  error: { type: 'error', re: 'a', code: 'BUSY', message: 'full', retryable: true, retryAfterMs: 100, details: null },
  'task.accepted': { type: 'task.accepted', re: 'a', task, duplicate: false },
  'task.status': { type: 'task.status', re: 'a', ...status },
  'task.page': { type: 'task.page', tasks: [status, { task, status: 'failed', seq: 1 }], cursor: null },
  'task.event': {
    type: 'task.event',
    task,
    seq: 1,
    at: 1_763_800_000_000,
    kind: 'step.completed',
    data: { step: 'a' },
  },
  'task.chunk': { type: 'task.chunk', task, step: 'a', attempt: 1, text: 'Hel', offset: 0 },
  'task.result': { type: 'task.result', task, seq: 4, ...result },
  gap: { type: 'gap', task, from: 1, to: 7 },
  'agent.page': {
    type: 'agent.page',
    agents: [{ name: 'a', version: '1.0.0', capabilities: ['x'], load: 0.5 }],
    cursor: 'next',
  },
  'agent.reply': { type: 'agent.reply', agent: 'lab.counter', key: 'a', value: { total: 2 } },
  'topic.message': { type: 'topic.message', topic: 'a.b', data: 1, message: 'm1', at: 1_763_800_000_000 },
  'topic.gap': { type: 'topic.gap', dropped: 3 },
  'state.value': { type: 'state.value', scope: 's', name: 'n', value: [1], version: 2 },
};

describe.each(Object.entries(GOOD))('%s', (_type, message) => {
  it('comes back from both codecs and the schema as it was', () => {
    for (const codec of [msgpackCodec, jsonCodec]) {
      expect(parseNodeMessage(codec.decode(codec.encode(message), NODE_FRAME))).toEqual(message);
    }
  });

  it('may say more in a later version', () => {
    expect(parseNodeMessage({ ...message, later: true })).toEqual(message);
  });
});

describe('what a node sends', () => {
  it('has a schema for every type, and no other', () => {
    expect(Object.keys(GOOD)).toEqual(Object.keys(NODE_MESSAGES));
  });

  it('may have an error code that this version does not know', () => {
    const message = { type: 'error', code: 'LATER_CODE', message: 'of a later version', retryable: false };
    expect(parseNodeMessage(message)).toMatchObject({ code: 'INTERNAL', message: 'of a later version' });
  });

  it('is refused with a code where it is none of these', () => {
    const codeOf = (value: unknown): string | undefined => {
      try {
        parseNodeMessage(value);
        return undefined;
      } catch (error) {
        return error instanceof OperatingError ? error.code : String(error);
      }
    };
    for (const value of [null, 5, [], {}, { type: 5 }, { type: 'task.event', seq: 0 }])
      expect(codeOf(value)).toBe('PROTOCOL_MALFORMED');
    expect(codeOf({ type: 'later' })).toBe('UNKNOWN_TYPE');
    expect(codeOf({ type: 'constructor' })).toBe('UNKNOWN_TYPE');
  });

  it('can hold the deepest thing that a client sent, in the deepest place there is for it', () => {
    const deep = (depth: number): unknown => (depth === 0 ? 1 : [deep(depth - 1)]);
    const input = deep(CLIENT_FRAME.depthMax - 1);
    for (const codec of [msgpackCodec, jsonCodec]) {
      codec.decode(codec.encode({ type: 'task.submit', agent: 'a', input }));
      const page = {
        type: 'task.page',
        tasks: [{ ...status, result: { ...result, output: { each: [input] } } }],
        cursor: null,
      };
      expect(codec.decode(codec.encode(page), NODE_FRAME)).toEqual(page);
    }
  });
});
