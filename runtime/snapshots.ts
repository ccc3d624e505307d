/**
 * A cell as it rests in the store: its spec, the version and structure of its logic, its state, its timers, and every
 * message that waits for it. One array, so that the format is the order of its fields; the store adds length and checksum.
 */
import { OperatingError } from '../protocol/errors.ts';
import type { ChildSpec } from './child-spec.ts';
import type { Envelope } from './mailbox.ts';
import { packState, unpackState } from './state-codec.ts';

/** Raised when the fields, or what they mean, change. */
export const CELL_FORMAT = 1;

/** All that a cell is, without its attachments. */
export interface CellSnapshot {
  readonly spec: ChildSpec;
  readonly logicVersion: string;
  readonly structureHash: string;
  /** Grows with every commit of the cell. */
  readonly seq: number;
  /** Bytes of the logic's own checkpoint; absent before the first turn. */
  readonly body: Uint8Array | undefined;
  readonly timers: readonly (readonly [id: string, dueAtMs: number])[];
  readonly control: readonly Envelope[];
  readonly user: readonly Envelope[];
  /** Whether it has attachments. */
  readonly rows: boolean;
}

type Fields = [
  format: number,
  spec: ChildSpec,
  logicVersion: string,
  structureHash: string,
  seq: number,
  body: Uint8Array | null,
  timers: CellSnapshot['timers'],
  control: readonly Envelope[],
  user: readonly Envelope[],
  rows: boolean,
];

/**
 * The head record of a cell. Fired timers are left out, since they are due and fire again, but for those that crashed it:
 * they are counted.
 */
export function packCell(cell: CellSnapshot): Uint8Array {
  const kept = (envelopes: readonly Envelope[]): readonly Envelope[] =>
    envelopes.filter((envelope) => envelope.kind !== 'timer' || envelope.deliveries > 0);
  const fields: Fields = [
    CELL_FORMAT,
    cell.spec,
    cell.logicVersion,
    cell.structureHash,
    cell.seq,
    cell.body ?? null,
    cell.timers,
    kept(cell.control),
    kept(cell.user),
    cell.rows,
  ];
  return packState(fields);
}

/** Errors: VERSION_MISMATCH for a format of a later release. */
export function unpackCell(bytes: Uint8Array): CellSnapshot {
  const fields = unpackState(bytes) as Fields;
  if (!Array.isArray(fields) || fields[0] !== CELL_FORMAT) {
    throw new OperatingError(
      'VERSION_MISMATCH',
      `This version reads cell format ${CELL_FORMAT}, but the store holds ${String(fields?.[0])}.`,
    );
  }
  const [, spec, logicVersion, structureHash, seq, body, timers, control, user, rows] = fields;
  return { spec, logicVersion, structureHash, seq, body: body ?? undefined, timers, control, user, rows };
}
