import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  isAwaited,
  keepSignal,
  type KeptSignals,
  letGoOfSignal,
  offerSignal,
  signalRefusal,
} from '../../actors/kept-signals.ts';
import { awaitedBy } from '../../actors/workflow/awaited-signals.ts';
import { LIMITS } from '../../protocol/limits.ts';
import type { ActorEvent } from '../../runtime/host.ts';
import { createNotingPort } from '../support/noting-port.ts';
import { graphOf } from './workflow/graph-lookups.ts';

/** A shelf of kept signals, and what those who asked were offered. */
function shelf() {
  const { port: noting, attachments } = createNotingPort('task/T', {});
  const offers: { readonly by: string; readonly event: ActorEvent }[] = [];
  const port = { ...noting, send: (by: string, event: ActorEvent) => void offers.push({ by, event }) };
  let signals: KeptSignals | undefined;
  return {
    attachments,
    offers,
    keep: (name: string, n: number): number => {
      const kept = keepSignal(signals, { type: 'task.signal', event: { type: name, n } }, port);
      ({ signals } = kept);
      return Number(kept.numbered['number']);
    },
    offer: (name: string, by: string): number | undefined => {
      const before = offers.length;
      signals = offerSignal(signals, name, by, port);
      return offers.length === before ? undefined : Number(offers.at(-1)?.event['number']);
    },
    take: (number: number) => void (signals = letGoOfSignal(signals, number, port)),
    numbers: () => (signals?.kept ?? []).map(([number]) => number),
  };
}

describe('Signals that nobody waits for', () => {
  it('are offered in order, by name, each to one after the other', () => {
    const { keep, offer, take, offers } = shelf();
    const [a, b, other] = [keep('go', 1), keep('go', 2), keep('stop', 3)];
    expect(offer('nothing', 'x')).toBeUndefined();
    expect(offer('go', 'x')).toBe(a);
    expect(offer('go', 'y')).toBe(b);
    expect(offer('stop', 'z')).toBe(other);
    expect(offers[1]).toEqual({ by: 'y', event: { type: 'task.signal', event: { type: 'go', n: 2 }, number: b } });
    take(a);
    take(b);
    expect(offer('go', 'x')).toBeUndefined();
  });

  it('are there for the next where the one they were offered to has ended', () => {
    const { keep, offer, take, attachments } = shelf();
    const a = keep('go', 1);
    expect(offer('go', 'one who ends')).toBe(a);
    expect(offer('go', 'the next')).toBe(a);
    take(a);
    take(a);
    expect(offer('go', 'another')).toBeUndefined();
    expect(attachments.size).toBe(0);
  });

  it('are neither lost nor taken twice, in whatever order they come, are asked for and are taken', () => {
    const move = fc.record({ what: fc.constantFrom('keep', 'ask', 'take', 'die'), name: fc.constantFrom('a', 'b') });
    fc.assert(
      fc.property(fc.array(move, { maxLength: 60 }), (moves) => {
        const { keep, offer, take, numbers, attachments } = shelf();
        const kept = new Set<number>();
        const taken = new Set<number>();
        let held: number[] = [];
        for (const { what, name } of moves) {
          if (what === 'keep') kept.add(keep(name, 0));
          else if (what === 'ask') held = [...held, ...[offer(name, 'x')].filter((one) => one !== undefined)];
          else if (what === 'die') held = held.slice(1);
          else if (held[0] !== undefined) {
            const [one, ...rest] = held;
            // Who was offered the same at the same time has it too; it is gone once.
            taken.add(one);
            take(one);
            held = rest;
          }
          expect(new Set([...numbers(), ...taken])).toEqual(kept);
          expect(attachments.size).toBe(kept.size - taken.size);
        }
      }),
    );
  });

  it('are refused beyond their number and size, with those counted in that are on their way', () => {
    const signals: KeptSignals = { next: 9, kept: [[1, 'go', false]] };
    expect(signalRefusal(signals, LIMITS.signalsKeptMax - 2, { type: 'go' })).toBeUndefined();
    expect(signalRefusal(signals, LIMITS.signalsKeptMax - 1, { type: 'go' })).toMatchObject({ code: 'BUSY' });
    expect(signalRefusal(undefined, 0, { type: 'go', text: 'x'.repeat(LIMITS.signalBytesMax) })).toMatchObject({
      code: 'PROTOCOL_TOO_BIG',
    });
  });
});

describe('The signals that a workflow waits for', () => {
  it('are known by their names, or by how those begin', () => {
    const step = (id: string, name: string): object => ({ id, signal: { name } });
    const awaits = awaitedBy([
      graphOf([step('a', 'go'), step('b', 'go'), { id: 'c', agent: 'echo' }]),
      graphOf([step('a', 'paid:${input.id}'), step('b', 'cost $${x}')]),
    ]);
    expect(awaits).toEqual([{ name: 'go' }, { name: 'paid:', isPrefix: true }, { name: 'cost ${x}' }]);
    for (const name of ['go', 'paid:', 'paid:7', 'cost ${x}']) expect(isAwaited(awaits, name), name).toBe(true);
    for (const name of ['goes', 'paid', 'cost']) expect(isAwaited(awaits, name), name).toBe(false);
    expect(isAwaited(awaitedBy([graphOf([step('a', '${input}')])]), 'anything')).toBe(true);
    expect(isAwaited(undefined, 'go')).toBe(false);
  });
});
