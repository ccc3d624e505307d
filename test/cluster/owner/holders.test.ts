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
