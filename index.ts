/** The public door of the package. */
export { type AgentContext } from './actors/agent-context.ts';
export { type AgentDefinition, type AgentOptions, defineAgent } from './actors/agent-definition.ts';
export type { Probe, ProbeAnswer, ProbeQuestion } from './actors/doubt.ts';
export { replayCapsule, type ReplayOptions, type ReplayReport } from './actors/capsule-replay.ts';
export { defineWorkflow } from './actors/workflow-definition.ts';
export {
  type Client,
  connect,
  type ClientOptions,
  type SubmitRequest,
  type TaskHandle,
  type TaskNews,
  type TopicMessage,
  type TopicSubscription,
} from './client/index.ts';
export type { Audience, Told } from './actors/groups/group-desk.ts';
export type { DeclaredSubscription } from './actors/topics/subscription-desk.ts';
export type { TopicHandler } from './actors/topics/topic-handler.ts';
export { type Node, type StartOptions, startNode } from './node.ts';
export { type StartWorkerOptions, startWorker, type WorkerNode } from './worker-node.ts';
export { VERSION } from './runtime/version.ts';
export { type ErrorCode, OperatingError } from './protocol/errors.ts';
export type { WorkflowGraph } from './protocol/graph.ts';
export type { TaskEvent, TaskResult, TaskStatus } from './protocol/tasks.ts';
export { addressOf } from './runtime/machine-references.ts';
export type { Migration } from './actors/migration.ts';
export type { StoredChild, StoredMachine, StoredState, StoredTimer } from './runtime/stored-machine.ts';
export type { KeptClass } from './runtime/machine-classes.ts';
export type { PlanAgent, PlanModel, PlanRequest } from './actors/planning/plan-model.ts';
export type { SharedState } from './actors/state/state-context.ts';
