/**
 * Migrations: how the actors of an agent that an earlier version stored are taken over. A definition lists steps; those that
 * lead from the stored version to its own are taken one after another, and what comes out is looked over before it is
 * accepted: nothing may be lost without a step having said so. Whatever is not said is refused.
 */
import type { AnyStateMachine } from 'xstate';
import type { z } from 'zod';
import { OperatingError } from '../protocol/errors.ts';
import { isVersion } from '../protocol/names.ts';
import type { InstalledLogic } from '../runtime/cell.ts';
import { type KeptClass, KeptClasses } from '../runtime/machine-classes.ts';
import { REGISTERED_NAMES } from '../runtime/machine-effects.ts';
import { findLosses, type StoredLoss } from '../runtime/machine-losses.ts';
import type { CellSnapshot } from '../runtime/snapshots.ts';
import { readStored, type StoredState, type WrittenState, writeStored } from '../runtime/stored-machine.ts';

/**
 * One step. `from`: the versions it takes, exactly (`1.2.3`) or by their beginning (`1.x`, `1.2.x`). `to`: the version that
 * comes out; the definition's own if absent. `structure`: only states of this structure hash; a step from the definition's
 * own version needs it, since there it is all that tells one shape from the other.
 *
 * `run` (machines only) gets the stored state, its own to change, and gives the new one. Without it the state is taken over
 * as it is; for a function this means that the function runs again, against its journal.
 */
export interface Migration {
  readonly from: string;
  readonly to?: string;
  readonly structure?: string;
  run?(state: StoredState, from: { readonly version: string; readonly structure: string }): StoredState;
}

/** What of an agent's definition a migration goes by. */
export interface Upgradable {
  readonly name: string;
  readonly version: string;
  readonly machine?: AnyStateMachine;
  readonly context?: z.ZodType;
  readonly classes?: readonly KeptClass[];
  readonly migrate?: readonly Migration[];
}

/** Steps of one definition. */
export const MIGRATIONS_MAX = 100;
const LOSSES_SHOWN_MAX = 5;
const PATTERN = /^\d+\.(?:\d+\.)?x$/;

/** What is wrong with the steps of a definition. */
export function migrationFaults(
  steps: readonly Migration[],
  { version, isMachine }: { readonly version: string; readonly isMachine: boolean },
): string[] {
  const faults = steps.length > MIGRATIONS_MAX ? [`\`migrate\` has more than ${MIGRATIONS_MAX} steps`] : [];
  for (const [at, { from, to, structure, run }] of steps.entries()) {
    const place = `\`migrate[${at}]`;
    if (!isVersion(from) && !PATTERN.test(from))
      faults.push(`${place}.from\` must be a version such as "1.0.0" or "1.x"`);
    if (to !== undefined && !isVersion(to)) faults.push(`${place}.to\` must be a version such as "2.0.0"`);
    if (from === (to ?? version) && structure === undefined)
      faults.push(`${place}\` leads from a version to itself: name the old shape in \`structure\``);
    if (run !== undefined && !isMachine)
      faults.push(`${place}.run\` is for machines: a function has no state, it runs again against its journal`);
  }
  return faults;
}

/**
 * How one stored actor fares. `path` holds the steps that were taken, as `1.0.0 → 2.0.0`; it is empty where none leads to the
 * version that is loaded. Either the new snapshot or why it is refused.
 */
export type Takeover = { readonly path: readonly string[]; readonly losses: readonly StoredLoss[] } & (
  | { readonly snapshot: CellSnapshot; readonly refusal?: undefined }
  | { readonly refusal: OperatingError }
);

/** What a takeover needs to know of the logic. */
export type TakeoverLogic = Pick<InstalledLogic, 'name' | 'factory'>;

/**
 * Takes over a snapshot that an earlier version or shape stored. Where no step leads here it is looked over as it is, to say
 * what would be lost. Never throws.
 */
export function takeOver(definition: Upgradable, logic: TakeoverLogic, stored: CellSnapshot): Takeover {
  const steps = stepsFrom(definition, stored);
  const path = steps?.map(({ version, to }) => `${version} → ${to}`) ?? [];
  try {
    const moved = definition.machine === undefined ? undefined : moveState(definition, steps ?? [], stored);
    const losses = moved === undefined ? [] : lossesOf(definition, moved);
    if (steps === undefined) return { path, losses, refusal: unsaid(definition, stored) };
    if (losses.length > 0) return { path, losses, refusal: lossy(definition, stored, losses) };
    if (moved !== undefined) assertRestorable(logic, moved.bytes);
    return { path, losses, snapshot: renewed(stored, logic, moved) };
  } catch (error) {
    const what = error instanceof Error ? error.message : String(error);
    const loss: StoredLoss = { kind: 'format', place: '', what };
    return { path, losses: [loss], refusal: failed(definition, stored, error) };
  }
}

interface Step {
  readonly version: string;
  readonly structure: string;
  readonly to: string;
  readonly step: Migration;
}

/** The steps that lead to the definition's own version; undefined where none do. Each is taken once at most. */
function stepsFrom({ version: own, migrate = [] }: Upgradable, stored: CellSnapshot): readonly Step[] | undefined {
  const taken: Step[] = [];
  let version = stored.logicVersion;
  let structure = stored.structureHash;
  while (taken.length === 0 || version !== own) {
    const step = migrate.find(
      (one) =>
        taken.every((other) => other.step !== one) &&
        covers(one.from, version) &&
        (one.structure === undefined ? (one.to ?? own) !== version : one.structure === structure),
    );
    if (step === undefined) return undefined;
    const to = step.to ?? own;
    taken.push({ version, structure, to, step });
    version = to;
    structure = '';
  }
  return taken;
}

function covers(pattern: string, version: string): boolean {
  return pattern.endsWith('.x') ? version.startsWith(pattern.slice(0, -1)) : pattern === version;
}

function moveState({ classes }: Upgradable, steps: readonly Step[], { body }: CellSnapshot): WrittenState | undefined {
  if (body === undefined) return undefined;
  const kept = new KeptClasses(classes);
  let state = readStored(body, kept);
  for (const { step, version, structure } of steps) {
    if (step.run === undefined) continue;
    state = step.run(state, { version, structure });
    if (typeof state !== 'object' || state === null)
      throw new OperatingError('VERSION_MISMATCH', 'its `run` did not give the state back');
  }
  return writeStored(state, body, kept);
}

function lossesOf({ machine, context }: Upgradable, moved: WrittenState): StoredLoss[] {
  const losses = machine === undefined ? [] : findLosses(machine, REGISTERED_NAMES, moved.body);
  const issues: readonly z.core.$ZodIssue[] = context?.safeParse(moved.body[2][2]).error?.issues ?? [];
  for (const { path, message } of issues)
    losses.push({ kind: 'context', place: ['context', ...path.map(String)].join('.'), what: message });
  return losses;
}

/** Restores the state once, without starting anything. Errors: whatever keeps it from being restored. */
function assertRestorable({ factory }: TakeoverLogic, bytes: Uint8Array): void {
  const deaf = {
    address: 'migration',
    nowMs: () => 0,
    ...{ afterCommit: nothing, cancelEffect: nothing, clearTimer: nothing, effect: nothing, fail: nothing },
    ...{ reenter: nothing, send: nothing, setTimer: nothing },
  };
  const host = factory.restore(deaf, factory.decode(bytes));
  host.stop();
}

function nothing(): void {}

function renewed(
  stored: CellSnapshot,
  { name, factory }: TakeoverLogic,
  moved: WrittenState | undefined,
): CellSnapshot {
  return {
    ...stored,
    spec: { ...stored.spec, logic: name, begunAs: stored.spec.begunAs ?? stored.spec.logic },
    logicVersion: factory.logicVersion,
    structureHash: factory.structureHash,
    ...(moved !== undefined && { body: moved.bytes, timers: moved.timers }),
  };
}

function unsaid({ name, version, migrate }: Upgradable, stored: CellSnapshot): OperatingError {
  const { spec, logicVersion, structureHash } = stored;
  const isSame = logicVersion === version;
  const entry = `{ from: '${logicVersion}'${isSame ? `, structure: '${structureHash}'` : ''} }`;
  return new OperatingError(
    'VERSION_MISMATCH',
    `${spec.address} was stored by ${name}@${logicVersion}${isSame ? ' of another shape' : ''}, and ${name}@${version} ` +
      `${migrate === undefined ? 'has no `migrate`' : 'has no step in `migrate` that leads here'}. ` +
      `Load the old version beside it, or add ${entry}; \`troupe migrate --dry-run\` says what would be lost.`,
    { details: { logic: spec.logic, logicVersion, structureHash } },
  );
}

function lossy({ name, version }: Upgradable, stored: CellSnapshot, losses: readonly StoredLoss[]): OperatingError {
  const shown = losses.slice(0, LOSSES_SHOWN_MAX).map(({ place, what }) => `${place}: ${what}`);
  const more = losses.length > LOSSES_SHOWN_MAX ? `; and ${losses.length - LOSSES_SHOWN_MAX} more` : '';
  return new OperatingError(
    'VERSION_MISMATCH',
    `${stored.spec.address} (stored by ${name}@${stored.logicVersion}) does not fit ${name}@${version} after its migration: ` +
      `${shown.join('; ')}${more}. It stays in the store as it is.`,
    { details: { losses: losses.slice(0, MIGRATIONS_MAX) } },
  );
}

function failed({ name, version }: Upgradable, stored: CellSnapshot, cause: unknown): OperatingError {
  const why = cause instanceof Error ? cause.message : String(cause);
  return new OperatingError(
    'VERSION_MISMATCH',
    `${stored.spec.address} (stored by ${name}@${stored.logicVersion}) could not be taken over into ${name}@${version}: ${why}`,
    { cause },
  );
}
