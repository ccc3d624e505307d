/** Agents that do everything that an agent must not: the node they run on has to bear it. */
import { assign, fromCallback, sendTo, setup } from 'xstate';
import { addressOf, type AgentDefinition, defineAgent } from '../../index.ts';

const JOBS = new URL('../runtime/workers-jobs.ts', import.meta.url);
const ONCE = { attempts: 1 } as const;
/** Long enough for everything else to happen first. */
const LONG_MS = 60_000;

/** The time limit of a function that would never end: its actor crashes, comes back, and finds its call under way. */
const LIMIT_MS = 1_500;

/** Never ends by itself, so that what was left behind goes off meanwhile. */
function linger(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    // oxlint-disable-next-line typescript/prefer-promise-reject-errors -- the reason is an error of the product
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
}

/** Every function form, by the name of its fault. */
const RUNS: Readonly<Record<string, AgentDefinition['run']>> = {
  'throws-text': () => {
    // oxlint-disable-next-line typescript/only-throw-error -- agents do such things
    throw 'just text';
  },
  'throws-nothing': () => {
    // oxlint-disable-next-line typescript/only-throw-error -- agents do such things
    throw undefined;
  },
  'rejects-unheard': ({ ctx }) => {
    void Promise.reject(new RangeError('nobody listens'));
    return linger(ctx.signal);
  },
  'throws-later': ({ ctx }) => {
    setTimeout(() => {
      throw new RangeError('from a timer');
    }, 5);
    return linger(ctx.signal);
  },
  'throws-when-aborted': ({ ctx }) => {
    ctx.signal.addEventListener('abort', () => {
      throw new RangeError('from a listener');
    });
    ctx.signal.addEventListener('abort', () => void Promise.reject(new RangeError('left behind by a listener')));
    return linger(ctx.signal);
  },
  'worker-spins': ({ ctx }) => ctx.worker({ module: JOBS, name: 'spin', input: { ms: LONG_MS }, timeoutMs: 400 }),
  'worker-leaks': ({ ctx }) => ctx.worker({ module: JOBS, name: 'fillHeap', timeoutMs: LONG_MS }),
  'worker-leaks-buffers': ({ ctx }) => ctx.worker({ module: JOBS, name: 'fillBuffers', timeoutMs: LONG_MS }),
  'worker-exits': ({ ctx }) => ctx.worker({ module: JOBS, name: 'exit', input: { code: 0 } }),
  'worker-throws-text': ({ ctx }) => ctx.worker({ module: JOBS, name: 'fail', input: { how: 'text' } }),
  'worker-throws-nothing': ({ ctx }) => ctx.worker({ module: JOBS, name: 'fail', input: { how: 'nothing' } }),
  'worker-throws-later': ({ ctx }) => ctx.worker({ module: JOBS, name: 'throwOutside', timeoutMs: LONG_MS }),
};

/** All of them, as `bad.NAME`. */
export function badAgents(): readonly AgentDefinition[] {
  const functions = Object.entries(RUNS).map(([name, run]) =>
    defineAgent({
      name: `bad.${name}`,
      version: '1.0.0',
      kind: 'pure',
      retry: ONCE,
      timeoutMs: limitOf(name),
      run: run as () => unknown,
    }),
  );
  return [...functions, loads, stops, calls, deaf];
}

function limitOf(name: string): number {
  return name.startsWith('worker-') ? LONG_MS : LIMIT_MS;
}

const loads = defineAgent({
  name: 'bad.crashes-on-load',
  version: '1.0.0',
  retry: ONCE,
  machine: setup({}).createMachine({
    id: 'bad-load',
    context: () => {
      throw new RangeError('there is no context');
    },
    initial: 'never',
    states: { never: {} },
  }),
});

/** Ends in good order, but for what it leaves behind. */
const stops = defineAgent({
  name: 'bad.crashes-in-stop',
  version: '1.0.0',
  retry: ONCE,
  machine: setup({
    actors: {
      holder: fromCallback(() => () => {
        throw new RangeError('does not let go');
      }),
    },
  }).createMachine({
    id: 'bad-stop',
    initial: 'holding',
    states: { holding: { invoke: { src: 'holder' }, after: { 20: 'done' } }, done: { type: 'final' } },
  }),
});

const calls = defineAgent({
  name: 'bad.callback-throws-later',
  version: '1.0.0',
  retry: ONCE,
  machine: setup({
    actors: {
      late: fromCallback(() => {
        const timer = setTimeout(() => {
          throw new RangeError('from a callback');
        }, 5);
        return () => clearTimeout(timer);
      }),
    },
  }).createMachine({ id: 'bad-callback', initial: 'calling', states: { calling: { invoke: { src: 'late' } } } }),
});

/** Crashes on every `poke`, and answers everything else. */
const deaf = defineAgent({
  name: 'bad.crashes-on-message',
  version: '1.0.0',
  keyed: true,
  machine: setup({
    types: {
      context: {} as { heard: number },
      events: {} as { type: 'poke' } | { type: 'hear' } | { type: 'get'; replyTo: string },
    },
  }).createMachine({
    id: 'bad-message',
    context: { heard: 0 },
    on: {
      poke: {
        actions: () => {
          throw new RangeError('poked');
        },
      },
      hear: { actions: assign({ heard: ({ context }) => context.heard + 1 }) },
      get: {
        actions: sendTo(
          ({ event }) => addressOf(event.replyTo),
          ({ context }) => ({ type: 'heard', heard: context.heard }),
        ),
      },
    },
  }),
});
