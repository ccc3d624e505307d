/**
 * A survey of all stored actors against the agents that are to be loaded: which fit, which are taken over, and what would be
 * lost. It starts nothing; it needs the store, and the node must not run.
 */
import { OperatingError } from '../protocol/errors.ts';
import { earliest } from '../runtime/cell.ts';
import { isKeyed } from '../runtime/child-spec.ts';
import type { StoredLoss } from '../runtime/machine-losses.ts';
import { type CellSnapshot, packCell, unpackCell } from '../runtime/snapshots.ts';
import type { CellWrite, Store, StoredHead } from '../runtime/stores/store.ts';
import type { World } from '../runtime/world.ts';
import type { AgentDefinition } from './agent-definition.ts';
import { takeoverLogic } from './agent-logic.ts';
import { LIFECYCLE_VERSIONS } from './lifecycle-versions.ts';
import { takeOver, type TakeoverLogic } from './migration.ts';
import { compareVersions } from './version-order.ts';

/** How one stored actor fares. `agent` is `name@version` as stored, or the product's own lifecycle. */
export interface SurveyLine {
  readonly address: string;
  readonly agent: string;
  readonly verdict: 'fits' | 'migrates' | 'refused';
  /** The version that goes on with it. */
  readonly to?: string;
  readonly losses: readonly StoredLoss[];
  /** Why it is refused. */
  readonly reason?: string;
  /** What has to be written to have it taken over. */
  readonly write?: CellWrite;
}

interface Loaded {
  readonly definition: AgentDefinition;
  readonly logic: TakeoverLogic;
}

/** Surveys the actors of one store. */
export class MigrationSurvey {
  readonly #loaded = new Map<string, Loaded>();
  /** By the agent's name: its newest version that is no pre-release, else its newest. */
  readonly #newest = new Map<string, Loaded>();

  /** Errors: UNSUPPORTED_LOGIC for a machine that cannot be kept. */
  constructor(agents: readonly AgentDefinition[], world: World) {
    for (const definition of agents.toSorted((a, b) => order(a.version, b.version))) {
      const loaded = { definition, logic: takeoverLogic(definition, world) };
      this.#loaded.set(loaded.logic.name, loaded);
      this.#newest.set(definition.name, loaded);
    }
  }

  /** All actors of the store, those that a start would load first. */
  async *look(store: Store): AsyncGenerator<SurveyLine, void, undefined> {
    const corrupt: OperatingError[] = [];
    for await (const stored of store.heads((error) => void corrupt.push(error))) {
      yield* corrupt.splice(0).map(damagedLine);
      yield this.#lookAt(stored);
    }
    yield* corrupt.splice(0).map(damagedLine);
  }

  #lookAt(stored: StoredHead): SurveyLine {
    const { address } = stored;
    let snapshot: CellSnapshot;
    try {
      snapshot = unpackCell(stored.head);
    } catch (error) {
      return refused(address, 'unknown', error instanceof OperatingError ? error : undefined);
    }
    const { logic } = snapshot.spec;
    if (!logic.startsWith('agent:')) return lifecycleLine(address, snapshot);
    const agent = logic.slice('agent:'.length);
    const own = this.#loaded.get(logic);
    if (own !== undefined && fits(own.logic, snapshot)) return { address, agent, verdict: 'fits', losses: [] };
    const heir = own ?? this.#newest.get(agent.slice(0, agent.lastIndexOf('@')));
    if (heir === undefined) {
      const what = `${agent} is not among the agents given. Name its file with --agents.`;
      return refused(address, agent, new OperatingError('VERSION_MISMATCH', what));
    }
    const takeover = takeOver(heir.definition, heir.logic, snapshot);
    const { losses } = takeover;
    const to = heir.definition.version;
    if (takeover.refusal !== undefined) return { ...refused(address, agent, takeover.refusal), losses, to };
    const write = writeOf(stored, snapshot, takeover.snapshot);
    return { address, agent, verdict: 'migrates', losses, to, write };
  }
}

function order(a: string, b: string): number {
  const stable = Number(b.includes('-')) - Number(a.includes('-'));
  return stable === 0 ? compareVersions(a, b) : stable;
}

function fits({ factory }: TakeoverLogic, { logicVersion, structureHash }: CellSnapshot): boolean {
  return factory.logicVersion === logicVersion && factory.structureHash === structureHash;
}

function lifecycleLine(address: string, { spec: { logic }, logicVersion }: CellSnapshot): SurveyLine {
  const agent = `${logic}@${logicVersion}`;
  const known = (LIFECYCLE_VERSIONS as Readonly<Record<string, string>>)[logic];
  if (known === logicVersion) return { address, agent, verdict: 'fits', losses: [] };
  const what = `This release knows ${logic} ${known === undefined ? 'not at all' : `in version ${known}`}.`;
  return refused(address, agent, new OperatingError('VERSION_MISMATCH', what));
}

function refused(address: string, agent: string, error: OperatingError | undefined): SurveyLine {
  return { address, agent, verdict: 'refused', losses: [], reason: error?.message ?? 'It cannot be read.' };
}

function damagedLine(error: OperatingError): SurveyLine {
  const { key } = (error.details ?? {}) as { readonly key?: unknown };
  return refused(typeof key === 'string' ? key.slice(2) : 'unknown', 'unknown', error);
}

function writeOf({ address, awake }: StoredHead, before: CellSnapshot, after: CellSnapshot): CellWrite {
  const alarmWasAtMs = isKeyed(before.spec) ? earliest(before.timers) : undefined;
  const alarmAtMs = isKeyed(after.spec) ? earliest(after.timers) : undefined;
  return {
    ...{ address, head: packCell({ ...after, seq: before.seq + 1 }), awake, was: awake ? 'awake' : 'resting' },
    ...(alarmAtMs !== undefined && { alarmAtMs }),
    ...(alarmWasAtMs !== undefined && { alarmWasAtMs }),
  };
}
