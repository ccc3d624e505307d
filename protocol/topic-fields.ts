/** The fields of messages that name topics. */
import { z } from 'zod';
import { isTopic, isTopicPattern } from './topics.ts';

/** Where something is published. */
export const topicField = z
  .string()
  .refine(isTopic, { error: 'expected a topic without * and #, such as orders.eu.created' });

/** What is subscribed to. */
export const topicPatternField = z
  .string()
  .refine(isTopicPattern, { error: 'expected a topic, such as orders.*.created or orders.#' });
