/** Topics: publish; durable subscriptions: make, look, change, remove. */
import { LIMITS } from '../../protocol/limits.ts';
import { MESSAGE_ANSWERS, MESSAGE_ASKS } from '../message-schemas.ts';
import { ASKS } from '../rest-schemas.ts';
import { API, answers, type RestApp, type RouteDeps } from '../route-deps.ts';

const tags = ['topics'];

/** Adds the routes of topics. */
export function registerTopicRoutes(app: RestApp, deps: RouteDeps): void {
  registerPublish(app, deps);
  registerLooks(app, deps);
  registerOrders(app, deps);
}

function registerPublish(app: RestApp, { topics }: RouteDeps): void {
  const publish = {
    tags,
    summary: 'Publish a message. The body is its data.',
    operationId: 'publish',
    params: MESSAGE_ASKS.topic,
    headers: MESSAGE_ASKS.publishHeaders,
    body: MESSAGE_ASKS.data,
    response: answers({ 200: [MESSAGE_ANSWERS.published, 'All durable subscriptions have it.'] }),
  };
  app.post(`${API}/topics/:topic`, { schema: publish }, async (request) => {
    const { topic } = request.params;
    const { body: data } = request;
    const key = request.headers['idempotency-key'];
    const publication = { topic, ...(data !== undefined && { data }), ...(key !== undefined && { key }) };
    const { message, subscriptions, duplicate } = await topics.publish(request.principal, publication);
    return { message, topic, subscriptions, duplicate };
  });
}

function registerLooks(app: RestApp, { subscriptions }: RouteDeps): void {
  const many = {
    tags,
    summary: 'The durable subscriptions, by name.',
    operationId: 'listSubscriptions',
    querystring: ASKS.page,
    response: answers({ 200: [MESSAGE_ANSWERS.subscriptionPage, 'A page of subscriptions.'] }),
  };
  app.get(`${API}/subscriptions`, { schema: many }, async (request) => {
    const { cursor, limit = LIMITS.listDefault } = request.query;
    return subscriptions.list(limit, cursor);
  });

  const one = {
    tags,
    summary: 'One durable subscription, and how it stands.',
    operationId: 'getSubscription',
    params: MESSAGE_ASKS.subscriptionName,
    response: answers({ 200: [MESSAGE_ANSWERS.subscription, 'The subscription.'] }),
  };
  app.get(`${API}/subscriptions/:name`, { schema: one }, async (request) => subscriptions.read(request.params.name));
}

function registerOrders(app: RestApp, { subscriptions }: RouteDeps): void {
  const make = {
    tags,
    summary: 'Make a durable subscription. The same again is taken; another content under the same name is not.',
    operationId: 'makeSubscription',
    body: MESSAGE_ASKS.newSubscription,
    response: answers({ 201: [MESSAGE_ANSWERS.subscription, 'It is there, durably.'] }),
  };
  app.post(`${API}/subscriptions`, { schema: make }, async (request, reply) => {
    const { name, ...says } = request.body;
    const view = await subscriptions.define(request.principal, name, says, false);
    reply.code(201).header('Location', `${API}/subscriptions/${encodeURIComponent(view.subscription)}`);
    return view;
  });

  const put = {
    tags,
    summary: 'Make a durable subscription, or give it another content. What waits in it stays.',
    operationId: 'putSubscription',
    params: MESSAGE_ASKS.newName,
    body: MESSAGE_ASKS.subscription,
    response: answers({ 200: [MESSAGE_ANSWERS.subscription, 'It is so, durably.'] }),
  };
  app.put(`${API}/subscriptions/:name`, { schema: put }, async (request) =>
    subscriptions.define(request.principal, request.params.name, request.body, true),
  );

  const remove = {
    tags,
    summary: 'Remove a durable subscription, with what waits in it.',
    operationId: 'removeSubscription',
    params: MESSAGE_ASKS.subscriptionName,
    response: answers({ 200: [MESSAGE_ANSWERS.subscriptionRemoved, 'It is gone, durably.'] }),
  };
  app.delete(`${API}/subscriptions/:name`, { schema: remove }, async (request) => {
    const { name } = request.params;
    return { subscription: name, removed: true, waiting: await subscriptions.remove(name) };
  });
}
