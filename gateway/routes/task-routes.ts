/** Tasks: submit, look, list, cancel, signal. */
import type { FastifyReply } from 'fastify';
import { resultView, submissionOf, taskView } from '../../actors/session-frames.ts';
import type { Submission } from '../../actors/desk.ts';
import { OperatingError } from '../../protocol/errors.ts';
import { LIMITS } from '../../protocol/limits.ts';
import { pageThatFits } from '../../protocol/page-fit.ts';
import { HTTP_REPLY } from '../http-limits.ts';
import { API, answers, type RestApp, type RouteDeps } from '../route-deps.ts';
import { ANSWERS, ASKS, WAIT_SECONDS_MAX } from '../rest-schemas.ts';
import { type Patience, takeOn } from '../submission.ts';

const SECOND_MS = 1_000;
/** A request may take as long as it waits, and as long as any other. */
const SUBMISSION_MAX_MS = (WAIT_SECONDS_MAX + 25) * SECOND_MS;
const tags = ['tasks'];

/** Adds the routes of tasks, but their events. */
export function registerTaskRoutes(app: RestApp, deps: RouteDeps): void {
  registerSubmission(app, deps);
  registerReads(app, deps);
  registerOrders(app, deps);
}

function registerSubmission(app: RestApp, deps: RouteDeps): void {
  const schema = {
    tags,
    summary: 'Submit a task.',
    operationId: 'submitTask',
    body: ASKS.submission,
    querystring: ASKS.submissionQuery,
    headers: ASKS.submissionHeaders,
    response: answers({
      200: [ANSWERS.result, 'It ended in time.'],
      202: [ANSWERS.accepted, 'It is taken on, durably.'],
    }),
  };
  app.post(`${API}/tasks`, { schema, handlerTimeout: SUBMISSION_MAX_MS }, async (request, reply) => {
    const submission = withKey(submissionOf(request.body), request.headers['idempotency-key']);
    const patience = patienceOf(request.query.wait, [deps.closing, goneOf(reply)]);
    const { accepted, ended } = await takeOn(deps, request.principal, submission, patience);
    reply.header('Location', `${API}/tasks/${accepted.task}`);
    if (ended !== undefined) return { task: ended.task, seq: ended.seq, ...resultView(ended.result) };
    reply.code(202);
    return accepted;
  });
}

function registerReads(app: RestApp, deps: RouteDeps): void {
  const { desk } = deps;
  const one = {
    tags,
    summary: 'A task, with its result where it has one.',
    operationId: 'getTask',
    params: ASKS.id,
    response: answers({ 200: [ANSWERS.task, 'The task as it stands.'] }),
  };
  app.get(`${API}/tasks/:id`, { schema: one }, async (request) =>
    taskView(await desk.get(request.principal, request.params.id)),
  );

  const many = {
    tags,
    summary: 'Tasks, the newest first.',
    operationId: 'listTasks',
    querystring: ASKS.tasks,
    response: answers({ 200: [ANSWERS.taskPage, 'A page of tasks.'] }),
  };
  app.get(`${API}/tasks`, { schema: many }, async (request) => {
    const { status, label, cursor, limit = LIMITS.listDefault } = request.query;
    const query = {
      ...(status !== undefined && { status }),
      ...(label !== undefined && { labels: label }),
      ...(cursor !== undefined && { cursor }),
    };
    const list = async (size: number) => {
      const page = await desk.list(request.principal, { ...query, limit: size });
      return { tasks: page.tasks.map(taskView), cursor: page.cursor ?? null };
    };
    return await pageThatFits(limit, list, HTTP_REPLY);
  });

  const tree = {
    tags,
    summary: 'The actors that work for a task, each below its owner. Of now, not of what is committed.',
    operationId: 'getTaskTree',
    params: ASKS.id,
    response: answers({ 200: [ANSWERS.tree, 'Its actors; none where it has ended.'] }),
  };
  app.get(`${API}/tasks/:id/tree`, { schema: tree }, async (request) => {
    const { id } = request.params;
    await desk.get(request.principal, id);
    return deps.describeTask(id) ?? { task: id, actor: null, actorCount: 0, leftOut: 0 };
  });
}

function registerOrders(app: RestApp, deps: RouteDeps): void {
  const { desk } = deps;
  const cancel = {
    tags,
    summary: 'Cancel a task.',
    operationId: 'cancelTask',
    params: ASKS.id,
    body: ASKS.cancellation,
    response: answers({ 200: [ANSWERS.task, 'The task as it stands.'] }),
  };
  app.post(`${API}/tasks/:id/cancel`, { schema: cancel }, async (request) => {
    const { id } = request.params;
    await desk.cancel(request.principal, id, request.body?.reason);
    return taskView(await desk.get(request.principal, id));
  });

  const signal = {
    tags,
    summary: 'Send a signal to the machine that works for a task.',
    operationId: 'signalTask',
    params: ASKS.signal,
    body: ASKS.signalBody,
    response: answers({ 202: [ANSWERS.signaled, 'The signal is on its way, durably.'] }),
  };
  app.post(`${API}/tasks/:id/signals/:name`, { schema: signal }, async (request, reply) => {
    const { id, name } = request.params;
    await desk.signal(request.principal, id, name, signalDataOf(request.body));
    reply.code(202);
    return { task: id, signal: name };
  });
}

/** The key may come in the body or in the header of its name, but not as two. */
function withKey(submission: Submission, header: string | undefined): Submission {
  if (header === undefined) return submission;
  if (submission.key === undefined || submission.key === header) return { ...submission, key: header };
  const issues = [{ path: 'key', message: 'is not what the header Idempotency-Key says' }];
  throw new OperatingError('INVALID_INPUT', 'The body has another key than the header Idempotency-Key.', {
    details: { issues },
  });
}

function patienceOf(waitSeconds = 0, signals: readonly AbortSignal[]): Patience | undefined {
  if (waitSeconds === 0) return undefined;
  return { waitMs: Math.min(waitSeconds, WAIT_SECONDS_MAX) * SECOND_MS, signals };
}

/** Aborted when nobody reads the answer any more. The framework's own signal is aborted as soon as a body has been read. */
function goneOf(reply: FastifyReply): AbortSignal {
  const gone = new AbortController();
  reply.raw.once('close', () => gone.abort());
  return gone.signal;
}

/** The body is the data, or has it in its one field. Errors: INVALID_INPUT: the name of the signal is the event's type. */
function signalDataOf(
  body: Readonly<Record<string, unknown>> | undefined,
): Readonly<Record<string, unknown>> | undefined {
  const wrapped = body !== undefined && Object.keys(body).length === 1 ? body['data'] : undefined;
  const data = isRecord(wrapped) ? wrapped : body;
  if (data === undefined || !Object.hasOwn(data, 'type')) return data;
  const issues = [{ path: 'type', message: 'the name of the signal is the type of the event' }];
  throw new OperatingError('INVALID_INPUT', 'The data of a signal must not have a field type.', {
    details: { issues },
  });
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
