/** The logic behind the kernel's door: the port of callers that are no cells (REST, start-up). It holds no actor. */
import { OperatingError } from '../protocol/errors.ts';
import type { InstalledLogic } from './cell.ts';

/** What the door is made of. */
export const DOOR_LOGIC: InstalledLogic = {
  name: 'door',
  factory: {
    logicId: 'door',
    logicVersion: '1',
    structureHash: '',
    create: () => refuse(),
    restore: () => refuse(),
    encode: () => refuse(),
    decode: () => refuse(),
  },
  kind: 'door',
  lane: 'door',
  laneLimit: 1,
};

function refuse(): never {
  throw new OperatingError('INTERNAL', 'The door holds no actor.');
}
