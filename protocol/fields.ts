/** The kinds of fields that messages and graphs share, as zod schemas with the product's bounds. */
import { z } from 'zod';
import { isActorKey, isLabelKey, isStepId } from './ids.ts';
import { LIMITS } from './limits.ts';
import { isEventName, isName, parseReference } from './names.ts';

/** Text of 1 to `charactersMax` characters. */
export function words(charactersMax: number): z.ZodString {
  return z.string().min(1).max(charactersMax);
}

/** A whole number from `min` to `max`. */
export function whole(min: number, max: number = Number.MAX_SAFE_INTEGER): z.ZodInt {
  return z.int().min(min).max(max);
}

/** A name of an agent, workflow or capability. */
export const nameField = z.string().refine(isName, { error: 'expected a name, such as data.profile' });

/** `name` or `name@version`. */
export const referenceField = z.string().refine((text) => parseReference(text) !== undefined, {
  error: 'expected a name, or a name and a version, such as lab.echo@1.0.0',
});

/** The name of a signal, the type of an event. */
export const eventNameField = z.string().refine(isEventName, {
  error: `expected 1 to ${LIMITS.nameCharactersMax} printable characters, and not xstate. in front`,
});

/** The key of a keyed agent's actor. */
export const actorKeyField = z.string().refine(isActorKey, {
  error: `expected 1 to ${LIMITS.actorKeyCharactersMax} printable characters`,
});

/** The id of a workflow's step. */
export const stepIdField = z.string().refine(isStepId, {
  error: `expected a letter, then letters, digits, _ or -, at most ${LIMITS.stepIdCharactersMax} in all`,
});

/** Labels of a task: few, short, and safe as keys of an object. */
export const labelsField = z
  .record(
    z.string().refine(isLabelKey, {
      error: `expected letters, digits, . _ / and -, at most ${LIMITS.labelKeyCharactersMax} in all`,
    }),
    z.string().max(LIMITS.labelValueCharactersMax),
  )
  .refine((labels) => Object.keys(labels).length <= LIMITS.labelsMax, { error: `at most ${LIMITS.labelsMax} labels` });
