/**
 * The node's observable registers: what is loaded and what lives, for those who look (lists, metrics, later the dashboard).
 * Diagnostic: they show this run of the process, not what is committed.
 */
import { createStore } from '@xstate/store';
import type { AgentSource, AgentStatus } from './agent-status.ts';

/** One thing that the definition linter found in the machine of an agent. */
export interface AgentLint {
  /** An error is refused, so that what is registered has warnings alone. */
  readonly level: 'error' | 'warning';
  readonly rule: string;
  /** The id of the machine. */
  readonly machine: string;
  /** Where in it, e.g. `states.paying.invoke[0]`; empty for the machine as a whole. */
  readonly place: string;
  readonly problem: string;
  readonly wayOut: string;
}

/** One agent as others see it. */
export interface AgentEntry {
  readonly lint: readonly AgentLint[];
  readonly source: AgentSource;
  /** The node that its actors live on. */
  readonly node: string;
  /** As it was when it was last looked at. */
  readonly status: AgentStatus;
  readonly name: string;
  readonly version: string;
  readonly description?: string;
  readonly capabilities: readonly string[];
  readonly form: 'function' | 'machine';
  readonly keyed: boolean;
  readonly kind: string;
  readonly concurrency: number;
  readonly timeoutMs: number;
  readonly labels: Readonly<Record<string, string>>;
  readonly cost?: { readonly usd?: number; readonly tokens?: number };
  /** JSON Schemas, where the agent gives schemas that have one. */
  readonly input?: unknown;
  readonly output?: unknown;
}

/** One workflow as others see it. */
export interface WorkflowEntry {
  readonly name: string;
  readonly version: string;
  readonly description?: string;
  readonly steps: readonly string[];
  /** Whether it came with the node or was registered by a client. */
  readonly source: 'bundled' | 'registered';
}

/** One open session as others see it. */
export interface SessionEntry {
  readonly id: string;
  readonly principal: string;
  readonly codec: string;
  readonly sinceMs: number;
}

/** One breaker as others see it; times in ms since the epoch. */
export interface BreakerEntry {
  readonly breaker: string;
  readonly state: 'closed' | 'half-open' | 'open';
  readonly opens: number;
  readonly openedAt: number | null;
  readonly retryAt: number | null;
  readonly lastError: { readonly code: string; readonly message: string } | null;
}

/** All registers together. */
export interface RegistersContext {
  readonly agents: Readonly<Record<string, AgentEntry>>;
  readonly workflows: Readonly<Record<string, WorkflowEntry>>;
  readonly sessions: Readonly<Record<string, SessionEntry>>;
  /** Breakers that have opened in this run of the process, as they are now. Each change is an event of the node. */
  readonly breakers: Readonly<Record<string, BreakerEntry>>;
  /** Live actors by kind. */
  readonly census: Readonly<Record<string, number>>;
}

const EMPTY: RegistersContext = { agents: {}, workflows: {}, sessions: {}, breakers: {}, census: {} };

/** Makes the registers of one node. Keys of agents and workflows are `name@version`. */
export function createRegisters() {
  return createStore({
    context: EMPTY,
    on: {
      agentAdded: (context, event: { entry: AgentEntry }) => ({
        ...context,
        agents: { ...context.agents, [keyOf(event.entry)]: event.entry },
      }),
      agentsLookedAt: (context, event: { statuses: Readonly<Record<string, AgentStatus>> }) => {
        const changed = Object.entries(event.statuses).flatMap(([key, status]) => {
          const entry = context.agents[key];
          return entry === undefined || entry.status === status ? [] : [[key, { ...entry, status }] as const];
        });
        if (changed.length === 0) return context;
        return { ...context, agents: { ...context.agents, ...Object.fromEntries(changed) } };
      },
      agentRemoved: (context, event: { key: string }) => ({ ...context, agents: without(context.agents, event.key) }),
      workflowAdded: (context, event: { entry: WorkflowEntry }) => ({
        ...context,
        workflows: { ...context.workflows, [keyOf(event.entry)]: event.entry },
      }),
      workflowRemoved: (context, event: { key: string }) => ({
        ...context,
        workflows: without(context.workflows, event.key),
      }),
      sessionOpened: (context, event: { entry: SessionEntry }) => ({
        ...context,
        sessions: { ...context.sessions, [event.entry.id]: event.entry },
      }),
      sessionClosed: (context, event: { id: string }) => ({
        ...context,
        sessions: without(context.sessions, event.id),
      }),
      breakerChanged: (context, event: { entry: BreakerEntry }) => ({
        ...context,
        breakers: { ...context.breakers, [event.entry.breaker]: event.entry },
      }),
      counted: (context, event: { census: Readonly<Record<string, number>> }) => ({ ...context, census: event.census }),
    },
  });
}

export type Registers = ReturnType<typeof createRegisters>;

function keyOf(entry: { readonly name: string; readonly version: string }): string {
  return `${entry.name}@${entry.version}`;
}

function without<T>(record: Readonly<Record<string, T>>, key: string): Readonly<Record<string, T>> {
  const { [key]: _gone, ...rest } = record;
  return rest;
}
