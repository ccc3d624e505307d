/** A worker on a manual world, and owners that it meets, one session after the other. */
import { type AgentOptions, defineAgent } from '../../../actors/agent-definition.ts';
import type { AgentContext } from '../../../actors/agent-context.ts';
import type { Link } from '../../../cluster/link/link.ts';
import { createMeshWorker, type MeshWorkerOptions } from '../../../cluster/worker/mesh-worker.ts';
import type { Log } from '../../../runtime/log.ts';
import { type LinkPair, linkPair } from '../../support/link-pair.ts';
import { createManualWorld } from '../../support/manual-world.ts';
import { type Answers, ScriptedOwner } from '../../support/scripted-owner.ts';

/** Lines of the worker's log, with their fields. */
interface Line {
  readonly level: string;
  readonly message: string;
  readonly fields: object;
}

/** A session, with the owner at its other end. */
interface Session {
  readonly pair: LinkPair;
  readonly link: Link;
  readonly owner: ScriptedOwner;
}

/** An agent `worker.one@1.0.0` whose function is this. */
export function oneAgent(run: (ctx: AgentContext, input: unknown) => unknown, more: Partial<AgentOptions> = {}) {
  return defineAgent({
    ...{ name: 'worker.one', version: '1.0.0', run: ({ input, ctx }) => run(ctx, input) },
    ...more,
  });
}

/** The journal as an owner without records has it: every function is made. */
export const JOURNAL: Answers = {
  journal: ({ args, run }) => run('do', `key of ${String(args[0])}`),
  once: ({ run }) => run('do', 'key of all'),
};

/** A function that waits to be let go on. */
export function gate<T>() {
  const { promise, resolve } = Promise.withResolvers<T>();
  return { waits: () => promise, open: resolve };
}

/** Makes a worker. `meet` opens a session with another owner; `firstInvocation` tells owners' invocations apart. */
export function workerRig(agents: MeshWorkerOptions['agents'], more: Partial<MeshWorkerOptions> = {}) {
  const world = createManualWorld();
  const lines: Line[] = [];
  const worker = createMeshWorker({
    ...{ world, log: notingLog(lines), node: 'worker', labels: { zone: 'a' }, agents, threads: 2 },
    workers: { run: (job) => Promise.resolve({ computed: job.input }) },
    ...more,
  });
  return {
    ...{ world, worker, lines },
    meet(answers: Answers = JOURNAL, firstInvocation = 0): Session {
      const pair = linkPair(world);
      const owner = new ScriptedOwner(pair.owner, answers, firstInvocation);
      pair.worker.ears = worker.attach(pair.worker);
      return { pair, link: pair.worker, owner };
    },
  };
}

function notingLog(lines: Line[], given: object = {}): Log {
  const at =
    (level: string) =>
    (message: string, fields: object = {}): void =>
      void lines.push({ level, message, fields: { ...given, ...fields } });
  return {
    ...{ enabled: () => true, error: at('error'), warn: at('warn'), info: at('info'), debug: at('debug') },
    ...{ trace: at('trace'), child: (fields) => notingLog(lines, { ...given, ...fields }) },
  };
}
