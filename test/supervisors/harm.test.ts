/** Actors that break wherever they can: none harms a sibling, none spins. */
import { describe, expect, it } from 'vitest';
import type { ChildSpec } from '../../runtime/child-spec.ts';
import type { Host, HostFactory, HostStatus } from '../../runtime/host.ts';
import { createSupervised, type Supervised, worker } from '../support/supervised.ts';

const TOP = 'supervisor/top';

type Place = 'create' | 'restore' | 'start' | 'message' | 'checkpoint' | 'describe' | 'stop' | 'error';

/** A host that breaks in these places, and counts what is asked of it. */
class BrokenHost implements Host {
  readonly status: HostStatus = 'active';
  readonly output = undefined;
  readonly #places: ReadonlySet<Place>;
  readonly #asked: string[];

  constructor(places: ReadonlySet<Place>, asked: string[]) {
    this.#places = places;
    this.#asked = asked;
  }

  #at(place: Place): void {
    this.#asked.push(place);
    if (this.#places.has(place)) throw new Error(`broken: ${place}`);
  }

  get error(): unknown {
    return undefined;
  }

  start(): void {
    this.#at('start');
  }

  send(): void {
    this.#at('message');
  }

  relay(): void {
    this.#at('message');
  }

  fire(): void {
    this.#at('message');
  }

  settle(): void {
    this.#at('message');
  }

  checkpoint(): unknown {
    this.#at('checkpoint');
    return 'a state';
  }

  stop(): void {
    this.#at('stop');
  }

  describe(): { readonly state: string } {
    return { state: 'broken' };
  }
}

interface Harm extends Supervised {
  readonly asked: string[];
}

async function harm(places: readonly Place[], restart: ChildSpec['restart'], listed: boolean): Promise<Harm> {
  const node = await createSupervised();
  const asked: string[] = [];
  const set = new Set(places);
  const make = (place: Place): Host => {
    asked.push(place);
    if (set.has(place)) throw new Error(`broken: ${place}`);
    return new BrokenHost(set, asked);
  };
  const factory: HostFactory = {
    logicId: 'broken',
    logicVersion: '1',
    structureHash: '',
    create: () => make('create'),
    restore: () => make('restore'),
    encode: () => new Uint8Array(),
    decode: () => 'a state',
  };
  node.kernel.install({ name: 'broken', factory, kind: 'broken', lane: 'broken', laneLimit: 1 });
  const broken = worker('broken', TOP, { logic: 'broken', restart });
  const good = worker('good', TOP, { restart });
  if (listed) {
    const policy = { strategy: 'one-for-one', onExcess: 'escalate', intensity: 5, periodMs: 3_600_000 } as const;
    node.start(node.supervise(TOP, policy, undefined, [good, broken]));
  } else node.start(node.supervise(TOP, { intensity: 5, periodMs: 3_600_000 }), good, broken);
  await node.world.settle();
  return { ...node, asked };
}

/** A day of messages. */
async function live(node: Harm): Promise<void> {
  for (let hour = 0; hour < 24; hour++) {
    node.kernel.post('broken', { type: 'work', name: `${hour}` });
    node.kernel.post('good', { type: 'work', name: `${hour}` });
    await node.world.elapse(3_600_000);
  }
}

const HOURS = Array.from({ length: 24 }, (_, hour) => `${hour}`);

describe('An actor that breaks', () => {
  it.each<[string, readonly Place[]]>([
    ['when it is made', ['create', 'restore']],
    ['when it is made again', ['restore', 'message']],
    ['at its start', ['start']],
    ['over every message', ['message']],
    ['when its state is taken', ['checkpoint']],
    ['when it is stopped', ['stop']],
    ['over every message, and when it is stopped', ['message', 'stop']],
    ['everywhere', ['create', 'restore', 'start', 'message', 'checkpoint', 'stop']],
  ])('%s harms no sibling and does not spin', async (_where, places) => {
    const node = await harm(places, 'transient', false);
    await live(node);
    expect(node.handled('good')).toEqual(HOURS);
    expect(node.kernel.cells.get('good')?.restarts).toBe(0);
    // Each message costs a few turns at most, and each restart.
    expect(node.asked.length).toBeLessThan(24 * 20);
    expect([node.exhausted, node.fatal]).toEqual([[], []]);
    expect(node.stateOf(TOP)).toMatch(/running|exceeded/);
  });

  it.each<[string, readonly Place[]]>([
    ['at its start', ['start']],
    ['over every message', ['message']],
    ['everywhere', ['create', 'restore', 'start', 'message', 'checkpoint', 'stop']],
  ])('%s and is there for good takes its supervisor with it, in the end, and does not spin', async (_where, places) => {
    const node = await harm(places, 'permanent', true);
    for (let round = 0; round < 30; round++) {
      node.kernel.post('broken', { type: 'work', name: 'x' });
      await node.world.elapse(100);
    }
    expect(node.exhausted.length).toBeLessThanOrEqual(1);
    expect(node.asked.length).toBeLessThan(200);
    expect(node.fatal).toEqual([]);
  });

  it('in its stop is stopped all the same, with its siblings', async () => {
    const node = await harm(['stop'], 'permanent', true);
    node.tell('good', { type: 'finish' });
    await node.world.elapse(100);
    expect(node.contextOf(TOP).totals.restarts).toBe(1);
    const cell = node.kernel.cells.get('broken');
    if (cell !== undefined) node.kernel.endCell(cell, { reason: 'killed' });
    await node.world.elapse(100);
    expect([node.kernel.cells.get('broken')?.phase, node.contextOf(TOP).totals.restarts]).toEqual(['live', 2]);
    expect(node.log.map(({ message }) => message)).toContain('An actor threw while it was stopped.');
  });
});
