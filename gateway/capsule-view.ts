/** Crash capsules as REST and the command show them: what people read, and the whole of it packed, for files. */
import { inspect } from 'node:util';
import { jsonCodec } from '../protocol/codec.ts';
import { type Capsule, wordsOf } from '../runtime/capsule.ts';
import { packCapsule } from '../runtime/capsule-making.ts';
import type { CapsuleRow } from '../runtime/quarantine.ts';
import { unpackCheckpoint } from '../runtime/machine-checkpoint.ts';
import { unpackState } from '../runtime/state-codec.ts';

/** Says what a file is: the field that every capsule of a file or an answer has. */
export const CAPSULE_KIND = 'troupe.capsule';
const INSPECTED = { depth: 8, breakLength: 120, maxArrayLength: 200, maxStringLength: 10_000 } as const;

/** One line of a list. */
export function capsuleLine({ address, atMs, logic, ...row }: CapsuleRow): Readonly<Record<string, unknown>> {
  return { ...row, at: atMs, actor: address, agent: agentOf(logic) };
}

/** All of a capsule. `packed` is what `troupe replay` and `replayCapsule` read. */
export function capsuleView(capsule: Capsule): Readonly<Record<string, unknown>> {
  const { id, atMs, cause, address, work, supervisors, owner, permanent, logic, logicVersion, structureHash } = capsule;
  const { message, deliveries, error, stack, trail, leftOut, edited, history } = capsule;
  return {
    kind: CAPSULE_KIND,
    id,
    at: atMs,
    cause,
    actor: address,
    ...work,
    supervisors,
    ...(owner !== undefined && { owner }),
    goesOn: permanent,
    agent: agentOf(logic),
    version: logicVersion,
    structureHash,
    deliveries,
    summary: wordsOf(message),
    message: readable(message),
    error: readable(error),
    ...(stack !== undefined && { stack }),
    input: readable(capsule.input),
    ...(edited !== undefined && { edited: readable(edited) }),
    state: readable(stateOf(capsule)),
    trail: readable(trail),
    leftOut,
    history: history.map(({ atMs: at, act, by }) => ({ at, act, by })),
    packed: Buffer.from(packCapsule(capsule)).toString('base64'),
  };
}

function agentOf(logic: string): string {
  return logic.replace(/^agent:/, '');
}

/** The state before the message: of a machine its value and context, of other logic all of it. */
function stateOf({ snapshot }: Capsule): unknown {
  if (snapshot === undefined) return null;
  try {
    const [, , [status, value, context], timers] = unpackCheckpoint(snapshot).body;
    return {
      status,
      value,
      context,
      timers: timers.map(([, sendId, , , , dueAtMs]) => ({ id: sendId, dueAt: dueAtMs })),
    };
  } catch {
    try {
      return unpackState(snapshot);
    } catch {
      return `(${snapshot.length} bytes)`;
    }
  }
}

/** The value, where JSON can say it; else the words for it. */
function readable(value: unknown): unknown {
  try {
    jsonCodec.encode(value);
    return value;
  } catch {
    return inspect(value, INSPECTED);
  }
}
