/** The bounds of the door for HTTP, beside those that every door has (protocol/limits.ts). */
import { type FrameBounds, LIMITS, NODE_FRAME } from '../protocol/limits.ts';

const KIB = 1024;
const SECOND_MS = 1_000;

/** Bounds of HTTP itself. */
export const HTTP_LIMITS = Object.freeze({
  /** The request line and all headers. */
  headerBytesMax: 16 * KIB,
  headersMax: 100,
  /** From the opening of a connection, or the first byte of a request, to the last of its headers, and of its body. */
  headersMaxMs: LIMITS.handshakeMaxMs,
  requestMaxMs: 30 * SECOND_MS,
  /** How often the two above are looked after. */
  lookMs: 2 * SECOND_MS,
  /** A connection without a byte in either direction; longer than the longest `?wait`. */
  silenceMaxMs: 90 * SECOND_MS,
  /** Between two requests of a connection. */
  keepAliveMs: 10 * SECOND_MS,
  /** From a request to the last byte of its answer, where a route does not say otherwise. */
  handlerMaxMs: 30 * SECOND_MS,
  /** What an answer may hold: a page of tasks with their results. */
  replyBytesMax: 16 * KIB * KIB,
  replyElementsMax: 2_000_000,
});

/** What one answer can hold. */
export const HTTP_REPLY: FrameBounds = Object.freeze({
  bytesMax: HTTP_LIMITS.replyBytesMax,
  depthMax: NODE_FRAME.depthMax,
  elementsMax: HTTP_LIMITS.replyElementsMax,
});
