/**
 * The desk for messages to keyed actors: who is meant by a name and a key, whether their agent's breaker lets a message in, and
 * through whom it goes. An agent may have a coordinator (`via`): whatever is sent to one of its actors, by anybody but the
 * coordinator, goes to the coordinator's actor, which hands it on, changes it, holds it or refuses it.
 */
import { agentAddress, parseAddress } from '../protocol/addresses.ts';
import { OperatingError } from '../protocol/errors.ts';
import type { Cell } from '../runtime/cell.ts';
import type { ActorEvent } from '../runtime/host.ts';
import type { Kernel } from '../runtime/kernel.ts';
import type { AgentDefinition } from './agent-definition.ts';
import type { Asks } from './asks.ts';
import type { BreakerGate } from './breaker-gate.ts';
import { parseCoordinator } from './coordinator.ts';
import type { Registry } from './registry.ts';
import { unknownAgent } from './selection/no-agent.ts';

/** What messages go through. */
export interface MailDeps {
  readonly kernel: Kernel;
  readonly registry: Registry;
  readonly asks: Asks;
  /** Asked before a keyed actor is written to. */
  readonly breakers: Pick<BreakerGate, 'enter'>;
  /** Errors: DRAINING, STORE_UNAVAILABLE, BUSY. */
  admit(): void;
}

/** Who is meant, and whom a message for them is given to. */
export interface Reached {
  /** The actor that is meant. */
  readonly address: string;
  /** The actor that is given the message: its coordinator, where it has one. */
  readonly to: string;
  /** The message as that one gets it. */
  wrap(event: ActorEvent): ActorEvent;
  /** UNAVAILABLE: the breaker turns it away. What it is seen by must be committed before it is told. */
  readonly refusal: OperatingError | undefined;
}

/** How senders are called that are no actors. */
export const OUTSIDE = 'outside';

/** The mail of one node. */
export class MailDesk {
  readonly #deps: MailDeps;

  constructor(deps: MailDeps) {
    this.#deps = deps;
    // What machines write to an address goes the same way.
    deps.kernel.mediate = (from, to, event) => this.#mediated(from, to, event);
  }

  /** Errors: NO_AGENT, INVALID_INPUT (not keyed). */
  reach(name: string, key: string, from: string): Reached {
    const { breakers } = this.#deps;
    const agent = this.assertKeyed(name);
    const address = agentAddress(agent.name, key);
    const coordinator = this.coordinator(agent.via);
    const isDirect = coordinator === undefined || coordinator.address === from;
    const to = isDirect ? address : coordinator.address;
    const entry = breakers.enter(isDirect ? agent.name : coordinator.agent, to);
    return {
      ...{ address, to },
      wrap: (event) => (isDirect ? event : mediateEvent({ agent: agent.name, key, address }, from, event)),
      refusal: entry.isIn ? undefined : entry.error,
    };
  }

  /** The keyed agent of this name. Errors: NO_AGENT, INVALID_INPUT (not keyed). */
  assertKeyed(name: string): AgentDefinition {
    const { registry } = this.#deps;
    const agent = registry.agent(name);
    if (agent === undefined) throw unknownAgent(name, registry);
    if (agent.keyed) return agent;
    throw new OperatingError('INVALID_INPUT', `${name} is not a keyed agent; submit a task to it instead.`);
  }

  /** The agent and the key of a keyed agent's actor, by its address. Errors: INVALID_INPUT for any other actor. */
  memberAt(address: string): readonly [agent: string, key: string] {
    const { kind, parts: [agent, key] = [] } = parseAddress(address) ?? { kind: '' };
    if (kind === 'agent' && agent !== undefined && key !== undefined) return [agent, key];
    throw new OperatingError('INVALID_INPUT', `Only an actor of a keyed agent can be in a group; ${address} is none.`);
  }

  /** The coordinator that `via` names. Errors: NO_AGENT, INVALID_INPUT (not keyed). */
  coordinator(via: string | undefined): { readonly agent: string; readonly address: string } | undefined {
    if (via === undefined) return undefined;
    const { registry } = this.#deps;
    const { agent: name, key } = parseCoordinator(via);
    const agent = registry.agent(name);
    if (agent === undefined) throw unknownAgent(name, registry);
    if (!agent.keyed)
      throw new OperatingError('INVALID_INPUT', `${name} cannot be a coordinator: it is not a keyed agent.`);
    return { agent: agent.name, address: agentAddress(agent.name, key) };
  }

  /** Puts a message into a mailbox, durably with the next commit. Errors: UNAVAILABLE, BUSY. */
  put(reached: Reached, event: ActorEvent): Cell {
    if (reached.refusal !== undefined) throw reached.refusal;
    // Nobody outside has an address: one in a client's event could send the actor's answer anywhere.
    const { replyTo: _forged, ...told } = event;
    return this.#deps.kernel.deliver(reached.to, reached.wrap(told));
  }

  /**
   * Resolves once the message is durable.
   * Errors: NO_AGENT, INVALID_INPUT (not keyed), UNAVAILABLE (its breaker is open), BUSY, DRAINING; VERSION_MISMATCH and
   * STORE_CORRUPT where the actor's stored state cannot be gone on with.
   */
  async tell(agent: string, key: string, event: ActorEvent, from = OUTSIDE): Promise<void> {
    this.#deps.admit();
    const reached = this.reach(agent, key, from);
    await this.settled(reached);
    const cell = this.put({ ...reached, refusal: undefined }, event);
    await this.#deps.kernel.committer.committed();
    const unwoken = this.#deps.kernel.refusalOf?.(cell);
    if (unwoken !== undefined) throw unwoken;
  }

  /**
   * The answer of a keyed agent's actor: what it sends to `event.replyTo`, without its type. Errors: as `tell`; TIMEOUT, which
   * leaves open what came of it; QUARANTINED.
   */
  async ask(agent: string, key: string, event: ActorEvent, timeoutMs: number, signal?: AbortSignal): Promise<unknown> {
    this.#deps.admit();
    signal?.throwIfAborted();
    const reached = this.reach(agent, key, OUTSIDE);
    await this.settled(reached);
    const limit = signal === undefined ? { timeoutMs } : { timeoutMs, signal };
    const { to: address, wrap } = reached;
    return await this.#deps.asks.ask({ address, event, wrap, who: `${agent}/${key}`, ...limit });
  }

  /** Throws what the breaker refuses with, once that is in the store. */
  async settled({ refusal }: Reached): Promise<void> {
    if (refusal === undefined) return;
    await this.#deps.kernel.committer.committed();
    throw refusal;
  }

  #mediated(from: string, to: string, event: ActorEvent): readonly [to: string, event: ActorEvent] {
    if (!to.startsWith('agent/')) return [to, event];
    const [name, key] = parseAddress(to)?.parts ?? [];
    const agent = name === undefined ? undefined : this.#deps.registry.agent(name);
    if (agent?.via === undefined || key === undefined) return [to, event];
    const { agent: coordinator, key: at } = parseCoordinator(agent.via);
    const address = agentAddress(coordinator, at);
    if (address === from) return [to, event];
    return [address, mediateEvent({ agent: agent.name, key, address: to }, from, event)];
  }
}

/** What a coordinator gets: the message, who is meant by it, and who sent it. */
export function mediateEvent(meant: Readonly<Record<string, string>>, from: string, event: ActorEvent): ActorEvent {
  const { replyTo } = event;
  return { type: 'mediate', ...meant, from, event, ...(replyTo !== undefined && { replyTo }) };
}
