/** Lines that calls leave outside of a mesh, one for each time that one was made. */
import { existsSync, readFileSync } from 'node:fs';

/** One making of a call. */
export interface CallLine {
  readonly kind: 'keyed' | 'unsafe';
  /** Of the task that wanted it. */
  readonly mark: string;
  /** The idempotency key. */
  readonly key: string;
  readonly node: string;
  readonly atMs: number;
}

/** As it is written: at once, so that lines of several processes do not mix. */
export function callLine({ kind, mark, key, node, atMs }: CallLine): string {
  return `${kind} ${mark} ${atMs} ${node} ${key}\n`;
}

/** All that is there. */
export function readCallLines(file: string): readonly CallLine[] {
  if (!existsSync(file)) return [];
  const lines = readFileSync(file, 'utf8').split('\n').slice(0, -1);
  return lines.map((line) => {
    const [kind, mark = '', atMs, node = '', ...key] = line.split(' ');
    return { kind: kind as CallLine['kind'], mark, atMs: Number(atMs), node, key: key.join(' ') };
  });
}
