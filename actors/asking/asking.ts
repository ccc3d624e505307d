/**
 * Asks of agents: each is a question with an actor of its own (question.ts), made in the epoch of the record that says that it was
 * asked. An asker that begins again finds the record, and waits on, or takes the answer that has come meanwhile.
 */
import { OperatingError } from '../../protocol/errors.ts';
import { LIMITS } from '../../protocol/limits.ts';
import { type AskChain, extendChain } from '../../runtime/ask-chain.ts';
import type { ActorEvent } from '../../runtime/host.ts';
import type { Kernel } from '../../runtime/kernel.ts';
import type { Asks } from '../asks.ts';
import type { JournalSlot } from '../journal.ts';
import type { MailDesk } from '../mail-desk.ts';
import { questionAddress, type QuestionAsked, type QuestionState } from './question.ts';

/** One ask of an agent. */
export interface AgentAsk {
  readonly agent: string;
  readonly key: string;
  readonly event: ActorEvent;
  /** From now, where it is not under way already. */
  readonly timeoutMs: number;
  /** The address of the actor that asks. */
  readonly asker: string;
  /** 1 for the first. A later one asks again what nobody has answered. */
  readonly attempt: number;
  /** Who waits for what comes of it. */
  readonly chain: AskChain;
  readonly signal: AbortSignal;
  /** Gives the slot of the call back until the returned function is called. */
  rest(): () => Promise<void>;
}

/** What asks go through. */
export interface AskingDeps {
  readonly kernel: Kernel;
  readonly asks: Asks;
  readonly mail: MailDesk;
}

/** The question's own timer comes first; this is for one that is lost. */
const SLACK_MS = 5_000;

/** The asks of one node's agents. */
export class Asking {
  readonly #deps: AskingDeps;

  constructor(deps: AskingDeps) {
    this.#deps = deps;
  }

  /**
   * What the asked answers, without the type of its message. Recorded in `slot` once it is there.
   * Errors: what the message is rejected with; TIMEOUT (`details.outcome` `unknown`), which leaves open what came of it; LIVELOCK for
   * an ask that would close a circle; NO_AGENT, INVALID_INPUT, UNAVAILABLE, BUSY; the reason of the signal.
   */
  async ask(slot: JournalSlot, ask: AgentAsk): Promise<unknown> {
    const { kernel, asks } = this.#deps;
    const known = slot.read();
    if (known?.state === 'done') return known.value;
    const question = questionAddress(slot.idempotencyKey);
    const isUnderWay = known?.begun === ask.attempt;
    const dueAtMs = isUnderWay ? (known?.dueAtMs ?? 0) : await this.#put(slot, question, ask);
    const back = ask.rest();
    const leftMs = Math.max(dueAtMs - kernel.nowMs(), 0);
    const wait = { address: question, event: { type: 'question.await' }, timeoutMs: leftMs + SLACK_MS };
    const { signal } = ask;
    try {
      const { value } = await asks.ask({ ...wait, who: `${ask.agent}/${ask.key}`, signal });
      // In one epoch: the answer is in the record, or still with the question.
      slot.write({ state: 'done', value });
      kernel.post(question, { type: 'question.drop' });
      await back();
      return value;
    } catch (error) {
      // Whoever asked is stopped: it may come back, and finds the question as it is.
      if (signal.aborted) throw signal.reason;
      if (!isUnanswered(error)) {
        slot.write(undefined);
        kernel.post(question, { type: 'question.drop' });
      }
      await back();
      throw error;
    }
  }

  /** Makes the question, and the record that it was asked, in one step. @returns when it is due */
  async #put(slot: JournalSlot, question: string, ask: AgentAsk): Promise<number> {
    const { kernel, mail } = this.#deps;
    const { agent, key, event, asker, attempt } = ask;
    const timeoutMs = Math.min(ask.timeoutMs, LIMITS.askTimeoutMaxMs);
    const reached = mail.reach(agent, key, asker);
    await mail.settled(reached);
    const { address, to, wrap } = reached;
    const isOpen = (one: string): boolean => this.#isOpen(one);
    const chain = extendChain(ask.chain, { asker, question }, address, isOpen);
    const dueAtMs = kernel.nowMs() + timeoutMs;
    slot.write({ state: 'intended', begun: attempt, dueAtMs });
    const { replyTo: _forged, ...asked } = event;
    const message: QuestionAsked = {
      ...{ type: 'question.ask', who: `${agent}/${key}`, to, event: wrap(asked), isMediated: to !== address },
      ...{ asker, chain, timeoutMs, dueAtMs },
    };
    kernel.post(question, message);
    return dueAtMs;
  }

  /** Whether a question of this run of the process still waits for its answer. */
  #isOpen(question: string): boolean {
    const cell = this.#deps.kernel.cells.get(question);
    if (cell === undefined) return false;
    return cell.checkpoint === undefined || (cell.checkpoint as QuestionState).phase === 'open';
  }
}

function isUnanswered(error: unknown): boolean {
  if (!(error instanceof OperatingError) || error.code !== 'TIMEOUT') return false;
  return (error.details as { readonly outcome?: unknown } | undefined)?.outcome === 'unknown';
}
