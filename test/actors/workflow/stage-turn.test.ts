/** What a stage asks for in one turn, where that cannot be told apart from outside. */
import { describe, expect, it } from 'vitest';
import { stageLogic } from '../../../actors/workflow/stage.ts';
import type { StageStart } from '../../../actors/workflow/stage-start.ts';
import type { StageState } from '../../../actors/workflow/stage-turn.ts';
import type { ActorEvent } from '../../../runtime/host.ts';
import { createNotingPort } from '../../support/noting-port.ts';
import { graphOf } from './graph-lookups.ts';

const NOW_MS = 1_000;
const error = { code: 'AGENT_FAILED', message: 'no', retryable: false } as const;
const failed = { ok: false, error, events: [], attempts: 1 };
const graph = graphOf([{ id: 'x', agent: 'echo' }]);

/** A stage that works, and what it asks for from here on. */
function stage(step: object, more: Partial<StageStart> = {}) {
  const start: StageStart = {
    ...{ task: 'T', priority: 5, path: 's', item: 3, rests: 'flow/T', index: 0, input: 1 },
    pinned: { inner: graph },
    ...more,
    step: { id: 's', ...step },
  };
  if (more.rests === '') delete (start as { rests?: string }).rests;
  const { port, asked } = createNotingPort('stage/T/s/3', start, NOW_MS);
  const logic = stageLogic({ random: () => 0.5 });
  let state: StageState = logic.initial(start, port);
  const hear = (event: ActorEvent): readonly string[] => {
    asked.length = 0;
    const handle = logic.table[state.phase][event.type] as
      | ((state: StageState, event: ActorEvent, on: typeof port) => StageState)
      | undefined;
    state = handle?.(state, event, port) ?? state;
    return [...asked];
  };
  return { hear, at: () => state };
}

describe('A stage', () => {
  it('rests once for all that rests in it, and wakes with the last, or when what rested has ended', () => {
    const { hear } = stage({ workflow: 'inner', fallback: { agent: 'echo' } });
    const news = (type: string, address: string): readonly string[] => hear({ type, address });
    expect(news('item.parked', 'step/T/s:3.a')).toEqual(['send flow/T item.parked']);
    expect(news('item.parked', 'step/T/s:3.a')).toEqual([]);
    expect(news('item.parked', 'step/T/s:3.b')).toEqual([]);
    expect(news('item.unparked', 'step/T/s:3.a')).toEqual([]);
    expect(news('item.unparked', 'step/T/s:3.b')).toEqual(['send flow/T item.unparked']);
    news('item.parked', 'step/T/s:3.a');
    expect(hear({ type: 'child.done', address: 'flow/T/s:3', output: failed })).toEqual([
      'send flow/T item.unparked',
      'start step/T/s+1/3',
      'send task/T task.progress',
    ]);
  });

  it('tells nobody that it rests where it is no part of a fan-out', () => {
    const { hear } = stage({ workflow: 'inner' }, { rests: '' });
    expect(hear({ type: 'item.parked', address: 'step/T/s.a' })).toEqual([]);
  });

  it('lets go of the time limit of a workflow that has ended', () => {
    const { hear } = stage({ workflow: 'inner', timeoutMs: 50, loop: { while: 'round < 2', max: 2 } });
    const done = { ok: true, output: 1, events: [], attempts: 0 };
    expect(hear({ type: 'child.done', address: 'flow/T/s:3~1', output: done })).toEqual([
      'no timer timeout',
      'timer timeout',
      'start flow/T/s:3~2',
      'send task/T task.progress',
    ]);
  });

  it('takes no fallback, and does not try again, past the deadline of its task', () => {
    const late = { deadlineAtMs: NOW_MS };
    const { hear, at } = stage({ agent: 'flaky', fallback: { agent: 'echo' } }, late);
    expect(hear({ type: 'child.done', address: 'step/T/s/3', output: failed })).toEqual([]);
    expect(at()).toMatchObject({ phase: 'done', outcome: { ok: false, error } });
    const again = stage({ workflow: 'inner', retry: { attempts: 5 } }, { deadlineAtMs: NOW_MS + 10 });
    const passing = { ...failed, error: { ...error, retryable: true } };
    expect(again.hear({ type: 'child.done', address: 'flow/T/s:3', output: passing })).toEqual([]);
    expect(again.at().phase).toBe('done');
  });

  it('fails where a workflow is not there, or expressions give what they must not', () => {
    const { at } = stage({ workflow: 'other' });
    expect(at()).toMatchObject({ phase: 'done', outcome: { ok: false, error: { code: 'NOT_FOUND' } } });
    const { hear, at: after } = stage({ agent: 'echo', loop: { while: 'steps.s.output', max: 2 } });
    hear({ type: 'child.done', address: 'step/T/s~1/3', output: { ok: true, output: 7, events: [], attempts: 1 } });
    expect(after()).toMatchObject({ outcome: { ok: false, error: { code: 'INVALID_INPUT' } } });
  });
});
