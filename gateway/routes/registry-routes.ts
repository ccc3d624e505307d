/** What the node can do: its agents. */
import { pageOf } from '../../actors/entry-page.ts';
import { OperatingError } from '../../protocol/errors.ts';
import { LIMITS } from '../../protocol/limits.ts';
import { parseReference } from '../../protocol/names.ts';

import { ANSWERS, ASKS } from '../rest-schemas.ts';
import { API, answers, type RestApp, type RouteDeps } from '../route-deps.ts';

/** Adds the routes of agents. */
export function registerRegistryRoutes(app: RestApp, { registry, registers }: RouteDeps): void {
  const tags = ['agents'];
  const many = {
    tags,
    summary: 'The agents that are registered, by name.',
    operationId: 'listAgents',
    querystring: ASKS.agents,
    response: answers({ 200: [ANSWERS.agentPage, 'A page of agents.'] }),
  };
  app.get(`${API}/agents`, { schema: many }, async (request) => {
    const { capability, cursor, limit = LIMITS.listDefault } = request.query;
    const all = Object.values(registers.getSnapshot().context.agents);
    const fitting = capability === undefined ? all : all.filter((entry) => entry.capabilities.includes(capability));
    const page = pageOf(fitting, limit, cursor);
    return { agents: page.entries, cursor: page.cursor };
  });

  const one = {
    tags,
    summary: 'One agent, by its name or `name@version`.',
    operationId: 'getAgent',
    params: ASKS.name,
    response: answers({ 200: [ANSWERS.agent, 'The agent.'] }),
  };
  app.get(`${API}/agents/:name`, { schema: one }, async (request) => {
    const { name } = request.params;
    const found = registry.agent(name);
    const entry = found && registers.getSnapshot().context.agents[`${found.name}@${found.version}`];
    if (entry === undefined) throw new OperatingError('NOT_FOUND', `There is no agent ${shown(name)}.`);
    return entry;
  });
}

/** A name as it may be repeated: only what could be one. */
export function shown(reference: string): string {
  return parseReference(reference) === undefined ? 'of that name' : reference;
}
