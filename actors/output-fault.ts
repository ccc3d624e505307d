/** What an output must be so that a client can ever get it: within a node's frame, and made of what messages can hold. */
import { msgpackCodec } from '../protocol/codec.ts';
import { OperatingError, toErrorBody } from '../protocol/errors.ts';
import { type FrameBounds, LIMITS, NODE_FRAME } from '../protocol/limits.ts';
import { isSurelySendable } from '../protocol/surely-sendable.ts';

const OUTPUT_BOUNDS: FrameBounds = {
  ...NODE_FRAME,
  bytesMax: LIMITS.outputBytesMax,
  depthMax: LIMITS.outputDepthMax,
};

/** INVALID_OUTPUT for an output that can never reach a client, told while it is still the fault of `whose` (an agent, a workflow). */
export function outputFault(output: unknown, whose: string): OperatingError | undefined {
  if (typeof output !== 'object' && typeof output !== 'string') return undefined;
  try {
    if (isSurelySendable(output, OUTPUT_BOUNDS)) return undefined;
    msgpackCodec.encode(output, OUTPUT_BOUNDS);
    return undefined;
  } catch (error) {
    const { message } = toErrorBody(error);
    return new OperatingError('INVALID_OUTPUT', `What ${whose} returned cannot be kept as an output: ${message}`);
  }
}
