import { Unpackr } from 'msgpackr';
import { describe, expect, it } from 'vitest';
import { OperatingError } from '../../protocol/errors.ts';
import { LIMITS, MESH_MESSAGE } from '../../protocol/limits.ts';
import { MeshRecords } from '../../protocol/mesh-records.ts';
import { checkMsgpack } from '../../protocol/msgpack-guard.ts';

const bytes = (hex: string): Uint8Array => Buffer.from(hex.replaceAll(' ', ''), 'hex');
const text = (value: string): string => Buffer.of(0xa0 + value.length, ...Buffer.from(value)).toString('hex');

/** What the guard says of the last of these frames, having seen those before. */
function refusalOf(...frames: readonly (string | Uint8Array)[]): OperatingError | undefined {
  const book = new MeshRecords();
  const last = frames.length - 1;
  const check = (frame: string | Uint8Array): void =>
    checkMsgpack(typeof frame === 'string' ? bytes(frame) : frame, MESH_MESSAGE, book);
  for (const frame of frames.slice(0, last)) check(frame);
  try {
    check(frames[last] as string);
    return undefined;
  } catch (error) {
    if (error instanceof OperatingError) return error;
    throw error;
  }
}

describe('the guard of a link', () => {
  const good: Readonly<Record<string, readonly string[]>> = {
    'a record that is defined and used': [`d4 72 40 92 ${text('a')} ${text('b')} 01 02`],
    'a record that a frame before has defined': [`d4 72 40 91 ${text('a')} 01`, '92 40 01 40 02'],
    'a record inside of itself': [`d4 72 40 91 ${text('a')} 40 c0`],
    'a record that is defined anew': [
      `d4 72 40 91 ${text('a')} 01`,
      `d4 72 40 92 ${text('a')} ${text('b')} 01 02`,
      '40 01 02',
    ],
    'the last id there is': [`d4 72 5f 91 ${text('a')} 01`, '5f 01'],
    'a list of fields with the long head': [`d4 72 40 dc 0002 ${text('a')} ${text('b')} 01 02`],
    'a name with the long head': [`d4 72 40 91 d9 01 61 01`],
    'an integer from 0x40 as it must be written here': ['94 cc 40 cc 7f 3f cc 80'],
    'a timestamp and a map': [`92 d6ff00000000 81 ${text('a')} 01`],
  };
  for (const [what, frames] of Object.entries(good)) {
    it(`lets ${what} pass, and msgpackr reads it to the end`, () => {
      expect(refusalOf(...frames)).toBeUndefined();
      const options = { sequential: true, structures: [], maxSharedStructures: 0, structuredClone: false };
      const unpackr = new Unpackr(options);
      for (const frame of frames) expect(() => unpackr.unpack(bytes(frame)) as unknown).not.toThrow();
    });
  }

  const bad: Readonly<Record<string, readonly string[]>> = {
    'a record that nobody defined': ['40'],
    'an integer from 0x40 to 0x7f in one byte': ['91 7f'],
    'a record of another id than was defined': [`d4 72 40 91 ${text('a')} 01`, '41 01'],
    'a record whose values are missing': [`d4 72 40 92 ${text('a')} ${text('b')} 01`],
    'a definition without values': [`d4 72 40 91 ${text('a')}`],
    'a definition that is cut in its names': ['d4 72 40 91 a3 61'],
    'a definition that is cut before its names': ['d4 72 40 92'],
    'a definition that is cut before its list': ['d4 72 40'],
    'a definition that is cut before its id': ['d4 72'],
    'an id below those there are': [`d4 72 3f 91 ${text('a')} 01`],
    'an id above those there are': [`d4 72 60 91 ${text('a')} 01`],
    'the definition of an id of two bytes': [`d5 72 40 00 91 ${text('a')} 01`],
    'a definition without fields': ['d4 72 40 90'],
    'a definition whose fields are no list': ['d4 72 40 81 a161 a162 01'],
    'a definition whose list has the longest head': [`d4 72 40 dd 00000001 ${text('a')} 01`],
    'a field whose name is a number': ['d4 72 40 91 01 01'],
    'a field whose name is empty': ['d4 72 40 91 a0 01'],
    'a field whose name is __proto__': [`d4 72 40 91 ${text('__proto__')} 01`],
    'a field whose name would be code': [`d4 72 40 91 ${text('a:1})+(')} 01`],
    'a field whose name is not ASCII': ['d4 72 40 91 a2 c3b6 01'],
    'a field whose name begins with a digit': [`d4 72 40 91 ${text('1a')} 01`],
    'a field that comes twice': [`d4 72 40 92 ${text('a')} ${text('a')} 01 01`],
    'a name of more than 64 bytes': [`d4 72 40 91 d9 41 ${'61'.repeat(65)} 01`],
    'a record as the key of a map': [`d4 72 40 91 ${text('a')} 01`, '81 40 01 01'],
    'a definition as the key of a map': [`81 d4 72 40 91 ${text('a')} 01 01`],
    'bytes behind a record': [`d4 72 40 91 ${text('a')} 01 00`],
    undefined: ['d4 00 00'],
    'a regular expression': ['d4 78 00 92 a161 a0'],
    'a set': ['d4 73 00 91 01'],
    'a pointer': ['d6 70 00000001'],
    'bundled strings': ['d6 62 00000001'],
  };
  for (const [what, frames] of Object.entries(bad)) {
    it(`refuses ${what}`, () => {
      expect(refusalOf(...frames)?.code).toBe('PROTOCOL_MALFORMED');
    });
  }

  it('refuses more fields than a record may have', () => {
    const names = Array.from({ length: LIMITS.meshRecordFieldsMax + 1 }, (_, index) => text(`f${index}`)).join('');
    expect(refusalOf(`d4 72 40 dc 0041 ${names} ${'01'.repeat(65)}`)?.code).toBe('PROTOCOL_MALFORMED');
  });

  it('refuses records in one another that are deeper than the bound, before anything is built', () => {
    const define = `d4 72 40 91 ${text('a')} c0`;
    expect(refusalOf(define, `${'40'.repeat(MESH_MESSAGE.depthMax)} c0`)).toBeUndefined();
    const error = refusalOf(define, Buffer.alloc(100_000, 0x40));
    expect(error).toMatchObject({ code: 'PROTOCOL_TOO_BIG', details: { limit: 'depth' } });
  });

  it('refuses a few bytes that stand for more values than there may be', () => {
    const names = Array.from({ length: 64 }, (_, index) => text(`f${index}`)).join('');
    const define = `d4 72 40 dc 0040 ${names} ${'c0'.repeat(64)}`;
    const uses = Math.ceil(MESH_MESSAGE.elementsMax / 64) + 1;
    const frame = Buffer.alloc(5 + uses * 65, 0xc0);
    frame[0] = 0xdd;
    frame.writeUInt32BE(uses, 1);
    for (let use = 0; use < uses; use++) frame[5 + use * 65] = 0x40;
    expect(refusalOf(define, frame)).toMatchObject({ code: 'PROTOCOL_TOO_BIG', details: { limit: 'elements' } });
  });

  it('refuses a frame over its bytes', () => {
    expect(refusalOf(Buffer.alloc(LIMITS.meshMessageBytesMax + 1))).toMatchObject({ details: { limit: 'bytes' } });
  });
});
