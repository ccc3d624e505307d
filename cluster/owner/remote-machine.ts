/**
 * Actors of a machine whose code is on workers alone. They live here: mailbox, state, timers and calls are the owner's, and what a turn
 * comes to is worked out on a worker first (cluster/machine-turn.ts). Then the turn is taken here at once, by doing what that says.
 */
import { crc32 } from 'node:zlib';
import type { AgentDefinition } from '../../actors/agent-definition.ts';
import type { MachineVoices } from '../../actors/agent-machine.ts';
import { namesOf } from '../../actors/agent-names.ts';
import type { FarMachine } from '../../actors/call-placing.ts';
import { OperatingError } from '../../protocol/errors.ts';
import type { Cell } from '../../runtime/cell.ts';
import type { CellPort } from '../../runtime/cell-port.ts';
import type { Host, HostDescription, HostPort, HostStatus } from '../../runtime/host.ts';
import { fingerprintOf } from '../../runtime/machine-fingerprint.ts';
import type { Envelope } from '../../runtime/mailbox.ts';
import { packTurn, readTurnResult, type TurnEnd, type TurnMessage, type TurnResult } from '../machine-turn.ts';

/** Has one turn made on some worker. Errors: those of calls; the reason of the signal. */
export type MakeTurn = (cell: Cell, request: Uint8Array, signal: AbortSignal) => Promise<unknown>;

/** Hosts of the machine of an agent. `structureHash` is that of the code, wherever it is. */
export function remoteMachine(
  definition: AgentDefinition,
  structureHash: string,
  voices: MachineVoices,
  makeTurn: MakeTurn,
): FarMachine {
  return {
    factory: {
      logicId: namesOf(definition).logic,
      logicVersion: definition.version,
      structureHash,
      create: (port) => new RemoteHost(port, undefined),
      restore: (port, checkpoint) => new RemoteHost(port, checkpoint as Uint8Array),
      encode: (checkpoint) => checkpoint as Uint8Array,
      decode: (bytes) => bytes,
      fingerprint: (checkpoint) => fingerprint(checkpoint as Uint8Array),
    },
    prepare: async (cell, envelope, signal) => {
      const made = await makeTurn(cell, packTurn(requestOf(cell, envelope)), signal);
      const { end, crash, voices: said } = readTurnResult(made);
      for (const { actor, words, error } of said) {
        if (words !== undefined) voices.log(actor, words);
        if (error !== undefined) voices.onUndelivered(actor, OperatingError.fromBody(error));
      }
      if (end === undefined) throw crashOf(crash);
      return end;
    },
  };
}

function requestOf(cell: Cell, envelope: Envelope): Parameters<typeof packTurn>[0] {
  const message = messageOf(envelope);
  const nowMs = cell.nowMs();
  const snapshot = cell.checkpoint as Uint8Array | undefined;
  return snapshot === undefined ? { nowMs, message, input: cell.input } : { nowMs, message, snapshot };
}

function messageOf(envelope: Envelope): TurnMessage {
  switch (envelope.kind) {
    case 'event':
      return { kind: 'event', event: envelope.event };
    case 'relay':
      return { kind: 'relay', reentry: envelope.reentry };
    case 'settle':
      return { kind: 'settle', key: envelope.key, outcome: envelope.outcome };
    case 'timer':
      return { kind: 'timer', id: envelope.id };
    default:
      return { kind: 'start' };
  }
}

/** Of a state that another version of the product may have packed. */
function fingerprint(bytes: Uint8Array): string {
  try {
    return fingerprintOf(bytes);
  } catch {
    return `${crc32(bytes)}/${bytes.length}`;
  }
}

/** The crash as it would be had it happened here. */
function crashOf(crash: TurnResult['crash']): OperatingError {
  if (crash === undefined) return new OperatingError('PROTOCOL_MALFORMED', 'A worker does not say how a turn ended.');
  const error = OperatingError.fromBody(crash.error);
  return crash.stack === undefined ? error : Object.assign(error, { stack: crash.stack });
}

/** One actor: its state as bytes that only its code can read. */
class RemoteHost implements Host {
  readonly #port: CellPort;
  #snapshot: Uint8Array | undefined;
  #status: HostStatus = 'active';
  #error: unknown;
  #description: HostDescription = { state: '' };
  output: unknown;
  holdsWork = false;

  constructor(port: HostPort, snapshot: Uint8Array | undefined) {
    this.#port = port as CellPort;
    this.#snapshot = snapshot;
  }

  start(): void {
    this.#apply();
  }

  send(): void {
    this.#apply();
  }

  relay(): void {
    this.#apply();
  }

  fire(): void {
    this.#apply();
  }

  settle(): void {
    this.#apply();
  }

  get status(): HostStatus {
    return this.#status;
  }

  get error(): unknown {
    return this.#error;
  }

  /** What threw has not come this far. */
  get endedByItself(): boolean {
    return this.#status === 'error';
  }

  checkpoint(): Uint8Array | undefined {
    return this.#snapshot;
  }

  stop(): void {}

  describe(): HostDescription {
    return this.#description;
  }

  #apply(): void {
    const { ops, snapshot, status, output, error, holdsWork, description } = this.#port.prepared as TurnEnd;
    for (const op of ops) {
      if (op.op === 'effect') this.#port.effect(op.request);
      else if (op.op === 'cancelEffect') this.#port.cancelEffect(op.key);
      else if (op.op === 'send') this.#port.send(op.address, op.event);
      else if (op.op === 'setTimer') this.#port.setTimer(op.id, op.dueAtMs);
      else this.#port.clearTimer(op.id);
    }
    if (snapshot !== undefined) this.#snapshot = snapshot;
    this.#status = status;
    this.#error = error === undefined ? undefined : OperatingError.fromBody(error);
    this.output = output;
    this.holdsWork = holdsWork;
    this.#description = description;
  }
}
