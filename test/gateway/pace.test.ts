import { describe, expect, it } from 'vitest';
import { Pace, READER_BURST_BYTES_MAX, READER_GRACE_MS } from '../../gateway/pace.ts';
import { LIMITS } from '../../protocol/limits.ts';
import { createManualWorld } from '../support/manual-world.ts';

const { readerCoalesceBytes: ROOM, readerCloseBytes: CLOSE } = LIMITS;

function reader() {
  const world = createManualWorld();
  const backlog = { bytes: 0 };
  return { world, backlog, pace: new Pace(world, () => backlog.bytes) };
}

/** What settled so far has been heard of. */
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('A reader with room', () => {
  it('lets everyone go on at once', async () => {
    const { pace, backlog } = reader();
    backlog.bytes = ROOM;
    await expect(Promise.all([pace.ready(), pace.ready()])).resolves.toHaveLength(2);
  });
});

describe('A reader without room', () => {
  it('lets those who wait go on one by one, as long as each leaves room for the next', async () => {
    const { pace, backlog } = reader();
    backlog.bytes = ROOM + 1;
    const went: number[] = [];
    for (let n = 0; n < 5; n++) {
      void pace.ready().then(() => {
        went.push(n);
        backlog.bytes += ROOM / 2;
      });
    }
    await settled();
    expect(went).toEqual([]);
    backlog.bytes = 1;
    pace.eased();
    await settled();
    expect(went).toEqual([0, 1]);
    backlog.bytes = 0;
    pace.eased();
    await settled();
    expect(went).toEqual([0, 1, 2, 3, 4].slice(0, went.length));
    expect(went.length).toBeGreaterThan(3);
  });

  it('lets nobody pass those who wait', async () => {
    const { pace, backlog } = reader();
    backlog.bytes = ROOM + 1;
    const went: string[] = [];
    void pace.ready().then(() => void went.push('first'));
    backlog.bytes = 0;
    void pace.ready().then(() => void went.push('second'));
    await settled();
    expect(went).toEqual(['first', 'second']);
  });

  it('that goes forgets who waits', async () => {
    const { pace, backlog } = reader();
    backlog.bytes = ROOM + 1;
    let went = false;
    void pace.ready().then(() => void (went = true));
    pace.end();
    backlog.bytes = 0;
    pace.eased();
    void pace.ready().then(() => void (went = true));
    await settled();
    expect(went).toBe(false);
  });
});

describe('A reader is too slow', () => {
  it('when too much has been unread for too long', () => {
    const { pace, world } = reader();
    expect(pace.isTooSlow(CLOSE + 1)).toBe(false);
    world.advance(READER_GRACE_MS);
    expect(pace.isTooSlow(CLOSE + 1)).toBe(false);
    world.advance(1);
    expect(pace.isTooSlow(CLOSE + 1)).toBe(true);
    expect(pace.isTooSlow(CLOSE)).toBe(false);
  });

  it('not when it has caught up in between', () => {
    const { pace, world, backlog } = reader();
    backlog.bytes = CLOSE + 1;
    expect(pace.isTooSlow(backlog.bytes)).toBe(false);
    world.advance(READER_GRACE_MS);
    pace.eased();
    expect(pace.isTooSlow(backlog.bytes)).toBe(false);
    backlog.bytes = CLOSE;
    pace.eased();
    backlog.bytes = CLOSE + 1;
    world.advance(READER_GRACE_MS);
    expect(pace.isTooSlow(backlog.bytes)).toBe(false);
  });

  it('at once when far too much is unread', () => {
    const { pace } = reader();
    expect(pace.isTooSlow(READER_BURST_BYTES_MAX)).toBe(false);
    expect(pace.isTooSlow(READER_BURST_BYTES_MAX + 1)).toBe(true);
  });
});
