/**
 * How an agent is chosen among those that offer a capability, as a task or a step of a workflow may ask for it. What the words do is
 * in actors/selection.
 */
import { z } from 'zod';
import { labelsField, referenceField, words } from './fields.ts';
import { LIMITS } from './limits.ts';

/** What to look at most. */
export const STRATEGIES = ['balanced', 'cheapest', 'fastest', 'reliable', 'round-robin'] as const;
export type Strategy = (typeof STRATEGIES)[number];

/** What a score is made of. */
export const SCORE_PARTS = ['match', 'load', 'queue', 'latency', 'cost', 'reliability', 'affinity'] as const;
export type ScorePart = (typeof SCORE_PARTS)[number];

const weight = z.number().min(0).max(LIMITS.selectWeightMax).exactOptional();

const fields = {
  strategy: z.enum(STRATEGIES).exactOptional(),
  /** In place of those of the strategy; those left out stay as they are. */
  weights: z
    .strictObject(Object.fromEntries(SCORE_PARTS.map((part) => [part, weight])) as Record<ScorePart, typeof weight>)
    .exactOptional(),
  /** Never these. */
  not: z.array(referenceField).max(LIMITS.selectNotMax).readonly().exactOptional(),
  /** Rather those with these labels. */
  prefer: labelsField.exactOptional(),
  /** Work with the same key rather goes where such work went before. */
  key: words(LIMITS.nameCharactersMax).exactOptional(),
};

/** In a workflow: a program, in which a field that is not known is refused. */
export const stepSelectSchema = z.strictObject(fields);

/** In a message, in which such a field is left out. */
export const taskSelectSchema = z.object(fields);

export type Select = z.infer<typeof taskSelectSchema>;
