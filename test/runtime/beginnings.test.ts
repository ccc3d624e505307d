import { describe, expect, it } from 'vitest';
import { Beginnings } from '../../runtime/beginnings.ts';

/** `groups`: how many of those that wait may begin at a time, then one by one. */
function rig(groups: number[]) {
  const log: string[] = [];
  const beginnings = new Beginnings((calls) => {
    const count = Math.min(groups.shift() ?? 1, calls.length);
    log.push(
      `mark ${calls
        .slice(0, count)
        .map(({ key }) => key)
        .join(',')}`,
    );
    return count;
  });
  const add = (key: string, then?: () => void): void =>
    beginnings.add({
      address: 'a',
      key,
      begin: () => {
        log.push(key);
        then?.();
      },
    });
  return { log, add };
}

describe('Calls that may begin at the same moment', () => {
  it('begin together behind it, in their order, marked before any of them', async () => {
    const { log, add } = rig([3]);
    for (const key of ['x', 'y', 'z']) add(key);
    expect(log).toEqual([]);
    await Promise.resolve();
    expect(log).toEqual(['mark x,y,z', 'x', 'y', 'z']);
  });

  it('begin in as many groups as it takes', async () => {
    const { log, add } = rig([1, 2]);
    for (const key of ['x', 'y', 'z', 'last']) add(key);
    await Promise.resolve();
    expect(log).toEqual(['mark x', 'x', 'mark y,z', 'y', 'z', 'mark last', 'last']);
  });

  it('are each looked at once, or a few times, however many there are', async () => {
    let looks = 0;
    const begun: number[] = [];
    const beginnings = new Beginnings((calls) => {
      looks += calls.length;
      return Math.min(32, calls.length);
    });
    for (let n = 0; n < 10_000; n++) beginnings.add({ address: 'a', key: String(n), begin: () => void begun.push(n) });
    await Promise.resolve();
    expect(begun).toEqual(Array.from({ length: 10_000 }, (_, n) => n));
    expect(looks).toBeLessThanOrEqual(20_000);
  });

  it('do not take those along that they lead to: these are of the next moment', async () => {
    const { log, add } = rig([2, 1]);
    add('x', () => add('next'));
    add('y');
    await Promise.resolve();
    await Promise.resolve();
    expect(log).toEqual(['mark x,y', 'x', 'y', 'mark next', 'next']);
  });
});
