/**
 * `ctx.approval`: what a function asks a person. The question is asked once, whatever happens to the function: that it was asked,
 * and what was answered, are entries of its journal, which its step keeps. The step owns the approval and records the answer;
 * the function waits in its place, and holds nothing meanwhile.
 */
import { hash } from 'node:crypto';
import { z } from 'zod';
import { type ErrorBody, OperatingError } from '../../protocol/errors.ts';
import { approvalSchema } from '../../protocol/graph.ts';
import { isStepId } from '../../protocol/ids.ts';
import { issuesOf, summaryOf } from '../../protocol/issues.ts';
import { LIMITS } from '../../protocol/limits.ts';
import type { Kernel } from '../../runtime/kernel.ts';
import type { CallPlace } from '../ledger.ts';
import { type ApprovalDecision, approvalSpec } from './approval.ts';
import type { ApprovalEntry } from './approval-answers.ts';
import { approvalId } from './approval-view.ts';

const requestSchema = approvalSchema.safeExtend({
  name: z
    .string()
    .refine((name) => isStepId(name) && name.length <= LIMITS.approvalNameCharactersMax, {
      error: `expected a letter, then letters, digits, _ or -, at most ${LIMITS.approvalNameCharactersMax} in all`,
    })
    .exactOptional(),
  /** What the person may look into. */
  details: z.unknown().exactOptional(),
});

/** What is asked: the fields of a workflow's `approval`, a `name` that tells several of one step apart, and `details`. */
export type ApprovalRequest = z.infer<typeof requestSchema>;

/** One call of `ctx.approval`. */
export interface ApprovalCall {
  readonly request: ApprovalRequest;
  /** Its entry in the journal. */
  readonly entry: string;
  /** It is the first of its name that the work asks for: its id needs nothing but the name. */
  readonly isFirst: boolean;
  readonly signal: AbortSignal;
}

/** Characters of a hash that tell approvals of one name apart. */
const MARK_CHARACTERS = 6;

/** Errors: INVALID_INPUT, with what is wrong where. */
export function readApprovalRequest(request: unknown): ApprovalRequest {
  const parsed = requestSchema.safeParse(request);
  if (parsed.success) return parsed.data;
  const issues = issuesOf(parsed.error);
  throw new OperatingError('INVALID_INPUT', `This cannot be asked for as an approval. ${summaryOf(issues)}`, {
    details: { issues },
  });
}

/** The calls of one node that wait for a person. */
export class ApprovalCalls {
  readonly #kernel: Kernel;
  readonly #waiting = new Map<string, Set<() => void>>();

  constructor(kernel: Kernel) {
    this.#kernel = kernel;
  }

  /** An answer is recorded, and committed: those who wait for it go on. */
  answered(owner: string, entry: string): void {
    const key = keyOf(owner, entry);
    const waiting = this.#waiting.get(key) ?? [];
    this.#waiting.delete(key);
    for (const wake of waiting) wake();
  }

  /**
   * Asks, where it was not asked before, and waits for the answer.
   * Errors: NOT_AVAILABLE (the work belongs to no task), CANCELED, DEADLINE_EXCEEDED (nobody came in time); the reason of the signal.
   */
  async decided(place: CallPlace, call: ApprovalCall): Promise<ApprovalDecision> {
    const { entry, signal } = call;
    for (;;) {
      signal.throwIfAborted();
      const known = this.#cellOf(place.owner).attached().get(entry) as ApprovalEntry | undefined;
      if (known?.state === 'done') return known.value as ApprovalDecision;
      if (known?.state === 'failed') throw OperatingError.fromBody(known.error as ErrorBody);
      if (known === undefined) this.#ask(place, call);
      await this.#answer(keyOf(place.owner, entry), signal);
    }
  }

  /** The entry, the approval and what the step is told are in one epoch. */
  #ask({ owner, work }: CallPlace, { request, entry, isFirst }: ApprovalCall): void {
    const { task, step, item } = work;
    if (task === undefined || step === undefined)
      throw new OperatingError('NOT_AVAILABLE', 'A keyed agent works for no task: it cannot ask for approvals.');
    const kernel = this.#kernel;
    const cell = this.#cellOf(owner);
    const { name = 'approval', message, details, ...approval } = request;
    const place = { task, step, ...(item !== undefined && { item }) };
    const id = approvalId({ ...place, name });
    const isFree = isFirst && !kernel.cells.has(`approval/${id.replaceAll('.', '/')}`);
    const mark = hash('sha256', entry).slice(0, MARK_CHARACTERS);
    const { priority, deadlineAtMs } = cell.spec;
    const spec = approvalSpec({
      ...{ ...place, name: isFree ? name : `${name}~${mark}`, owner, priority, approval },
      ...(message !== undefined && { message }),
      ...(details !== undefined && { details }),
      ...(deadlineAtMs !== undefined && { deadlineAtMs }),
    });
    kernel.act((port) => port.startChild(spec));
    kernel.attach(cell, entry, { kind: 'approval', address: spec.address, state: 'intended' } satisfies ApprovalEntry);
    kernel.post(owner, { type: 'run.asks', address: spec.address });
  }

  #answer(key: string, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const waiting = this.#waiting.get(key) ?? new Set();
      this.#waiting.set(key, waiting);
      const wake = (): void => {
        signal.removeEventListener('abort', leave);
        resolve();
      };
      const leave = (): void => {
        waiting.delete(wake);
        if (waiting.size === 0 && this.#waiting.get(key) === waiting) this.#waiting.delete(key);
        reject(signal.reason as Error);
      };
      waiting.add(wake);
      signal.addEventListener('abort', leave, { once: true });
    });
  }

  #cellOf(owner: string) {
    const cell = this.#kernel.cells.get(owner);
    if (cell !== undefined && cell.phase !== 'ended') return cell;
    throw new OperatingError('CANCELED', `${owner} is gone: nobody waits for this work any more.`);
  }
}

function keyOf(owner: string, entry: string): string {
  return `${owner}\0${entry}`;
}
