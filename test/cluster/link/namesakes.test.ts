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
  const second = later('second');
  world.advance(30_000);
  const third = later('third');
  world.advance(120_000);
  const incarnations = (): readonly string[] => owner.links.map(({ peer }) => peer.incarnation);
  expect(incarnations()).toEqual(['worker-1', 'second', 'third']);
  for (const { refusals } of [first, second.seen])
    expect(refusals[0]).toMatchObject({ code: 'FORBIDDEN', message: expect.stringContaining('a name of its own') });
  second.dialing.stop(new OperatingError('DRAINING', 'It stops.'));
  third.dialing.stop(new OperatingError('DRAINING', 'It stops.'));
  world.advance(60_000);
  expect(incarnations()).toEqual(['worker-1', 'second', 'third', 'worker-1']);
});
