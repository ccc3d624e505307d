/**
 * Every bound of the product that someone outside can meet, by name, with its unit last in the name. Whoever enforces a
 * bound takes it from here and answers an overflow with a code; nobody writes the number again.
 *
 * A setting may lower or raise some of them for a node (`frameBytesMax`, `tasksInFlightMax`); these are the values a node
 * has where nothing is set.
 */

const KIB = 1024;
const MIB = 1024 * KIB;
const SECOND_MS = 1000;
const MINUTE_MS = 60 * SECOND_MS;
const DAY_MS = 24 * 60 * MINUTE_MS;

/** The named bounds. Frozen. */
export const LIMITS = Object.freeze({
  /** A frame that a client sends. Over it: PROTOCOL_TOO_BIG and close 1009. */
  clientFrameBytesMax: 64 * KIB,
  /** A frame that a node sends to a client; most WebSocket clients refuse a larger one unless they are told otherwise. */
  nodeFrameBytesMax: MIB,
  /** A frame between two nodes; larger states travel in pieces. */
  meshFrameBytesMax: MIB,
  /** The body of an HTTP request. */
  httpBodyBytesMax: MIB,
  /** The output of a task or step, encoded: what fits into a node's frame beside its envelope. */
  outputBytesMax: MIB - 64 * KIB,
  /** Containers (maps, arrays) inside one another in what a client sends. A flat message has depth 1. */
  depthMax: 32,
  /** Levels that the product's own envelopes may add around what a client sent. */
  envelopeDepthMax: 8,
  /** Levels of an output: what lists of tasks, and their answers, have room for beside their own. */
  outputDepthMax: 36,
  /** Values in one frame: every key, every value and every container counts. */
  elementsMax: 100_000,
  /** The same for frames that a node makes, which carry what clients sent inside of lists and envelopes. */
  nodeElementsMax: 200_000,

  /** A message `id`, and every id that a client names (task, approval). */
  idCharactersMax: 128,
  /** The idempotency key of a submission. */
  idempotencyKeyCharactersMax: 255,
  /** The `key` of a keyed agent's actor. */
  actorKeyCharactersMax: 128,
  /** The name of an agent, a workflow, a capability, a signal or an event. */
  nameCharactersMax: 128,
  /** A semantic version. */
  versionCharactersMax: 64,
  /** The id of a workflow's step. */
  stepIdCharactersMax: 64,
  /** An address, encoded. */
  addressCharactersMax: 1024,
  /** A topic or a topic pattern, and the segments in it. */
  topicCharactersMax: 256,
  topicSegmentsMax: 16,
  /** The scope and the name of a piece of shared state. */
  stateNameCharactersMax: 128,
  /** The value of a piece of shared state, encoded: what fits into a node's frame beside its envelope. */
  stateValueBytesMax: 256 * KIB,
  /** Versions of one that are kept, and their bytes together; the last one stays in any case. */
  stateVersionsMax: 16,
  stateHistoryBytesMax: MIB,
  /** Those who wait for the lease on one, the longest such wait, and the longest lease. */
  stateWaitersMax: 64,
  stateLeaseWaitMaxMs: 10 * MINUTE_MS,
  stateLeaseMaxMs: DAY_MS,
  /** How long one that was removed, or whose task has ended, is remembered. */
  stateForgetMs: DAY_MS,
  /** A bearer token in `auth`. */
  tokenCharactersMax: 8 * KIB,
  /** The words of a goal. */
  goalCharactersMax: 8 * KIB,
  /** The reason of a cancellation, the comment of an approval. */
  commentCharactersMax: 4 * KIB,
  /** Where a list goes on. */
  cursorCharactersMax: 512,
  /** Entries in a page of any list, and how many there are where the request names no number. */
  listMax: 200,
  listDefault: 50,
  /** The labels of a task. */
  labelsMax: 16,
  labelKeyCharactersMax: 64,
  labelValueCharactersMax: 256,
  /** Faults listed in `details.issues` of one error. */
  issuesMax: 100,

  /** The longest deadline, delay, timeout or wait anyone may ask for. */
  durationMaxMs: 366 * DAY_MS,
  /** How long an `agent.ask` waits for its answer where it names no time, and at most. */
  askTimeoutDefaultMs: 30 * SECOND_MS,
  askTimeoutMaxMs: 10 * MINUTE_MS,
  /** How long an idempotency key stays bound to its task. */
  idempotencyMs: DAY_MS,

  /** The user lane of one actor's mailbox: messages, and the bytes of what they carry. */
  mailboxMessagesMax: 1_000,
  mailboxBytesMax: 4 * MIB,
  /** Tasks that are not yet at their end, on a node. Over it: BUSY. */
  tasksInFlightMax: 10_000,
  /** Deliveries of a message that crashes its actor, before it is set aside. */
  deliveriesMax: 3,

  /** Tasks that one connection watches at a time; as many as can be in flight. */
  sessionWatchesMax: 10_000,
  /** Topic patterns and pieces of shared state that one connection follows at a time. */
  sessionSubscriptionsMax: 256,
  /** Requests of one connection that are not answered yet; the socket is read no further until some are. */
  sessionRequestsMax: 1_024,
  /** Messages of topics that wait for the reader of one connection, and their bytes; further ones are left out, which is told. */
  sessionTopicMessagesMax: 1_000,
  sessionTopicBytesMax: MIB,
  /** What is published at a time, packed. Over it: PROTOCOL_TOO_BIG. */
  topicMessageBytesMax: 64 * KIB,
  /** Durable subscriptions of a node, what one of them says, packed, and how many of them one message may reach. Over it: BUSY. */
  subscriptionsMax: 2_000,
  subscriptionBytesMax: 64 * KIB,
  publishFanOutMax: 500,
  /** Messages that wait in one durable subscription, where it says nothing and at most, and their bytes. */
  backlogDefault: 1_000,
  backlogMax: 10_000,
  backlogBytesMax: 16 * MIB,
  /** How long a message may wait in a durable subscription, where it says nothing. */
  backlogKeptMs: 7 * DAY_MS,
  /** Tasks of one durable subscription that are under way at a time, where it says nothing and at most. */
  subscriptionTasksDefault: 16,
  subscriptionTasksMax: 100,
  /** Groups of a node, and members of one. Over it: BUSY. */
  groupsMax: 1_000,
  groupMembersMax: 1_000,
  /** Unsent bytes of a connection above which `task.chunk` is coalesced. */
  readerCoalesceBytes: 256 * KIB,
  /** Unsent bytes of a connection above which live events close it with 1013. */
  readerCloseBytes: MIB,
  /** Events read from the store at a time when a task's history is replayed to a watcher. */
  replayEventsMax: 256,

  /** Open WebSocket connections: of a node, of one principal, of one address that has not authenticated. */
  connectionsMax: 10_000,
  connectionsPerPrincipalMax: 100,
  connectionsUnauthenticatedPerIpMax: 16,
  /** From the opening of a connection to the end of its handshake and authentication. */
  handshakeMaxMs: 5 * SECOND_MS,
  /** How often a node pings a client, and how many answers may be missing. */
  heartbeatMs: 15 * SECOND_MS,
  heartbeatMissesMax: 2,
  /** Pieces of one fragmented WebSocket message, and unread pieces held for it. */
  frameFragmentsMax: 64,
  frameBufferedChunksMax: 1_024,
  /** Messages of one remote principal: per second in the long run, and at once. Over it: RATE_LIMITED and close 4429. */
  messagesPerSecondMax: 100,
  messagesBurstMax: 200,
  /** HTTP requests of one remote principal per second. */
  httpRequestsPerSecondMax: 50,
  /** Wrong credentials from one address per minute. */
  authFailuresPerMinuteMax: 10,

  /** Steps of one workflow, and the other steps one step names in `needs`. */
  workflowStepsMax: 2_000,
  stepNeedsMax: 256,
  /** A CEL expression. */
  expressionCharactersMax: 4 * KIB,
  /** Items of one `forEach`, and how many of them run at a time at most. */
  forEachItemsMax: 25_000,
  stepConcurrencyMax: 1_000,
  /** What the steps of one workflow have put out, together: what it keeps in memory while it runs. */
  workflowOutputsBytesMax: 64 * MIB,
  /** How long a workflow that failed or was canceled may take to undo what it has done, where it does not say. */
  compensationDefaultMs: 10 * MINUTE_MS,
  /** How long such a workflow waits for steps under way that could be undone, before it cuts them off. */
  compensationSettleMs: 5 * SECOND_MS,
  /** Workflows that follow one (`then`); links of such a chain; and tasks that one submission leads to in this way. */
  workflowNextMax: 8,
  chainLinksMax: 32,
  chainTasksMax: 1_000,
  /** What an error lists of that which was not undone. */
  compensationListMax: 100,
  /** The words of an error in a line of a task's log, and in such a list. */
  eventMessageCharactersMax: 2_000,
  /** Rounds of one `loop`. */
  loopRoundsMax: 10_000,
  /** Calls that one step may fall back to, one after the other. */
  fallbacksMax: 8,
  /** Workflows inside of one another, the outermost included; the steps of all of them together, and their bytes as JSON. */
  workflowDepthMax: 8,
  workflowTreeStepsMax: 10_000,
  workflowTreeBytesMax: MIB,
  /** Reasons in the `degraded` of one result; the last says how many more there are. */
  degradationsMax: 1_000,
  /** Signals of one task that nobody has waited for yet, and the bytes of one. */
  signalsKeptMax: 100,
  signalBytesMax: 64 * KIB,
  /** Attempts of one step, the first included. */
  attemptsMax: 100,
  /** The name that tells approvals of one step apart. */
  approvalNameCharactersMax: 20,
  /** Roles that one approval is asked of after its first. */
  approvalEscalationsMax: 8,
  /** What an approval shows beside its message, packed; more is left out. */
  approvalDetailsBytesMax: 16 * KIB,
  /** Schedules of a node. Over it: BUSY. */
  schedulesMax: 1_000,
  /** A schedule as it is sent, without its name. */
  scheduleBytesMax: 64 * KIB,
  cronCharactersMax: 256,
  timeZoneCharactersMax: 64,
  /** The shortest interval of a schedule, and the longest time by which its runs are spread. */
  scheduleEveryMinMs: SECOND_MS,
  scheduleJitterMaxMs: 60 * MINUTE_MS,
  /** Runs that a schedule makes up for at most, that wait for one under way, that are under way, and that it remembers. */
  scheduleMissedMax: 100,
  scheduleQueueMax: 100,
  scheduleRunningMax: 100,
  scheduleRunsKept: 20,
  /** A weight of the user's own in a choice between agents, and the agents that a step wants none of. */
  selectWeightMax: 100,
  selectNotMax: 32,
  /** The path of a module that agents are registered from. */
  modulePathCharactersMax: 4 * KIB,
  /** A range of versions behind the `@` of a capability. */
  rangeCharactersMax: 64,
  /** A budget in US dollars: sums of a billionth of a dollar are exact up to it. */
  budgetUsdMax: 1_000_000,
  /** How often one budget may be asked to be raised. */
  budgetAsksMax: 20,
  /** Attempts that wait until others give back what they have reserved of one task's budget. */
  budgetWaitersMax: 10_000,
  /** Results that are kept for the same input, where no setting says otherwise: their number, their bytes, and those of one. */
  cacheEntriesMax: 10_000,
  cacheBytesMax: 256 * MIB,
  cacheEntryBytesMax: 256 * KIB,
  /** How long one is kept where nobody says. */
  cacheTtlMs: 60 * MINUTE_MS,
  /** Steps that wait for one that works on the same input; further ones do the work themselves. */
  cacheWaitersMax: 1_000,
  /** Workers of one mesh. Over it: BUSY. */
  meshWorkersMax: 100,
  /** Connections to the door of a mesh, those that are not through the handshake included. More are not taken. */
  meshConnectionsMax: 1_000,
  /**
   * Failures of one address at the door of a mesh to prove who is there, in a minute: more than all workers of a mesh make that dial
   * again and again with a wrong secret or certificate. Over it: RATE_LIMITED until the minute is over. And addresses that are counted.
   */
  meshFailedProofsPerMinuteMax: 2_000,
  meshFailedAddressesMax: 1_000,
  /** Agents that one worker offers, and the capabilities of one of them. */
  offersMax: 1_000,
  offerCapabilitiesMax: 64,
  /** Calls that one worker holds at a time, begun or ended and not yet settled. */
  workerCallsMax: 10_000,
  /** Requests that the code of one call makes of its context, their arguments, and the bytes of those that are kept to join it. */
  callRequestsMax: 10_000,
  requestArgumentsMax: 8,
  callRequestBytesMax: 4 * MIB,
  /** Messages that a link has sent and the other side has not yet dealt with, and their bytes; more wait. */
  linkCreditMessages: 256,
  linkCreditBytes: 4 * MIB,
  /** What waits on one side of a link for credit. Over it: BUSY. */
  linkQueueMessagesMax: 20_000,
  linkQueueBytesMax: 64 * MIB,
  /** A message between two nodes, however many frames it takes. */
  meshMessageBytesMax: 16 * MIB,
  /** Values in one such message, counted as in a frame. */
  meshElementsMax: 1_000_000,
  /** Record structures that one direction of a link's session has at a time, and the fields of one. */
  meshStructuresMax: 32,
  meshRecordFieldsMax: 64,
  /** A frame of a link's handshake. */
  meshHandshakeBytesMax: 8 * KIB,
  /** How long what has arrived over a link is noted at most before the other side is told, where nothing else is said to it. */
  meshAckMs: 20,
  /** How long a frame is waited for to have arrived, at least and at most, before it is sent again; doubled each time. */
  meshResendMinMs: 500,
  meshResendMaxMs: 4 * SECOND_MS,
  /** How often each side of a link gives a sign of life, and how many may be missing before the other is suspected. */
  meshHeartbeatMs: SECOND_MS,
  meshHeartbeatMissesMax: 3,
  /** How long a session is kept after the last sign of life: then whatever the node had in hand is run elsewhere. */
  meshLostMs: 6 * SECOND_MS,
  /** Between two attempts to reach the owner: at least, at most, with jitter. */
  meshRedialMinMs: 100,
  meshRedialMaxMs: 5 * SECOND_MS,
  /** The same after a refusal that will not pass by itself: a wrong secret, no version in common. */
  meshRefusedRedialMs: 30 * SECOND_MS,
  /**
   * How often a call may lose the node that it runs on before it is given up: it may be what ends them. Where others were at work there
   * too, a loss counts for each of them in part; `nodeDeathsMax`: so many losses are enough, however many there were.
   */
  nodeLossesMax: 3,
  nodeDeathsMax: 10,
  /** What a title or a description may say. */
  descriptionCharactersMax: 4 * KIB,
});

/** What one decoded or encoded frame may hold. */
export interface FrameBounds {
  readonly bytesMax: number;
  readonly depthMax: number;
  readonly elementsMax: number;
}

/** A frame from a client to a node. */
export const CLIENT_FRAME: FrameBounds = Object.freeze({
  bytesMax: LIMITS.clientFrameBytesMax,
  depthMax: LIMITS.depthMax,
  elementsMax: LIMITS.elementsMax,
});

/** A frame from a node to a client. */
export const NODE_FRAME: FrameBounds = Object.freeze({
  bytesMax: LIMITS.nodeFrameBytesMax,
  depthMax: LIMITS.depthMax + LIMITS.envelopeDepthMax,
  elementsMax: LIMITS.nodeElementsMax,
});

/** A frame between two nodes. */
export const MESH_FRAME: FrameBounds = Object.freeze({ ...NODE_FRAME, bytesMax: LIMITS.meshFrameBytesMax });

/** A message between two nodes, in however many frames. */
export const MESH_MESSAGE: FrameBounds = Object.freeze({
  bytesMax: LIMITS.meshMessageBytesMax,
  depthMax: NODE_FRAME.depthMax,
  elementsMax: LIMITS.meshElementsMax,
});

/** A frame of a link's handshake. */
export const MESH_HANDSHAKE: FrameBounds = Object.freeze({
  bytesMax: LIMITS.meshHandshakeBytesMax,
  depthMax: 4,
  elementsMax: 128,
});

/** The body of an HTTP request. */
export const HTTP_BODY: FrameBounds = Object.freeze({ ...CLIENT_FRAME, bytesMax: LIMITS.httpBodyBytesMax });
