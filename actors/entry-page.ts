/** Pages of what is listed from memory: agents, workflows. Ordered by name and version, so that a cursor stays good. */

/** What is listed has a name and a version. */
export interface Versioned {
  readonly name: string;
  readonly version: string;
}

/** One page, and where the next begins; null on the last. */
export interface EntryPage<Entry> {
  readonly entries: readonly Entry[];
  readonly cursor: string | null;
}

/** The entries behind `cursor`, at most `limit`. A cursor is `name@version` of the last entry of its page. */
export function pageOf<Entry extends Versioned>(
  all: readonly Entry[],
  limit: number,
  cursor: string | undefined,
): EntryPage<Entry> {
  const rest = all
    .map((entry) => ({ key: `${entry.name}@${entry.version}`, entry }))
    .filter(({ key }) => cursor === undefined || key > cursor)
    .toSorted((a, b) => (a.key < b.key ? -1 : Number(a.key > b.key)));
  const shown = rest.slice(0, limit);
  return {
    entries: shown.map(({ entry }) => entry),
    cursor: rest.length > shown.length ? (shown.at(-1)?.key ?? null) : null,
  };
}
