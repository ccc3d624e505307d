/**
 * From a decoded value to a message of a client, or to a coded error that names every fault. Past this place nothing is
 * `unknown` but what the protocol leaves to agents (inputs, events, data).
 */
import type { z } from 'zod';
import {
  CLIENT_MESSAGES,
  type ClientMessage,
  type ClientMessageOf,
  type ClientMessageType,
  type TaskRequest,
  taskRequestSchema,
} from './client-messages.ts';
import { OperatingError } from './errors.ts';
import { isMessageId } from './ids.ts';
import { issuesOf, summaryOf } from './issues.ts';
import { readSubmit } from './submit-reader.ts';

/** Of a type that nobody knows, this much is repeated. */
const TYPE_SHOWN_CHARACTERS = 64;

/**
 * Reads what a client sent. Fields that the protocol does not know are left out of the result. Errors:
 * PROTOCOL_MALFORMED where it is no message at all (not a map), UNKNOWN_TYPE, INVALID_INPUT with `details.issues`, each
 * with its `path` and `message`.
 */
export function parseClientMessage(value: unknown): ClientMessage {
  if (!isRecord(value))
    throw new OperatingError('PROTOCOL_MALFORMED', 'A message is a map with a field `type`; this is not a map.');
  const { type } = value;
  if (type === 'task.submit') return readSubmit(value) ?? parse('task.submit', CLIENT_MESSAGES[type], value);
  if (typeof type !== 'string') {
    const issues = [{ path: 'type', message: type === undefined ? 'is missing (expected string)' : 'expected string' }];
    throw new OperatingError('INVALID_INPUT', `The message is not valid: ${summaryOf(issues)}.`, {
      details: { issues },
    });
  }
  if (!isKnownType(type)) throw unknownType(type);
  return parse(type, CLIENT_MESSAGES[type] as z.ZodType<ClientMessage>, value);
}

/** Reads a submission that came without a message around it, such as the body of an HTTP request. Errors: INVALID_INPUT. */
export function parseTaskRequest(value: unknown): TaskRequest {
  return parse('The request', taskRequestSchema, value);
}

/** The `id` of anything that came from a client, so that even a refusal can say what it answers. */
export function messageIdOf(value: unknown): string | undefined {
  return isRecord(value) && isMessageId(value['id']) ? value['id'] : undefined;
}

function parse<Message>(what: string, schema: z.ZodType<Message>, value: unknown): Message {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const issues = issuesOf(parsed.error);
  throw new OperatingError('INVALID_INPUT', `${what} is not valid: ${summaryOf(issues)}.`, { details: { issues } });
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isKnownType(type: string): type is ClientMessageType {
  return Object.hasOwn(CLIENT_MESSAGES, type);
}

function unknownType(type: string): OperatingError {
  const shown = type.slice(0, TYPE_SHOWN_CHARACTERS).toWellFormed();
  const details = { type: shown, types: Object.keys(CLIENT_MESSAGES) };
  return new OperatingError('UNKNOWN_TYPE', `There is no message type ${JSON.stringify(shown)}.`, { details });
}

export type { ClientMessage, ClientMessageOf, ClientMessageType, TaskRequest };
