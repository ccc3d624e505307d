/**
 * Makes turns of one agent's machine on a worker: the machine is brought back from its state, handles one message, and is let go of
 * again. What its code does is the same as on the node that keeps it (actors/agent-machine.ts); what it asks for is noted.
 */
import { inspect } from 'node:util';
import type { AnyStateMachine } from 'xstate';
import type { AgentDefinition } from '../../actors/agent-definition.ts';
import { agentMachine } from '../../actors/agent-machine.ts';
import { namesOf } from '../../actors/agent-names.ts';
import { OperatingError, toErrorBody } from '../../protocol/errors.ts';
import type { Host, HostFactory } from '../../runtime/host.ts';
import type { Log } from '../../runtime/log.ts';
import { PromiseCalls } from '../../runtime/machine-promises.ts';
import type { World } from '../../runtime/world.ts';
import { packTurn, readTurnRequest, type TurnEnd, type TurnMessage, type TurnResult } from '../machine-turn.ts';
import { TurnPort } from './turn-port.ts';

/** What turns are made with. */
export interface TurnMakerDeps {
  readonly world: World;
  readonly log: Pick<Log, 'warn'>;
}

const STACK_CHARACTERS_MAX = 8_192;

/** Of one agent. */
export class TurnMaker {
  readonly #deps: TurnMakerDeps;
  readonly #reference: string;
  readonly #promises = new PromiseCalls();
  readonly #factory: HostFactory;
  #port: TurnPort | undefined;

  /** Errors: UNSUPPORTED_LOGIC for a machine that cannot be kept, or that starts what only one process can hold. */
  constructor(definition: AgentDefinition & { readonly machine: AnyStateMachine }, deps: TurnMakerDeps) {
    this.#deps = deps;
    this.#reference = namesOf(definition).reference;
    this.#factory = agentMachine(definition, {
      world: deps.world,
      promises: this.#promises,
      voices: {
        log: (actor, words) => void this.#port?.voices.push({ actor, words }),
        onUndelivered: (actor, error) => void this.#port?.voices.push({ actor, error: error.toBody() }),
      },
    });
  }

  get structureHash(): string {
    return this.#factory.structureHash;
  }

  /** Makes a turn. A throw of the machine is part of what comes out. Errors: PROTOCOL_MALFORMED, PROTOCOL_TOO_BIG. */
  turn(address: string, request: unknown): Uint8Array {
    const { nowMs, input, snapshot, message } = readTurnRequest(request);
    const { log } = this.#deps;
    const port = new TurnPort({
      ...{ address, input, nowMs },
      onLeftOver: (what, error) =>
        log.warn('Something of a turn came too late, and nobody hears of it.', {
          ...{ agent: this.#reference, actor: address, what },
          ...(error !== undefined && {
            error: inspect(error),
          }),
        }),
    });
    this.#port = port;
    try {
      return packTurn({ voices: port.voices, ...this.#made(port, snapshot, message) });
    } finally {
      this.#port = undefined;
      port.close();
    }
  }

  /** Makes a promise that a turn asked for. It has its input and its signal, and no actor: that one is at the owner. */
  async promise(name: string, input: unknown, signal: AbortSignal): Promise<unknown> {
    const creator = this.#promises.creatorOf(name);
    if (creator === undefined) throw new OperatingError('NOT_AVAILABLE', `${this.#reference} has no ${name}.`);
    const absent = (what: string) => (): never => {
      throw new OperatingError(
        'NOT_AVAILABLE',
        `The actor of this promise is on another node: it has no \`${what}\` here.`,
      );
    };
    return await creator({
      ...{ input, signal, emit: absent('emit') },
      get self() {
        return absent('self')();
      },
      get system() {
        return absent('system')();
      },
    });
  }

  #made(port: TurnPort, snapshot: Uint8Array | undefined, message: TurnMessage): Pick<TurnResult, 'end' | 'crash'> {
    let host: Host | undefined;
    try {
      host =
        snapshot === undefined
          ? this.#factory.create(port, port.input)
          : this.#factory.restore(port, this.#factory.decode(snapshot));
      host.start();
      if (message.kind !== 'start') {
        // What it asks for to go on, its cell has done already.
        port.forget();
        if (host.status !== 'error') handle(host, message);
      }
      return { end: endOf(host, port, snapshot) };
    } catch (error) {
      const stack = error instanceof Error ? error.stack?.slice(0, STACK_CHARACTERS_MAX) : undefined;
      return { crash: { error: toErrorBody(error, 'AGENT_CRASHED'), ...(stack !== undefined && { stack }) } };
    } finally {
      host?.stop();
    }
  }
}

function handle(host: Host, message: Exclude<TurnMessage, { readonly kind: 'start' }>): void {
  if (message.kind === 'event') host.send(message.event);
  else if (message.kind === 'settle') host.settle(message.key, message.outcome);
  else if (message.kind === 'relay') host.relay(message.reentry);
  else host.fire(message.id);
}

/** As a cell looks at its actor after a turn. Errors: what the machine threw; UNSUPPORTED_LOGIC. */
function endOf(host: Host, port: TurnPort, before: Uint8Array | undefined): TurnEnd {
  const { status, endedByItself = false } = host;
  if (status === 'error' && !endedByItself) throw host.error;
  const snapshot = host.checkpoint() as Uint8Array;
  return {
    ...{ ops: port.ops, status, output: host.output, holdsWork: host.holdsWork === true, description: host.describe() },
    ...(snapshot !== before && { snapshot }),
    ...(status === 'error' && { error: toErrorBody(host.error, 'AGENT_FAILED') }),
  };
}
