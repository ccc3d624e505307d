/** What tells two states of a machine apart, for those who look for circles. */
import { crc32 } from 'node:zlib';
import { unpackCheckpoint } from './machine-checkpoint.ts';
import type { MachineRecord } from './machine-record.ts';
import { packKept } from './machine-values.ts';

/** Of the state alone: neither the numbers that actors were given nor the timers, which have new ones each time. */
export function fingerprintOf(bytes: Uint8Array): string {
  const { body } = unpackCheckpoint(bytes);
  const bare = packKept(withoutNumbers(body[2]));
  return `${crc32(bare)}/${bare.length}`;
}

function withoutNumbers([status, value, context, output, error, history, children]: MachineRecord): unknown {
  return [
    ...[status, value, context, output, error, history],
    children.map(([key, , , src, , , machine, snapshot, backlog]) => [
      ...[key, src, snapshot, backlog],
      machine === null ? null : withoutNumbers(machine),
    ]),
  ];
}
