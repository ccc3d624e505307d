/** The shape of what the route of the cluster answers. */
import { z } from 'zod';
import { MEMBER_STATUSES } from '../cluster/membership.ts';
import { named, said } from './schema-words.ts';

const text = z.string();
const count = z.int().min(0);
const amount = z.number().min(0);

const member = named(
  'ClusterNode',
  z.looseObject({
    node: said('Its name.', text),
    role: said('An owner keeps the state; a worker makes calls, and keeps none.', z.enum(['owner', 'worker'])),
    status: said(
      '`suspect`: no sign of life for too long, its calls are waited for. `draining`: it takes nothing new. ' +
        '`lost`: its calls are made elsewhere.',
      z.enum(MEMBER_STATUSES),
    ),
    version: text,
    incarnation: said('Another one with each start of the node.', z.union([count, text])),
    startedAtMs: said('Of an owner, ms since the epoch.', z.number().exactOptional()),
    joinedAtMs: said('Of a worker, ms since the epoch.', z.number().exactOptional()),
    address: said('Where a worker came from.', text.exactOptional()),
    labels: z.record(text, text),
    agents: said('What it offers, `name@version`.', z.array(text).readonly()),
    threads: said('Threads that it computes in.', count.exactOptional()),
    calls: z.object({
      running: said('Under way.', count),
      capacity: said('As many may be at once.', count),
    }),
    roundTripMs: said('The last one of a heartbeat.', amount.exactOptional()),
    lossesTotal: said('How often a node of this name was lost.', count.exactOptional()),
    breaker: said(
      'The one in front of a worker.',
      z
        .object({
          state: z.enum(['closed', 'half-open', 'open']),
          retryAfterMs: said('How long a call would have to wait for it.', amount.exactOptional()),
        })
        .exactOptional(),
    ),
  }),
);

/** What it answers. */
export const CLUSTER_ANSWER = named(
  'Cluster',
  z.looseObject({
    nodes: said('The owner first.', z.array(member).readonly()),
    shards: z.array(z.object({ shard: text, owner: text, epoch: count })).readonly(),
    stranded: said(
      'Stored actors that could not be loaded; they stay as they are.',
      z.array(z.object({ address: text, code: text, message: text })).readonly(),
    ),
  }),
);
