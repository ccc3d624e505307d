import { describe, expect, it } from 'vitest';
import { Holders, rejoinMs } from '../../../cluster/owner/holders.ts';
import { LIMITS } from '../../../protocol/limits.ts';
import { createManualWorld } from '../../support/manual-world.ts';

const GRACE_MS = 6_000;
const wanted = { onRefused: () => undefined };

describe('Workers that an owner waits for', () => {
  it('are waited for as long as it may take, and no longer', async () => {
    const world = createManualWorld({ seed: 1 });
    const holders = new Holders<string>(['w1'], GRACE_MS, world);
    const found = holders.find('a call', wanted);
    world.advance(GRACE_MS - 1);
    expect(holders.isWaiting).toBe(true);
    world.advance(1);
    expect(holders.isWaiting).toBe(false);
    expect(await found).toBeUndefined();
  });

  it('have the time to dial again, however soon they would be taken for lost', () => {
    expect(rejoinMs(1_000)).toBeGreaterThan(LIMITS.meshRedialMaxMs);
    expect(rejoinMs(60_000)).toBe(60_000);
  });

  it('are waited for on, where the owner itself stood still meanwhile', async () => {
    const due: (() => void)[] = [];
    const world = { after: (_ms: number, fn: () => void) => (due.push(fn), () => undefined) };
    const holders = new Holders<string>(['w1'], GRACE_MS, world);
    const found = holders.find('a call', wanted);
    // It was frozen for long: the timer that was set before goes off before anybody who had to wait for it is heard.
    due.shift()?.();
    holders.heard('w1', 'w1', [{ call: 'a call', token: '1' }]);
    expect(await found).toEqual({ member: 'w1', token: '1' });
  });
});

describe('A call that several workers hold', () => {
  const heard = () => {
    const holders = new Holders<string>([], GRACE_MS, createManualWorld({ seed: 1 }));
    for (const [node, token] of [
      ['w1', '3.5.x'],
      ['w3', '3.2.x'],
      ['w2', '2.11.x'],
    ] as const)
      holders.heard(node, node, [{ call: 'a call', token }]);
    return holders;
  };

  it('is joined where it was sent to last', async () => {
    expect(await heard().find('a call', wanted)).toEqual({ member: 'w1', token: '3.5.x' });
  });

  it('is unclaimed at each of the others, whether one was joined or none', async () => {
    const holders = heard();
    await holders.find('a call', wanted);
    expect(['3.5.x', '3.2.x', '2.11.x', '3.3.x'].map((token) => holders.has('a call', token))).toEqual([
      ...[true, true, true, false],
    ]);
    expect(['w1', 'w2', 'w3'].map((node) => holders.unclaimed(node))).toEqual([
      [],
      [{ call: 'a call', token: '2.11.x' }],
      [{ call: 'a call', token: '3.2.x' }],
    ]);
    const none = heard();
    expect(['w1', 'w2', 'w3'].map((node) => none.unclaimed(node).length)).toEqual([1, 1, 1]);
    expect(none.has('a call', '3.5.x')).toBe(false);
  });
});
