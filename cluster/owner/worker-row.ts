/** A worker as the store keeps it: what it offered when it was there last, so that unfinished work finds its agents after a restart. */
import { z } from 'zod';
import { type AgentOffer, agentOfferSchema } from '../../protocol/mesh-messages.ts';
import type { DefinitionWrite } from '../../runtime/stores/store.ts';

/** Another shape of the row needs another number. */
const FORMAT = 1;
/** Rows are by the name of the node; what else a row of the registry has is the same for all. */
const VERSION = '1';

const bodySchema = z.object({
  format: z.literal(FORMAT),
  seenAtMs: z.number(),
  labels: z.record(z.string(), z.string()),
  agents: z.array(agentOfferSchema),
  hasLeft: z.literal(true).exactOptional(),
});

/** What a row says. */
export interface WorkerRow {
  readonly node: string;
  readonly seenAtMs: number;
  readonly labels: Readonly<Record<string, string>>;
  readonly agents: readonly AgentOffer[];
  /** In good order: it holds nothing, and is not waited for. */
  readonly hasLeft?: true;
}

/** Its row. */
export function workerRow({ node, ...rest }: WorkerRow): DefinitionWrite {
  return { kind: 'worker', name: node, version: VERSION, body: { format: FORMAT, ...rest } };
}

/** Takes the row away. */
export function noWorkerRow(node: string): DefinitionWrite {
  return { kind: 'worker', name: node, version: VERSION, body: null };
}

/** What a row says; undefined for one that cannot be read. */
export function readWorkerRow({ name, body }: DefinitionWrite): WorkerRow | undefined {
  const parsed = bodySchema.safeParse(body);
  if (!parsed.success) return undefined;
  const { format: _one, ...rest } = parsed.data;
  return { node: name, ...rest };
}
