/** What a task hears of its work while that goes on: lines for its log. They can wait until the next commit, which holds them. */
import type { CellPort, EventDraft } from '../runtime/cell-port.ts';
import type { ActorEvent } from '../runtime/host.ts';
import type { Patience } from '../runtime/patience.ts';

/** Lines, and when each was said, in ms since the epoch. Where it says nothing else, it may wait, and be joined with others. */
export interface TaskNews extends ActorEvent {
  readonly type: 'task.progress';
  readonly events: readonly EventDraft[];
  readonly at: number | readonly number[];
}

/** Lines in one message, after which it is not added to: what a message may come to is bounded. */
const LINES_MAX = 64;

/** Lines for the log of the task, as of now. */
export function taskNews(events: readonly EventDraft[], port: Pick<CellPort, 'nowMs'>): TaskNews {
  return { type: 'task.progress', events, at: port.nowMs() };
}

/** How a task waits for them. */
export const newsPatience: Patience = {
  allows: (event) => {
    if (!isNews(event)) return false;
    for (const field in event) if (field !== 'type' && field !== 'events' && field !== 'at') return false;
    return true;
  },
  join: (first, second) => {
    if (!isNews(first) || !isNews(second) || first.events.length >= LINES_MAX) return undefined;
    const at = timesOf(first).concat(timesOf(second));
    return { type: 'task.progress', events: first.events.concat(second.events), at };
  },
};

/** When the lines of a message were said, where it tells. */
export function timesIn(event: ActorEvent): readonly number[] | undefined {
  return isNews(event) ? timesOf(event) : undefined;
}

function isNews(event: ActorEvent): event is TaskNews {
  return event.type === 'task.progress' && event['at'] !== undefined;
}

function timesOf({ events, at }: TaskNews): readonly number[] {
  return typeof at === 'number' ? events.map(() => at) : at;
}
