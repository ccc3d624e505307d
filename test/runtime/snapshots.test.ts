import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ChildSpec } from '../../runtime/child-spec.ts';
import type { Envelope } from '../../runtime/mailbox.ts';
import { type CellSnapshot, packCell, unpackCell } from '../../runtime/snapshots.ts';
import { packState } from '../../runtime/state-codec.ts';

const spec: ChildSpec = {
  address: 'task/1',
  logic: 'task',
  input: { deep: [1, { at: new Date(0) }], big: 2n ** 70n },
  supervisor: 'supervisor/tasks',
  owner: 'flow/1',
  restart: 'transient',
  recovery: 'resume',
  priority: 9,
  deadlineAtMs: 12,
  durable: true,
};

const snapshot = (more: Partial<CellSnapshot> = {}): CellSnapshot => ({
  spec,
  logicVersion: '1',
  structureHash: 'abc',
  seq: 3,
  body: Uint8Array.of(1, 2, 3),
  timers: [['t', 1_000]],
  control: [],
  user: [],
  rows: false,
  ...more,
});

/** JSON has no -0, and neither has the store. */
const json = fc.jsonValue().map((value): unknown => JSON.parse(JSON.stringify(value)));

const envelope: fc.Arbitrary<Envelope> = fc.oneof(
  fc.record({ kind: fc.constant('start' as const), deliveries: fc.nat(3), bytes: fc.nat() }),
  fc.record({
    kind: fc.constant('event' as const),
    event: fc.record({ type: fc.string(), value: json }),
    deliveries: fc.nat(3),
    bytes: fc.nat(),
  }),
  fc.record({
    kind: fc.constant('settle' as const),
    key: fc.string(),
    outcome: fc.record({ ok: fc.constant(true as const), value: json }),
    deliveries: fc.nat(3),
    bytes: fc.nat(),
  }),
);

describe('A stored cell', () => {
  it('comes back as it was, with all that waited for it', () => {
    fc.assert(
      fc.property(fc.array(envelope, { maxLength: 8 }), fc.array(envelope, { maxLength: 8 }), (control, user) => {
        const before = snapshot({ control, user });
        const after = unpackCell(packCell(before));
        expect({ ...after, body: [...(after.body ?? [])] }).toEqual({ ...before, body: [1, 2, 3] });
      }),
      { numRuns: 50 },
    );
  });

  it('before its first turn has no state', () => {
    expect(unpackCell(packCell(snapshot({ body: undefined }))).body).toBeUndefined();
  });

  it('holds no fired timers, which are due and fire again, but those that crashed it, which are counted', () => {
    const timer = (deliveries: number): Envelope => ({ kind: 'timer', id: 't', dueAtMs: 5, deliveries, bytes: 1 });
    expect(unpackCell(packCell(snapshot({ control: [timer(0), timer(2)] }))).control).toEqual([timer(2)]);
  });

  it('of another format is refused, whatever it is', () => {
    for (const strange of [[2, spec], [], 'cell', null, { format: 1 }]) {
      expect(() => unpackCell(packState(strange))).toThrow(expect.objectContaining({ code: 'VERSION_MISMATCH' }));
    }
  });
});
