/** Which other node has run the function of an attempt: noted beside the state of its step until the attempt's last line is written. */
import type { CellPort } from '../runtime/cell-port.ts';

/** The row that it is noted in. */
export function nodeRowOf(attempt: number): string {
  return `node/${attempt}`;
}

/** Takes it, once the attempt is over: nobody asks for it again, and mostly the row is never written. Undefined: it was this node. */
export function takeNode(attempt: number, port: CellPort): string | undefined {
  const row = nodeRowOf(attempt);
  const node = port.attached().get(row) as string | undefined;
  if (node !== undefined) port.attach(row, undefined);
  return node;
}
