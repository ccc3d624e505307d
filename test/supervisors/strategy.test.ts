/**
 * The matrix of strategy × restart type × exit × position. What is expected is spelled out here from OTP's documentation
 * (stdlib, supervisor: "Restart strategy", "restart" of a child specification), not computed by what is tested.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { RestartType } from '../../runtime/child-spec.ts';
import {
  decide,
  type Decision,
  type ExitKind,
  isRestarted,
  type Sibling,
  type Strategy,
} from '../../supervisors/strategy.ts';

const STRATEGIES: readonly Strategy[] = ['one-for-one', 'one-for-all', 'rest-for-one', 'dynamic'];
const RESTARTS: readonly RestartType[] = ['permanent', 'transient', 'temporary'];
const EXITS: readonly ExitKind[] = ['normal', 'shutdown', 'killed', 'failed', 'crashed'];
const POSITIONS = ['first', 'middle', 'last'] as const;

/** A permanent child: always; a transient one: after an abnormal end, neither normal nor shutdown; a temporary one: never. */
const RESTARTED: Readonly<Record<RestartType, Readonly<Record<ExitKind, boolean>>>> = {
  permanent: { normal: true, shutdown: true, killed: true, failed: true, crashed: true },
  transient: { normal: false, shutdown: false, killed: true, failed: true, crashed: true },
  temporary: { normal: false, shutdown: false, killed: false, failed: false, crashed: false },
};

/** Which of three children a, b, c are stopped, then started, in this order, when the one there ends and is restarted. */
const TOUCHED: Readonly<
  Record<Strategy, Readonly<Record<(typeof POSITIONS)[number], readonly [stopped: string, started: string]>>>
> = {
  'one-for-one': { first: ['', 'a'], middle: ['', 'b'], last: ['', 'c'] },
  dynamic: { first: ['', 'a'], middle: ['', 'b'], last: ['', 'c'] },
  'one-for-all': { first: ['cb', 'abc'], middle: ['ca', 'abc'], last: ['ba', 'abc'] },
  'rest-for-one': { first: ['cb', 'abc'], middle: ['c', 'bc'], last: ['', 'c'] },
};

const ENDED = { first: 'a', middle: 'b', last: 'c' } as const;

function family(ended: string, restart: RestartType): Sibling[] {
  return ['a', 'b', 'c'].map((address) => ({
    address,
    restart: address === ended ? restart : 'permanent',
    recovery: 'resume',
  }));
}

function expectation(
  strategy: Strategy,
  restart: RestartType,
  exit: ExitKind,
  position: (typeof POSITIONS)[number],
): Decision[] {
  const address = ENDED[position];
  if (restart === 'temporary') return [{ act: 'forget', address }];
  if (!RESTARTED[restart][exit]) return [];
  const [stopped, started] = TOUCHED[strategy][position];
  return [
    ...[...stopped].map((one): Decision => ({ act: 'stop', address: one, keep: true })),
    ...[...started].map((one): Decision => ({ act: 'start', address: one, mode: 'resume' })),
  ];
}

function sentence(decisions: readonly Decision[]): string {
  if (decisions.length === 0) return 'leaves everything as it is';
  if (decisions[0]?.act === 'forget') return 'lets it go and touches no sibling';
  const stops = decisions.filter(({ act }) => act === 'stop').map(({ address }) => address);
  const starts = decisions.filter(({ act }) => act !== 'stop').map(({ address }) => address);
  return `${stops.length > 0 ? `stops ${stops.join(', ')} and then ` : ''}starts ${starts.join(', ')}`;
}

const CELLS = STRATEGIES.flatMap((strategy) =>
  RESTARTS.flatMap((restart) =>
    EXITS.flatMap((exit) =>
      POSITIONS.map((position) => {
        const expected = expectation(strategy, restart, exit, position);
        return { strategy, restart, exit, position, expected, does: sentence(expected) };
      }),
    ),
  ),
);

describe('When one of three children a, b, c ends', () => {
  it.each(CELLS)(
    'a $strategy supervisor whose $position child is $restart and ended $exit $does',
    ({ strategy, restart, exit, position, expected }) => {
      const ended = ENDED[position];
      expect(decide(strategy, family(ended, restart), ended, exit)).toEqual(expected);
    },
  );

  it('has a case for every cell of the matrix', () => {
    expect(CELLS).toHaveLength(4 * 3 * 5 * 3);
  });
});

describe('A decision', () => {
  const mixed: readonly Sibling[] = [
    { address: 'a', restart: 'permanent', recovery: 'resume' },
    { address: 'b', restart: 'temporary', recovery: 'resume' },
    { address: 'c', restart: 'transient', recovery: 'reset' },
    { address: 'd', restart: 'permanent', recovery: 'reset' },
  ];

  it('stops temporary siblings with the others but does not start them again', () => {
    expect(decide('one-for-all', mixed, 'a', 'crashed')).toEqual([
      { act: 'stop', address: 'd', keep: true },
      { act: 'stop', address: 'c', keep: true },
      { act: 'stop', address: 'b', keep: false },
      { act: 'start', address: 'a', mode: 'resume' },
      { act: 'start', address: 'c', mode: 'reset' },
      { act: 'start', address: 'd', mode: 'reset' },
    ]);
  });

  it('restarts a child the way its own spec says', () => {
    expect(decide('dynamic', mixed, 'c', 'crashed')).toEqual([{ act: 'start', address: 'c', mode: 'reset' }]);
    expect(decide('rest-for-one', mixed, 'd', 'killed')).toEqual([{ act: 'start', address: 'd', mode: 'reset' }]);
  });

  it.each(STRATEGIES)('of a %s supervisor about a child that it does not have is empty', (strategy) => {
    expect(decide(strategy, mixed, 'x', 'crashed')).toEqual([]);
    expect(decide(strategy, [], 'a', 'crashed')).toEqual([]);
  });

  it('never starts what is not there, starts nothing twice, and stops before it starts', () => {
    const siblings = fc.uniqueArray(
      fc.record({
        address: fc.string({ minLength: 1, maxLength: 3 }),
        restart: fc.constantFrom(...RESTARTS),
        recovery: fc.constantFrom('resume' as const, 'reset' as const),
      }),
      { selector: ({ address }) => address, minLength: 1, maxLength: 12 },
    );
    fc.assert(
      fc.property(
        fc.constantFrom(...STRATEGIES),
        siblings,
        fc.nat(),
        fc.constantFrom(...EXITS),
        (strategy, children, pick, exit) => {
          const ended = children[pick % children.length] as Sibling;
          const decisions = decide(strategy, children, ended.address, exit);
          const order = children.map(({ address }) => address);
          const stops = decisions.filter(({ act }) => act === 'stop').map(({ address }) => order.indexOf(address));
          const starts = decisions.filter(({ act }) => act === 'start').map(({ address }) => order.indexOf(address));
          expect(stops).toEqual(stops.toSorted((a, b) => b - a));
          expect(starts).toEqual([...new Set(starts)].toSorted((a, b) => a - b));
          expect(stops).not.toContain(order.indexOf(ended.address));
          expect(starts.includes(order.indexOf(ended.address))).toBe(isRestarted(ended.restart, exit));
          expect(decisions.slice(0, stops.length).every(({ act }) => act === 'stop')).toBe(true);
        },
      ),
    );
  });
});
