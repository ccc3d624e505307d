/**
 * The record structures of one direction of a link's session, as the other side defines them: what msgpackr keeps of them,
 * kept beside it, so that each frame can be looked through before msgpackr sees it.
 *
 * A definition is `d4 72 ID`, an array of field names, then the values; later `ID` alone stands for it. An id may be defined
 * anew. msgpackr makes a function of a structure's names, so they are bounded, and nothing but plain identifiers.
 */
import { OperatingError } from './errors.ts';
import { LIMITS } from './limits.ts';
import type { RecordBook } from './msgpack-guard.ts';

const ID_MIN = 0x40;
const NAME_BYTES_MAX = 64;
const ARRAY_16 = 0xdc;

/** One book for one direction of one session. */
export class MeshRecords implements RecordBook {
  readonly #fields = new Uint8Array(LIMITS.meshStructuresMax);
  readonly #names = new Set<string>();

  fieldsOf(id: number): number {
    return this.#fields[id - ID_MIN] ?? 0;
  }

  define(frame: Uint8Array, offset: number): number {
    const id = frame[offset] ?? 0;
    if (id < ID_MIN || id >= ID_MIN + LIMITS.meshStructuresMax) {
      throw malformed(`the id of a record is outside of its ${LIMITS.meshStructuresMax}`, offset);
    }
    const head = frame[offset + 1] ?? 0;
    let at = offset + 2;
    let count = head - 0x90;
    if (head === ARRAY_16) {
      count = (frame[at] ?? 0) * 256 + (frame[at + 1] ?? 0);
      at += 2;
    } else if (count < 0 || count > 15) throw malformed('a record has no list of its fields', offset);
    if (count === 0 || count > LIMITS.meshRecordFieldsMax) {
      throw malformed(`a record has ${count} fields, and 1 to ${LIMITS.meshRecordFieldsMax} are possible`, offset);
    }
    this.#names.clear();
    for (let field = 0; field < count; field++) at = this.#readName(frame, at);
    this.#fields[id - ID_MIN] = count;
    return at;
  }

  #readName(frame: Uint8Array, offset: number): number {
    const head = frame[offset] ?? 0;
    const isShort = head >= 0xa1 && head <= 0xbf;
    const length = isShort ? head - 0xa0 : head === 0xd9 ? (frame[offset + 1] ?? 0) : 0;
    const from = offset + (isShort ? 1 : 2);
    const to = from + length;
    if (length === 0 || length > NAME_BYTES_MAX || to > frame.length) {
      throw malformed(`the name of a field is no text of 1 to ${NAME_BYTES_MAX} bytes`, offset);
    }
    let name = '';
    for (let at = from; at < to; at++) {
      const byte = frame[at] as number;
      if (!isLetter(byte) && !(at > from && isDigit(byte))) throw malformed('the name of a field is no identifier', at);
      name += String.fromCharCode(byte);
    }
    if (this.#names.has(name)) throw malformed('a record has a field twice', offset);
    this.#names.add(name);
    return to;
  }
}

/** Whether a map can travel as a record. */
export function isRecordOfNames(map: object): boolean {
  const names = Object.keys(map);
  return names.length > 0 && names.length <= LIMITS.meshRecordFieldsMax && names.every(isFieldName);
}

function isFieldName(text: string): boolean {
  return text.length <= NAME_BYTES_MAX && /^[A-Za-z][A-Za-z0-9]*$/.test(text);
}

function isLetter(byte: number): boolean {
  return (byte >= 0x41 && byte <= 0x5a) || (byte >= 0x61 && byte <= 0x7a);
}

function isDigit(byte: number): boolean {
  return byte >= 0x30 && byte <= 0x39;
}

function malformed(why: string, offset: number): OperatingError {
  const message = `The frame is not valid MessagePack: ${why} (at byte ${offset}).`;
  return new OperatingError('PROTOCOL_MALFORMED', message, { details: { offset } });
}
