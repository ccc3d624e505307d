/** Pages of what is listed from memory: agents, workflows. Ordered by name and version, so that a cursor stays good. */

/** One page, and where the next begins; null on the last. */
export interface EntryPage<Entry> {
  readonly entries: readonly Entry[];
  readonly cursor: string | null;
}

/** The entries behind `cursor`, at most `limit`. `all`: entries by their keys. A cursor is the last key of its page. */
export function pageOf<Entry>(
  all: Readonly<Record<string, Entry>>,
  limit: number,
  cursor: string | undefined,
): EntryPage<Entry> {
  const keys = Object.keys(all)
    .filter((key) => cursor === undefined || key > cursor)
    .toSorted((a, b) => (a < b ? -1 : Number(a > b)));
  const shown = keys.slice(0, limit);
  return {
    entries: shown.map((key) => all[key] as Entry),
    cursor: keys.length > shown.length ? (shown.at(-1) ?? null) : null,
  };
}
