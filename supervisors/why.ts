/**
 * Why a task is not done: what each of its actors waits for, since when, until when, and what would move it on. Read from memory, in
 * plain data, bounded. Diagnostic: it may be ahead of what is committed. It changes nothing.
 */
import { TURN_KEY } from '../actors/call-placing.ts';
import type { Cell } from '../runtime/cell.ts';
import type { Kernel } from '../runtime/kernel.ts';
import type { Wait, WaitScene } from '../runtime/wait.ts';
import type { BreakerView } from './breaker-view.ts';

/** One thing that a task waits for. Times are ms since the epoch; null where there is none. */
export interface WaitView {
  readonly kind: Wait['kind'];
  readonly actor: string;
  /** The step that it is part of, and the item of that; null for what is of the task itself. */
  readonly step: string | null;
  readonly item: number | null;
  readonly what: string;
  readonly next: string;
  readonly since: number | null;
  readonly until: number | null;
}

/** All that a task waits for. */
export interface WhyView {
  readonly task: string;
  readonly waits: readonly WaitView[];
  /** Those that are not shown. */
  readonly leftOut: number;
}

/** What it needs to know beside the actors. */
export interface WhyDeps {
  readonly kernel: Kernel;
  readonly breakers: () => readonly BreakerView[];
  /** The node that makes a call; null while it waits for one that can. Undefined: this one. */
  readonly whereIs?: ((address: string, key: string) => string | null | undefined) | undefined;
}

/** Waits shown. */
const WAITS_SHOWN_MAX = 50;
/** People first, then what is stuck, then what goes by itself. */
const ORDER: readonly Wait['kind'][] = [
  ...(['decision', 'approval', 'budget', 'signal', 'restart', 'store', 'breaker'] as const),
  ...(['slot', 'call', 'timer', 'message', 'child'] as const),
];

/** What the actors of a task wait for; undefined where none is in memory: it has ended, or there is no such task. */
export function whyOf(deps: WhyDeps, task: string): WhyView | undefined {
  const { kernel, breakers } = deps;
  const root = kernel.cells.get(`task/${task}`);
  if (root === undefined) return undefined;
  const shut = new Map(breakers().map(({ agent, retryAfterMs }) => [agent, retryAfterMs ?? 0]));
  const all: Cell[] = [root];
  for (const cell of all) for (const child of cell.owned ?? []) all.push(child);
  const waits = all.flatMap((cell) =>
    waitsOf(cell, deps, (agent) => shut.get(agent) ?? 0).map((wait) => viewOf(cell, wait)),
  );
  if (kernel.paused) waits.unshift(viewOf(root, STORE));
  const sorted = waits.toSorted((a, b) => ORDER.indexOf(a.kind) - ORDER.indexOf(b.kind));
  const shown = sorted.slice(0, WAITS_SHOWN_MAX);
  return { task, waits: shown, leftOut: sorted.length - shown.length };
}

const STORE: Wait = {
  kind: 'store',
  what: 'The store of the node cannot be written; nothing moves on this node.',
  next: 'It goes on by itself as soon as there is room, or the disk is back: see the log of the node.',
};

function waitsOf(cell: Cell, deps: WhyDeps, breakerMs: WaitScene['breakerMs']): readonly Wait[] {
  const { kernel } = deps;
  if (cell.phase === 'crashed') return [crashWait(cell)];
  if (cell.phase === 'waking' || cell.phase === 'stopping')
    return [{ kind: 'child', what: `It is ${cell.phase}.`, next: 'It goes on by itself.' }];
  const calls = kernel.effects.callsOf(cell.address).map((call): Wait => callWait(cell, call, deps));
  const timers = cell.timers ?? NO_TIMERS;
  const scene: WaitScene = { nowMs: kernel.nowMs(), timers, breakerMs };
  const own = cell.checkpoint === undefined ? undefined : cell.logic.factory.waits?.(cell.checkpoint, scene);
  const mail: readonly Wait[] = cell.mailbox.size === 0 ? [] : mailWaits(cell, deps);
  if (own !== undefined) return [...own, ...calls, ...mail];
  const isIdle = calls.length === 0 && (cell.owned?.size ?? 0) === 0 && cell.mailbox.size === 0;
  if (cell.logic.kind !== 'agent') return [...calls, ...mail];
  return [...calls, ...mail, ...timerWaits(cell, timers), ...(isIdle ? [eventWait(cell, timers)] : [])];
}

function mailWaits({ address, logic, mailbox }: Cell, { whereIs }: WhyDeps): readonly Wait[] {
  const mail: Wait = {
    kind: 'message',
    what: `${mailbox.size} messages wait for it.`,
    next: 'They are handled as they come.',
  };
  const node = logic.prepare === undefined ? undefined : whereIs?.(address, TURN_KEY);
  if (node === undefined) return [mail];
  const turn: Wait =
    node === null
      ? {
          kind: 'slot',
          what: `The next turn of ${logic.name} waits for a node that can make it.`,
          next: 'It is made as soon as one that offers it joins: see `troupe cluster` and `troupe agents`.',
        }
      : {
          kind: 'call',
          what: `The next turn of ${logic.name} is being made on ${node}.`,
          next: `It goes on when the turn ends; if ${node} is lost, it is made elsewhere.`,
        };
  return [turn, mail];
}

function crashWait(cell: Cell): Wait {
  return {
    kind: 'restart',
    what: `It has crashed, and waits for its restart by ${cell.spec.supervisor} (${cell.restarts} so far).`,
    next: 'It is restarted after a pause; behind an open breaker, when that closes. See `troupe tree` and `troupe breakers`.',
  };
}

function callWait(cell: Cell, { name, key, lane, state, sinceMs }: CallOf, { kernel, whereIs }: WhyDeps): Wait {
  const call = name === key ? name : `${name} (${key})`;
  if (state === 'waiting') {
    const { running, waiting } = kernel.effects.laneFigures(lane);
    const what = `The call ${call} waits for a place: ${running} calls of ${lane} are made at once, ${waiting} wait.`;
    return {
      kind: 'slot',
      what,
      next: 'It is made as soon as another ends; a higher `concurrency` makes room.',
      sinceMs,
    };
  }
  if (state === 'resting')
    return {
      kind: 'call',
      what: `The call ${call} of ${cell.logic.name} rests: it sleeps, or waits for an answer, a person or a decision.`,
      next: 'It goes on when that comes: what else the task waits for is listed beside it; a sleep ends by itself.',
      sinceMs,
    };
  const node = whereIs?.(cell.address, key);
  if (node === null)
    return {
      kind: 'slot',
      what: `The call ${call} of ${cell.logic.name} waits for a node that can make it.`,
      next: 'It is made as soon as one that offers it has room, or joins: see `troupe cluster` and `troupe agents`.',
      sinceMs,
    };
  const where = node === undefined ? '' : ` on ${node}`;
  const lost = node === undefined ? '' : `; if ${node} is lost, it is made elsewhere`;
  return {
    kind: 'call',
    what: `The call ${call} of ${cell.logic.name} is being made${where}.`,
    next: `It goes on when the call ends${lost}.`,
    sinceMs,
  };
}

type CallOf = ReturnType<Kernel['effects']['callsOf']>[number];

function timerWaits(cell: Cell, timers: ReadonlyMap<string, number>): readonly Wait[] {
  return [...timers].map(([id, untilMs]) => ({
    kind: 'timer',
    what: `The machine waits for its timer ${id} (${stateOf(cell)}).`,
    next: 'It goes on when the timer is due.',
    untilMs,
  }));
}

/** A machine that neither calls nor owns anything waits to be told. */
function eventWait(cell: Cell, timers: ReadonlyMap<string, number>): Wait {
  const or = timers.size > 0 ? ', or for its timers' : '';
  return {
    kind: 'signal',
    what: `The machine waits for an event from outside${or} (${stateOf(cell)}).`,
    next: 'Send it one that this state handles: POST /api/v1/tasks/{id}/signals/{name}, or task.signal on the socket.',
  };
}

function stateOf(cell: Cell): string {
  try {
    return cell.host?.describe().state ?? cell.phase;
  } catch {
    return cell.phase;
  }
}

const NO_TIMERS: ReadonlyMap<string, number> = new Map();
const PLACE = /^(?:step|run|stage|approval)\/[^/]+\/([^/]+)(?:\/(\d+))?/;

function viewOf({ address }: Cell, { kind, what, next, sinceMs, untilMs }: Wait): WaitView {
  const [, step, item] = PLACE.exec(address) ?? [];
  // Behind the step of a run that is no item stands the attempt.
  const isItem = item !== undefined && (!address.startsWith('run/') || address.split('/').length > 4);
  return {
    ...{ kind, actor: address, step: step ?? null, item: isItem ? Number(item) : null },
    ...{ what, next, since: sinceMs ?? null, until: untilMs ?? null },
  };
}
