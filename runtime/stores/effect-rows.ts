/** Rows of calls whose outcome was not known: one each, below `unknown` while it waits for someone's word, then below `closed`. */
import type { OperatingError } from '../../protocol/errors.ts';
import type { KeySpace, Range, RowSink } from './key-space.ts';
import { keyOf, partsOf, rangeUnder } from './keys.ts';
import { orReport } from './record-damage.ts';
import { frameValue, readValue } from './records.ts';
import type { EffectPage, EffectQuery, EffectRecord } from './store.ts';

/** Rows looked at in one call of `listEffects`. */
const LIST_SCAN_MAX = 2_000;
/** Rows that one step of a scan brings at most. */
const STEP_ROWS = 100;

/** Writes the one row of an effect, and takes the other away. */
export function writeEffect(effect: EffectRecord, sink: RowSink): void {
  const [place, other] =
    effect.state === 'unknown' ? (['unknown', 'closed'] as const) : (['closed', 'unknown'] as const);
  const row = keyOf('x', place, effect.id);
  sink.put(row, frameValue(row, effect));
  sink.del(keyOf('x', other, effect.id));
}

/** Errors: STORE_CORRUPT. */
export async function readEffect(space: KeySpace, id: string): Promise<EffectRecord | undefined> {
  const keys = [keyOf('x', 'unknown', id), keyOf('x', 'closed', id)] as const;
  const records = await space.getMany([...keys]);
  const at = records[0] === undefined ? 1 : 0;
  const record = records[at];
  return record === undefined ? undefined : (readValue(keys[at], record) as EffectRecord);
}

/** Those that wait from the oldest on, all others from the newest. Damaged rows are left out and reported. */
export async function listEffects(
  space: KeySpace,
  { state = 'unknown', cursor, limit }: EffectQuery,
  onCorrupt: (error: OperatingError) => void,
): Promise<EffectPage> {
  const effects: EffectRecord[] = [];
  const scan = space.scan(rangeBehind(state, cursor));
  let last: string | undefined;
  try {
    for (let left = LIST_SCAN_MAX; left > 0; ) {
      const rows = await scan.next(Math.min(STEP_ROWS, left));
      if (rows.length === 0) return { effects };
      left -= rows.length;
      for (const [key, record] of rows) {
        last = partsOf(key)[1];
        const effect = orReport(() => readValue(key, record) as EffectRecord, onCorrupt);
        if (effect?.state === state) effects.push(effect);
        if (effects.length === limit && last !== undefined) return { effects, cursor: last };
      }
    }
  } finally {
    await scan.close();
  }
  return last === undefined ? { effects } : { effects, cursor: last };
}

function rangeBehind(state: EffectRecord['state'], cursor: string | undefined): Range {
  const { gte, lt } = rangeUnder('x', state === 'unknown' ? 'unknown' : 'closed');
  if (state === 'unknown') return { gte: cursor === undefined ? gte : `${keyOf('x', 'unknown', cursor)}\0`, lt };
  return { gte, lt: cursor === undefined ? lt : keyOf('x', 'closed', cursor), reverse: true };
}
