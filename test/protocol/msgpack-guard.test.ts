import fc from 'fast-check';
import { Packr, Unpackr } from 'msgpackr';
import { describe, expect, it } from 'vitest';
import { OperatingError } from '../../protocol/errors.ts';
import { CLIENT_FRAME, type FrameBounds, MESH_FRAME } from '../../protocol/limits.ts';
import { checkMsgpack } from '../../protocol/msgpack-guard.ts';
import { readReference } from './reference-msgpack.ts';
import { msgpackTree } from './values.ts';

const bytes = (hex: string): Uint8Array => Buffer.from(hex.replaceAll(' ', ''), 'hex');
const plainPackr = new Packr({ useRecords: false });
const shortPackr = new Packr({ useRecords: false, variableMapSize: true });

function refusalOf(frame: Uint8Array, bounds: FrameBounds = CLIENT_FRAME): OperatingError | undefined {
  try {
    checkMsgpack(frame, bounds);
    return undefined;
  } catch (error) {
    if (error instanceof OperatingError) return error;
    throw error;
  }
}

describe('what the guard lets pass', () => {
  const good: Readonly<Record<string, string>> = {
    'nil, false, true': '93 c0 c2 c3',
    'small integers of both signs': '94 00 7f e0 ff',
    'unsigned integers of every width': '94 ccff cdffff ceffffffff cfffffffffffffffff',
    'signed integers of every width': '94 d080 d18000 d280000000 d38000000000000000',
    'floats of both widths': '92 ca3f800000 cb3ff0000000000000',
    'text with every head': '94 a161 d90161 da000161 db0000000161',
    'text in three scripts': `91 b3 ${Buffer.from('Grüße 日本 🎭').toString('hex')}`,
    'bytes with every head': '93 c401ff c50001ff c600000001ff',
    'arrays with every head': '93 9100 dc000100 dd0000000100',
    'maps with every head': '93 81a16100 de0001a16100 df00000001a16100',
    'empty text, bytes, arrays and maps': '94 a0 c400 90 80',
    'the empty text as a key': '81 a0 00',
    'timestamps of every width': '93 d6ff00000000 d7ff0000000000000000 c70cff000000000000000000000000',
    'a timestamp of 32 bits behind the long head': 'c704ff00000001',
    'the last moment a date can be': 'c70cff 00000000 000007dba8218000',
    'the same key in two maps': '92 81a16100 81a16101',
    'the same key in a map and in one inside of it': '81a161 81a16100',
  };
  for (const [what, hex] of Object.entries(good)) {
    it(what, () => {
      expect(refusalOf(bytes(hex))).toBeUndefined();
    });
  }
});

describe('what the guard refuses as malformed', () => {
  const bad: Readonly<Record<string, string>> = {
    'an empty frame': '',
    'a frame cut inside an integer': 'cd ff',
    'a frame cut inside a length': 'da 00',
    'a frame cut inside a text': 'a3 6161',
    'a frame cut inside an array': '92 00',
    'a frame cut inside a map': '81 a161',
    'a frame cut before the type of an extension': 'd6',
    'a frame cut inside a timestamp': 'd6 ff 000000',
    'bytes after the end': '00 00',
    'a second message after the end': '81a16100 80',
    'an array of five bytes that promises four billion values': 'dd ffffffff',
    'a map of five bytes that promises four billion entries': 'df ffffffff',
    'a map that promises one entry more than there is room for': 'de 0002 a16100 a1',
    'a text that promises more than there is': 'db ffffffff 61',
    'bytes that promise more than there are': 'c6 ffffffff 00',
    'an extension that promises more than there is': 'c9 ffffffff ff',
    'the tag that is never used': 'c1',
    'the tag that is never used, inside': '91 c1',
    'undefined as msgpackr writes it': 'd4 00 00',
    'a record definition': 'd4 72 40 91 a161 01',
    'a record definition with two bytes': 'd5 72 40 00 91 a161 01',
    'a regular expression': 'd4 78 00 92 a161 a0',
    'a set': 'd4 73 00 91 01',
    'an error': 'd4 65 00 93 a145 a161 c0',
    'a pointer': 'd6 70 00000001',
    'an id for pointers': 'd6 69 00000001 80',
    'bundled strings': 'd6 62 00000001',
    'a typed array': 'c7 02 74 01 00',
    'a BigInt of msgpackr': 'c7 09 42 010000000000000000',
    'an extension of an application': 'd4 01 00',
    'an invalid date of msgpackr': 'd4 ff ff',
    'a timestamp of five bytes': 'c7 05 ff 0000000000',
    'a timestamp of sixteen bytes': `d8 ff ${'00'.repeat(16)}`,
    'a timestamp with a whole second of nanoseconds': 'd7 ff ee6b280000000000',
    'a long timestamp with a whole second of nanoseconds': 'c70cff 3b9aca00 0000000000000000',
    'a timestamp after the last date': 'c70cff 00000000 000007dba8218001',
    'a timestamp a nanosecond after the last date': 'c70cff 00000001 000007dba8218000',
    'a timestamp before the first date': 'c70cff 00000000 fffff82457de7fff',
    'a text that is not UTF-8': 'a1 ff',
    'a half of a surrogate pair': 'a3 eda080',
    'an overlong slash': 'a2 c0af',
    'a character cut at the end of its text': '92 a1 c3 a1 a9',
    'a long text that is not UTF-8': `d940 ${'61'.repeat(63)}ff`,
    'a key that is an integer': '81 01 02',
    'a key that is nil': '81 c0 02',
    'a key that is bytes': '81 c40161 02',
    'a key that is a map': '81 80 02',
    'a key that is not UTF-8': '81 a1ff 02',
    'a key twice': '82 a16100 a16101',
    'a key twice with different heads': '82 a16100 d9016101',
    'the empty key twice': '82 a000 a000',
    'a key twice around a map': '82 a161 81a16100 a16101',
    'the key __proto__': '81 a9 5f5f70726f746f5f5f 80',
    'the key __proto__ deep inside': '91 81 a161 81 a9 5f5f70726f746f5f5f 80',
  };
  for (const [what, hex] of Object.entries(bad)) {
    it(what, () => {
      const refusal = refusalOf(bytes(hex));
      expect(refusal?.code).toBe('PROTOCOL_MALFORMED');
      expect(refusal?.details).toEqual({ offset: expect.any(Number) });
    });
  }

  it('a key twice, but not two keys that only have the same hash', () => {
    const [one, other] = ['tfobsssb', 'kgqzoxwie'].map((key) => ({ [key]: 0 }));
    expect(refusalOf(shortPackr.pack({ ...one, ...other }))).toBeUndefined();
    const collide = ['AaAa', 'BBBB', 'AaBB', 'BBAa'];
    expect(refusalOf(shortPackr.pack(Object.fromEntries(collide.map((key) => [key, 0]))))).toBeUndefined();
    expect(refusalOf(bytes('82 a441614161 00 a441614161 00'))?.code).toBe('PROTOCOL_MALFORMED');
  });

  it('a key twice among many', () => {
    const entries = Array.from(
      { length: 40 },
      (_, index) => `a2${Buffer.from(`k${String.fromCharCode(48 + index)}`).toString('hex')}00`,
    );
    const map = (all: readonly string[]): Uint8Array =>
      bytes(`de00${all.length.toString(16).padStart(2, '0')}${all.join('')}`);
    expect(refusalOf(map(entries))).toBeUndefined();
    expect(refusalOf(map([...entries, entries[3] as string]))?.code).toBe('PROTOCOL_MALFORMED');
  });
});

describe('bounds', () => {
  const nested = (head: string, depth: number, leaf: string): Uint8Array => bytes(head.repeat(depth) + leaf);

  it('takes maps and arrays to the depth allowed and no deeper', () => {
    for (const head of ['91', 'dc0001', 'dd00000001', '81a161', 'de0001a161']) {
      expect(refusalOf(nested(head, 32, '00')), head).toBeUndefined();
      const refusal = refusalOf(nested(head, 33, '00'));
      expect(refusal?.code, head).toBe('PROTOCOL_TOO_BIG');
      expect(refusal?.details).toEqual({ limit: 'depth', max: 32 });
    }
  });

  it('counts empty containers as a level', () => {
    expect(refusalOf(nested('91', 31, '90'))).toBeUndefined();
    expect(refusalOf(nested('91', 32, '80'))?.code).toBe('PROTOCOL_TOO_BIG');
  });

  it('counts every key, value and container once', () => {
    const frame = bytes('82 a161 92 0102 a162 80');
    expect(refusalOf(frame, { ...CLIENT_FRAME, elementsMax: 7 })).toBeUndefined();
    expect(refusalOf(frame, { ...CLIENT_FRAME, elementsMax: 6 })?.details).toEqual({ limit: 'elements', max: 6 });
  });

  it('takes a frame to its last byte and refuses one byte more', () => {
    const frame = (length: number): Uint8Array =>
      Buffer.concat([bytes(`da${length.toString(16)}`), Buffer.alloc(length, 0x61)]);
    expect(refusalOf(frame(65_533))).toBeUndefined();
    expect(refusalOf(frame(65_534))?.details).toEqual({ limit: 'bytes', max: 65_536 });
  });

  it('refuses bombs before anything is built', () => {
    const bombs = [
      nested('dc0001', 24_000, ''),
      Buffer.alloc(1_000_000, 0x91),
      Buffer.alloc(1_000_000, 0x81),
      nested('ddffffffff', 200, ''),
      Buffer.concat([bytes('dd000f0000'), Buffer.alloc(1_000_000, 0xc0)]),
    ];
    for (const bomb of bombs) {
      for (const bounds of [CLIENT_FRAME, MESH_FRAME]) expect(refusalOf(bomb, bounds)).toBeInstanceOf(OperatingError);
    }
  });

  it('is not slowed down by keys that were made to collide', () => {
    const words = Array.from({ length: 2 ** 15 }, (_, word) =>
      Array.from({ length: 15 }, (__, bit) => ((word >> bit) & 1 ? 'Aa' : 'BB')).join(''),
    );
    const head = bytes('df00008000');
    const frame = Buffer.concat([head, ...words.map((word) => Buffer.from(`\u{be}${word}\0`, 'latin1'))]);
    const startedAtMs = performance.now();
    expect(refusalOf(frame, { ...MESH_FRAME, bytesMax: 4_000_000 })).toBeUndefined();
    expect(performance.now() - startedAtMs).toBeLessThan(5_000);
  });
});

describe('the guard beside others', () => {
  const unpackr = new Unpackr({
    useRecords: false,
    mapsAsObjects: true,
    int64AsType: 'auto' as 'bigint',
    copyBuffers: true,
  });
  const wide: FrameBounds = { bytesMax: 10_000_000, depthMax: 32, elementsMax: 1_000_000 };

  it('lets pass whatever msgpackr writes for plain values', () => {
    fc.assert(
      fc.property(msgpackTree, (value) => {
        for (const packr of [plainPackr, shortPackr]) expect(refusalOf(packr.pack(value), wide)).toBeUndefined();
      }),
    );
  });

  it('refuses what msgpackr writes for values that are not plain', () => {
    const rich = new Packr({ moreTypes: true, structuredClone: true });
    const list = [1];
    for (const value of [
      { a: 1 },
      new Set([1]),
      /a/,
      new TypeError('no'),
      new Float64Array(2),
      [list, list],
      undefined,
      2n ** 70n,
    ]) {
      expect(refusalOf(rich.pack(value))?.code).toBe('PROTOCOL_MALFORMED');
    }
  });

  /** Frames that are good, and frames that are nearly good. */
  const damaged = fc
    .tuple(
      msgpackTree,
      fc.array(fc.tuple(fc.nat(), fc.nat(255), fc.constantFrom('set', 'insert', 'remove')), { maxLength: 4 }),
    )
    .map(([value, edits]) => {
      let frame = Buffer.from(shortPackr.pack(value));
      for (const [where, byte, edit] of edits) {
        const offset = where % (frame.length + 1);
        const middle = edit === 'remove' ? [] : [byte];
        frame = Buffer.from([
          ...frame.subarray(0, offset),
          ...middle,
          ...frame.subarray(edit === 'insert' ? offset : offset + 1),
        ]);
      }
      return frame;
    });

  it('agrees with a reader written from the specification, and so does the decoder behind it', () => {
    let accepted = 0;
    fc.assert(
      fc.property(fc.oneof(damaged, fc.uint8Array({ maxLength: 40 })), (frame) => {
        let expected: unknown;
        let isGood = true;
        try {
          expected = readReference(frame);
        } catch {
          isGood = false;
        }
        expect(refusalOf(Buffer.from(frame), wide) === undefined).toBe(isGood);
        if (!isGood) return;
        accepted++;
        expect(unpackr.unpack(Buffer.from(frame))).toStrictEqual(expected);
      }),
      { numRuns: 3_000 },
    );
    expect(accepted).toBeGreaterThan(300);
  });
});
