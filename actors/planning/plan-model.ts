/**
 * The port to a model that makes plans. What it answers is taken as a suggestion of a stranger: it is held against the shape of
 * graphs and judged like one that came over the wire, and what it may name is what it was told of.
 */
import type { GraphFault } from '../workflow/graph-faults.ts';

/** What a model is told. All of it is plain data. */
export interface PlanRequest {
  readonly goal: string;
  readonly input: unknown;
  /** What steps may be done by. */
  readonly agents: readonly PlanAgent[];
  readonly workflows: readonly { readonly name: string; readonly description?: string }[];
  /** The JSON Schema of a graph: what is to be answered. */
  readonly schema: unknown;
  /** What was wrong with the answer before, to be mended. */
  readonly previous?: { readonly graph: unknown; readonly faults: readonly GraphFault[] };
}

/** An agent as a model is told of it. */
export interface PlanAgent {
  readonly name: string;
  readonly description?: string;
  readonly capabilities: readonly string[];
  readonly input?: unknown;
  readonly output?: unknown;
}

/** What makes plans. */
export interface PlanModel {
  /** For people. */
  readonly name: string;
  /** A graph that reaches the goal, as JSON. A throw that may pass is tried again. */
  propose(request: PlanRequest, signal: AbortSignal): Promise<unknown>;
}
