/** The shapes of what the routes of agents take and answer. */
import { z } from 'zod';
import { capabilityField, rangeField } from '../protocol/capabilities.ts';
import { LIMITS } from '../protocol/limits.ts';
import { AGENT_STATUSES } from '../runtime/agent-status.ts';
import { named, pageEnd, pageFields, said } from './schema-words.ts';

const text = z.string();
const count = z.int().min(0);
const amount = z.number().min(0);

const spread = z.object({
  p50: amount,
  p90: amount,
  samples: said('So many recent runs the two stand on.', count),
});

const figures = named(
  'AgentFigures',
  z.object({
    runs: said('Attempts that are over, since the agent is known.', count),
    failures: count,
    failureShare: said('The part of recent attempts that failed.', z.number().min(0).max(1)),
    codes: said('Failures by their code.', z.record(text, count)),
    durationMs: said('Of attempts that went well, waiting for a free place included.', spread),
    usd: spread,
    tokens: spread,
  }),
);

const agent = named(
  'Agent',
  z.looseObject({
    name: text,
    version: text,
    description: text.exactOptional(),
    capabilities: z.array(text),
    form: z.enum(['function', 'machine']),
    keyed: z.boolean(),
    status: said('How it stands now.', z.enum(AGENT_STATUSES)),
    source: said('Where it came from.', z.enum(['bundled', 'settings', 'program', 'module', 'node'])),
    node: said('The node that its actors live on.', text),
    nodes: said('The nodes that make its calls, those that could now.', z.array(text).readonly()),
    load: z.object({
      running: said('Calls under way.', count),
      waiting: said('Calls that wait for a free place.', count),
      inHand: said('Attempts at work.', count),
      capacity: said('Calls that may be under way at once.', count),
    }),
    retryAfterMs: said('How long a call would have to wait for its breaker.', amount.exactOptional()),
    health: said(
      'Where it has a health check.',
      z
        .object({
          state: z.enum(['unchecked', 'passing', 'failing']),
          failures: said('In a row.', count),
          checkedAt: said('ms since the epoch.', z.number().nullable()),
          error: text.exactOptional(),
        })
        .exactOptional(),
    ),
    figures: said('Where it has run.', figures.exactOptional()),
    lint: said('What the definition linter found in its machine.', z.array(z.looseObject({}))),
    input: said('A JSON Schema.', z.looseObject({})).exactOptional(),
    output: said('A JSON Schema.', z.looseObject({})).exactOptional(),
  }),
);

/** What the routes of agents answer. */
export const AGENT_ANSWERS = Object.freeze({
  agent,
  page: named('AgentPage', z.object({ agents: z.array(agent), cursor: pageEnd })),
  registered: named('AgentsRegistered', z.object({ agents: z.array(agent) })),
});

/** What they take. */
export const AGENT_ASKS = Object.freeze({
  list: z.object({
    capability: said(
      '`text.review`, or with the versions that will do: `text.review@^1.2`.',
      capabilityField.exactOptional(),
    ),
    version: said(
      'A range of versions: of the capability where one is given, else of the agent itself.',
      rangeField.exactOptional(),
    ),
    status: said(
      'Those that are `gone` are listed only where they are asked for.',
      z.enum(AGENT_STATUSES).exactOptional(),
    ),
    ...pageFields,
  }),
  name: z.object({ name: text.min(1).max(LIMITS.nameCharactersMax + LIMITS.versionCharactersMax + 1) }),
  module: named(
    'AgentModule',
    z.object({
      module: said(
        'The path of a file in one of the folders of the setting `moduleRoots`, absolute or relative to one of them.',
        text.min(1).max(LIMITS.modulePathCharactersMax),
      ),
    }),
  ),
});
