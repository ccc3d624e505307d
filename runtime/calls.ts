/**
 * The calls that cells ask for: when each may begin by its kind, and how its outcome gets back to the cell. `pure` calls
 * begin at once, all others after the commit of the state that asks for them. One that is asked for again after the node
 * has died is handed to its performer as such: which of them may be made a second time, the performer's records say.
 */
import { OperatingError } from '../protocol/errors.ts';
import type { AskChain } from './ask-chain.ts';
import type { CallName } from './beginnings.ts';
import type { Cell, InstalledLogic } from './cell.ts';
import { Effects } from './effects.ts';
import type { ActorEvent, EffectOutcome, EffectRequest } from './host.ts';
import { machineScopes } from './machine-references.ts';
import type { World } from './world.ts';

/** What calls need of the kernel. */
export interface CallDesk {
  readonly cells: ReadonlyMap<string, Cell>;
  /** Runs `fn` after the next commit. */
  release(fn: () => void): void;
  /** Puts an outcome into the cell's mailbox. */
  deliverOutcome(cell: Cell, key: string, outcome: EffectOutcome, asked?: AskChain): void;
  /** Calls are about to begin: code of users runs. How many of them, from the first on, may now. */
  enteringCalls(calls: readonly CallName[]): number;
  /** Why a call must not be made once more; undefined for nearly all. */
  callRefusal(cell: Cell, key: string): OperatingError | undefined;
  attach(cell: Cell, key: string, value: unknown): void;
}

/** The calls of one kernel. */
export class Calls {
  readonly effects: Effects;
  readonly #desk: CallDesk;
  /** Asked for, and waiting for the commit that holds it. */
  readonly #intended = new Set<string>();

  constructor(world: World, desk: CallDesk) {
    this.#desk = desk;
    this.effects = new Effects(world, {
      settled: (address, key, outcome, asked) => this.#settled(address, key, outcome, asked),
      entering: (calls) => desk.enteringCalls(calls),
    });
  }

  /** Makes a call, or joins the one that is under way with the same key. `asked`: who waits for what comes of it. */
  start(cell: Cell, request: EffectRequest, asked?: AskChain): void {
    const intent = `${cell.address}\0${request.key}`;
    if (cell.phase !== 'live' || this.effects.has(cell.address, request.key)) return;
    const { logic, spec } = cell;
    const { perform } = logic;
    if (perform === undefined)
      return this.#refuse(
        cell,
        request,
        new OperatingError('NOT_AVAILABLE', `${logic.name} has no way to call ${request.name}.`),
      );
    const refusal = this.#desk.callRefusal(cell, request.key);
    if (refusal !== undefined) return this.#refuse(cell, request, refusal);
    const scope = { port: cell, call: request.key, forward: (to: string, event: ActorEvent) => cell.send(to, event) };
    // Not for the living alone: what a cell has asked for is made though it has crashed since, and it joins it then.
    const begin = (): void => {
      if (cell.phase === 'ended' || cell.phase === 'stopping') return;
      this.effects.start({
        address: cell.address,
        life: cell.life,
        ...request,
        lane: logic.lane,
        laneLimit: logic.laneLimit,
        priority: spec.priority,
        ...limitsOf(cell),
        ...(asked !== undefined && { asked }),
        // An error that escapes from here, however late, is this cell's.
        perform: (call) => machineScopes.run(scope, () => perform(call, spec)),
      });
    };
    if (request.kind === 'pure') return begin();
    this.#intended.add(intent);
    this.#desk.release(() => {
      if (this.#intended.delete(intent)) begin();
    });
  }

  /** The call is no longer wanted: it is not begun, or aborted. */
  cancel(cell: Cell, key: string): void {
    this.#intended.delete(`${cell.address}\0${key}`);
    this.effects.cancel(cell.address, key);
    const { logic, spec } = cell;
    if (logic.forsaken !== undefined) this.#drop(cell, (row) => logic.forsaken?.(spec, key, row) === true);
  }

  /** None of the cell's calls is wanted any more, whether it has begun or not. */
  cancelAll({ address }: Cell): void {
    for (const intent of this.#intended) if (intent.startsWith(`${address}\0`)) this.#intended.delete(intent);
    this.effects.cancelAll(address);
  }

  /** An outcome without a call. */
  #refuse(cell: Cell, request: EffectRequest, error: OperatingError): void {
    this.effects.adopt(cell.address, request.key);
    this.#settled(cell.address, request.key, { ok: false, error: error.toBody() });
  }

  #settled(address: string, key: string, outcome: EffectOutcome, asked?: AskChain): void {
    const cell = this.#desk.cells.get(address);
    if (cell === undefined || cell.phase === 'ended') return;
    this.#desk.deliverOutcome(cell, key, outcome, asked);
    const { logic } = cell;
    // In the epoch of the outcome: never may both be gone.
    if (logic.outlived !== undefined) this.#drop(cell, (row) => logic.outlived?.(cell.spec, key, row) === true);
  }

  #drop(cell: Cell, isOver: (row: string) => boolean): void {
    for (const row of [...cell.attached().keys()]) if (isOver(row)) this.#desk.attach(cell, row, undefined);
  }
}

function limitsOf({ spec, logic }: { readonly spec: Cell['spec']; readonly logic: InstalledLogic }): {
  readonly timeoutMs?: number;
  readonly deadlineAtMs?: number;
} {
  const timeoutMs = spec.callTimeoutMs ?? logic.timeoutMs ?? 0;
  return {
    ...(timeoutMs > 0 && { timeoutMs }),
    ...(spec.deadlineAtMs !== undefined && { deadlineAtMs: spec.deadlineAtMs }),
  };
}
