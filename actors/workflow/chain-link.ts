/** How one workflow leads to the next: what the tasks that follow have in common, and what each is given. */
import { LIMITS } from '../../protocol/limits.ts';
import type { FlowRun } from './flow-run.ts';
import { inputOfNext, isNext } from './graph-next.ts';

/** What a task of a chain hands on to those behind it. */
export interface ChainLink {
  readonly principal: string;
  readonly priority: number;
  readonly labels?: Readonly<Record<string, string>>;
  /** Tasks in front of it in its chain. */
  readonly depth: number;
  /** Tasks that it may still lead to, itself or through others: what all of a chain may, divided among its branches. */
  readonly left: number;
}

/** A task that follows. Its id is known before it is there, so that both logs can name each other. */
export interface NextTask {
  readonly task: string;
  readonly workflow: string;
  readonly input: unknown;
}

/** What an actor of a chain is sent. `endless`: the chain is over its bounds; what is named is not started, and said to have failed. */
export interface ChainOrder {
  readonly type: 'chain.start';
  readonly after: string;
  readonly link: ChainLink;
  readonly next: readonly NextTask[];
  readonly endless: boolean;
}

/**
 * What follows a workflow with this output, to be started durably, with the turn that sends it, and each once; undefined where
 * nothing does. Errors: INVALID_INPUT where an expression cannot be evaluated.
 */
export function orderOf(
  run: FlowRun,
  output: unknown,
  { task, chain }: { readonly task: string; readonly chain?: ChainLink },
  newTask: () => string,
): ChainOrder | undefined {
  if (chain === undefined) return undefined;
  const scope = { ...run.scope(), output: output ?? null };
  const wanted = run.plan.next.filter((one) => isNext(one, scope));
  if (wanted.length === 0) return undefined;
  const depth = chain.depth + 1;
  const left = Math.floor((chain.left - wanted.length) / wanted.length);
  const endless = depth > LIMITS.chainLinksMax || left < 0;
  // One that fails says it for all of them: what has no end must not end in a crowd.
  const next = (endless ? wanted.slice(0, 1) : wanted).map((one) => {
    return { task: newTask(), workflow: one.next.workflow, input: inputOfNext(one, scope) };
  });
  return { type: 'chain.start', after: task, link: { ...chain, depth, left }, next, endless };
}

/** The address of what starts the tasks behind one. */
export function chainAddress(task: string): string {
  return `chain/${task}`;
}
