/** Two processes that go by one name. */
import { expect, it } from 'vitest';
import { dialMesh } from '../../../cluster/link/dial.ts';
import { OperatingError } from '../../../protocol/errors.ts';
import { indoors } from './indoors.ts';
import { nodeOf, SECRET } from './rig.ts';
import { witness } from './witness.ts';

it('Processes of one name do not put each other out: the latest is the node, until it is gone', () => {
  const { world, net, owner, worker: first } = indoors();
  world.advance(100);
  const later = (incarnation: string) => {
    const { seen, onLink } = witness();
    const self = nodeOf({ role: 'worker', incarnation });
    const refused = (error: OperatingError): void => void seen.refusals.push(error);
    const auth = { mode: 'secret', secrets: [SECRET] } as const;
    return { seen, dialing: dialMesh({ world, auth, self, onLink, to: net.connect, onRefused: refused }) };
  };
  const second = later('worker-2');
  world.advance(30_000);
  const third = later('worker-3');
  world.advance(120_000);
  const incarnations = (): readonly string[] => owner.links.map(({ peer }) => peer.incarnation);
  expect(incarnations()).toEqual(['worker-1', 'worker-2', 'worker-3']);
  for (const { refusals } of [first, second.seen])
    expect(refusals[0]).toMatchObject({ code: 'FORBIDDEN', message: expect.stringContaining('a name of its own') });
  second.dialing.stop(new OperatingError('DRAINING', 'It stops.'));
  third.dialing.stop(new OperatingError('DRAINING', 'It stops.'));
  world.advance(60_000);
  expect(incarnations()).toEqual(['worker-1', 'worker-2', 'worker-3', 'worker-1']);
});

it('A process does not put out one that was started after it, however late its words arrive; once that is gone, it is let in', () => {
  const { world, net, owner, dialing } = indoors();
  world.advance(100);
  const { seen, onLink } = witness();
  const self = nodeOf({ role: 'worker', incarnation: 'worker-0' });
  const auth = { mode: 'secret', secrets: [SECRET] } as const;
  dialMesh({ world, auth, self, onLink, to: net.connect, onRefused: (error) => void seen.refusals.push(error) });
  world.advance(30_000);
  const incarnations = (): readonly string[] => owner.links.map(({ peer }) => peer.incarnation);
  expect(incarnations()).toEqual(['worker-1']);
  expect(owner.ends).toEqual([]);
  dialing.stop(new OperatingError('DRAINING', 'It stops.'));
  world.advance(60_000);
  expect(incarnations()).toEqual(['worker-1', 'worker-0']);
});
