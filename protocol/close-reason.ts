/** The reason that a WebSocket is closed with, cut to what a close frame holds. */

/** RFC 6455: a control frame holds 125 bytes, two of them the code. */
const REASON_BYTES_MAX = 123;

/** As many whole characters of it as fit. */
export function closeReason(reason: string): Buffer {
  const bytes = Buffer.from(reason);
  if (bytes.length <= REASON_BYTES_MAX) return bytes;
  let end = REASON_BYTES_MAX;
  // Not in the middle of a character: the bytes inside of one begin with 10.
  while (((bytes[end] ?? 0) & 0xc0) === 0x80) end--;
  return bytes.subarray(0, end);
}
