import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Codec, codecFor, jsonCodec, msgpackCodec } from '../../protocol/codec.ts';
import { OperatingError } from '../../protocol/errors.ts';
import { CLIENT_FRAME, type FrameBounds, NODE_FRAME } from '../../protocol/limits.ts';
import { asJson, character, jsonTree, msgpackTree } from './values.ts';

const codecs: readonly Codec[] = [msgpackCodec, jsonCodec];
const wide: FrameBounds = { bytesMax: 10_000_000, depthMax: 40, elementsMax: 1_000_000 };

function codeOf(action: () => unknown): string | undefined {
  try {
    action();
    return undefined;
  } catch (error) {
    if (error instanceof OperatingError) return error.code;
    throw error;
  }
}

describe.each(codecs)('$subprotocol', (codec) => {
  it('gives back what was put in', () => {
    fc.assert(
      fc.property(jsonTree, (value) => {
        expect(codec.decode(codec.encode(value, wide), wide)).toStrictEqual(value);
      }),
      { numRuns: 500 },
    );
  });

  it('throws nothing but coded errors for any bytes, and leaves every prototype alone', () => {
    const before = Object.getOwnPropertyNames(Object.prototype);
    const any = fc.oneof(
      fc.uint8Array({ maxLength: 200 }),
      fc.string({ unit: character, maxLength: 100 }).map((text) => Buffer.from(text)),
      fc.json().map((text) => Buffer.from(text.replace('"a', '"__proto__'))),
      fc
        .constantFrom('{"__proto__":{"polluted":1}}', '{"constructor":{"prototype":{"polluted":1}}}')
        .map((text) => Buffer.from(text)),
    );
    fc.assert(
      fc.property(any, (bytes) => {
        for (const frame of [bytes, Buffer.from(bytes), Buffer.from(bytes).toString('latin1')]) {
          const code = codeOf(() => codec.decode(frame));
          expect([undefined, 'PROTOCOL_MALFORMED', 'PROTOCOL_TOO_BIG']).toContain(code);
        }
      }),
      { numRuns: 1_000 },
    );
    expect(Object.getOwnPropertyNames(Object.prototype)).toEqual(before);
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
  });

  it('is held to the bounds of a client where nothing else is said', () => {
    const deep = (depth: number): unknown => JSON.parse('['.repeat(depth) + ']'.repeat(depth));
    expect(codec.decode(codec.encode(deep(32)))).toEqual(deep(32));
    expect(codeOf(() => codec.decode(codec.encode(deep(33))))).toBe('PROTOCOL_TOO_BIG');
    expect(codeOf(() => codec.decode(codec.encode('x'.repeat(CLIENT_FRAME.bytesMax))))).toBe('PROTOCOL_TOO_BIG');
    expect(codec.decode(codec.encode('x'.repeat(CLIENT_FRAME.bytesMax)), NODE_FRAME)).toHaveLength(
      CLIENT_FRAME.bytesMax,
    );
    expect(codeOf(() => codec.encode('x'.repeat(NODE_FRAME.bytesMax)))).toBe('PROTOCOL_TOO_BIG');
  });

  it('gives data that shares nothing with the frame', () => {
    const frame = Buffer.from(codec.encode({ bytes: new Uint8Array([7, 7]), text: 'aa' }) as Uint8Array);
    const value = codec.decode(frame) as { readonly bytes: Uint8Array | string; readonly text: string };
    const before = { bytes: Buffer.from(value.bytes as Uint8Array).toString('hex'), text: value.text };
    frame.fill(0x61);
    expect({ bytes: Buffer.from(value.bytes as Uint8Array).toString('hex'), text: value.text }).toEqual(before);
  });
});

describe('MessagePack', () => {
  it('carries dates and bytes', () => {
    fc.assert(
      fc.property(msgpackTree, (value) => {
        expect(msgpackCodec.decode(msgpackCodec.encode(value, wide), wide)).toStrictEqual(value);
      }),
      { numRuns: 500 },
    );
  });

  it('refuses text frames', () => {
    expect(codeOf(() => msgpackCodec.decode('{}'))).toBe('PROTOCOL_MALFORMED');
  });

  it('reads integers of 64 bits as numbers while those are exact', () => {
    const read = (hex: string): unknown => msgpackCodec.decode(Buffer.from(hex, 'hex'));
    expect(read('cf0020000000000000')).toBe(2 ** 53);
    expect(read('cf0020000000000001')).toBe(2n ** 53n + 1n);
    expect(read('d3ffe0000000000000')).toBe(-(2 ** 53));
    expect(read('d3ffdfffffffffffff')).toBe(-(2n ** 53n) - 1n);
    expect(read('d30000000000000005')).toBe(5);
  });

  it('reads frames that are no Buffer, and frames inside of larger buffers', () => {
    const frame = msgpackCodec.encode({ type: 'ping', text: 'ä'.repeat(100) }) as Uint8Array;
    const inside = new Uint8Array([9, 9, ...frame, 9]).subarray(2, 2 + frame.length);
    expect(msgpackCodec.decode(inside)).toEqual({ type: 'ping', text: 'ä'.repeat(100) });
    expect(msgpackCodec.decode(new Uint8Array(frame))).toEqual({ type: 'ping', text: 'ä'.repeat(100) });
  });
});

describe('JSON', () => {
  it('carries dates as ISO text and bytes as base64', () => {
    fc.assert(
      fc.property(msgpackTree, (value) => {
        expect(jsonCodec.decode(jsonCodec.encode(value, wide), wide)).toStrictEqual(asJson(value));
      }),
      { numRuns: 300 },
    );
  });

  it('writes the same as the platform for plain values', () => {
    const value = { a: [1, 'two', null, true, { b: 0.5 }], at: new Date(0), gone: undefined, ключ: '\ud800"\\\n' };
    expect(jsonCodec.encode(value)).toBe(JSON.stringify(value));
  });

  it('takes the bytes of a text frame', () => {
    expect(jsonCodec.decode(Buffer.from('{"a":"ß"}'))).toEqual({ a: 'ß' });
    expect(codeOf(() => jsonCodec.decode(Buffer.from([0x22, 0xff, 0x22])))).toBe('PROTOCOL_MALFORMED');
  });

  it('counts the bytes of a text, not its characters', () => {
    const bounds = { ...CLIENT_FRAME, bytesMax: 10 };
    expect(jsonCodec.decode('"ßßßß"', bounds)).toBe('ßßßß');
    expect(codeOf(() => jsonCodec.decode('"ßßßßß"', bounds))).toBe('PROTOCOL_TOO_BIG');
    expect(jsonCodec.encode('ßßßß', bounds)).toBe('"ßßßß"');
    expect(codeOf(() => jsonCodec.encode('ßßßßß', bounds))).toBe('PROTOCOL_TOO_BIG');
  });
});

describe('subprotocols', () => {
  it('name their codec; none means JSON', () => {
    expect(codecFor('troupe.v1.msgpack')).toBe(msgpackCodec);
    expect(codecFor('troupe.v1.json')).toBe(jsonCodec);
    expect(codecFor(undefined)).toBe(jsonCodec);
    expect(codecFor('')).toBe(jsonCodec);
    expect(codecFor('troupe.v2.msgpack')).toBeUndefined();
  });
});
