/** The syntax of topics: segments of letters, digits, `_` and `-`, joined by dots (`orders.eu.created`). */
import { LIMITS } from './limits.ts';

const TOPIC = /^[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*$/;
const PATTERN = /^(?:(?:[A-Za-z0-9_-]+|\*)(?:\.(?:[A-Za-z0-9_-]+|\*))*(?:\.#)?|#)$/;

/** Whether something can be published here. */
export function isTopic(value: unknown): value is string {
  return isBounded(value) && TOPIC.test(value);
}

/** Whether this can be subscribed to: a topic in which `*` stands for one segment and a `#` at the end for the rest. */
export function isTopicPattern(value: unknown): value is string {
  return isBounded(value) && PATTERN.test(value);
}

function isBounded(value: unknown): value is string {
  if (typeof value !== 'string' || value.length > LIMITS.topicCharactersMax) return false;
  return value.split('.').length <= LIMITS.topicSegmentsMax;
}
