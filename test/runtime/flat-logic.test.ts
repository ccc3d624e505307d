import { describe, expect, it } from 'vitest';
import type { CellPort } from '../../runtime/cell-port.ts';
import { flatFactory, type FlatLogic } from '../../runtime/flat-logic.ts';

interface State {
  readonly phase: 'on' | 'done' | 'failed';
  readonly seen: readonly string[];
  readonly scratch?: () => void;
}

const see =
  (word: string) =>
  (state: State): State => ({ ...state, seen: [...state.seen, word] });

const logic: FlatLogic<State, string> = {
  name: 'logic',
  version: '7',
  initial: (input) => ({ phase: input === 'over' ? 'done' : 'on', seen: [input] }),
  restored: (state) => (state.phase === 'on' ? { ...state, seen: [...state.seen, 'restored'] } : state),
  table: {
    on: {
      a: see('a'),
      same: (state) => state,
      'timer.t': see('timer'),
      'effect.done': (state, event: { readonly key: string; readonly value: unknown }) =>
        see(`${event.key}=${String(event.value)}`)(state),
      'effect.failed': (state, event: { readonly error: { readonly code: string } }) => see(event.error.code)(state),
      end: (state) => ({ ...state, phase: 'done' }),
      fail: (state) => ({ ...state, phase: 'failed' }),
      crash: () => {
        throw new TypeError('crashed');
      },
    },
    done: { a: see('late') },
    failed: {},
  },
  final: { done: ({ seen }) => ({ output: seen }), failed: () => ({ error: 'its own' }) },
  keep: ({ phase, seen }) => ({ phase, seen }),
};

const port = {} as CellPort;
const factory = flatFactory(logic);

function hosted(input = 'i') {
  const host = factory.create(port, input);
  host.start();
  return host;
}

describe('A flat actor', () => {
  it('takes events, timers and outcomes by its table, and drops what that does not name', () => {
    const host = hosted();
    host.send({ type: 'a' });
    host.send({ type: 'unknown' });
    host.fire('t');
    host.fire('u');
    host.settle('k', { ok: true, value: 1 });
    host.settle('k', { ok: false, error: { code: 'TIMEOUT', message: '', retryable: true } });
    expect(host.checkpoint()).toEqual({ phase: 'on', seen: ['i', 'a', 'timer', 'k=1', 'TIMEOUT'] });
    expect(host.describe()).toEqual({ state: 'on' });
  });

  it('whose state did not change gives the same checkpoint, so that nothing is written', () => {
    const host = hosted();
    const before = host.checkpoint();
    for (const type of ['same', 'unknown']) host.send({ type });
    expect(host.checkpoint()).toBe(before);
  });

  it('ends by its table: with an output, with an error of its own, or at once', () => {
    const done = hosted();
    done.send({ type: 'end' });
    expect([done.status, done.output, done.endedByItself]).toEqual(['done', ['i'], true]);
    const failed = hosted();
    failed.send({ type: 'fail' });
    expect([failed.status, failed.error, failed.endedByItself]).toEqual(['error', 'its own', true]);
    expect(hosted('over').status).toBe('done');
  });

  it('that throws is broken, not ended by itself, and its error is what was thrown', () => {
    const host = hosted();
    host.send({ type: 'crash' });
    expect([host.status, host.endedByItself]).toEqual(['error', false]);
    expect(host.error).toBeInstanceOf(TypeError);
  });

  it('comes back from its bytes, is told so first, and goes on; one checkpoint serves many restores', () => {
    const host = hosted();
    host.send({ type: 'a' });
    const bytes = factory.encode({ ...(host.checkpoint() as State), scratch: () => undefined });
    const checkpoint = factory.decode(bytes);
    for (let time = 0; time < 2; time++) {
      const again = factory.restore(port, checkpoint);
      again.start();
      expect(again.checkpoint()).toEqual({ phase: 'on', seen: ['i', 'a', 'restored'] });
    }
    expect(factory).toMatchObject({ logicId: 'logic', logicVersion: '7', structureHash: '' });
  });

  it('has no inner deliveries', () => {
    expect(() => hosted().relay({ sourcePath: undefined, targetPath: [], event: { type: 'x' } })).toThrow(
      expect.objectContaining({ code: 'INTERNAL' }),
    );
  });
});
