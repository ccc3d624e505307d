/** Checkpoints of tasks, tasks that go on from one, and the backup of the whole node. */
import { Readable } from 'node:stream';
import { z } from 'zod';
import { backupOf } from '../../runtime/backup.ts';
import { ANSWERS, ASKS } from '../rest-schemas.ts';
import { API, answers, type RestApp, type RouteDeps } from '../route-deps.ts';

const tags = ['checkpoints'];
/** A backup may take so long. */
const BACKUP_MAX_MS = 3_600_000;

/** Adds the routes of checkpoints and backups. */
export function registerCheckpointRoutes(app: RestApp, { forks, store }: RouteDeps): void {
  const many = {
    tags,
    summary: 'The checkpoints of a task, the oldest first: one for each commit while it was under way.',
    operationId: 'listCheckpoints',
    params: ASKS.id,
    response: answers({
      200: [ANSWERS.checkpointPage, 'Its checkpoints; none where it ended in the commit it began in.'],
    }),
  };
  app.get(`${API}/tasks/:id/checkpoints`, { schema: many }, async (request) => ({
    checkpoints: await forks.list(request.principal, request.params.id),
    cursor: null,
  }));

  const one = {
    tags,
    summary:
      'The actors of a task as they were at a checkpoint, with what was waiting for them and what they had recorded.',
    operationId: 'getCheckpoint',
    params: ASKS.checkpoint,
    response: answers({ 200: [ANSWERS.checkpoint, 'The actors at that moment.'] }),
  };
  app.get(`${API}/tasks/:id/checkpoints/:checkpoint`, { schema: one }, async (request) => {
    const { id, checkpoint } = request.params;
    return { task: id, checkpoint, actors: await forks.inspect(request.principal, id, checkpoint) };
  });

  const fork = {
    tags,
    summary: 'Make a task that goes on from a checkpoint of this one, which is not touched.',
    description:
      'What was recorded by then is taken over; what was not is done again, under idempotency keys of its own. ' +
      'The answer comes when the new task is durable.',
    operationId: 'forkTask',
    params: ASKS.id,
    body: ASKS.fork,
    response: answers({ 202: [ANSWERS.forked, 'The new task.'] }),
  };
  app.post(`${API}/tasks/:id/fork`, { schema: fork }, async (request, reply) => {
    const { id } = request.params;
    const { checkpoint } = request.body;
    const task = await forks.fork(request.principal, id, checkpoint);
    reply.code(202).header('Location', `${API}/tasks/${task}`);
    return { task, forkOf: id, checkpoint };
  });

  const backup = {
    tags,
    summary: 'Everything that the store holds, as of now, in one file for `troupe restore`.',
    operationId: 'getBackup',
    response: answers({ 200: [z.string(), 'The backup.', 'application/octet-stream'] }),
  };
  app.get(
    `${API}/backup`,
    { schema: backup, handlerTimeout: BACKUP_MAX_MS, exposeHeadRoute: false },
    (_request, reply) => {
      reply.type('application/octet-stream').header('Content-Disposition', 'attachment; filename="troupe.backup"');
      return reply.send(Readable.from(backupOf(store), { objectMode: false }));
    },
  );
}
