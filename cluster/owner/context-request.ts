/**
 * What the code of a call on another node asks of its context, done with the owner's own context of that call: the journal, durable
 * waits, questions and budgets are the same there as here.
 */
import type { CallerContext } from '../../actors/agent-context.ts';
import type { CallOptions } from '../../actors/journal.ts';
import type { CallOutcome } from '../../actors/journal-shelf.ts';
import { isProbeAnswer, type ProbeAnswer } from '../../actors/doubt.ts';
import { OperatingError } from '../../protocol/errors.ts';
import type { MeshMessageOf } from '../../protocol/mesh-messages.ts';
import type { EffectKind } from '../../runtime/host.ts';

/** Has a function run that came with the request. Errors: what it throws; EFFECT_UNKNOWN where its node is lost. */
export type Invoke = (which: 'do' | 'probe', args: readonly unknown[]) => Promise<unknown>;

/** How a request is done. */
export interface RequestPlace {
  readonly ctx: CallerContext;
  readonly invoke: Invoke;
  /** The function may have been at work when this node began anew. */
  readonly isJoined: boolean;
}

type Args = readonly unknown[];
type Verb = (place: RequestPlace, args: Args) => unknown;

/** How a journaled call may be treated, as it travels. */
interface SentOptions {
  readonly kind?: EffectKind;
  readonly args?: unknown;
  readonly retry?: CallOptions['retry'];
  readonly hasProbe?: boolean;
}

const VERBS: Readonly<Record<string, Verb>> = {
  journal: (place, [name, sent]) =>
    place.ctx.journal(nameOf(name), (key) => place.invoke('do', [key]), optionsOf(place, sent)),
  once: (place, [sent]) => place.ctx.once(() => place.invoke('do', []), optionsOf(place, sent)),
  sleep: ({ ctx }, [ms]) => ctx.sleep(Number(ms)),
  approval: ({ ctx }, [request]) => ctx.approval(request as never),
  tell: ({ ctx }, args) => ctx.tell(...(args as Parameters<CallerContext['tell']>)),
  ask: ({ ctx }, args) => ctx.ask(...(args as Parameters<CallerContext['ask']>)),
  publish: ({ ctx }, args) => ctx.publish(...(args as Parameters<CallerContext['publish']>)),
  broadcast: ({ ctx }, args) => ctx.broadcast(...(args as Parameters<CallerContext['broadcast']>)),
  join: ({ ctx }, [group]) => ctx.join(nameOf(group)),
  leave: ({ ctx }, [group]) => ctx.leave(nameOf(group)),
  'state.get': ({ ctx }, [scope, name]) => stateOf(ctx, scope).get(nameOf(name)),
  'state.set': ({ ctx }, [scope, name, ...rest]) =>
    stateOf(ctx, scope).set(nameOf(name), ...(rest as [unknown, object?])),
  'state.remove': ({ ctx }, [scope, name, options]) => stateOf(ctx, scope).remove(nameOf(name), given(options)),
  'state.update': ({ ctx, invoke }, [scope, name, options]) =>
    stateOf(ctx, scope).update(nameOf(name), (value) => invoke('do', [value]), given(options)),
  'state.lock': ({ ctx }, [scope, name, options]) => stateOf(ctx, scope).lock(nameOf(name), options as never),
  'state.renew': ({ ctx }, [scope, name, token, ttlMs]) =>
    stateOf(ctx, scope).renew(nameOf(name), Number(token), Number(ttlMs)),
  'state.unlock': ({ ctx }, [scope, name, token]) => stateOf(ctx, scope).unlock(nameOf(name), Number(token)),
  spend: ({ ctx }, [spending]) => ctx.budget.spend(spending as never),
  model: ({ ctx }, [request]) => ctx.model(request),
  tool: ({ ctx }, [name, input]) => ctx.tool(nameOf(name), input),
};

/** Does it. Errors: INVALID_INPUT for what nobody can ask; those of the context. */
export async function answerRequest(
  place: RequestPlace,
  { verb, args }: Pick<MeshMessageOf<'call.request'>, 'verb' | 'args'>,
): Promise<unknown> {
  const go = Object.hasOwn(VERBS, verb) ? VERBS[verb] : undefined;
  if (go === undefined) throw new OperatingError('INVALID_INPUT', `A context has no ${JSON.stringify(verb)}.`);
  return await go(place, args);
}

function optionsOf({ invoke, isJoined }: RequestPlace, sent: unknown): CallOptions {
  const { kind, args, retry, hasProbe } = (sent ?? {}) as SentOptions;
  if (kind !== undefined && !['pure', 'keyed', 'unsafe'].includes(kind))
    throw new OperatingError('INVALID_INPUT', 'The kind of a journaled call is pure, keyed or unsafe.');
  return {
    ...(kind !== undefined && { kind }),
    ...(args !== undefined && { args }),
    ...(retry !== undefined && { retry }),
    ...(hasProbe === true && {
      probe: async ({ idempotencyKey, input }) => (await invoke('probe', [idempotencyKey, input])) as ProbeAnswer,
    }),
    // Its node has gone on with it, and knows what came of it.
    ...(isJoined && { underWay: (key: string) => madeMeanwhile(invoke, key, args) }),
  };
}

/** What came of a call that a node has made since; undefined where it has not made it, or where it failed. */
async function madeMeanwhile(invoke: Invoke, key: string, args: unknown): Promise<CallOutcome | undefined> {
  const answer = await invoke('probe', [key, args ?? null]);
  if (!isProbeAnswer(answer) || answer === 'unknown' || !answer.happened) return undefined;
  return { ok: true, value: answer.value };
}

function stateOf(ctx: CallerContext, scope: unknown): ReturnType<CallerContext['state']> {
  return ctx.state(typeof scope === 'string' ? scope : undefined);
}

function given(options: unknown): object {
  return options ?? {};
}

function nameOf(name: unknown): string {
  if (typeof name === 'string') return name;
  throw new OperatingError('INVALID_INPUT', 'A request of a context names what it is for with a string.');
}
