/** The shapes of what the routes of kept results take and answer. */
import { z } from 'zod';
import { referenceField } from '../protocol/fields.ts';
import { named, pageEnd, pageFields, said } from './schema-words.ts';

const count = z.int().min(0);
const agent = said('Its name and version.', z.string());
const savedUsd = said('US dollars.', z.number());
const savedMs = said('What they took when they were made, in ms.', z.number());

/** What the routes of kept results answer. */
export const CACHE_ANSWERS = Object.freeze({
  page: named(
    'CachePage',
    z.object({
      entries: said('Results that are kept.', count),
      entriesMax: count,
      bytes: said('Of all of them, packed.', count),
      bytesMax: count,
      sinceStart: said(
        'What has come of looking for them since the node started.',
        z.object({ hits: count, misses: count, evictions: count, savedUsd, savedMs }),
      ),
      agents: said(
        'What is kept of each, and what that has saved, also before the node was started.',
        z.array(z.object({ agent, entries: count, bytes: count, hits: count, savedUsd, savedMs })),
      ),
      cursor: pageEnd,
    }),
  ),
  cleared: named('CacheCleared', z.object({ dropped: said('Results that were dropped, durably.', count) })),
});

/** What they take. */
export const CACHE_ASKS = Object.freeze({
  page: z.object(pageFields),
  clear: z.object({
    agent: said('`name`, or `name@version`; without it, all results.', referenceField.exactOptional()),
  }),
});
