/** Pages of lists whose entries may be large: as many of them as an answer can hold. */
import { jsonCodec } from './codec.ts';
import { type FrameBounds, NODE_FRAME } from './limits.ts';

/** A page with so many entries that it is within the bounds, and `limit` at most; one entry in any case. */
export async function pageThatFits<T extends object>(
  limit: number,
  list: (limit: number) => Promise<T>,
  bounds: FrameBounds = NODE_FRAME,
): Promise<T> {
  for (let size = limit; ; size = Math.ceil(size / 2)) {
    const page = await list(size);
    if (size === 1 || fits(page, bounds)) return page;
  }
}

function fits(page: object, bounds: FrameBounds): boolean {
  try {
    jsonCodec.encode(page, bounds);
    return true;
  } catch {
    return false;
  }
}
