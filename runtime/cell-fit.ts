/**
 * Whether a stored cell fits a logic that is loaded. It fits the very version and shape it was stored by; where that is not
 * loaded, a newer version of the same agent may say how to take it over. Everything else is refused: nothing is guessed.
 */
import { OperatingError } from '../protocol/errors.ts';
import type { InstalledLogic } from './cell.ts';
import type { CellSnapshot } from './snapshots.ts';

/** A cell's snapshot, and the logic that goes on with it. */
export interface CellFit {
  readonly logic: InstalledLogic;
  readonly snapshot: CellSnapshot;
  /** What the store holds: the same, or what `snapshot` was made of. */
  readonly stored: CellSnapshot;
}

/** Where logics are found. */
export interface LogicShelf {
  logic(name: string): InstalledLogic | undefined;
  /** The logic that takes over from one that is not loaded, by its name: the newest version of the same agent. */
  heirOf?(name: string): InstalledLogic | undefined;
}

/** Errors: VERSION_MISMATCH. */
export function fitCell(shelf: LogicShelf, snapshot: CellSnapshot): CellFit {
  const own = shelf.logic(snapshot.spec.logic);
  if (own !== undefined && fits(own, snapshot)) return { logic: own, snapshot, stored: snapshot };
  const heir = own ?? shelf.heirOf?.(snapshot.spec.logic);
  if (heir?.upgrade === undefined) throw misfit(snapshot, own, heir);
  return { logic: heir, snapshot: heir.upgrade(snapshot), stored: snapshot };
}

function fits({ factory }: InstalledLogic, { logicVersion, structureHash }: CellSnapshot): boolean {
  return factory.logicVersion === logicVersion && factory.structureHash === structureHash;
}

function misfit(
  { spec: { address, logic }, logicVersion, structureHash }: CellSnapshot,
  own: InstalledLogic | undefined,
  heir: InstalledLogic | undefined,
): OperatingError {
  const details = { logic, logicVersion, structureHash };
  if (own === undefined) {
    const other = heir === undefined ? '' : `; ${heir.name} is, but does not say how to take it over`;
    return new OperatingError(
      'VERSION_MISMATCH',
      `${address} needs ${logic}, which is not loaded on this node${other}. ` +
        'Load it beside the newer one, or give that a `migrate`; the work goes on at the next start.',
      { details },
    );
  }
  const { factory } = own;
  const how =
    factory.logicVersion === logicVersion
      ? `version ${logicVersion} of another shape (${structureHash}; this one is ${factory.structureHash}). A changed machine ` +
        'needs a new version, or a `migrate` from its own version that names the old shape'
      : `version ${logicVersion}; this node has ${factory.logicVersion}. Load that version to let its work end`;
  return new OperatingError('VERSION_MISMATCH', `${address} was stored by ${logic}, ${how}.`, { details });
}
