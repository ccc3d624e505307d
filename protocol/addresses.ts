/**
 * Addresses: how actors name each other. An address is a kind and one or more parts, joined by slashes:
 * `task/01J…`, `agent/researcher/user-42`. It is plain ASCII, so that it can be part of a key in any store, and there is
 * one way to write it: two addresses that differ are two actors.
 */
import { OperatingError } from './errors.ts';
import { LIMITS } from './limits.ts';

const KIND = /^[a-z][a-z0-9-]*$/;
const PLAIN_PART = /^[A-Za-z0-9._~@+:-]+$/;
const RESERVED = /[!'()*]/g;

/** An address, taken apart. */
export interface Address {
  readonly kind: string;
  readonly parts: readonly string[];
}

/**
 * Writes an address. Parts may hold any well-formed text but the empty one; what is not plain ASCII or would be mistaken
 * for structure is percent-encoded. Errors: INVALID_INPUT for a wrong kind, no parts, an empty or broken part, or too
 * long a result.
 */
export function formatAddress(kind: string, ...parts: readonly string[]): string {
  if (!KIND.test(kind)) throw refuse(kind, parts, 'the kind must be lower-case letters, digits and hyphens');
  if (parts.length === 0) throw refuse(kind, parts, 'there is no part after the kind');
  let address = kind;
  for (const part of parts) {
    if (part === '' || !part.isWellFormed()) throw refuse(kind, parts, 'a part is empty or not well-formed text');
    address += `/${PLAIN_PART.test(part) ? part : encodePart(part)}`;
  }
  if (address.length > LIMITS.addressCharactersMax) throw refuse(kind, parts, 'it is too long');
  return address;
}

/** Takes an address apart; undefined for what `formatAddress` does not write. */
export function parseAddress(address: string): Address | undefined {
  if (address.length > LIMITS.addressCharactersMax) return undefined;
  const [kind = '', ...encoded] = address.split('/');
  try {
    const parts = encoded.map((part) => (part.includes('%') ? decodeURIComponent(part) : part));
    return formatAddress(kind, ...parts) === address ? { kind, parts } : undefined;
  } catch {
    return undefined;
  }
}

/** The address of a task's actor. */
export function taskAddress(task: string): string {
  return formatAddress('task', task);
}

/** The address of a keyed agent's actor. */
export function agentAddress(agent: string, key: string): string {
  return formatAddress('agent', agent, key);
}

function encodePart(part: string): string {
  return encodeURIComponent(part).replace(RESERVED, (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`);
}

function refuse(kind: string, parts: readonly string[], why: string): OperatingError {
  return new OperatingError('INVALID_INPUT', `This is not an address: ${why}.`, {
    details: { kind, parts: [...parts] },
  });
}
