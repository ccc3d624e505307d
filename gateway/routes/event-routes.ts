/** The log of a task as server-sent events, from any seq on, live to its end. */
import { z } from 'zod';
import { Watch } from '../../actors/watch.ts';
import { API, answers, type RestApp, type RouteDeps } from '../route-deps.ts';
import { ASKS } from '../rest-schemas.ts';

/** Adds `GET /tasks/{id}/events`. */
export function registerEventRoutes(app: RestApp, deps: RouteDeps): void {
  const { desk, kernel, streams } = deps;
  const schema = {
    tags: ['tasks'],
    summary: 'The events of a task as a stream, from a seq on, until its result.',
    description:
      'Each event has the seq as its id, its kind as its event and the same data as the `task.event` message; the last one is ' +
      '`task.result`. `Last-Event-ID` (or `after`) says which event the reader has already.',
    operationId: 'streamTaskEvents',
    params: ASKS.id,
    querystring: ASKS.events,
    headers: ASKS.eventsHeaders,
    response: answers({ 200: [z.string(), 'Events.', 'text/event-stream'] }),
  };
  // A stream has no use for HEAD, which would open one.
  app.get(`${API}/tasks/:id/events`, { schema, exposeHeadRoute: false }, async (request, reply) => {
    const { id } = request.params;
    const after = request.headers['last-event-id'] ?? request.query.after ?? 0;
    streams.admit();
    const record = await desk.get(request.principal, id);
    reply.hijack();
    const { raw } = reply;
    raw.socket?.setTimeout(0);
    raw.writeHead(200, {
      ...(reply.getHeaders() as Record<string, string>),
      'Content-Type': 'text/event-stream; charset=utf-8',
      // What stands in between must not gather events.
      'X-Accel-Buffering': 'no',
    });
    const stream = streams.open(raw);
    const source = {
      feed: kernel.feed,
      events: (of: string, from: number, limit: number) => desk.events(of, from, limit),
      end: (of: string) => desk.endOf(of),
    };
    const options = { mode: 'events', after: Math.min(after, record.seq), isNew: false, onEnd: () => {} } as const;
    const watch = new Watch(source, stream, id, options);
    raw.once('close', () => watch.stop());
  });
}
