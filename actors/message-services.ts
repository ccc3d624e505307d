/**
 * What agents' code sends, once: each message is put in the epoch of a record in the journal of whoever sends it, so that a
 * function that begins again does not send it again.
 */
import type { ActorEvent } from '../runtime/host.ts';
import type { Kernel } from '../runtime/kernel.ts';
import type { AgentAsk, Asking } from './asking/asking.ts';
import type { Audience, GroupDesk, Told } from './groups/group-desk.ts';
import type { JournalSlot } from './journal.ts';
import type { MailDesk } from './mail-desk.ts';
import { bodyOf, type Published, type TopicDesk } from './topics/topic-desk.ts';

/** Where a message comes from: its record, and the actor that sends it. */
export interface Sender {
  readonly slot: JournalSlot;
  readonly from: string;
}

/** The messages of agents' code. All resolve once what they did is durable. */
export interface MessageServices {
  /** Errors: those of `MailDesk.tell`. */
  tell(sender: Sender, agent: string, key: string, event: ActorEvent): Promise<void>;
  /** Errors: those of `Asking.ask`. */
  ask(slot: JournalSlot, ask: AgentAsk): Promise<unknown>;
  /** Errors: those of `TopicDesk.publish`. */
  publish(sender: Sender, topic: string, data: unknown): Promise<Omit<Published, 'duplicate'>>;
  /** Errors: those of `GroupDesk.broadcast`. */
  broadcast(sender: Sender, audience: Audience, event: ActorEvent): Promise<Told>;
  /** For an actor of a keyed agent alone. Errors: those of `GroupDesk.join`; INVALID_INPUT for any other. */
  member(actor: string, group: string, isIn: boolean): Promise<void>;
}

/** What they go through. */
export interface MessageDesks {
  readonly kernel: Kernel;
  readonly mail: MailDesk;
  readonly asking: Asking;
  readonly topics: TopicDesk;
  readonly groups: GroupDesk;
  /** Errors: DRAINING, STORE_UNAVAILABLE, BUSY. */
  admit(): void;
}

/** Makes them. The desks are made after the agents that need these. */
export function createMessageServices(desks: () => MessageDesks): MessageServices {
  return {
    tell: async ({ slot, from }, agent, key, event) => {
      const { kernel, mail, admit } = desks();
      let unwoken = (): Error | undefined => undefined;
      const reach = async () => {
        admit();
        const reached = mail.reach(agent, key, from);
        await mail.settled(reached);
        return reached;
      };
      await once(slot, reach, (reached) => {
        const cell = mail.put(reached, event);
        unwoken = () => kernel.refusalOf?.(cell);
      });
      const error = unwoken();
      if (error === undefined) return;
      slot.write(undefined);
      throw error;
    },
    ask: (slot, ask) => desks().asking.ask(slot, ask),
    publish: async ({ slot }, topic, data) => {
      const { topics, admit } = desks();
      const pack = async (): Promise<Uint8Array> => {
        admit();
        const body = bodyOf(topic, data);
        await topics.ready;
        return body;
      };
      return await once(slot, pack, (body) => {
        const { message, subscriptions } = topics.put(topic, body);
        return { message, subscriptions };
      });
    },
    broadcast: async ({ slot, from }, audience, event) => {
      const { groups, admit } = desks();
      const gather = async (): Promise<void> => {
        admit();
        await groups.awake(audience);
      };
      return await once(slot, gather, () => groups.put(audience, event, from));
    },
    member: async (actor, group, isIn) => {
      const { groups, mail } = desks();
      const member = mail.memberAt(actor);
      await (isIn ? groups.join(group, member) : groups.leave(group, member));
    },
  };
}

/** Does something inside of the node and records it, in one step, once it is prepared. What was recorded is not done again. */
async function once<T, Prepared>(
  slot: JournalSlot,
  prepare: () => Promise<Prepared>,
  act: (prepared: Prepared) => T,
): Promise<T> {
  const known = slot.read();
  if (known?.state === 'done') return known.value as T;
  const prepared = await prepare();
  // First, since it may be refused; nothing is committed in between.
  slot.write({ state: 'intended' });
  let value: T;
  try {
    value = act(prepared);
  } catch (error) {
    slot.write(undefined);
    throw error;
  }
  slot.write({ state: 'done', value });
  await slot.committed();
  return value;
}
