import fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import { type AgentOptions, defineAgent } from '../../../actors/agent-definition.ts';
import type { Evidence } from '../../../actors/figures/run-figure.ts';
import { Registry } from '../../../actors/registry.ts';
import type { SelectRequest } from '../../../actors/selection/choice.ts';
import { Readings } from '../../../actors/selection/readings.ts';
import { LOOKS_MAX, Selector } from '../../../actors/selection/selector.ts';
import { type Strategy, STRATEGIES } from '../../../protocol/selection.ts';
import type { InstalledLogic } from '../../../runtime/cell.ts';
import { createRegisters } from '../../../runtime/registers.ts';
import { createManualWorld } from '../../support/manual-world.ts';

/** How the agents stand, by their names. */
interface Stand {
  running?: number;
  waiting?: number;
  resting?: number;
  inHand?: number;
  waitMs?: number;
  isFailing?: boolean;
  evidence?: Partial<Evidence>;
}

let registry: Registry;
let stands: Record<string, Stand>;
beforeEach(() => {
  stands = {};
  const book = { install: () => undefined, uninstall: () => undefined };
  registry = new Registry(book, createRegisters(), ({ name }) => ({ name }) as InstalledLogic);
});

const add = (name: string, more: Partial<AgentOptions> = {}, version = '1.0.0'): void =>
  registry.registerAgent(defineAgent({ name, version, capabilities: ['c'], run: () => 1, ...more }));

function selector(strategy: Strategy = 'balanced', random = (): number => 0.5): Selector {
  const stand = (key: string): Stand => {
    const from = key.startsWith('agent:') ? 'agent:'.length : 0;
    const at = key.indexOf('@');
    return stands[key.slice(from, at === -1 ? undefined : at)] ?? {};
  };
  const readings = new Readings({
    breakers: { waitMs: (agent) => stand(agent).waitMs ?? 0 },
    laneFigures: (lane) => ({ running: 0, waiting: 0, resting: 0, ...stand(lane) }),
    inHand: (logic) => stand(logic).inHand ?? 0,
    capacityOf: ({ concurrency }) => concurrency,
    isFailing: ({ name }) => stand(name).isFailing === true,
    evidenceOf: (reference) => {
      const { evidence } = stand(reference);
      return evidence === undefined ? undefined : { p50Ms: 0, timed: 0, usd: 0, good: 0, bad: 0, ...evidence };
    },
  });
  return new Selector({ registry, readings, strategy, random });
}

const chosen = (request: Partial<SelectRequest> = {}, from = selector()): string =>
  from.choose({ capability: 'c', ...request }).agent.name;
const times = (count: number, request: Partial<SelectRequest> = {}, from = selector()): string[] =>
  Array.from({ length: count }, () => chosen(request, from));
const refusal = (code: string): unknown => expect.objectContaining({ code });

describe('The selector', () => {
  it('takes the one that was named', () => {
    add('x');
    expect(selector().choose({ agent: 'x' }).data).toEqual({ agent: 'x@1.0.0', why: 'named' });
    expect(() => selector().choose({ agent: 'y' })).toThrow(refusal('NO_AGENT'));
  });

  it('takes the only one there is, however it stands, and says so', () => {
    add('x');
    stands = { x: { running: 99, waitMs: 500, isFailing: true } };
    expect(selector().choose({ capability: 'c' }).data).toEqual({
      agent: 'x@1.0.0',
      capability: 'c',
      strategy: 'balanced',
      why: 'the only one that offers it',
    });
  });

  it('says why, with the scores of the candidates part by part, the best first', () => {
    add('big', { concurrency: 100 });
    add('small', { concurrency: 2 });
    stands = { big: { running: 10 }, small: { running: 1 } };
    const parts = { match: 1, queue: 1, latency: 1, cost: 1, reliability: 1, affinity: 0 };
    expect(selector().choose({ capability: 'c' }).data).toEqual({
      agent: 'big@1.0.0',
      capability: 'c',
      strategy: 'balanced',
      why: 'the best by load, queue, speed, cost and success',
      offered: 2,
      candidates: [
        { agent: 'big@1.0.0', score: 0.97, load: 0.9, ...parts },
        { agent: 'small@1.0.0', score: 0.95, load: 0.5, ...parts },
      ],
    });
  });

  it('names the five best of many', () => {
    for (let n = 0; n < 20; n++) {
      add(`a${n}`);
      stands[`a${n}`] = { running: n % 16 };
    }
    const { data } = selector().choose({ capability: 'c' });
    expect(data['offered']).toBe(20);
    const loads = (data['candidates'] as { load: number }[]).map(({ load }) => load);
    expect(loads).toEqual([1, 1, 0.938, 0.938, 0.875]);
  });

  it('passes over those whose breaker is open, and says how they stand', () => {
    for (const name of ['idle', 'busy']) add(name);
    stands = { idle: { waitMs: 700 }, busy: { running: 8 } };
    const { agent, data } = selector().choose({ capability: 'c' });
    expect(agent.name).toBe('busy');
    expect(data['candidates']).toContainEqual(
      expect.objectContaining({ agent: 'idle@1.0.0', status: 'open', retryAfterMs: 700 }),
    );
  });

  it('takes the one that comes back first where all breakers are open, and says so', () => {
    for (const name of ['late', 'soon']) add(name);
    stands = { late: { waitMs: 700 }, soon: { waitMs: 300, running: 9 } };
    const { agent, data } = selector().choose({ capability: 'c' });
    expect([agent.name, data['why']]).toEqual([
      'soon',
      expect.stringMatching(/^the breakers of all that offer it are open/),
    ]);
  });

  it('knows what it has just given away, before any call of it has begun', () => {
    for (const name of ['a', 'b']) add(name);
    stands = { a: { inHand: 5 }, b: { inHand: 3 } };
    expect(chosen()).toBe('b');
    stands = { a: { inHand: 5, resting: 5 }, b: { inHand: 3 } };
    expect(chosen()).toBe('a');
  });

  it('lets equals take turns', () => {
    for (const name of ['a', 'b', 'c']) add(name);
    expect(times(6)).toEqual(['a', 'b', 'c', 'a', 'b', 'c']);
  });

  it('peeks without taking a turn from anyone', () => {
    for (const name of ['a', 'b']) add(name);
    const from = selector();
    expect([from.peek({ capability: 'c' }).name, from.peek({ capability: 'c' }).name]).toEqual(['a', 'a']);
    expect(times(2, {}, from)).toEqual(['a', 'b']);
  });

  it('never gives a task to a keyed agent', async () => {
    const { setup } = await import('xstate');
    add('x');
    const machine = setup({}).createMachine({});
    registry.registerAgent(defineAgent({ name: 'keyed', version: '1.0.0', capabilities: ['c'], keyed: true, machine }));
    expect(new Set(times(4))).toEqual(new Set(['x']));
  });
});

describe('A strategy', () => {
  beforeEach(() => {
    add('cheap', { cost: { usd: 0.001 } });
    add('quick', { cost: { usd: 0.02 } });
    add('sure', { cost: { usd: 0.02 } });
    stands = {
      cheap: { evidence: { p50Ms: 900, timed: 50, usd: 0.001, good: 30, bad: 6 } },
      quick: { evidence: { p50Ms: 100, timed: 50, usd: 0.02, good: 30, bad: 6 } },
      sure: { evidence: { p50Ms: 900, timed: 50, usd: 0.02, good: 40 } },
    };
  });

  it.each([
    ['cheapest', 'cheap'],
    ['fastest', 'quick'],
    ['reliable', 'sure'],
  ] as const)('%s takes %s, also where it is the node that wants it so', (strategy, name) => {
    expect(chosen({ select: { strategy } })).toBe(name);
    expect(chosen({}, selector(strategy))).toBe(name);
    expect(chosen({ select: { strategy } }, selector('round-robin'))).toBe(name);
  });

  it('round-robin takes one after the other, and passes over whoever cannot', () => {
    const select = { strategy: 'round-robin' } as const;
    const from = selector();
    expect(times(4, { select }, from)).toEqual(['cheap', 'quick', 'sure', 'cheap']);
    stands['sure'] = { isFailing: true };
    expect(times(4, { select }, from)).toEqual(['quick', 'cheap', 'quick', 'cheap']);
    expect(times(3, { select: { ...select, not: ['cheap'] } }, from)).toEqual(['quick', 'quick', 'quick']);
    stands = {};
    expect(times(3, { select: { ...select, not: ['cheap'] } }, from)).toEqual(['sure', 'quick', 'sure']);
  });

  it('is changed by weights of the user', () => {
    expect(chosen({ select: { strategy: 'cheapest', weights: { cost: 0, latency: 50 } } })).toBe('quick');
  });

  it('takes the dear one while the cheap one is at its capacity, and comes back', () => {
    const select = { strategy: 'cheapest' } as const;
    stands['cheap'] = { ...stands['cheap'], running: 16 };
    expect(chosen({ select })).not.toBe('cheap');
    stands['cheap'] = { ...stands['cheap'], running: 15 };
    expect(chosen({ select })).toBe('cheap');
  });
});

describe('An agent that has never run', () => {
  beforeEach(() => {
    add('known');
    add('known', {}, '2.0.0');
    add('new', { cost: { usd: 0.01 } });
    stands = { known: { evidence: { p50Ms: 100, timed: 50, good: 50 } } };
  });
  /** Each number in turn. */
  const rolls = (...numbers: readonly number[]) => {
    let at = 0;
    return (): number => numbers[at++ % numbers.length] as number;
  };
  const fastest = (...numbers: readonly number[]): Selector => selector('fastest', rolls(...numbers));

  it('is tried now and then where the fastest is wished for, though another part speaks for the others', () => {
    const world = createManualWorld({ seed: 7 });
    const seen = times(
      200,
      {},
      selector('fastest', () => world.random()),
    );
    const share = seen.filter((name) => name === 'new').length / seen.length;
    expect(share).toBeGreaterThan(0.01);
    expect(share).toBeLessThan(0.15);
  });

  it('is said to be tried, and stands among the candidates', () => {
    for (let n = 0; n < 6; n++) {
      add(`more${n}`);
      stands[`more${n}`] = { evidence: { p50Ms: 120 + n, timed: 50, good: 50 } };
    }
    add('old', { cost: { usd: 1 } });
    stands['new'] = { evidence: { p50Ms: 100, timed: 9, good: 9 } };
    const { data } = fastest(0).choose({ capability: 'c' });
    expect(data).toMatchObject({ agent: 'old@1.0.0', why: expect.stringMatching(/^it has never run/) as unknown });
    const names = (data['candidates'] as { agent: string }[]).map(({ agent }) => agent);
    expect(names).toHaveLength(5);
    expect(names).toContain('old@1.0.0');
    expect(new Set(names).size).toBe(5);
  });

  it('is not tried once it has run, well or not, nor while it is at work, nor where it cannot begin', () => {
    for (const stand of [
      { evidence: { p50Ms: 900, timed: 1, good: 1 } },
      { evidence: { bad: 1 } },
      { inHand: 1 },
      { waitMs: 500 },
      { isFailing: true },
    ]) {
      stands['new'] = stand;
      expect(times(3, {}, fastest(0))).toEqual(['known', 'known', 'known']);
    }
  });

  it('is not tried where the work stays with one that knows it', () => {
    const from = fastest(0.9, 0);
    expect(times(3, { task: 't' }, from)).toEqual(['known', 'known', 'known']);
    expect(chosen({ task: 'other' }, from)).toBe('new');
  });

  it('is not tried where another strategy is wished for, nor by looking', () => {
    for (const strategy of ['cheapest', 'reliable'] as const)
      expect(times(3, {}, selector(strategy, rolls(0)))).toEqual(['known', 'known', 'known']);
    expect(fastest(0).peek({ capability: 'c' }).name).toBe('known');
  });
});

describe('A wish', () => {
  beforeEach(() => {
    add('a', { labels: { region: 'eu', tier: 'gold' }, cost: { usd: 0.5 } });
    add('b', { labels: { region: 'us' }, cost: { usd: 0.1 } });
    add('b', { labels: { region: 'us' }, cost: { usd: 0.1 } }, '2.0.0');
  });

  it('leaves agents out, by name and by version', () => {
    expect(new Set(times(4, { select: { not: ['b'] } }))).toEqual(new Set(['a']));
    const only = selector().choose({ capability: 'c', select: { not: ['a', 'b@2.0.0'] } });
    expect(only.data).toMatchObject({ agent: 'b@1.0.0', why: 'the only one left' });
    expect(new Set(times(4, { not: ['b@1.0.0', 'b@2.0.0'] }))).toEqual(new Set(['a']));
    expect(() => chosen({ select: { not: ['a', 'b'] } })).toThrow(refusal('NO_AGENT'));
  });

  it('prefers labels, by as many as fit', () => {
    expect(times(3, { select: { prefer: { region: 'eu' } } })).toEqual(['a', 'a', 'a']);
    const { data } = selector().choose({ capability: 'c', select: { prefer: { region: 'eu', tier: 'lead' } } });
    expect((data['candidates'] as { affinity: number }[]).map(({ affinity }) => affinity)).toEqual([0.5, 0, 0]);
  });

  const pair = { capability: 'd' };
  beforeEach(() => {
    for (const name of ['x', 'y']) add(name, { capabilities: ['d'] });
  });

  it('keeps the work of one key, or one task, with one agent; other work goes on in turn', () => {
    for (const [one, other] of [
      [{ task: 't1' }, { task: 't2' }],
      [{ select: { key: 'k1' } }, { select: { key: 'k2' } }],
    ] as const) {
      const from = selector();
      const first = from.choose({ ...pair, ...one }).data['agent'];
      const second = from.choose({ ...pair, ...other }).data['agent'];
      expect(first).not.toBe(second);
      for (let n = 0; n < 3; n++) {
        expect(from.choose({ ...pair, ...one }).data['agent']).toBe(first);
        expect(from.choose({ ...pair, ...other }).data['agent']).toBe(second);
      }
    }
  });

  it('does not hold work where it is where others have much less to do', () => {
    const from = selector();
    const first = chosen({ ...pair, task: 't' }, from);
    stands = { [first]: { running: 6 } };
    expect(chosen({ ...pair, task: 't' }, from)).toBe(first);
    stands = { [first]: { running: 15 } };
    expect(chosen({ ...pair, task: 't' }, from)).not.toBe(first);
  });

  it('is for a version, and the newest of those that fit', () => {
    const version = (capability: string): unknown => selector().choose({ capability }).data['agent'];
    expect(version('c@^2')).toBe('b@2.0.0');
    expect(version('c@<2')).toMatch(/@1\.0\.0$/);
    expect(() => version('c@^3')).toThrow(
      expect.objectContaining({ code: 'NO_AGENT', details: { capability: 'c@^3', versions: ['2.0.0', '1.0.0'] } }),
    );
  });

  it('takes nobody who costs more than is left', () => {
    expect(new Set(times(4, { budgetLeftUsd: 0.2 }))).toEqual(new Set(['b']));
    expect(() => chosen({ budgetLeftUsd: 0.05 })).toThrow(
      expect.objectContaining({ code: 'BUDGET_EXCEEDED', details: { capability: 'c', leftUsd: 0.05, leastUsd: 0.1 } }),
    );
  });

  it('takes one that has failed already only where there is no other', () => {
    const tried = ['b@1.0.0', 'b@2.0.0'];
    expect(selector().choose({ capability: 'c', tried }).data).toMatchObject({
      agent: 'a@1.0.0',
      why: 'the only one left, after b@2.0.0 failed',
    });
    expect(chosen({ tried: [...tried, 'a@1.0.0'] })).toBeDefined();
  });
});

describe('Many agents', () => {
  it('are all looked at within a few choices, and the best of all is not lost again', () => {
    const count = 5 * LOOKS_MAX;
    for (let n = 0; n < count; n++) add(`a${n}`, { cost: { usd: n === count - 9 ? 0.001 : 1 } });
    const from = selector('cheapest');
    const seen = times(12, {}, from);
    expect(seen.slice(0, 4)).not.toContain(`a${count - 9}`);
    expect(new Set(seen.slice(5))).toEqual(new Set([`a${count - 9}`]));
    stands[`a${count - 9}`] = { running: 16 };
    expect(times(3, {}, from)).not.toContain(`a${count - 9}`);
    expect(selector().choose({ capability: 'c' }).data['offered']).toBe(count);
  });

  it('are given work one after the other, all of them, where that is what is wished for', () => {
    const count = LOOKS_MAX + 20;
    for (let n = 0; n < count; n++) add(`a${n}`);
    expect(new Set(times(count, {}, selector('round-robin'))).size).toBe(count);
  });

  it('are chosen from without harm to whoever is free, whatever the strategy', () => {
    const stand = fc.record({
      running: fc.nat({ max: 20 }),
      waiting: fc.nat({ max: 20 }),
      waitMs: fc.constantFrom(0, 0, 0, 500),
      isFailing: fc.boolean(),
    });
    for (let n = 0; n < 8; n++) add(`a${n}`);
    fc.assert(
      fc.property(fc.array(stand, { minLength: 8, maxLength: 8 }), fc.constantFrom(...STRATEGIES), (list, strategy) => {
        stands = Object.fromEntries(list.map((one, n) => [`a${n}`, one]));
        const isFree = ({ running = 0, waiting = 0, waitMs = 0, isFailing }: Stand): boolean =>
          waitMs === 0 && isFailing !== true && running + waiting < 16;
        const name = chosen({ select: { strategy } });
        if (list.some(isFree)) expect(isFree(stands[name] ?? {})).toBe(true);
      }),
    );
  });
});
