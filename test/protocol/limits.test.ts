import { describe, expect, it } from 'vitest';
import { CLIENT_FRAME, HTTP_BODY, LIMITS, MESH_FRAME, NODE_FRAME } from '../../protocol/limits.ts';
import { isTerminal, TASK_STATUSES } from '../../protocol/tasks.ts';

describe('limits', () => {
  it('are what the documents promise', () => {
    expect(CLIENT_FRAME).toEqual({ bytesMax: 65_536, depthMax: 32, elementsMax: 100_000 });
    expect(NODE_FRAME).toEqual({ bytesMax: 1_048_576, depthMax: 40, elementsMax: 200_000 });
    expect(MESH_FRAME.bytesMax).toBe(1_048_576);
    expect(HTTP_BODY).toEqual({ bytesMax: 1_048_576, depthMax: 32, elementsMax: 100_000 });
    expect(LIMITS).toMatchObject({
      idCharactersMax: 128,
      listMax: 200,
      mailboxMessagesMax: 1_000,
      tasksInFlightMax: 10_000,
      readerCoalesceBytes: 262_144,
      readerCloseBytes: 1_048_576,
      workflowStepsMax: 2_000,
      deliveriesMax: 3,
      idempotencyMs: 86_400_000,
    });
  });

  it('cannot be changed, and are all whole, positive numbers', () => {
    for (const bounds of [LIMITS, CLIENT_FRAME, NODE_FRAME, MESH_FRAME, HTTP_BODY]) {
      expect(Object.isFrozen(bounds)).toBe(true);
      for (const [name, value] of Object.entries(bounds))
        expect(Number.isSafeInteger(value) && value > 0, name).toBe(true);
    }
  });

  it('leave room for an envelope around the largest output', () => {
    expect(LIMITS.outputBytesMax).toBeLessThan(LIMITS.nodeFrameBytesMax);
    expect(LIMITS.readerCoalesceBytes).toBeLessThan(LIMITS.readerCloseBytes);
    expect(LIMITS.listDefault).toBeLessThanOrEqual(LIMITS.listMax);
  });
});

describe('statuses', () => {
  it('are ends or not', () => {
    expect(TASK_STATUSES.filter(isTerminal)).toEqual(['completed', 'failed', 'canceled', 'rejected']);
  });
});
