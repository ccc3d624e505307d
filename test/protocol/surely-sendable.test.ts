import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { msgpackCodec } from '../../protocol/codec.ts';
import { CLIENT_FRAME, NODE_FRAME } from '../../protocol/limits.ts';
import { isSurelySendable } from '../../protocol/surely-sendable.ts';

const anything = fc.anything({
  withBigInt: true,
  withBoxedValues: true,
  withDate: true,
  withMap: true,
  withNullPrototype: true,
  withObjectString: true,
  withSet: true,
  withSparseArray: true,
  withTypedArray: true,
  maxDepth: 6,
});
const nested = (depth: number): unknown => (depth === 0 ? 1 : { in: nested(depth - 1) });

describe('What is said to be surely sendable', () => {
  it('is within the bounds of a message, whatever it is', () => {
    for (const bounds of [NODE_FRAME, { bytesMax: 60, depthMax: 3, elementsMax: 20 }])
      fc.assert(
        fc.property(anything, (value) => {
          fc.pre(isSurelySendable(value, bounds));
          expect(msgpackCodec.encode(value, bounds).length).toBeLessThanOrEqual(bounds.bytesMax);
        }),
        { numRuns: 2_000 },
      );
  });

  it('is what agents return as a rule', () => {
    for (const value of [
      null,
      'text',
      { text: 'hello', meta: { a: 1, b: [true, null, 2.5, 'ü'] } },
      Array.from({ length: 500 }, (_, n) => ({ n })),
    ])
      expect(isSurelySendable(value, CLIENT_FRAME), JSON.stringify(value)).toBe(true);
  });

  it('is nothing large, deep, or other than plain data', () => {
    const own = JSON.parse('{"__proto__":1}') as object;
    const loop: { self?: unknown } = {};
    loop.self = loop;
    for (const value of [
      'x'.repeat(32 * 1024),
      new Array(40_000).fill(0),
      nested(17),
      loop,
      own,
      undefined,
      { f: () => 1 },
      1n,
      new Date(),
      new Map(),
      new Uint8Array(3),
      { toJSON: () => 1 },
      Promise.resolve(),
    ])
      expect(isSurelySendable(value, NODE_FRAME)).toBe(false);
  });
});
