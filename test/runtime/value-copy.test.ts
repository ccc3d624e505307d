import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { packState, unpackState } from '../../runtime/state-codec.ts';
import { copyOutput, copyValue } from '../../runtime/value-copy.ts';

const anything = fc.anything({
  withBigInt: true,
  withDate: true,
  withMap: true,
  withNullPrototype: true,
  withSet: true,
  withSparseArray: true,
  withTypedArray: true,
  maxDepth: 5,
});

/** All objects in a value that are not built in. */
function partsOf(value: unknown, found = new Set<object>()): Set<object> {
  if (typeof value !== 'object' || value === null || found.has(value)) return found;
  found.add(value);
  for (const part of Object.values(value)) partsOf(part, found);
  return found;
}

describe('A copy', () => {
  it('is what would come back from the store', () => {
    fc.assert(
      fc.property(anything, (value) => {
        expect(copyValue(value)).toStrictEqual(unpackState(packState(value)));
      }),
      { numRuns: 1_000 },
    );
  });

  it('has no part in common with the value', () => {
    fc.assert(
      fc.property(anything, (value) => {
        const copied = partsOf(copyValue(value));
        for (const part of partsOf(value)) expect(copied.has(part)).toBe(false);
      }),
      { numRuns: 1_000 },
    );
  });

  it('of what holds the same part again and again is bounded by what the store can hold', () => {
    let value: Record<string, unknown> = {};
    for (let level = 0; level < 60; level++) value = { a: value, b: value };
    expect(() => copyValue(value)).toThrow(expect.objectContaining({ code: 'PROTOCOL_TOO_BIG' }));
  });

  it('of many parts is whole', () => {
    const many = Array.from({ length: 300_000 }, (_, n) => ({ n }));
    expect(copyValue(many)).toEqual(many);
  });

  it('cannot be made of what holds itself, is too deep, or throws: an output of that kind is invalid, and says whose', () => {
    const loop: { self?: unknown } = {};
    loop.self = loop;
    let deep: unknown = 1;
    for (let level = 0; level < 300; level++) deep = [deep];
    const thrower = {
      get value(): never {
        throw new Error('not now');
      },
    };
    for (const value of [loop, deep, thrower]) {
      expect(() => copyValue(value)).toThrow(/nested deeper|not now|takes more/);
      expect(() => copyOutput(value, 'the agent')).toThrow(expect.objectContaining({ code: 'INVALID_OUTPUT' }));
      expect(() => copyOutput(value, 'the agent')).toThrow(/What the agent returned/);
    }
  });
});
