/** Beats of a link: signs of life, which say of time what it takes to know how long a way there and back is. */
import { OperatingError } from './errors.ts';

const BEAT_BYTES = 18;
const US_PER_MS = 1000;

/** What a beat says of time, ms by clocks that only their owners know. */
export interface Beat {
  readonly sentAtMs: number;
  /** The `sentAtMs` of the other side's last beat, and how long ago that came; zeros before the first. */
  readonly echoMs: number;
  readonly heldMs: number;
}

/** The body of a beat. */
export function writeBeat(beat: Beat): Buffer {
  const body = Buffer.allocUnsafe(BEAT_BYTES);
  let at = 0;
  for (const ms of [beat.sentAtMs, beat.echoMs, beat.heldMs]) at = body.writeUIntBE(Math.round(ms * US_PER_MS), at, 6);
  return body;
}

/** Errors: PROTOCOL_MALFORMED. */
export function readBeat(body: Buffer): Beat {
  if (body.length !== BEAT_BYTES)
    throw new OperatingError('PROTOCOL_MALFORMED', 'A beat of a link has another length.');
  const [sentAtMs, echoMs, heldMs] = [0, 6, 12].map((at) => body.readUIntBE(at, 6) / US_PER_MS);
  return { sentAtMs, echoMs, heldMs } as Beat;
}
