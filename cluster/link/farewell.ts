/** The last frame of a session: why it has ended, for the other side. */
import { msgpackCodec } from '../../protocol/codec.ts';
import { OperatingError } from '../../protocol/errors.ts';
import { LIMITS, MESH_HANDSHAKE } from '../../protocol/limits.ts';
import { errorField } from '../../protocol/mesh-messages.ts';
import { writeMsgpack } from '../../protocol/msgpack-writer.ts';

/** The body of such a frame. Details stay here: they may be large. */
export function writeFarewell({ code, message, retryable }: OperatingError): Uint8Array {
  const words = message.slice(0, LIMITS.meshHandshakeBytesMax / 8);
  return writeMsgpack({ code, message: words, retryable }, MESH_HANDSHAKE);
}

/** Errors: PROTOCOL_MALFORMED, PROTOCOL_TOO_BIG. */
export function readFarewell(body: Uint8Array): OperatingError {
  const parsed = errorField.safeParse(msgpackCodec.decode(body, MESH_HANDSHAKE));
  if (parsed.success) return OperatingError.fromBody(parsed.data);
  throw new OperatingError('PROTOCOL_MALFORMED', 'The reason for the end of a link cannot be read.');
}
