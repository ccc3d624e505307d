/** Schedules: tasks that are submitted at times, made, looked at, held, run now, replaced, removed. */
import { LIMITS } from '../../protocol/limits.ts';
import { API, answers, type RestApp, type RouteDeps } from '../route-deps.ts';
import { SCHEDULE_ANSWERS, SCHEDULE_ASKS } from '../schedule-schemas.ts';

const tags = ['schedules'];

/** Adds the routes of schedules. */
export function registerScheduleRoutes(app: RestApp, deps: Pick<RouteDeps, 'schedules'>): void {
  registerLooks(app, deps);
  registerChanges(app, deps);
  registerOrders(app, deps);
}

function registerLooks(app: RestApp, { schedules }: Pick<RouteDeps, 'schedules'>): void {
  const many = {
    tags,
    summary: 'Schedules, by name, with their next times and last runs.',
    operationId: 'listSchedules',
    querystring: SCHEDULE_ASKS.page,
    response: answers({ 200: [SCHEDULE_ANSWERS.page, 'A page of schedules.'] }),
  };
  app.get(`${API}/schedules`, { schema: many }, async (request) => {
    const { cursor, limit = LIMITS.listDefault } = request.query;
    const page = await schedules.list(request.principal, limit, cursor);
    return { schedules: page.schedules, cursor: page.cursor ?? null };
  });

  const one = {
    tags,
    summary: 'One schedule, with what it submits, and how the tasks of its last runs stand.',
    operationId: 'getSchedule',
    params: SCHEDULE_ASKS.name,
    response: answers({ 200: [SCHEDULE_ANSWERS.schedule, 'The schedule as it stands.'] }),
  };
  app.get(`${API}/schedules/:name`, { schema: one }, async (request) =>
    schedules.get(request.principal, request.params.name),
  );
}

function registerChanges(app: RestApp, { schedules }: Pick<RouteDeps, 'schedules'>): void {
  const create = {
    tags,
    summary:
      'Make a schedule. The same one again is answered like the first; another one of that name is STATE_CONFLICT.',
    operationId: 'createSchedule',
    body: SCHEDULE_ASKS.create,
    response: answers({
      200: [SCHEDULE_ANSWERS.schedule, 'It was there already.'],
      201: [SCHEDULE_ANSWERS.schedule, 'It is made, durably.'],
    }),
  };
  app.post(`${API}/schedules`, { schema: create }, async (request, reply) => {
    const { name, ...spec } = request.body;
    const { view, created } = await schedules.put(request.principal, name, spec, 'create');
    if (created) reply.code(201).header('Location', `${API}/schedules/${name}`);
    return view;
  });

  const replace = {
    tags,
    summary: 'Replace a schedule, or make it. Its runs under way go on, and its history stays.',
    operationId: 'replaceSchedule',
    params: SCHEDULE_ASKS.name,
    body: SCHEDULE_ASKS.replace,
    response: answers({
      200: [SCHEDULE_ANSWERS.schedule, 'It is replaced, durably.'],
      201: [SCHEDULE_ANSWERS.schedule, 'It is made, durably.'],
    }),
  };
  app.put(`${API}/schedules/:name`, { schema: replace }, async (request, reply) => {
    const { name } = request.params;
    const { view, created } = await schedules.put(request.principal, name, request.body, 'replace');
    if (created) reply.code(201).header('Location', `${API}/schedules/${name}`);
    return view;
  });

  const remove = {
    tags,
    summary: 'Remove a schedule. Tasks that it has submitted go on.',
    operationId: 'removeSchedule',
    params: SCHEDULE_ASKS.name,
    response: answers({ 200: [SCHEDULE_ANSWERS.removed, 'It is gone, durably.'] }),
  };
  app.delete(`${API}/schedules/:name`, { schema: remove }, async (request) => {
    const { name } = request.params;
    await schedules.remove(request.principal, name);
    return { schedule: name, removed: true };
  });
}

function registerOrders(app: RestApp, { schedules }: Pick<RouteDeps, 'schedules'>): void {
  const pause = {
    tags,
    summary: 'Hold a schedule: no run begins but those that someone asks for.',
    operationId: 'pauseSchedule',
    params: SCHEDULE_ASKS.name,
    response: answers({ 200: [SCHEDULE_ANSWERS.schedule, 'It is held, durably.'] }),
  };
  app.post(`${API}/schedules/:name/pause`, { schema: pause }, async (request) =>
    schedules.pause(request.principal, request.params.name),
  );

  const resume = {
    tags,
    summary: 'Let a schedule go on, from now: times that passed while it was held were not missed.',
    operationId: 'resumeSchedule',
    params: SCHEDULE_ASKS.name,
    response: answers({ 200: [SCHEDULE_ANSWERS.schedule, 'It goes on, durably.'] }),
  };
  app.post(`${API}/schedules/:name/resume`, { schema: resume }, async (request) =>
    schedules.resume(request.principal, request.params.name),
  );

  const trigger = {
    tags,
    summary: 'Run it now, beside its times. Its policy for overlaps holds for that run too.',
    operationId: 'triggerSchedule',
    params: SCHEDULE_ASKS.name,
    response: answers({ 202: [SCHEDULE_ANSWERS.triggered, 'The run is taken on, durably.'] }),
  };
  app.post(`${API}/schedules/:name/trigger`, { schema: trigger }, async (request, reply) => {
    const { name } = request.params;
    const run = await schedules.trigger(request.principal, name);
    reply.code(202);
    return { schedule: name, queued: run === undefined, ...(run !== undefined && { run }) };
  });
}
