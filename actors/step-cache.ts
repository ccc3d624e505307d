/** A step and the results that are kept: it looks for one before an attempt, and leaves its own where it may. */
import type { CellPort } from '../runtime/cell-port.ts';
import { packState } from '../runtime/state-codec.ts';
import type { AgentDefinition } from './agent-definition.ts';
import { cachedAddress, cacheTerms, type CacheTerms, isUnsafe } from './cache/cache-terms.ts';
import type { CachePut } from './cache/cached-result.ts';
import type { StepState } from './step.ts';

/** Whether a result of this agent may be taken for the step's, and its own be kept. */
export function termsOf({ input }: Pick<StepState, 'input'>, agent: AgentDefinition): CacheTerms | undefined {
  // Most steps and agents say nothing of it.
  if (input.cache === undefined && agent.cache === undefined) return undefined;
  return input.seed === undefined ? cacheTerms(agent, input.cache) : undefined;
}

/** Asks for the result; the answer is `cache.hit`, or `cache.miss`: then it is this step that makes it. */
export function look(state: StepState, agent: AgentDefinition, port: CellPort): StepState {
  const address = cachedAddress(agent, state.input.input);
  // It is the one who makes it already, by an attempt that failed.
  if (state.making === address) return state;
  const free = leave(state, port);
  port.send(address, { type: 'cache.get', replyTo: port.address });
  return { ...free, phase: 'looking', making: address };
}

/** Where a result may be that can stand for an attempt which there is no money for; undefined where none is kept. */
export function peekAddress(
  { input }: StepState,
  agent: AgentDefinition,
  has: (address: string) => boolean,
): string | undefined {
  if (input.cache === false || input.seed !== undefined || isUnsafe(agent)) return undefined;
  const address = cachedAddress(agent, input.input);
  return has(address) ? address : undefined;
}

/** It will make no result: whoever waits for one does it. */
export function leave(state: StepState, port: CellPort): StepState {
  if (state.making === undefined) return state;
  const { making, ...rest } = state;
  port.send(making, { type: 'cache.leave', from: port.address });
  return rest;
}

/** It has made the result. Nothing is kept of what is too large, or was made by a call that may not be left out. */
export function keep(
  state: StepState,
  agent: AgentDefinition | undefined,
  made: { readonly output: unknown; readonly usd: number },
  port: CellPort,
): StepState {
  if (state.making === undefined) return state;
  const { making, startedAtMs, ...rest } = state;
  const terms = agent === undefined ? undefined : termsOf(state, agent);
  if (terms === undefined || hasUnsafeCall(port)) return leave(state, port);
  const bytes = packState(made.output).length;
  if (bytes > terms.bytesMax) return leave(state, port);
  const put: CachePut = {
    type: 'cache.put',
    from: port.address,
    value: made.output,
    ...{ bytes, ttlMs: terms.ttlMs, usd: made.usd },
    durationMs: Math.max(0, port.nowMs() - (startedAtMs ?? port.nowMs())),
  };
  port.send(making, put);
  return rest;
}

/** Its journal knows of calls that must be made for each who asks. */
function hasUnsafeCall(port: CellPort): boolean {
  for (const row of port.attached().values())
    if ((row as { readonly kind?: unknown } | null)?.kind === 'unsafe') return true;
  return false;
}
