/**
 * Topics: segments of letters, digits, `_` and `-`, joined by dots (`orders.eu.created`); and patterns of them, in which `*` is
 * one segment and a `#` at the end the rest, which may be nothing: `orders.#` is `orders`, and all that begins with `orders.`.
 */
import { LIMITS } from './limits.ts';

const TOPIC = /^[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*$/;
const PATTERN = /^(?:(?:[A-Za-z0-9_-]+|\*)(?:\.(?:[A-Za-z0-9_-]+|\*))*(?:\.#)?|#)$/;

/** Whether something can be published here. */
export function isTopic(value: unknown): value is string {
  return isBounded(value) && TOPIC.test(value);
}

/** Whether this can be subscribed to: a topic or a pattern. */
export function isTopicPattern(value: unknown): value is string {
  return isBounded(value) && PATTERN.test(value);
}

/** Whether a pattern takes a topic in. Both must be well-formed. */
export function matchesTopic(pattern: string, topic: string): boolean {
  const wanted = pattern.split('.');
  const segments = topic.split('.');
  const isOpen = wanted.at(-1) === '#';
  const fixed = isOpen ? wanted.length - 1 : wanted.length;
  if (isOpen ? segments.length < fixed : segments.length !== fixed) return false;
  return wanted.slice(0, fixed).every((segment, at) => segment === '*' || segment === segments[at]);
}

function isBounded(value: unknown): value is string {
  if (typeof value !== 'string' || value.length > LIMITS.topicCharactersMax) return false;
  return value.split('.').length <= LIMITS.topicSegmentsMax;
}
