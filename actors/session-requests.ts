/** What a session is asked and answers as soon as the answer is committed: a function for each type of message. */
import type { ClientMessageOf, ClientMessageType } from '../protocol/client-messages.ts';
import { pageThatFits } from '../protocol/page-fit.ts';
import { LIMITS } from '../protocol/limits.ts';
import { approvalRequests } from './approvals/approval-requests.ts';
import type { SessionDeps, SessionState } from './session.ts';
import { taskView } from './session-frames.ts';
import { createStateRequests } from './state/state-requests.ts';
import { createTopicRequests } from './topics/topic-requests.ts';

/** Answers one message with a frame; what it shows is committed. Errors: any coded one, for the session to answer. */
export type Request<Message> = (message: Message, state: SessionState) => Promise<object>;

/** Requests by the type of their message. */
export type Requests = { readonly [Type in ClientMessageType]?: Request<ClientMessageOf<Type>> };

/** The answer to what has nothing to say. */
export const OK = { type: 'ok' };

/** All of them. */
export function createRequests({ desk, agents, state, approvals, topics }: SessionDeps): Requests {
  return {
    ...createStateRequests(state),
    ...approvalRequests(approvals),
    ...createTopicRequests(topics),
    ping: async () => ({ type: 'pong' }),
    // Without keys configured there is nothing to prove: whoever reaches a loopback node may use it.
    auth: async () => OK,
    'task.get': async ({ task }, { principal }) => ({
      type: 'task.status',
      ...taskView(await desk.get(principal, task)),
    }),
    'task.list': async ({ status, labels, cursor, limit = LIMITS.listDefault }, { principal }) => {
      const query = {
        ...(status !== undefined && { status }),
        ...(labels !== undefined && { labels }),
        ...(cursor !== undefined && { cursor }),
      };
      return await pageThatFits(limit, async (size) => {
        const page = await desk.list(principal, { ...query, limit: size });
        return { type: 'task.page', tasks: page.tasks.map(taskView), cursor: page.cursor ?? null };
      });
    },
    'task.cancel': async ({ task, reason }, { principal }) => {
      await desk.cancel(principal, task, reason);
      return OK;
    },
    'task.signal': async ({ task, name, data }, { principal }) => {
      await desk.signal(principal, task, name, data);
      return OK;
    },
    'agent.list': async ({ capability, version, cursor, limit = LIMITS.listDefault }) => {
      const query = { ...(capability !== undefined && { capability }), ...(version !== undefined && { version }) };
      return await pageThatFits(limit, async (size) => ({ type: 'agent.page', ...agents(query, size, cursor) }));
    },
    'agent.tell': async ({ agent, key, event }) => {
      await desk.tell(agent, key, event);
      return OK;
    },
    'agent.ask': async ({ agent, key, event, timeoutMs = LIMITS.askTimeoutDefaultMs }) => {
      const value = await desk.ask(agent, key, event, timeoutMs);
      return { type: 'agent.reply', agent, key, value };
    },
  };
}
