/** The shapes of the routes about shared state. */
import { z } from 'zod';
import { LIMITS } from '../protocol/limits.ts';
import { named, pageEnd, pageFields, said } from './schema-words.ts';

const text = z.string();
const version = said('Counts every change, also a removal.', z.int().min(0));
const token = z.int().min(1);
const ttlMs = said('How long it holds, in ms.', z.int().min(1).max(LIMITS.stateLeaseMaxMs));
const scope = said(
  '`global`, `tenant:NAME`, `workflow:NAME` or `task:ID`.',
  text.min(1).max(LIMITS.stateNameCharactersMax),
);
const lease = named(
  'StateLease',
  z.object({
    holder: text,
    token: said('Give it with each write: one of a lease that is over is refused.', token),
    expiresAt: said('ms since the epoch.', z.number()),
  }),
);

/** What they answer. */
export const STATE_ANSWERS = Object.freeze({
  lease,
  piece: named(
    'SharedState',
    z.object({ scope: text, name: text, version, value: z.unknown(), lease: lease.exactOptional() }),
  ),
  changed: named('SharedStateChanged', z.object({ scope: text, name: text, version })),
  history: named(
    'SharedStateHistory',
    z.object({
      versions: z.array(
        z.object({
          version,
          at: z.number(),
          by: text,
          removed: z.boolean(),
          value: z.unknown().exactOptional(),
        }),
      ),
      cursor: pageEnd,
    }),
  ),
  page: named(
    'SharedStatePage',
    z.object({
      state: z.array(z.object({ scope: text, name: text, version, bytes: z.int(), at: z.number() })),
      cursor: pageEnd,
    }),
  ),
});

/** What they take. */
export const STATE_ASKS = Object.freeze({
  scope: z.object({ scope }),
  piece: z.object({ scope, name: text.min(1).max(LIMITS.stateNameCharactersMax) }),
  page: z.object(pageFields),
  headers: z.looseObject({
    'if-match': said('Only on this version: its ETag, or `*` for any.', text.exactOptional()),
    'if-none-match': said('`*`: only where there is none.', text.exactOptional()),
  }),
  value: named('SharedStateValue', z.object({ value: z.unknown(), token: token.exactOptional() })),
  removal: z.object({ token: z.coerce.number().int().min(1).exactOptional() }),
  lock: named(
    'StateLeaseRequest',
    z.object({
      holder: said(
        'Who takes it: asked again by the same, it is the same lease with its time anew.',
        text.min(1).max(LIMITS.nameCharactersMax),
      ),
      ttlMs,
      waitMs: said(
        'How long to wait while another holds it.',
        z.int().min(0).max(LIMITS.stateLeaseWaitMaxMs).exactOptional(),
      ),
    }),
  ),
  renewal: z.object({ token, ttlMs }),
  release: z.object({ token: z.coerce.number().int().min(1) }),
});
