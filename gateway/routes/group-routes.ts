/** Groups and broadcasts, and the messages that reached nobody. */
import { OUTSIDE } from '../../actors/mail-desk.ts';
import { LIMITS } from '../../protocol/limits.ts';
import { MESSAGE_ANSWERS, MESSAGE_ASKS } from '../message-schemas.ts';
import { ASKS } from '../rest-schemas.ts';
import { API, answers, type RestApp, type RouteDeps } from '../route-deps.ts';

const tags = ['groups'];

/** Adds the routes of groups, broadcasts and dead letters. */
export function registerGroupRoutes(app: RestApp, deps: RouteDeps): void {
  registerLooks(app, deps);
  registerGroups(app, deps);
  registerMembers(app, deps);
  registerBroadcasts(app, deps);
  registerDeadLetters(app, deps);
}

function registerLooks(app: RestApp, { groups }: RouteDeps): void {
  const many = {
    tags,
    summary: 'The groups, by name.',
    operationId: 'listGroups',
    querystring: ASKS.page,
    response: answers({ 200: [MESSAGE_ANSWERS.groupPage, 'A page of groups.'] }),
  };
  app.get(`${API}/groups`, { schema: many }, async (request) => {
    const { cursor, limit = LIMITS.listDefault } = request.query;
    return groups.list(limit, cursor);
  });

  const one = {
    tags,
    summary: 'One group, and who is in it.',
    operationId: 'getGroup',
    params: MESSAGE_ASKS.groupName,
    response: answers({ 200: [MESSAGE_ANSWERS.group, 'The group.'] }),
  };
  app.get(`${API}/groups/:group`, { schema: one }, async (request) => groups.read(request.params.group));
}

function registerGroups(app: RestApp, { groups }: RouteDeps): void {
  const put = {
    tags,
    summary: 'Make a group, or give it another coordinator, or none.',
    operationId: 'putGroup',
    params: MESSAGE_ASKS.groupName,
    body: MESSAGE_ASKS.group,
    response: answers({
      200: [MESSAGE_ANSWERS.group, 'It is so, durably. A group without coordinator and members is none.'],
    }),
  };
  app.put(`${API}/groups/:group`, { schema: put }, async (request) =>
    groups.set(request.params.group, request.body.via ?? undefined),
  );

  const remove = {
    tags,
    summary: 'Remove a group.',
    operationId: 'removeGroup',
    params: MESSAGE_ASKS.groupName,
    response: answers({ 200: [MESSAGE_ANSWERS.groupRemoved, 'It is gone, durably.'] }),
  };
  app.delete(`${API}/groups/:group`, { schema: remove }, async (request) => {
    const { group } = request.params;
    await groups.remove(group);
    return { group, removed: true };
  });
}

function registerMembers(app: RestApp, { groups }: RouteDeps): void {
  const join = {
    tags,
    summary: 'Take an actor of a keyed agent into a group. The first makes the group.',
    operationId: 'joinGroup',
    params: MESSAGE_ASKS.groupName,
    body: MESSAGE_ASKS.member,
    response: answers({ 200: [MESSAGE_ANSWERS.group, 'It is in it, durably.'] }),
  };
  app.post(`${API}/groups/:group/members`, { schema: join }, async (request) => {
    const { agent, key } = request.body;
    return await groups.join(request.params.group, [agent, key]);
  });

  const leave = {
    tags,
    summary: 'Take an actor out of a group. With the last member the group goes, where it has no coordinator.',
    operationId: 'leaveGroup',
    params: MESSAGE_ASKS.groupMember,
    response: answers({ 200: [MESSAGE_ANSWERS.group, 'It is not in it, durably.'] }),
  };
  app.delete(`${API}/groups/:group/members/:agent/:key`, { schema: leave }, async (request) => {
    const { group, agent, key } = request.params;
    return await groups.leave(group, [agent, key]);
  });
}

function registerBroadcasts(app: RestApp, { groups }: RouteDeps): void {
  const broadcast = {
    tags,
    summary: 'One message to each member of a group, or to each keyed agent that offers a capability.',
    operationId: 'broadcast',
    body: MESSAGE_ASKS.broadcast,
    response: answers({ 200: [MESSAGE_ANSWERS.told, 'Those that could take it have it, durably.'] }),
  };
  app.post(`${API}/broadcasts`, { schema: broadcast }, async (request) => {
    const { group, capability = '', key = '', event } = request.body;
    return await groups.broadcast(group === undefined ? { capability, key } : { group }, event, OUTSIDE);
  });
}

function registerDeadLetters(app: RestApp, { kernel }: RouteDeps): void {
  const many = {
    tags: ['node'],
    summary: 'Messages that reached nobody, the newest first: the last 1,000 of this run of the process.',
    operationId: 'listDeadLetters',
    querystring: MESSAGE_ASKS.deadLetters,
    response: answers({ 200: [MESSAGE_ANSWERS.deadLetterPage, 'A page of dead letters.'] }),
  };
  app.get(`${API}/dead-letters`, { schema: many }, async (request) => {
    const { reason, cursor, limit = LIMITS.listDefault } = request.query;
    const before = cursor === undefined ? undefined : Number(cursor);
    const letters = kernel.deadLetters.list({
      limit,
      ...(reason !== undefined && { reason }),
      ...(before !== undefined && Number.isInteger(before) && { before }),
    });
    const last = letters.length === limit ? letters.at(-1)?.seq : undefined;
    return {
      deadLetters: letters.map(({ atMs, ...letter }) => ({ ...letter, at: atMs })),
      cursor: last === undefined ? null : String(last),
    };
  });
}
