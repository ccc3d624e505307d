import { PassThrough, type Writable } from 'node:stream';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import * as ws from 'ws';
import { Outbox } from '../../gateway/outbox.ts';

/** The reader of the library; its types leave it out. */
const { Receiver } = ws as unknown as { readonly Receiver: new (options: { isServer: boolean }) => Writable };

/** A stream that keeps each write apart, and finishes it when told to. */
class Held extends PassThrough {
  readonly writes: Buffer[] = [];
  readonly #finish: (() => void)[] = [];

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.writes.push(chunk);
    this.#finish.push(done);
  }

  finish(): void {
    this.#finish.shift()?.();
  }
}

function outbox(options: { isBinary?: boolean; isOpen?: () => boolean } = {}): {
  readonly box: Outbox;
  readonly stream: Held;
  readonly flushes: () => number;
} {
  const stream = new Held({ highWaterMark: 1 });
  let flushes = 0;
  const { isBinary = true, isOpen = () => true } = options;
  const box = new Outbox(stream, { isBinary, isOpen, onFlush: () => void flushes++ });
  return { box, stream, flushes: () => flushes };
}

/** The end of this turn of the event loop. */
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const hex = (buffers: readonly Buffer[]): string[] => buffers.map((buffer) => buffer.toString('hex'));

describe('Frames', () => {
  it('are final, unmasked, and binary or text', async () => {
    const binary = outbox();
    binary.box.push(Uint8Array.of(0x93, 1, 2));
    const text = outbox({ isBinary: false });
    text.box.push('hé');
    await turn();
    expect(hex(binary.stream.writes)).toEqual(['8203930102']);
    expect(hex(text.stream.writes)).toEqual(['810368c3a9']);
  });

  it.each([
    [0, '8200'],
    [125, '827d'],
    [126, '827e007e'],
    [65_535, '827effff'],
    [65_536, '827f0000000000010000'],
  ])('of %i bytes say their length as the protocol wants it', async (length, header) => {
    const { box, stream } = outbox();
    box.push(new Uint8Array(length));
    await turn();
    const [written] = stream.writes;
    expect(written?.subarray(0, header.length / 2).toString('hex')).toBe(header);
    expect(written).toHaveLength(header.length / 2 + length);
  });

  it('of one turn leave in one write', async () => {
    const { box, stream } = outbox();
    for (let n = 0; n < 100; n++) box.push(Uint8Array.of(n));
    expect(stream.writes).toEqual([]);
    await turn();
    expect(stream.writes).toHaveLength(1);
    expect(stream.writes[0]).toHaveLength(300);
  });

  it('of very many bytes begin to leave before the turn ends', () => {
    const { box, stream } = outbox();
    for (let n = 0; n < 3; n++) box.push(new Uint8Array(40_000));
    expect(stream.writes).toHaveLength(1);
    expect(stream.writes[0]).toHaveLength(2 * 40_004);
  });

  it('whatever they hold, are read by another as they were, in order', async () => {
    const payload = fc.oneof(
      fc.uint8Array({ maxLength: 300 }),
      fc.constantFrom(70_000, 65_535, 126).map((n) => new Uint8Array(n).fill(7)),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(payload, { minLength: 1, maxLength: 20 }), async (payloads) => {
        const { box, stream } = outbox();
        for (const one of payloads) box.push(one);
        box.flush();
        for (let n = 0; n < payloads.length; n++) stream.finish();
        const reader = new Receiver({ isServer: false });
        const read: Buffer[] = [];
        reader.on('message', (data: Buffer) => void read.push(data));
        reader.write(Buffer.concat(stream.writes));
        await turn();
        for (let rounds = 0; read.length < payloads.length && rounds < 100; rounds++) await turn();
        expect(read.map((data) => data.toString('hex'))).toEqual(
          payloads.map((one) => Buffer.from(one).toString('hex')),
        );
      }),
      { numRuns: 50 },
    );
  });
});

describe('The backlog', () => {
  it('is what is here and what the stream holds, headers included', async () => {
    const { box, stream, flushes } = outbox();
    box.push(new Uint8Array(10));
    expect(box.backlogBytes).toBe(12);
    await turn();
    expect(box.backlogBytes).toBe(12);
    expect(flushes()).toBe(1);
    stream.finish();
    await turn();
    expect(box.backlogBytes).toBe(0);
    expect(flushes()).toBe(2);
  });
});

describe('Nothing is written', () => {
  it('behind a close frame, whoever sent it', async () => {
    let open = true;
    const { box, stream } = outbox({ isOpen: () => open });
    box.push(Uint8Array.of(1));
    open = false;
    await turn();
    expect(stream.writes).toEqual([]);
    expect(box.backlogBytes).toBe(0);
  });

  it('once it is closed, or its stream is gone', async () => {
    const closed = outbox();
    closed.box.push(Uint8Array.of(1));
    closed.box.close();
    closed.box.push(Uint8Array.of(2));
    const gone = outbox();
    gone.stream.destroy();
    gone.box.push(Uint8Array.of(1));
    await turn();
    expect([...closed.stream.writes, ...gone.stream.writes]).toEqual([]);
  });
});
