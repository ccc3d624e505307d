/** Short ways to hear what a store answers. */
import { OperatingError } from '../../protocol/errors.ts';
import type { Store } from '../../runtime/stores/store.ts';

/** All pages of a list, one after the other, and how many there were. */
export async function listAll(
  store: Store,
  query: Omit<Parameters<Store['listTasks']>[0], 'cursor'>,
): Promise<{ ids: string[]; pages: number }> {
  const ids: string[] = [];
  let pages = 0;
  let cursor: string | undefined;
  do {
    const page = await store.listTasks({ ...query, ...(cursor !== undefined && { cursor }) });
    ids.push(...page.tasks.map(({ id }) => id));
    cursor = page.cursor;
    pages++;
  } while (cursor !== undefined);
  return { ids, pages };
}

/** All that an iteration gives. */
export async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}

/** The code that a promise is rejected with, and the key in its details. */
export async function failureOf(promise: Promise<unknown>): Promise<{ code: string; key?: unknown }> {
  const error: unknown = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof OperatingError)) return { code: `not an operating error: ${String(error)}` };
  const details = error.details as { key?: unknown } | undefined;
  return { code: error.code, ...(details?.key !== undefined && { key: details.key }) };
}
