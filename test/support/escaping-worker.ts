/**
 * A process of its own for errors that escape on a worker (a test runner has handlers too): a mesh worker in real time, whose agent
 * lets errors escape in the ways that its input names. Says what the owner heard, one line of JSON for each outcome.
 */
import { defineAgent } from '../../actors/agent-definition.ts';
import { createMeshWorker } from '../../cluster/worker/mesh-worker.ts';
import type { OperatingError } from '../../protocol/errors.ts';
import { createLog } from '../../runtime/log.ts';
import { createWorld } from '../../runtime/world.ts';
import { installEscapeHandlers } from '../../supervisors/escapes.ts';
import { linkPair } from './link-pair.ts';
import { ScriptedOwner } from './scripted-owner.ts';

const say = (line: object): void => void process.stdout.write(`${JSON.stringify(line)}\n`);
const fault = (way: string): never => {
  throw new Error(way);
};

const never = new Promise<never>(() => {});
let open = (): void => {};
const gate = new Promise<void>((resolve) => {
  open = resolve;
});

const agent = defineAgent<string>({
  name: 'worker.one',
  version: '1.0.0',
  run: async ({ input: way, ctx }) => {
    if (way === 'timer') setTimeout(() => fault(way), 1);
    if (way === 'rejection') void Promise.reject(new Error(way));
    // What nobody waits for is refused by the owner, and comes back in a turn of the link.
    if (way === 'refused') void ctx.publish('refused');
    if (way === 'function') {
      await ctx.journal('a', () => {
        setTimeout(() => fault(way), 1);
        return never;
      });
    }
    if (way === 'listener') {
      ctx.signal.addEventListener('abort', () => fault(way));
      return await never;
    }
    if (way === 'late') setTimeout(() => fault(way), 1);
    if (way === 'heeding') {
      setTimeout(() => fault(way), 1);
      ctx.signal.addEventListener('abort', () => say({ heeded: (ctx.signal.reason as OperatingError).code }));
    }
    if (way === 'innocent' || way === 'late') await gate;
    else await never;
    return way;
  },
});

const world = createWorld();
const log = createLog({ world, level: 'error', format: 'json', output: null });
installEscapeHandlers({
  log,
  onUnattributed: (error) => {
    say({ unattributed: String(error) });
    process.exit(70);
  },
});
const workers = { run: () => never };
const worker = createMeshWorker({ world, log, node: 'worker', labels: {}, agents: [agent], workers, threads: 0 });
const pair = linkPair(world);
const owner = new ScriptedOwner(pair.owner, {
  journal: ({ run }) => run('do', 'key'),
  publish: () => fault('refused'),
});
pair.worker.ears = worker.attach(pair.worker);

owner.settles = false;
const ways = ['timer', 'rejection', 'refused', 'function', 'late', 'heeding', 'listener', 'innocent'];
for (const way of ways) owner.start({ call: way, token: way, workInput: way });
const ended = (): string[] => owner.of('call.outcome').map(({ call }) => call);
const until = (isSo: () => boolean): Promise<void> =>
  new Promise((resolve) => {
    const look = (): void => (isSo() ? resolve() : void setImmediate(look));
    look();
  });
await until(() => ended().length === 6);
owner.cancel('listener', 'listener');
await until(() => ended().length === 7);
open();
await until(() => ended().length === ways.length);
for (const { call, ok, error } of owner.of('call.outcome')) {
  say({ call, ok, ...(error !== undefined && { code: error.code, message: error.message }) });
}
process.exit(0);
