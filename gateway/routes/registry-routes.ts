/** The workflows of the node. */
import { pageOf } from '../../actors/entry-page.ts';
import { OperatingError } from '../../protocol/errors.ts';
import { LIMITS } from '../../protocol/limits.ts';
import { parseReference } from '../../protocol/names.ts';

import { ANSWERS, ASKS } from '../rest-schemas.ts';
import { API, answers, type RestApp, type RouteDeps } from '../route-deps.ts';

/** Adds the routes of workflows. */
export function registerWorkflowRoutes(app: RestApp, { registry, registers, defineWorkflow }: RouteDeps): void {
  const tags = ['workflows'];
  const many = {
    tags,
    summary: 'The workflows that are registered, by name.',
    operationId: 'listWorkflows',
    querystring: ASKS.page,
    response: answers({ 200: [ANSWERS.workflowPage, 'A page of workflows.'] }),
  };
  app.get(`${API}/workflows`, { schema: many }, async (request) => {
    const { cursor, limit = LIMITS.listDefault } = request.query;
    const page = pageOf(Object.values(registers.getSnapshot().context.workflows), limit, cursor);
    return { workflows: page.entries, cursor: page.cursor };
  });

  const one = {
    tags,
    summary: 'One workflow, as it was registered, by its name or `name@version`.',
    operationId: 'getWorkflow',
    params: ASKS.name,
    response: answers({ 200: [ANSWERS.workflow, 'The workflow.'] }),
  };
  app.get(`${API}/workflows/:name`, { schema: one }, async (request) => {
    const { name } = request.params;
    const graph = registry.workflow(name);
    if (graph === undefined) throw new OperatingError('NOT_FOUND', `There is no workflow ${shown(name)}.`);
    return graph;
  });

  const define = {
    tags,
    summary: 'Register a workflow. A version that is registered already is taken again only with the same content.',
    operationId: 'defineWorkflow',
    body: ASKS.workflow,
    response: answers({ 201: [ANSWERS.workflow, 'It is registered, durably.'] }),
  };
  // The graph is judged as a whole, with the place of every fault, by those who run it.
  const validatorCompiler = () => (value: unknown) => ({ value });
  app.post(`${API}/workflows`, { schema: define, validatorCompiler }, async (request, reply) => {
    const graph = await defineWorkflow(request.body);
    reply.code(201).header('Location', `${API}/workflows/${graph.name}@${graph.version}`);
    return graph;
  });
}

/** A name as it may be repeated: only what could be one. */
function shown(reference: string): string {
  return parseReference(reference) === undefined ? 'of that name' : reference;
}
