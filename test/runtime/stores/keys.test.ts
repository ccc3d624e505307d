import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { eventsAfter, eventsKey, keyOf, partsOf, rangeUnder, tasksBefore } from '../../../runtime/stores/keys.ts';

/** Any string of JavaScript, lone surrogates and control characters included. */
const part = fc.oneof(
  fc.string({ unit: fc.nat(0xffff).map((unit) => String.fromCharCode(unit)), maxLength: 6 }),
  fc.string({ unit: fc.constantFrom('a', '/', '%', '\0', '\x01', '0', ' ', '~', '\x7f', 'ä'), maxLength: 6 }),
);
const parts = fc.oneof(fc.tuple(part), fc.tuple(part, part), fc.tuple(part, part, part));
const keyOfParts = ([first, second, third]: readonly [string, string?, string?]): string =>
  keyOf('a', first, second, third);

describe('a key', () => {
  it('gives back the parts it was made of', () => {
    fc.assert(
      fc.property(parts, (given) => {
        expect(partsOf(keyOfParts(given))).toEqual(given);
      }),
    );
  });

  it('is printable ASCII and NUL, so that the order of strings is the order of bytes', () => {
    fc.assert(
      fc.property(parts, parts, (a, b) => {
        const [left, right] = [keyOfParts(a), keyOfParts(b)];
        expect(left).toMatch(/^[\0\x20-\x7e]*$/);
        expect(Math.sign(Buffer.compare(Buffer.from(left), Buffer.from(right)))).toBe(
          left < right ? -1 : left > right ? 1 : 0,
        );
      }),
    );
  });

  it('is in the range under its own first part, and under no other', () => {
    fc.assert(
      fc.property(part, part, part, (address, key, other) => {
        const row = keyOf('a', address, key);
        const within = (first: string): boolean => {
          const { gte, lt } = rangeUnder('a', first);
          return row >= gte && row < lt;
        };
        expect(within(address)).toBe(true);
        expect(within(other)).toBe(other === address);
      }),
    );
  });

  it('leaves what addresses are made of as it is', () => {
    expect(keyOf('c', 'agent/lab.counter/user 42?')).toBe('c/agent/lab.counter/user 42?');
  });
});

describe('the range of events after a seq', () => {
  it('holds exactly the chunks that end behind it', () => {
    fc.assert(
      fc.property(part, fc.nat(2_000_000_000), fc.integer({ min: -1, max: 2_000_000_000 }), (task, lastSeq, after) => {
        const { gte, lt } = eventsAfter(task, after);
        const key = eventsKey(task, lastSeq);
        expect(key >= gte && key < lt).toBe(lastSeq > Math.max(0, after));
      }),
    );
    const { gte, lt } = eventsAfter('a', Number.MAX_SAFE_INTEGER);
    expect(gte < lt).toBe(true);
  });
});

describe('the range of tasks before a cursor', () => {
  it('holds the ids that are less, of one status or of all', () => {
    fc.assert(
      fc.property(
        part.filter((id) => id !== ''),
        part,
        (id, cursor) => {
          for (const status of [undefined, 'failed'] as const) {
            const { gte, lt } = tasksBefore(status, cursor);
            const key = status === undefined ? keyOf('t', id) : keyOf('i', status, id);
            expect(key >= gte && key < lt).toBe(keyOf('t', id) < keyOf('t', cursor));
          }
        },
      ),
    );
  });
});
