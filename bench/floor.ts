/**
 * The floor: what one durable one-step task costs with the mandated parts and nothing else, as a server of its own. Per task:
 * one frame in, two XState actors of transition logic, one grouped and fsynced LevelDB put of the finished task, two frames
 * out, both only after the commit. No validation, no supervision, no recovery, no events.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Level } from 'level';
import { Packr } from 'msgpackr';
import { type WebSocket, WebSocketServer } from 'ws';
import { type ActorLogic, createActor, fromTransition, type Snapshot } from 'xstate';

interface Submit {
  readonly id: string;
  readonly input: unknown;
}

interface TaskState {
  readonly id: string;
  readonly input: unknown;
  readonly state: string;
  readonly attempts: number;
  readonly output: unknown;
}

type TaskEvent = { readonly type: 'START' } | { readonly type: 'DONE'; readonly output: unknown };
type AgentSnapshot = Snapshot<unknown> & { readonly input: unknown };
type AgentEvent = { readonly type: 'done'; readonly output: unknown };

const taskLogic = fromTransition(
  (state: TaskState, event: TaskEvent): TaskState =>
    event.type === 'START'
      ? { ...state, state: 'working', attempts: state.attempts + 1 }
      : { ...state, state: 'completed', output: event.output },
  ({ input }: { input: Submit }): TaskState => ({
    id: input.id,
    input: input.input,
    state: 'submitted',
    attempts: 0,
    output: null,
  }),
);

const agentLogic: ActorLogic<AgentSnapshot, AgentEvent, unknown> = {
  getInitialSnapshot: (_scope, input) => ({ status: 'active', input, output: undefined, error: undefined }),
  start: (snapshot, { self }) =>
    void Promise.resolve(snapshot.input).then((output) => self.send({ type: 'done', output })),
  transition: (snapshot, event) => ({ ...snapshot, status: 'done', output: event.output, error: undefined }),
  getPersistedSnapshot: (snapshot) => snapshot,
  restoreSnapshot: (snapshot) => snapshot as AgentSnapshot,
};

const dir = mkdtempSync(join(tmpdir(), 'troupe-floor-'));
const db = new Level<string, Buffer>(dir, { valueEncoding: 'buffer' });
await db.open();
const wire = new Packr({ useRecords: false });
const rows = new Packr({ structures: [] });
let dirty = new Map<string, () => unknown>();
let gated: (() => void)[] = [];
let writing = false;

function kick(): void {
  if (writing) return;
  writing = true;
  setImmediate(() => void commit());
}

async function commit(): Promise<void> {
  while (dirty.size > 0 || gated.length > 0) {
    const cells = dirty;
    const out = gated;
    dirty = new Map();
    gated = [];
    await db.batch(
      [...cells].map(([id, persist]) => ({ type: 'put' as const, key: `task/${id}`, value: rows.pack(persist()) })),
      { sync: true },
    );
    for (const release of out) release();
  }
  writing = false;
}

let count = 0;

function submit(socket: WebSocket, { id: re, input }: Submit): void {
  const id = String(count++);
  const task = createActor(taskLogic, { input: { id, input } });
  task.subscribe({ error: () => {} });
  task.start();
  task.send({ type: 'START' });
  dirty.set(id, () => task.getPersistedSnapshot());
  gated.push(() => socket.send(wire.pack({ type: 'task.accepted', re, task: id })));
  kick();
  const agent = createActor(agentLogic, { input });
  agent.subscribe({
    error: () => {},
    complete: () => {
      const { output } = agent.getSnapshot();
      task.send({ type: 'DONE', output });
      dirty.set(id, () => task.getPersistedSnapshot());
      gated.push(() => socket.send(wire.pack({ type: 'task.result', task: id, status: 'completed', output })));
      kick();
    },
  });
  agent.start();
}

const server = new WebSocketServer({ host: '127.0.0.1', port: 0, perMessageDeflate: false });
server.on('connection', (socket) =>
  socket.on('message', (frame: Buffer) => submit(socket, wire.unpack(frame) as Submit)),
);
server.on('listening', () => process.send?.({ port: (server.address() as { port: number }).port }));
process.on('SIGTERM', () => {
  rmSync(dir, { recursive: true, force: true });
  process.exit(0);
});
