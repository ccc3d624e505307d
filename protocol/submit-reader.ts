/**
 * Reads the common `task.submit` without zod, which takes five times as long. It answers only for what it is sure of:
 * what it accepts, the schema accepts with the same result (a property test holds the two together); everything else,
 * wrong or merely unusual, it leaves to the schema.
 */
import type { ClientMessageOf } from './client-messages.ts';
import { isLabelKey, isMessageId } from './ids.ts';
import { LIMITS } from './limits.ts';
import { isName, parseReference } from './names.ts';

type Submit = ClientMessageOf<'task.submit'>;
type Options = NonNullable<Submit['options']>;

/** The message as the schema would give it, or undefined for what the schema has to look at. */
export function readSubmit(message: Readonly<Record<string, unknown>>): Submit | undefined {
  if (!isPlainObject(message)) return undefined;
  let targets = 0;
  let options: Options | undefined;
  for (const field of Object.keys(message)) {
    const value = message[field];
    switch (field) {
      case 'type':
      case 'input':
        break;
      case 'id':
        if (!isMessageId(value)) return undefined;
        break;
      case 'agent':
        if (typeof value !== 'string' || !isReference(value)) return undefined;
        targets++;
        break;
      case 'capability':
        if (!isName(value)) return undefined;
        targets++;
        break;
      case 'key':
        if (!isKey(value)) return undefined;
        break;
      case 'watch':
        if (value !== 'events' && value !== 'result' && value !== false) return undefined;
        break;
      case 'options':
        options = readOptions(value);
        if (options === undefined) return undefined;
        break;
      case 'workflow':
      case 'graph':
      case 'goal':
        return undefined;
    }
  }
  return targets === 1 ? keepKnown(message, options) : undefined;
}

function isReference(text: string): boolean {
  return text.includes('@') ? parseReference(text) !== undefined : isName(text);
}

function isKey(value: unknown): boolean {
  return typeof value === 'string' && value.length >= 1 && value.length <= LIMITS.idempotencyKeyCharactersMax;
}

/** Options without a budget and without a wish for a choice. */
function readOptions(value: unknown): Options | undefined {
  if (!isPlainObject(value)) return undefined;
  for (const field of Object.keys(value)) {
    const option = value[field];
    if (field === 'priority' && !isWhole(option, 0, 9)) return undefined;
    if (field === 'deadlineMs' && !isWhole(option, 1, LIMITS.durationMaxMs)) return undefined;
    if (field === 'cache' && typeof option !== 'boolean') return undefined;
    if (field === 'labels' && !isLabels(option)) return undefined;
    if (field === 'budget' || field === 'select') return undefined;
  }
  const kept: Record<string, unknown> = {};
  if ('priority' in value) kept['priority'] = value['priority'];
  if ('deadlineMs' in value) kept['deadlineMs'] = value['deadlineMs'];
  if ('labels' in value) kept['labels'] = value['labels'];
  if ('cache' in value) kept['cache'] = value['cache'];
  return kept;
}

function isWhole(value: unknown, min: number, max: number): boolean {
  return Number.isSafeInteger(value) && (value as number) >= min && (value as number) <= max;
}

function isLabels(value: unknown): boolean {
  if (!isPlainObject(value)) return false;
  const keys = Object.keys(value);
  if (keys.length > LIMITS.labelsMax) return false;
  return keys.every((key) => isLabelKey(key) && isLabelValue(value[key]));
}

function isLabelValue(value: unknown): boolean {
  return typeof value === 'string' && value.length <= LIMITS.labelValueCharactersMax;
}

/** What a codec makes; anything else is unusual enough for the schema. */
function isPlainObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype;
}

/** The fields of the schema, in its order. */
function keepKnown(message: Readonly<Record<string, unknown>>, options: Options | undefined): Submit {
  const kept: Record<string, unknown> = { type: 'task.submit' };
  if ('id' in message) kept['id'] = message['id'];
  if ('agent' in message) kept['agent'] = message['agent'];
  if ('capability' in message) kept['capability'] = message['capability'];
  if ('input' in message) kept['input'] = message['input'];
  if ('key' in message) kept['key'] = message['key'];
  if (options !== undefined) kept['options'] = options;
  if ('watch' in message) kept['watch'] = message['watch'];
  return kept as Submit;
}
