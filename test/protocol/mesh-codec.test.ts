import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { OperatingError } from '../../protocol/errors.ts';
import { LIMITS, MESH_MESSAGE } from '../../protocol/limits.ts';
import { MeshDecoder, MeshEncoder } from '../../protocol/mesh-codec.ts';
import type { MeshMessage } from '../../protocol/mesh-messages.ts';
import { msgpackTree } from './values.ts';

const call = 'run/task agent';
const errorArbitrary = fc.record(
  {
    code: fc.constantFrom('TIMEOUT' as const, 'BUSY' as const),
    message: fc.string(),
    retryable: fc.boolean(),
    retryAfterMs: fc.nat(),
    details: msgpackTree,
  },
  { requiredKeys: ['code', 'message', 'retryable'], noNullPrototype: true },
);
const token = fc.string({ minLength: 1, maxLength: 20 });
const outcome = { ok: fc.boolean(), value: msgpackTree, error: errorArbitrary };
const record = <T>(
  fields: { [K in keyof T]: fc.Arbitrary<T[K]> },
  requiredKeys: (keyof T)[],
): fc.Arbitrary<MeshMessage> =>
  fc.record(fields, { requiredKeys, noNullPrototype: true }) as unknown as fc.Arbitrary<MeshMessage>;

/** Messages of a worker with whatever they may hold. */
const fromWorker = fc.oneof(
  record({ type: fc.constant('call.outcome'), call: fc.constant(call), token, ...outcome }, [
    'type',
    'call',
    'token',
    'ok',
  ]),
  record(
    {
      type: fc.constant('call.request'),
      call: fc.constant(call),
      token,
      request: fc.integer({ min: 1, max: 200 }),
      within: fc.integer({ min: 1, max: 200 }),
      verb: token,
      args: fc.array(msgpackTree, { maxLength: 8 }),
    },
    ['type', 'call', 'token', 'request', 'verb', 'args'],
  ),
  record({ type: fc.constant('node.draining') }, ['type']),
  record(
    {
      type: fc.constant('node.holds'),
      calls: fc.array(
        fc.record(
          { call: fc.constant(call), token, state: fc.constantFrom('running', 'ended') },
          { noNullPrototype: true },
        ),
      ),
    },
    ['type', 'calls'],
  ),
);

const outcomeOf = (value: unknown): MeshMessage => ({ type: 'call.outcome', call, token: 't', ok: true, value });

function codeOf(action: () => unknown): string | undefined {
  try {
    action();
    return undefined;
  } catch (error) {
    if (error instanceof OperatingError) return error.code;
    throw error;
  }
}

describe('the codec of a link', () => {
  it('gives back what it was given, dates, bytes, wide integers and nesting included, message after message', () => {
    fc.assert(
      fc.property(fc.array(fromWorker, { minLength: 1, maxLength: 12 }), (messages) => {
        const encoder = new MeshEncoder();
        const decoder = new MeshDecoder('worker');
        for (const message of messages) expect(decoder.decode(encoder.encode(message))).toEqual(message);
      }),
      { numRuns: 150 },
    );
  });

  it('sends the names of its fields once in a session', () => {
    const encoder = new MeshEncoder();
    const [first, second] = [encoder.encode(outcomeOf(1)), encoder.encode(outcomeOf(1))];
    expect(Buffer.from(first).includes('token')).toBe(true);
    expect(Buffer.from(second).includes('token')).toBe(false);
    expect(second.length).toBeLessThan(first.length / 2 + 8);
  });

  it('makes no records of what users made, so that their names never become code', () => {
    const encoder = new MeshEncoder();
    const value = { type: 'x', 'a key ); process.exit(1': 1, nested: { work: { error: 2 } } };
    encoder.encode(outcomeOf(value));
    const again = Buffer.from(encoder.encode(outcomeOf(value)));
    expect(again.includes('process.exit')).toBe(true);
    expect(again.includes('nested')).toBe(true);
    const decoder = new MeshDecoder('worker');
    for (const _ of [1, 2, 3, 4, 5])
      expect(decoder.decode(new MeshEncoder().encode(outcomeOf(value)))).toEqual(outcomeOf(value));
  });

  it('tells integers from records, all of 0 to 255 and those below nought', () => {
    const encoder = new MeshEncoder();
    const decoder = new MeshDecoder('worker');
    const integers = Array.from({ length: 512 }, (_, index) => index - 256);
    for (const _ of [1, 2]) expect(decoder.decode(encoder.encode(outcomeOf(integers)))).toEqual(outcomeOf(integers));
  });

  it('keeps in step over more structures than there are ids, again and again', () => {
    const encoder = new MeshEncoder();
    const decoder = new MeshDecoder('worker');
    const fields = ['a', 'b', 'c', 'd', 'e', 'f', 'g'];
    for (let round = 0; round < 3; round++) {
      for (let bits = 0; bits < 128; bits++) {
        const extra = Object.fromEntries(fields.filter((_, index) => (bits >> index) & 1).map((name) => [name, bits]));
        const bytes = encoder.encode({ ...outcomeOf(bits), ...extra });
        expect(decoder.decode(bytes)).toEqual(outcomeOf(bits));
      }
    }
  });

  it('makes plain what has no form of its own, and leaves out what is undefined', () => {
    class Point {
      readonly x = 1;
      readonly at = new Date(5);
      toJSON(): unknown {
        return { x: this.x, at: this.at, gone: undefined };
      }
    }
    const value = {
      point: new Point(),
      map: new Map([['k', new Set([1])]]),
      none: undefined,
      list: [undefined],
      half: 'a\ud800',
      constructor: 'text',
      toJSON: 'text',
      hasOwnProperty: 1,
    };
    const sent = new MeshEncoder().encode(outcomeOf(value));
    const { list, half, constructor, toJSON, hasOwnProperty } = {
      ...{ list: [null], half: 'a\ufffd', constructor: 'text', toJSON: 'text', hasOwnProperty: 1 },
    };
    const plain = {
      point: { x: 1, at: new Date(5) },
      map: { k: [1] },
      list,
      half,
      constructor,
      toJSON,
      hasOwnProperty,
    };
    expect(new MeshDecoder('worker').decode(sent)).toEqual(outcomeOf(plain));
  });

  it('refuses what cannot travel, and goes on with what can, without the refused having been read', () => {
    const encoder = new MeshEncoder();
    const decoder = new MeshDecoder('worker');
    const round: unknown[] = [];
    round.push(round);
    const refused: readonly [unknown, string][] = [
      [round, 'PROTOCOL_TOO_BIG'],
      ['x'.repeat(LIMITS.meshMessageBytesMax + 1), 'PROTOCOL_TOO_BIG'],
      ['ß'.repeat(LIMITS.meshMessageBytesMax / 2 + 1), 'PROTOCOL_TOO_BIG'],
      [Array.from({ length: MESH_MESSAGE.elementsMax }, () => 0), 'PROTOCOL_TOO_BIG'],
      [2n ** 64n, 'PROTOCOL_MALFORMED'],
      [Promise.resolve(), 'PROTOCOL_MALFORMED'],
      [JSON.parse('{"__proto__": 1}'), 'PROTOCOL_MALFORMED'],
    ];
    for (const [value, code] of refused) {
      // Each has another shape, whose definition must not be missed later.
      const shape = { [`f${code}${typeof value}`.replaceAll('_', '')]: 1 };
      expect(codeOf(() => encoder.encode({ ...outcomeOf(value), ...shape }))).toBe(code);
      expect(decoder.decode(encoder.encode({ ...outcomeOf(1), ...shape }))).toEqual(outcomeOf(1));
    }
  });

  it('leaves out fields that nobody knows', () => {
    const bytes = new MeshEncoder().encode({ ...outcomeOf(1), ...{ later: true } });
    expect(new MeshDecoder('worker').decode(bytes)).toEqual(outcomeOf(1));
  });

  it('refuses what is no message, is of no known type, or not for its role', () => {
    const decode = (message: unknown, role: 'owner' | 'worker' = 'worker'): string | undefined =>
      codeOf(() => new MeshDecoder(role).decode(new MeshEncoder().encode(message as MeshMessage)));
    expect(decode({ type: 7 })).toBe('PROTOCOL_MALFORMED');
    expect(decode({ kind: 'x' })).toBe('PROTOCOL_MALFORMED');
    expect(decode({ type: 'toString' })).toBe('UNKNOWN_TYPE');
    expect(decode({ type: 'node.sings' })).toBe('UNKNOWN_TYPE');
    expect(decode(outcomeOf(1), 'owner')).toBe('UNKNOWN_TYPE');
    expect(decode({ type: 'call.outcome', call, token: '', ok: true })).toBe('INVALID_INPUT');
    expect(decode({ type: 'call.outcome', call, token: 't' })).toBe('INVALID_INPUT');
  });
});

describe('bytes that were changed', () => {
  it('give a message or a coded error, and never anything else', () => {
    const mutation = fc.record({ at: fc.nat(), byte: fc.integer({ min: 0, max: 255 }), cut: fc.nat({ max: 20 }) });
    fc.assert(
      fc.property(
        fc.array(fromWorker, { minLength: 1, maxLength: 4 }),
        fc.array(mutation, { minLength: 1 }),
        (messages, changes) => {
          const encoder = new MeshEncoder();
          const decoder = new MeshDecoder('worker');
          for (const message of messages) {
            const bytes = encoder.encode(message);
            for (const { at, byte, cut } of changes) {
              bytes[at % bytes.length] = byte;
              const piece = cut === 0 ? bytes.subarray(0, at % bytes.length) : bytes;
              // After an error the session would be over; that nothing else happens afterwards either is asked for here.
              codeOf(() => decoder.decode(piece));
            }
          }
        },
      ),
      { numRuns: 400 },
    );
  });
});
