import { describe, expect, it } from 'vitest';
import { type AnyStateMachine, assign, createMachine, fromPromise, setup } from 'xstate';
import { OperatingError } from '../../protocol/errors.ts';
import type { CellPort } from '../../runtime/cell-port.ts';
import { chartFactory, type ChartSeat } from '../../runtime/chart-host.ts';
import type { Host } from '../../runtime/host.ts';

interface Context {
  readonly seat: ChartSeat<readonly string[]>;
  readonly seen: readonly string[];
}

const chart = setup({
  types: { context: {} as Context, input: {} as ChartSeat<readonly string[]> },
  actions: {
    see: assign({ seen: ({ context, event }) => [...context.seen, event.type] }),
    fault: () => {
      throw new Error('fault');
    },
  },
}).createMachine({
  context: ({ input }) => ({ seat: input, seen: input.input }),
  initial: 'work',
  on: { '*': { actions: 'see' }, FAULT: { actions: ['see', 'fault'] }, END: '.end' },
  states: {
    work: {
      initial: 'one',
      on: { REST: 'rest' },
      states: { one: { on: { NEXT: 'two' } }, two: {}, last: { type: 'history' } },
    },
    rest: { on: { BACK: 'work.last' } },
    end: { type: 'final' },
  },
  output: ({ context }) => context.seen,
});

/** A port is tied to the whole node, in circles. */
const port = { address: 'chart/1' } as CellPort & { self?: unknown };
port.self = { port, again: [port] };
const factory = chartFactory(chart, 'chart');
const contextOf = (host: Host): Context => (host.checkpoint() as { readonly context: Context }).context;

function started(machine: AnyStateMachine = chart): Host {
  const host = chartFactory(machine, 'chart').create(port, ['input']);
  host.start();
  return host;
}

describe('A hosted statechart', () => {
  it('is given its port and its input, and takes events, timers and outcomes of calls as events', () => {
    const host = started();
    host.send({ type: 'HELLO' });
    host.fire('alarm');
    host.settle('call', { ok: true, value: 1 });
    host.settle('call', { ok: false, error: { code: 'BUSY', message: 'no', retryable: true } });
    expect(contextOf(host).seat.port).toBe(port);
    expect(contextOf(host).seen).toEqual(['input', 'HELLO', 'timer.alarm', 'effect.done', 'effect.failed']);
    expect([host.status, host.describe()]).toEqual(['active', { state: 'work.one' }]);
  });

  it('goes on from any of its checkpoints, as often as one likes, history included', () => {
    const host = started();
    host.send({ type: 'NEXT' });
    host.send({ type: 'REST' });
    const checkpoint = host.checkpoint();
    host.send({ type: 'LATER' });
    for (let round = 0; round < 2; round++) {
      const again = factory.restore(port, checkpoint);
      again.start();
      expect([again.describe().state, contextOf(again).seen]).toEqual(['rest', ['input']]);
      expect(contextOf(again).seat.port).toBe(port);
      again.send({ type: 'BACK' });
      expect(again.describe().state).toBe('work.two');
    }
  });

  it('ends with its output', () => {
    const host = started();
    host.send({ type: 'END' });
    expect([host.status, host.output]).toEqual(['done', ['input']]);
  });

  it('that throws has the status error, not chosen by itself, and the error; the checkpoint before is as it was', () => {
    const host = started();
    const checkpoint = host.checkpoint();
    host.send({ type: 'FAULT' });
    expect([host.status, host.endedByItself, host.error]).toMatchObject(['error', undefined, { message: 'fault' }]);
    const again = factory.restore(port, checkpoint);
    again.start();
    expect(contextOf(again).seen).toEqual(['input']);
  });

  it('describes parallel states whole', () => {
    const parallel = createMachine({ type: 'parallel', states: { a: {}, b: { initial: 'c', states: { c: {} } } } });
    expect(started(parallel).describe().state).toBe('{"a":{},"b":"c"}');
  });
});

describe('What a hosted statechart cannot have is refused', () => {
  const refusal = expect.objectContaining({ code: 'INTERNAL' });

  it('delays', () => {
    const host = started(createMachine({ initial: 'a', states: { a: { after: { 10: 'b' } }, b: {} } }));
    expect(host.status).toBe('error');
    expect(host.error).toEqual(refusal);
  });

  it('children', () => {
    const host = started(createMachine({ invoke: { src: fromPromise(() => new Promise(() => {})) } }));
    expect(() => host.checkpoint()).toThrow(refusal);
    host.stop();
  });

  it('a place in the store', () => {
    expect(() => factory.encode(undefined)).toThrow(OperatingError);
    expect(() => factory.decode(new Uint8Array())).toThrow(refusal);
  });

  it('deliveries inside of it', () => {
    expect(() => started().relay({ sourcePath: undefined, targetPath: [], event: { type: 'x' } })).toThrow(refusal);
  });
});
