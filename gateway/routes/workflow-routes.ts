/** The workflows that are registered: their versions, how many of each run, and running ones moved from one to another. */
import { pageOf } from '../../actors/entry-page.ts';
import { OperatingError } from '../../protocol/errors.ts';
import { LIMITS } from '../../protocol/limits.ts';
import { ANSWERS, ASKS } from '../rest-schemas.ts';
import { API, answers, type RestApp, type RouteDeps } from '../route-deps.ts';
import { WORKFLOW_ANSWERS, WORKFLOW_ASKS } from '../workflow-schemas.ts';
import { shown } from './agent-routes.ts';

/** Adds the routes of workflows. */
export function registerWorkflowRoutes(app: RestApp, { registry, workflows }: RouteDeps): void {
  const tags = ['workflows'];
  const many = {
    tags,
    summary: 'The versions of workflows, by name: those that are registered, and those that only run.',
    operationId: 'listWorkflows',
    querystring: ASKS.page,
    response: answers({ 200: [WORKFLOW_ANSWERS.page, 'A page of workflows.'] }),
  };
  app.get(`${API}/workflows`, { schema: many }, async (request) => {
    const { cursor, limit = LIMITS.listDefault } = request.query;
    const page = pageOf(workflows.list(), limit, cursor);
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
    const graph = await workflows.define(request.body);
    reply.code(201).header('Location', `${API}/workflows/${graph.name}@${graph.version}`);
    return graph;
  });

  const remove = {
    tags,
    summary: 'Take one version away, by `name@version`. What runs of it goes on.',
    operationId: 'removeWorkflow',
    params: ASKS.name,
    response: answers({ 200: [WORKFLOW_ANSWERS.removed, 'It is not registered any more, durably.'] }),
  };
  app.delete(`${API}/workflows/:name`, { schema: remove }, async (request) => workflows.remove(request.params.name));

  const migrate = {
    tags: ['tasks'],
    summary:
      'Move a task from the version of its workflow that it runs to another, where what it has begun is the same in both.',
    operationId: 'migrateTask',
    params: ASKS.id,
    body: WORKFLOW_ASKS.migration,
    response: answers({ 200: [WORKFLOW_ANSWERS.migrated, 'It goes on by the other version, durably.'] }),
  };
  app.post(`${API}/tasks/:id/migrate`, { schema: migrate }, async (request) => {
    const { id } = request.params;
    return { task: id, ...(await workflows.migrate(request.principal, id, request.body.workflow)) };
  });
}
