/** The agents of the node: listed, looked at, registered and unregistered while it runs. */
import { OperatingError } from '../../protocol/errors.ts';
import { LIMITS } from '../../protocol/limits.ts';
import { pageThatFits } from '../../protocol/page-fit.ts';
import { HTTP_REPLY } from '../http-limits.ts';
import { parseReference } from '../../protocol/names.ts';
import { AGENT_ANSWERS, AGENT_ASKS } from '../agent-schemas.ts';
import { API, answers, type RestApp, type RouteDeps } from '../route-deps.ts';

const tags = ['agents'];

/** Adds the routes of agents. */
export function registerAgentRoutes(app: RestApp, deps: Pick<RouteDeps, 'roster'>): void {
  registerReading(app, deps);
  registerChanges(app, deps);
}

function registerReading(app: RestApp, { roster }: Pick<RouteDeps, 'roster'>): void {
  const many = {
    tags,
    summary: 'The agents that are registered, by name, with how they stand.',
    operationId: 'listAgents',
    querystring: AGENT_ASKS.list,
    response: answers({ 200: [AGENT_ANSWERS.page, 'A page of agents.'] }),
  };
  app.get(`${API}/agents`, { schema: many }, async (request) => {
    const { cursor, limit = LIMITS.listDefault, ...query } = request.query;
    return await pageThatFits(limit, async (size) => roster.page(query, size, cursor), HTTP_REPLY);
  });

  const one = {
    tags,
    summary: 'One agent, by its name or `name@version`; also one that has gone of late.',
    operationId: 'getAgent',
    params: AGENT_ASKS.name,
    response: answers({ 200: [AGENT_ANSWERS.agent, 'The agent.'] }),
  };
  app.get(`${API}/agents/:name`, { schema: one }, async (request) => {
    const { name } = request.params;
    const view = roster.view(name);
    if (view === undefined) throw new OperatingError('NOT_FOUND', `There is no agent ${shown(name)}.`);
    return view;
  });
}

function registerChanges(app: RestApp, { roster }: Pick<RouteDeps, 'roster'>): void {
  const register = {
    tags,
    summary:
      'Register the agents that a module exports, all or none. FORBIDDEN where the settings do not allow its folder.',
    operationId: 'registerAgents',
    body: AGENT_ASKS.module,
    response: answers({ 201: [AGENT_ANSWERS.registered, 'They are registered, durably.'] }),
  };
  app.post(`${API}/agents`, { schema: register }, async (request, reply) => {
    const agents = await roster.registerModule(request.body.module);
    const [first] = agents;
    reply.code(201);
    if (first !== undefined) reply.header('Location', `${API}/agents/${first.name}@${first.version}`);
    return { agents };
  });

  const unregister = {
    tags,
    summary: 'Give an agent no new work. It drains: what it has in hand goes on, and then it is gone.',
    operationId: 'unregisterAgent',
    params: AGENT_ASKS.name,
    response: answers({ 202: [AGENT_ANSWERS.agent, 'It is `draining`, or `gone` already.'] }),
  };
  app.delete(`${API}/agents/:name`, { schema: unregister }, async (request, reply) => {
    reply.code(202);
    return await roster.unregister(request.params.name);
  });
}

/** A name as it may be repeated: only what could be one. */
export function shown(reference: string): string {
  return parseReference(reference) === undefined ? 'of that name' : reference;
}
