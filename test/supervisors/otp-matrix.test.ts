/**
 * Strategy × restart type × exit × position, and the same with significant children and automatic shutdown: one case each, on
 * a real kernel with real cells. What is expected stands in test/supervisors/otp-rules.ts.
 */
import { describe, expect, it } from 'vitest';
import type { ChildSpec, RestartType } from '../../runtime/child-spec.ts';
import type { ExitKind, Strategy } from '../../supervisors/strategy.ts';
import type { SupervisorPolicy } from '../../supervisors/policy.ts';
import { boundLogic, type BoundState } from '../support/bound-actor.ts';
import { holding, installHolding } from '../support/holding-worker.ts';
import { createSupervised, type Supervised } from '../support/supervised.ts';
import { CLOSES, ENDED, type Position, RESTARTED, RESTARTS, SHUTS_DOWN, type Significance } from './otp-rules.ts';

const TOP = 'supervisor/top';
const SUP = 'supervisor/sup';
const STRATEGIES: readonly Strategy[] = ['one-for-one', 'one-for-all', 'rest-for-one', 'dynamic'];
const LISTING: readonly Strategy[] = ['one-for-one', 'one-for-all', 'rest-for-one'];
const TYPES: readonly RestartType[] = ['permanent', 'transient', 'temporary'];
const EXITS: readonly ExitKind[] = ['normal', 'shutdown', 'killed', 'failed', 'crashed'];
const POSITIONS: readonly Position[] = ['first', 'middle', 'last'];

/** Three children below a supervisor that is itself a temporary child, so that its own end is seen. */
async function family(policy: Partial<SupervisorPolicy>, children: readonly ChildSpec[]): Promise<Supervised> {
  const node = await createSupervised();
  installHolding(node);
  node.installFlat(boundLogic);
  const isDynamic = policy.strategy === 'dynamic';
  const sup = node.supervise(
    SUP,
    { onExcess: isDynamic ? 'abandon' : 'escalate', ...policy },
    TOP,
    isDynamic ? [] : children,
    { restart: 'temporary' },
  );
  node.start(node.supervise(TOP, { strategy: 'one-for-one', onExcess: 'escalate' }, undefined, [sup]));
  node.start({ ...holding('watcher', ''), logic: 'bound' });
  await node.world.settle();
  if (isDynamic) node.start(...children);
  node.tell('watcher', { type: 'monitor', address: SUP });
  await node.world.settle();
  expect(node.diary).toEqual(['start a', 'start b', 'start c']);
  node.diary.length = 0;
  return node;
}

/** Has the child end so, and waits until nothing moves; what it does on its own way out is no part of the diary. */
async function endOf(node: Supervised, address: string, exit: ExitKind): Promise<void> {
  const cell = node.kernel.cells.get(address);
  if (cell === undefined) throw new Error(`${address} is not there`);
  if (exit === 'normal') node.tell(address, { type: 'finish' });
  else if (exit === 'failed') node.tell(address, { type: 'fail' });
  else if (exit === 'crashed') node.tell(address, { type: 'crash', times: { left: 1 } });
  else if (exit === 'shutdown') node.kernel.act((port) => port.stopChild(address));
  else node.kernel.act(() => node.kernel.endCell(cell, { reason: 'killed' }));
  await node.world.elapse(500);
  const own = node.diary.indexOf(`stop ${address}`);
  if (own >= 0) node.diary.splice(own, 1);
}

const living = ({ kernel }: Supervised): string =>
  ['a', 'b', 'c'].filter((address) => kernel.cells.get(address)?.phase === 'live').join('');

const PLAIN = STRATEGIES.flatMap((strategy) =>
  TYPES.flatMap((restart) =>
    EXITS.flatMap((exit) =>
      POSITIONS.map((position) => {
        const steps = RESTARTED[restart][exit] ? RESTARTS[strategy][position] : [];
        return { strategy, restart, exit, position, steps, does: steps.length === 0 ? 'lets it go' : steps.join(', ') };
      }),
    ),
  ),
);

describe('A child of three that ends', () => {
  it('has a case for every cell', () => {
    expect(PLAIN).toHaveLength(4 * 3 * 5 * 3);
  });

  it.each(PLAIN)(
    '$exit, is $restart and the $position of a $strategy supervisor: $does',
    async ({ strategy, restart, exit, position, steps }) => {
      const ended = ENDED[position];
      const specs = ['a', 'b', 'c'].map((address) => holding(address, SUP, address === ended ? { restart } : {}));
      const node = await family({ strategy }, specs);
      await endOf(node, ended, exit);
      expect(node.diary).toEqual(steps);
      expect(living(node)).toBe(RESTARTED[restart][exit] ? 'abc' : 'abc'.replace(ended, ''));
      expect(node.stateOf(SUP)).toBe('running');
      expect(node.contextOf(SUP).totals.restarts).toBe(RESTARTED[restart][exit] ? 1 : 0);
    },
  );
});

const SIGNIFICANT = (['any', 'all, the last one', 'all, with another that lives'] as const).flatMap((significance) =>
  LISTING.flatMap((strategy) =>
    (['transient', 'temporary'] as const).flatMap((restart) =>
      EXITS.flatMap((exit) =>
        POSITIONS.map((position) => {
          const closes = SHUTS_DOWN[significance][restart][exit];
          const does = closes ? 'shuts itself down' : RESTARTED[restart][exit] ? 'restarts it' : 'goes on without it';
          return { significance, strategy, restart, exit, position, closes, does };
        }),
      ),
    ),
  ),
);

function significantFamily(significance: Significance, ended: string, restart: RestartType): readonly ChildSpec[] {
  const other = ended === 'a' ? 'b' : 'a';
  return ['a', 'b', 'c'].map((address) => {
    if (address === ended) return holding(address, SUP, { restart, significant: true });
    const isOther = significance === 'all, with another that lives' && address === other;
    return holding(address, SUP, isOther ? { restart: 'transient', significant: true } : {});
  });
}

describe('A supervisor with significant children', () => {
  it('has a case for every cell', () => {
    expect(SIGNIFICANT).toHaveLength(3 * 3 * 2 * 5 * 3);
  });

  it.each(SIGNIFICANT)(
    '($significance) and the strategy $strategy, whose $position child is $restart and ended $exit, $does',
    async ({ significance, strategy, restart, exit, position, closes }) => {
      const ended = ENDED[position];
      const autoShutdown = significance === 'any' ? 'any-significant' : 'all-significant';
      const node = await family({ strategy, autoShutdown }, significantFamily(significance, ended, restart));
      await endOf(node, ended, exit);
      const heard = (node.kernel.cells.get('watcher')?.checkpoint as BoundState | undefined)?.heard;
      if (closes) {
        expect([node.diary, living(node), node.kernel.cells.has(SUP)]).toEqual([CLOSES[position], '', false]);
        expect(heard).toEqual([`down ${SUP} shutdown`]);
        expect(node.contextOf(TOP).totals.restarts).toBe(0);
      } else {
        const isRestarted = RESTARTED[restart][exit];
        expect(node.diary).toEqual(isRestarted ? RESTARTS[strategy][position] : []);
        expect(living(node)).toBe(isRestarted ? 'abc' : 'abc'.replace(ended, ''));
        expect([node.stateOf(SUP), heard]).toEqual(['running', []]);
      }
    },
  );
});
