/**
 * What two nodes say before a link stands. The one that has dialed begins:
 *
 *   hello ─────────────────►   who it is, what versions it speaks, a nonce, the session that it would go on with
 *   ◄──────────── challenge    the same of the listener, the version they will speak, and its proof
 *   proof ─────────────────►
 *   ◄────── welcome, or refusal
 *
 * Each frame is one byte of kind and a map in plain MessagePack. Proofs are made over the bytes of `hello` and of what the
 * challenge says, as they travelled (cluster/link/proof.ts), so nobody in between can change a version, a name or a nonce.
 */
import { z } from 'zod';
import { msgpackCodec } from './codec.ts';
import { OperatingError } from './errors.ts';
import { whole, words } from './fields.ts';
import { LIMITS, MESH_HANDSHAKE } from './limits.ts';
import { errorField } from './mesh-messages.ts';
import { writeMsgpack } from './msgpack-writer.ts';

const FIRST_BYTE = { hello: 0x01, challenge: 0x02, proof: 0x03, welcome: 0x04, refusal: 0x05 } as const;
const NONCE_BYTES = 32;
const PROOF_BYTES_MAX = 32;

const bytes = (min: number, max: number): z.ZodType<Uint8Array> =>
  z.custom<Uint8Array>((value) => value instanceof Uint8Array && value.length >= min && value.length <= max);
const nodeName = z
  .string()
  .max(LIMITS.nameCharactersMax)
  .regex(/^[A-Za-z0-9][A-Za-z0-9._-]*$/);
const count = whole(0, 2 ** 48 - 1);

const identity = {
  protocols: z.object({ min: whole(1), max: whole(1) }),
  /** How it proves who it is. */
  auth: z.enum(['secret', 'certificate', 'none']),
  node: nodeName,
  incarnation: words(LIMITS.idCharactersMax),
  role: z.enum(['owner', 'worker']),
  /** Of the product. */
  version: words(LIMITS.versionCharactersMax),
  nonce: bytes(NONCE_BYTES, NONCE_BYTES),
};

const SCHEMAS = {
  hello: z.object({
    ...identity,
    /** Absent as long as it does not know the name of any. */
    cluster: words(LIMITS.nameCharactersMax).exactOptional(),
    /** The session that it would go on with, and the pieces of it that have arrived. */
    session: z.object({ id: words(LIMITS.idCharactersMax), received: count }).exactOptional(),
  }),
  challenge: z.object({ said: bytes(1, LIMITS.meshHandshakeBytesMax), proof: bytes(0, PROOF_BYTES_MAX) }),
  proof: z.object({ proof: bytes(0, PROOF_BYTES_MAX) }),
  welcome: z.object({ session: words(LIMITS.idCharactersMax), isResumed: z.boolean(), received: count }),
  refusal: z.object({ error: errorField }),
} as const;

/** What a challenge says, apart from its proof. */
const saidSchema = z.object({ ...identity, cluster: words(LIMITS.nameCharactersMax), protocol: whole(1) });

export type HandshakeKind = keyof typeof SCHEMAS;
type HandshakeOf<K extends HandshakeKind> = z.infer<(typeof SCHEMAS)[K]>;
export type Hello = HandshakeOf<'hello'>;
export type Said = z.infer<typeof saidSchema>;

/** The kind of a frame of the handshake; undefined for any other. */
export function handshakeKindOf(frame: Uint8Array): HandshakeKind | undefined {
  return (Object.keys(FIRST_BYTE) as HandshakeKind[]).find((kind) => FIRST_BYTE[kind] === frame[0]);
}

/** A frame of the handshake. */
export function writeHandshake<K extends HandshakeKind>(kind: K, fields: HandshakeOf<K>): Buffer {
  return Buffer.concat([Buffer.of(FIRST_BYTE[kind]), writeMsgpack(fields, MESH_HANDSHAKE)]);
}

/** What a frame of this kind says. Errors: PROTOCOL_MALFORMED, PROTOCOL_TOO_BIG. */
export function readHandshake<K extends HandshakeKind>(kind: K, frame: Uint8Array): HandshakeOf<K> {
  if (frame[0] !== FIRST_BYTE[kind]) throw malformed(kind);
  return read(kind, SCHEMAS[kind] as unknown as z.ZodType<HandshakeOf<K>>, frame.subarray(1));
}

/** The bytes of what a challenge says. */
export function writeSaid(said: Said): Uint8Array {
  return writeMsgpack(said, MESH_HANDSHAKE);
}

/** Errors: PROTOCOL_MALFORMED, PROTOCOL_TOO_BIG. */
export function readSaid(said: Uint8Array): Said {
  return read('challenge', saidSchema, said);
}

function read<Value>(kind: HandshakeKind, schema: z.ZodType<Value>, packed: Uint8Array): Value {
  const parsed = schema.safeParse(msgpackCodec.decode(packed, MESH_HANDSHAKE));
  if (parsed.success) return parsed.data;
  throw malformed(kind);
}

function malformed(kind: HandshakeKind): OperatingError {
  return new OperatingError('PROTOCOL_MALFORMED', `This is no valid ${kind} of a handshake between nodes.`);
}
