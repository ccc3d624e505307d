import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { OperatingError } from '../../protocol/errors.ts';
import { BATCH_PIECES_MAX, readBatch, writeBatch } from '../../protocol/mesh-batch.ts';

const piece = fc.record({ isLast: fc.boolean(), body: fc.uint8Array({ minLength: 1, maxLength: 300 }) });

describe('A batch', () => {
  it('gives back the pieces that were put in, in order', () => {
    fc.assert(
      fc.property(fc.array(piece, { minLength: 1, maxLength: BATCH_PIECES_MAX }), (pieces) => {
        const read = readBatch(writeBatch(pieces));
        expect(read.map(({ isLast, body }) => ({ isLast, body: [...body] }))).toEqual(
          pieces.map(({ isLast, body }) => ({ isLast, body: [...body] })),
        );
      }),
    );
  });

  it('is read or refused with a code, whatever it is', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), (bytes) => {
        try {
          readBatch(Buffer.from(bytes));
        } catch (error) {
          expect(error).toBeInstanceOf(OperatingError);
          expect((error as OperatingError).code).toBe('PROTOCOL_MALFORMED');
        }
      }),
    );
  });

  it.each([
    ['nothing in it', Buffer.alloc(0)],
    ['an empty piece', Buffer.from([0, 0, 0, 0])],
    ['a piece that is longer than the batch', Buffer.from([1, 0, 0, 9, 1])],
    ['flags that nobody knows', Buffer.from([2, 0, 0, 1, 1])],
    ['half a head at its end', Buffer.from([1, 0, 0, 1, 1, 0, 0])],
    [
      'too many pieces',
      Buffer.concat(Array.from({ length: BATCH_PIECES_MAX + 1 }, () => Buffer.from([1, 0, 0, 1, 1]))),
    ],
  ])('with %s is refused', (_what, bytes) => {
    expect(() => readBatch(bytes)).toThrow(/cannot be read/);
  });
});
