/** Plans before they run, and the templates that goals in words are planned by. */
import { pageOf } from '../../actors/entry-page.ts';
import { LIMITS } from '../../protocol/limits.ts';
import { PLAN_ANSWERS, PLAN_ASKS } from '../plan-schemas.ts';
import { ASKS } from '../rest-schemas.ts';
import { API, answers, type RestApp, type RouteDeps } from '../route-deps.ts';

const tags = ['plans'];
/** A model may take its time. */
const PLAN_MAX_MS = 300_000;

/** Adds the routes of plans. */
export function registerPlanRoutes(app: RestApp, { planning, closing }: Pick<RouteDeps, 'planning' | 'closing'>): void {
  const plan = {
    tags,
    summary: 'What would run for a goal, a workflow or a graph, and what it is expected to take. Nothing is begun.',
    operationId: 'makePlan',
    body: PLAN_ASKS.question,
    response: answers({ 200: [PLAN_ANSWERS.plan, 'The plan.'] }),
  };
  app.post(`${API}/plans`, { schema: plan, handlerTimeout: PLAN_MAX_MS }, async (request) =>
    planning.plan(request.body, closing),
  );

  const many = {
    tags,
    summary: 'The plan templates, by name.',
    operationId: 'listTemplates',
    querystring: ASKS.page,
    response: answers({ 200: [PLAN_ANSWERS.templates, 'A page of templates.'] }),
  };
  app.get(`${API}/templates`, { schema: many }, async (request) => {
    const { cursor, limit = LIMITS.listDefault } = request.query;
    const page = pageOf(planning.templates(), limit, cursor);
    return { templates: page.entries, cursor: page.cursor };
  });

  const one = {
    tags,
    summary: 'One plan template, by its name or `name@version`.',
    operationId: 'getTemplate',
    params: ASKS.name,
    response: answers({ 200: [PLAN_ANSWERS.template, 'The template.'] }),
  };
  app.get(`${API}/templates/:name`, { schema: one }, async (request) => planning.template(request.params.name));

  const register = {
    tags,
    summary:
      'Register a plan template. A version that is registered already is taken again only with the same content.',
    operationId: 'defineTemplate',
    body: PLAN_ASKS.template,
    response: answers({ 201: [PLAN_ANSWERS.template, 'It is registered, durably.'] }),
  };
  // It is judged as a whole, with the place of every fault, by those who plan.
  const validatorCompiler = () => (value: unknown) => ({ value });
  app.post(`${API}/templates`, { schema: register, validatorCompiler }, async (request, reply) => {
    const template = await planning.register(request.body);
    reply.code(201).header('Location', `${API}/templates/${template.name}@${template.version}`);
    return template;
  });

  const remove = {
    tags,
    summary: 'Forget a plan template. What was planned by it goes on.',
    operationId: 'deleteTemplate',
    params: ASKS.name,
    response: answers({ 200: [PLAN_ANSWERS.template, 'It was this one.'] }),
  };
  app.delete(`${API}/templates/:name`, { schema: remove }, async (request) => planning.unregister(request.params.name));
}
