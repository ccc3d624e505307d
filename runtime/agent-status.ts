/** How an agent stands, and where it came from, in the words that everyone uses. */

/** Where an agent came from: with the node, by its settings, from the program that it is part of, by a module at run time. */
export type AgentSource = 'bundled' | 'settings' | 'program' | 'module' | 'node';

/** How an agent stands (docs/registry.md). */
export const AGENT_STATUSES = ['ready', 'busy', 'degraded', 'open', 'draining', 'gone'] as const;
export type AgentStatus = (typeof AGENT_STATUSES)[number];
