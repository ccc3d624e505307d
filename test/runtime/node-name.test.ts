import { describe, expect, it } from 'vitest';
import { kinds } from '../../runtime/settings-kinds.ts';
import { ownerName, workerName } from '../../runtime/node-name.ts';
import { createWorld } from '../../runtime/world.ts';

const FENCE = { shard: '0', owner: 'O', epoch: 3 };

describe('The name of a node', () => {
  it('is the one that it was given', () => {
    expect(ownerName({ nodeName: 'n-1' }, FENCE)).toBe('n-1');
    expect(workerName({ nodeName: 'n-2' }, 'host', createWorld())).toBe('n-2');
  });

  it('is another one with each start of an owner where none was given', () => {
    expect(ownerName({ nodeName: undefined }, FENCE)).toBe('O-3');
  });

  it.each(['host', 'host.example.com', '', '--', 'hôte', 'x'.repeat(200)])(
    'of a worker on %j has the name of the machine, a random part, and only what a name may have',
    (host) => {
      const name = workerName({ nodeName: undefined }, host, createWorld());
      expect(name).toMatch(/-[a-z0-9]{6}$/);
      expect(kinds.nodeName().schema.parse(name)).toBe(name);
      expect(workerName({ nodeName: undefined }, host, createWorld())).not.toBe(name);
    },
  );
});
