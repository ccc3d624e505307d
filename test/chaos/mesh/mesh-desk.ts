/** What a person at the desk of a mesh sees and does, over REST. */
import { z } from 'zod';

const nodeSchema = z.object({
  node: z.string(),
  role: z.string(),
  status: z.string(),
  agents: z.array(z.string()),
  calls: z.object({ running: z.number() }),
});
const effectSchema = z.object({ effect: z.string(), task: z.string(), idempotencyKey: z.string() });

/** A node as `troupe cluster` shows it. */
export type ShownNode = z.infer<typeof nodeSchema>;
/** A call in doubt. */
export type ShownEffect = z.infer<typeof effectSchema>;

const clusterSchema = z.object({ nodes: z.array(nodeSchema), stranded: z.array(z.unknown()) });
const effectsSchema = z.object({ effects: z.array(effectSchema), cursor: z.string().nullable() });
const tasksSchema = z.object({ tasks: z.array(z.object({ task: z.string() })) });
const PAGE = 200;

/** The desk of one node. */
export class MeshDesk {
  readonly #url: string;

  constructor(url: string) {
    this.#url = `${url}/api/v1`;
  }

  async cluster(): Promise<z.infer<typeof clusterSchema>> {
    return clusterSchema.parse(await this.#ask('cluster'));
  }

  /** The ids of some tasks with this status. */
  async tasks(status: string): Promise<readonly string[]> {
    const { tasks } = tasksSchema.parse(await this.#ask(`tasks?status=${status}&limit=${PAGE}`));
    return tasks.map(({ task }) => task);
  }

  /** All calls in doubt. */
  async doubts(): Promise<readonly ShownEffect[]> {
    const all: ShownEffect[] = [];
    let cursor: string | null = null;
    do {
      const after: string = cursor === null ? '' : `&cursor=${encodeURIComponent(cursor)}`;
      const page = effectsSchema.parse(await this.#ask(`effects?state=unknown&limit=${PAGE}${after}`));
      all.push(...page.effects);
      ({ cursor } = page);
    } while (cursor !== null);
    return all;
  }

  async resolve(effect: string, decision: object): Promise<void> {
    await this.#ask(`effects/${effect}`, decision);
  }

  async #ask(what: string, body?: object): Promise<unknown> {
    const response = await fetch(`${this.#url}/${what}`, {
      signal: AbortSignal.timeout(10_000),
      ...(body !== undefined && {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(body),
      }),
    });
    const text = await response.text();
    if (!response.ok) throw new TypeError(`${what}: ${response.status} ${text}`);
    return JSON.parse(text);
  }
}
