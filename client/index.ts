/** The client library, as `troupe/client` and as part of `troupe`. */
export { connect, type Client, type ClientOptions, type SharedValue, type SubmitRequest } from './client.ts';
export type { TopicMessage, TopicSubscription } from './topic-listeners.ts';
export type { TaskHandle, TaskNews } from './task-handle.ts';
export { OperatingError } from '../protocol/errors.ts';
