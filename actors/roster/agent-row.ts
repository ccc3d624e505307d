/** An agent that was registered from a module, as the store keeps it: where its code is, and whether it drains. */
import { z } from 'zod';
import type { DefinitionWrite } from '../../runtime/stores/store.ts';
import type { AgentDefinition } from '../agent-definition.ts';

/** Another shape of the row needs another number. */
const FORMAT = 1;

const bodySchema = z.object({ format: z.literal(FORMAT), module: z.string(), isDraining: z.boolean() });

/** What a row says. */
export interface AgentRow {
  /** The path of the module. */
  readonly module: string;
  readonly isDraining: boolean;
}

/** Its row. */
export function agentRow({ name, version }: AgentDefinition, module: string, isDraining: boolean): DefinitionWrite {
  return { kind: 'agent', name, version, body: { format: FORMAT, module, isDraining } };
}

/** What a row says; undefined for one that cannot be read. */
export function readAgentRow({ body }: DefinitionWrite): AgentRow | undefined {
  const parsed = bodySchema.safeParse(body);
  return parsed.success ? parsed.data : undefined;
}
