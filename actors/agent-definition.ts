/**
 * What a developer says of an agent: a name, a version, what it can do, and how: by a function or by an XState machine.
 * `defineAgent` checks it and fills in the defaults, so that every later room can rely on it.
 */
import type { AnyStateMachine } from 'xstate';
import type { z } from 'zod';
import { OperatingError } from '../protocol/errors.ts';
import { LIMITS } from '../protocol/limits.ts';
import { isName, isVersion } from '../protocol/names.ts';
import type { EffectKind } from '../runtime/host.ts';
import type { KeptClass } from '../runtime/machine-classes.ts';
import { LINT_RULES, type LintRule } from '../runtime/machine-lint.ts';
import type { AgentContext } from './agent-context.ts';
import { isOfferable } from './capability.ts';
import { isCoordinator, parseCoordinator } from './coordinator.ts';
import type { Probe } from './doubt.ts';
import { type HealthCheck, type HealthPlan, healthFaults, healthPlan } from './health-plan.ts';
import { type Migration, migrationFaults } from './migration.ts';
import { hearingFaults, type TopicHandler } from './topics/topic-handler.ts';

/**
 * How failed attempts are repeated. The pause before attempt n+1 is `backoffMs` × `factor`^(n-1), at most `maxBackoffMs`,
 * less up to half of it at random.
 */
export interface RetryPolicy {
  readonly attempts: number;
  readonly backoffMs: number;
  readonly factor: number;
  readonly maxBackoffMs: number;
  readonly jitter: boolean;
}

/**
 * When an agent is given a rest: so many failures (of attempts, and crashes) within the period open its breaker for so long,
 * and for longer when it opens again and again. `failures` 0: it has no breaker.
 */
export interface BreakerPolicy {
  readonly failures: number;
  readonly periodMs: number;
  readonly openMs: number;
  /** What attempts that failed may have used up within the period; more opens it, whatever the number of failures. */
  readonly usd?: number;
  readonly tokens?: number;
}

/** What one run of an agent may use at most: so much is reserved of a budget before it, and counts where the run reports nothing. */
interface AgentCost {
  /** US dollars. */
  readonly usd?: number;
  /** Of models, in and out together. */
  readonly tokens?: number;
}

/** For how long a result stands for the same input; larger ones than `bytesMax`, packed, are not kept. */
interface AgentCache {
  readonly ttlMs?: number;
  readonly bytesMax?: number;
}

/** One outside call that a machine invokes by name through the registered actor `effect`. */
export interface EffectDefinition {
  readonly kind?: EffectKind;
  /** For `unsafe`: finds out whether a call that was cut off has happened. */
  readonly probe?: Probe;
  run(args: { readonly input: unknown; readonly ctx: AgentContext }): unknown;
}

/** What `defineAgent` takes. Only `name`, `version` and one of `run` and `machine` are required. */
export interface AgentOptions<Input = unknown, Output = unknown> {
  readonly name: string;
  readonly version: string;
  readonly description?: string;
  /** `text.review`, or with a version of its own `text.review@1.4.0`; without one it has the version of the agent. */
  readonly capabilities?: readonly string[];
  readonly input?: z.ZodType<Input>;
  readonly output?: z.ZodType<Output>;
  /** The short form. A throw fails the attempt; what it returns is the output. */
  run?(args: { readonly input: Input; readonly ctx: AgentContext }): Output | Promise<Output>;
  /** The full form: any XState v5 machine. Its `input` is the task's input, its `output` the result. */
  readonly machine?: AnyStateMachine;
  /** One durable actor per key, driven by `agent.tell` and `agent.ask`, instead of one per task. Machines only. */
  readonly keyed?: boolean;
  /** What may be done with `run` after a crash in the middle of it. Default `keyed`: it runs again, its journal is kept. */
  readonly kind?: EffectKind;
  /** For a `run` that is `unsafe`: finds out whether one that was cut off has happened. */
  readonly probe?: Probe;
  /** Calls of this agent at one time, on one node. */
  readonly concurrency?: number;
  /** One attempt of `run`, or one call of a machine; 0 for no limit. Waiting (timers, `ctx.sleep`) in a machine is not limited by it. */
  readonly timeoutMs?: number;
  readonly retry?: Partial<RetryPolicy>;
  readonly breaker?: Partial<BreakerPolicy>;
  /** The most that one run costs: for budgets, and for those who choose between agents. Without it a run costs nothing. */
  readonly cost?: AgentCost;
  /** Its results are kept for the same input (docs/cache.md). Never where any of its calls is `unsafe`. */
  readonly cache?: AgentCache;
  readonly labels?: Readonly<Record<string, string>>;
  /** Outside calls of a machine, by name. */
  readonly effects?: Readonly<Record<string, EffectDefinition>>;
  /** Classes of your own whose instances the machine may hold in its state. */
  readonly classes?: readonly KeptClass[];
  /** What the machine's context must fit when a state of an earlier version is taken over. It is held against it, not changed by it. */
  readonly context?: z.ZodType;
  /** How actors that an earlier version stored are taken over. Without it they go on where that version is loaded as well, or rest. */
  readonly migrate?: readonly Migration[];
  /** Rules of the definition linter whose warnings are not wanted (docs/agents-machines.md). Machines only. */
  readonly lint?: { readonly ignore?: readonly LintRule[] };
  /**
   * Topics that it hears of, by their patterns: each is a durable subscription. A message wakes the actor under `key` of a keyed
   * agent, and starts a task of any other.
   */
  readonly on?: Readonly<Record<string, TopicHandler>>;
  /** The coordinator, `NAME` or `NAME/KEY` of a keyed agent: messages to actors of this agent go to it. Keyed agents only. */
  readonly via?: string;
  /** Throws, or answers false, when the agent cannot work now; alone, or with how often it is asked (docs/registry.md). */
  readonly health?: HealthCheck['check'] | HealthCheck;
}

/** An agent, checked and complete. */
export interface AgentDefinition extends Omit<AgentOptions, 'health'> {
  readonly [AGENT]: true;
  readonly health?: HealthPlan;
  readonly capabilities: readonly string[];
  readonly kind: EffectKind;
  readonly keyed: boolean;
  readonly concurrency: number;
  readonly timeoutMs: number;
  readonly retry: RetryPolicy;
  readonly breaker: BreakerPolicy;
}

/** Marks what `defineAgent` made, also where two copies of the package are loaded. */
const AGENT = Symbol.for('troupe.agent');

const DEFAULTS = {
  concurrency: 16,
  timeoutMs: 60_000,
  retry: { attempts: 3, backoffMs: 200, factor: 2, maxBackoffMs: 30_000, jitter: true },
  breaker: { failures: 5, periodMs: 30_000, openMs: 10_000 },
} as const;

const CONCURRENCY_MAX = 10_000;
const ATTEMPTS_MAX = 100;
const FAILURES_MAX = 1_000;

/**
 * Defines an agent.
 * Errors: INVALID_INPUT, with every fault of the definition in `details.faults`.
 */
export function defineAgent<Input = unknown, Output = unknown>(options: AgentOptions<Input, Output>): AgentDefinition {
  const faults = faultsOf(options);
  if (faults.length > 0) {
    throw new OperatingError(
      'INVALID_INPUT',
      `The agent ${String(options.name)} cannot be defined: ${faults.join('; ')}.`,
      { details: { faults } },
    );
  }
  const { health, ...rest } = options as AgentOptions;
  return Object.freeze({
    ...rest,
    ...(health !== undefined && { health: healthPlan(health) }),
    [AGENT]: true as const,
    capabilities: [...(options.capabilities ?? [])],
    kind: options.kind ?? 'keyed',
    keyed: options.keyed ?? false,
    concurrency: options.concurrency ?? DEFAULTS.concurrency,
    timeoutMs: options.timeoutMs ?? DEFAULTS.timeoutMs,
    retry: { ...DEFAULTS.retry, ...options.retry },
    breaker: { ...DEFAULTS.breaker, ...options.breaker },
  });
}

/** The address of the supervisor of an agent's actors. */
export function agentSupervisor(name: string): string {
  return `supervisor/agents/${name}`;
}

/** Whether a value (of a module that was loaded, say) was made by `defineAgent`. */
export function isAgentDefinition(value: unknown): value is AgentDefinition {
  return typeof value === 'object' && value !== null && AGENT in value;
}

function faultsOf(options: AgentOptions): string[] {
  const faults: string[] = [];
  const check = (ok: boolean, fault: string): void => {
    if (!ok) faults.push(fault);
  };
  check(isName(options.name), '`name` must be a name such as "shout" or "text.shout"');
  check(isVersion(options.version), '`version` must be a semantic version such as "1.0.0"');
  check(
    (options.run === undefined) !== (options.machine === undefined),
    'exactly one of `run` (a function) and `machine` (an XState machine) must be given',
  );
  if (options.migrate !== undefined)
    faults.push(
      ...migrationFaults(options.migrate, { version: options.version, isMachine: options.machine !== undefined }),
    );
  check(options.context === undefined || options.machine !== undefined, '`context` is for machines');
  faults.push(...messageFaults(options));
  for (const rule of options.lint?.ignore ?? [])
    check(
      LINT_RULES.includes(rule),
      `\`lint.ignore\` names ${JSON.stringify(rule)}: the rules are ${LINT_RULES.join(', ')}`,
    );
  faults.push(...offerFaults(options));
  const { concurrency, timeoutMs, retry, breaker } = options;
  check(
    concurrency === undefined || isWhole(concurrency, 1, CONCURRENCY_MAX),
    `\`concurrency\` must be a whole number from 1 to ${CONCURRENCY_MAX}`,
  );
  check(
    timeoutMs === undefined || (Number.isFinite(timeoutMs) && timeoutMs >= 0),
    '`timeoutMs` must be a number of milliseconds, or 0 for no limit',
  );
  check(
    retry?.attempts === undefined || isWhole(retry.attempts, 1, ATTEMPTS_MAX),
    `\`retry.attempts\` must be a whole number from 1 to ${ATTEMPTS_MAX}`,
  );
  check(
    breaker?.failures === undefined || isWhole(breaker.failures, 0, FAILURES_MAX),
    `\`breaker.failures\` must be a whole number from 0 (no breaker) to ${FAILURES_MAX}`,
  );
  for (const [name, value] of Object.entries({
    'retry.backoffMs': retry?.backoffMs,
    'retry.factor': retry?.factor,
    'retry.maxBackoffMs': retry?.maxBackoffMs,
    'breaker.periodMs': breaker?.periodMs,
    'breaker.openMs': breaker?.openMs,
  })) {
    check(value === undefined || (Number.isFinite(value) && value >= 0), `\`${name}\` must be a number of 0 or more`);
  }
  checkCosts(options, check);
  check(
    options.kind === undefined || ['pure', 'keyed', 'unsafe'].includes(options.kind),
    '`kind` must be "pure", "keyed" or "unsafe"',
  );
  check(
    options.probe === undefined || (options.kind === 'unsafe' && options.run !== undefined),
    'a `probe` says what came of a `run` of kind "unsafe"; no other call is ever in doubt',
  );
  for (const [name, effect] of Object.entries(options.effects ?? {})) {
    check(
      effect.probe === undefined || effect.kind === 'unsafe',
      `the effect ${name} has a \`probe\` but is not of kind "unsafe": no other call is ever in doubt`,
    );
  }
  return faults;
}

function offerFaults({ capabilities = [], health }: AgentOptions): readonly string[] {
  const faults = capabilities
    .filter((capability) => !isOfferable(capability))
    .map((one) => `the capability ${JSON.stringify(one)} is not a name such as "text.review", or one with a version`);
  return health === undefined ? faults : [...faults, ...healthFaults(health)];
}

function messageFaults(options: AgentOptions): readonly string[] {
  const { name, keyed, via, machine } = options;
  const isVia = via === undefined || (keyed === true && isCoordinator(via) && parseCoordinator(via).agent !== name);
  const faults = [...hearingFaults(options)];
  if (!isVia) faults.push('`via` names another keyed agent, NAME or NAME/KEY, and is for keyed agents');
  if (keyed === true && machine === undefined) faults.push('a keyed agent must be a machine');
  return faults;
}

/** What it costs, what its failures may cost, and what is kept of it. */
function checkCosts({ cost, breaker, cache, keyed }: AgentOptions, check: (ok: boolean, fault: string) => void): void {
  for (const [name, usd] of [['cost.usd', cost?.usd] as const, ['breaker.usd', breaker?.usd] as const])
    check(usd === undefined || (Number.isFinite(usd) && usd >= 0), `\`${name}\` must be a number of 0 or more`);
  for (const [name, value, min, max] of [
    ['cost.tokens', cost?.tokens, 0, Number.MAX_SAFE_INTEGER] as const,
    ['breaker.tokens', breaker?.tokens, 0, Number.MAX_SAFE_INTEGER] as const,
    ['cache.ttlMs', cache?.ttlMs, 1, LIMITS.durationMaxMs] as const,
    ['cache.bytesMax', cache?.bytesMax, 1, LIMITS.cacheEntryBytesMax] as const,
  ])
    check(value === undefined || isWhole(value, min, max), `\`${name}\` must be a whole number from ${min} to ${max}`);
  check(cache === undefined || keyed !== true, 'a keyed agent has no results that could be kept: leave out `cache`');
}

function isWhole(value: number, min: number, max: number): boolean {
  return Number.isInteger(value) && value >= min && value <= max;
}
