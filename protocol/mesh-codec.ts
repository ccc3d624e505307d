/**
 * Messages of one direction of a link's session as bytes, and back. A message and the parts of it that the protocol names are
 * *records*: their field names travel once in a session, and an id stands for them afterwards. What users made (inputs,
 * outputs, labels) are plain maps. So what one side writes only makes sense to a reader that has read all before it.
 */
import { Packr, Unpackr } from 'msgpackr';
import type { z } from 'zod';
import { OperatingError } from './errors.ts';
import { issuesOf, summaryOf } from './issues.ts';
import { LIMITS, MESH_MESSAGE } from './limits.ts';
import { MESH_MESSAGES, type MeshMessage } from './mesh-messages.ts';
import { isRecordOfNames, MeshRecords } from './mesh-records.ts';
import { MeshValues } from './mesh-values.ts';
import { checkMsgpack } from './msgpack-guard.ts';
import { oversized, unsendable } from './wire-values.ts';

const TYPE_SHOWN_CHARACTERS = 64;
/** The room that messages are packed in, and the size of one after which it is given back. */
const ROOM_BYTES = 16 * 1024;
const ROOM_KEPT_BYTES = 256 * 1024;

/** Structures are kept from message to message, and defined where they are used first; there are no others. */
const SHARED = { sequential: true, maxSharedStructures: 0, structuredClone: false } as const;

/** Writes what one side of a session says. */
export class MeshEncoder {
  readonly #values = new MeshValues(MESH_MESSAGE);
  /** What of the message at hand is a record. */
  #records: readonly unknown[] = [];
  #packr = this.#fresh();

  /**
   * The bytes of a message, the caller's own: at most LIMITS.meshMessageBytesMax. All that it returns must be read, in this
   * order, unless `forget` is called. Errors: PROTOCOL_TOO_BIG, PROTOCOL_MALFORMED for what cannot travel; nothing was
   * written then, and what follows can be read without it.
   */
  encode(message: MeshMessage): Uint8Array {
    const plain = this.#values.plain(message) as Record<string, unknown>;
    this.#records = [plain, plain['work'], plain['error']];
    let bytes: Uint8Array;
    try {
      bytes = this.#packr.pack(plain);
    } catch (error) {
      this.forget();
      throw unsendable(error instanceof Error ? error.message : 'it cannot be packed');
    } finally {
      this.#records = [];
    }
    if (bytes.length > LIMITS.meshMessageBytesMax) {
      this.forget();
      throw oversized('bytes', LIMITS.meshMessageBytesMax);
    }
    const copy = Uint8Array.prototype.slice.call(bytes);
    // The library goes on with whatever room it needed last, and all of the process with it.
    if (copy.length > ROOM_KEPT_BYTES) this.#packr.useBuffer(Buffer.allocUnsafeSlow(ROOM_BYTES));
    return copy;
  }

  /** What was encoded last is not sent after all: whatever it defined is defined again. */
  forget(): void {
    this.#packr = this.#fresh();
  }

  #fresh(): Packr {
    const options = {
      ...SHARED,
      structures: [],
      maxOwnStructures: LIMITS.meshStructuresMax,
      useRecords: (value: object) => this.#records.includes(value) && isRecordOfNames(value),
      variableMapSize: true,
      useToJSON: false,
    };
    return new Packr(options);
  }
}

/** Reads what the other side of a session says, in its role. */
export class MeshDecoder {
  readonly #book = new MeshRecords();
  readonly #unpackr: Unpackr;
  readonly #schemas: Readonly<Record<string, z.ZodType>>;

  /** `role`: of the one who speaks. */
  constructor(role: keyof typeof MESH_MESSAGES) {
    this.#schemas = MESH_MESSAGES[role];
    const options = {
      ...SHARED,
      structures: [],
      mapsAsObjects: true,
      copyBuffers: true,
      // Numbers within 2^53 of either sign, BigInts beyond; missing from the library's types.
      int64AsType: 'auto' as unknown as 'bigint',
    };
    this.#unpackr = new Unpackr(options);
  }

  /**
   * The message in these bytes, which shares nothing with them. Fields that the protocol does not know are left out. Errors:
   * PROTOCOL_MALFORMED, PROTOCOL_TOO_BIG, UNKNOWN_TYPE, INVALID_INPUT with `details.issues`. After an error of the first two,
   * no more can be read.
   */
  decode(bytes: Uint8Array): MeshMessage {
    checkMsgpack(bytes, MESH_MESSAGE, this.#book);
    let value: unknown;
    try {
      value = this.#unpackr.unpack(bytes);
    } catch (error) {
      throw new OperatingError('PROTOCOL_MALFORMED', 'A message of the mesh cannot be read.', { cause: error });
    }
    return this.#parse(value);
  }

  #parse(value: unknown): MeshMessage {
    const type: unknown = typeof value === 'object' && value !== null ? (value as { type?: unknown }).type : undefined;
    if (typeof type !== 'string') {
      throw new OperatingError('PROTOCOL_MALFORMED', 'A message of the mesh is a map with a text in its field `type`.');
    }
    if (!Object.hasOwn(this.#schemas, type)) {
      const shown = JSON.stringify(type.slice(0, TYPE_SHOWN_CHARACTERS).toWellFormed());
      throw new OperatingError('UNKNOWN_TYPE', `A node in its role does not say ${shown}.`);
    }
    const parsed = (this.#schemas[type] as z.ZodType<MeshMessage>).safeParse(value);
    if (parsed.success) return parsed.data;
    const issues = issuesOf(parsed.error);
    throw new OperatingError('INVALID_INPUT', `${type} is not valid: ${summaryOf(issues)}.`, { details: { issues } });
  }
}
