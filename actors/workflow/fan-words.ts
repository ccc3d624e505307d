/** What is said of the failed items of a fan-out: which, how many, and of how many. */
import type { ErrorBody } from '../../protocol/errors.ts';
import { isMap } from './expression-values.ts';
import type { FanOut } from './fan-out.ts';
import { type Note, shortened } from './note.ts';

/** Why a step cannot bear the failure of an item: what the item says, and how the others stand. */
export function itemError({ merge, counts, needed }: FanOut, item: number, error: ErrorBody): ErrorBody {
  const { items, completed, failed } = counts;
  const needsAll = needed === items;
  const message = needsAll
    ? `Item ${item}: ${error.message} (${completed} of ${items} items had ended well.)`
    : `${failed} of ${items} items failed and ${completed} ended well; merge ${merge} needs ${needed}. ` +
      `The last to fail, item ${item}: ${error.message}`;
  const cause = isMap(error.details) ? error.details : error.details === undefined ? {} : { cause: error.details };
  return { ...error, message, details: { ...cause, item, ...counts } };
}

/** Why a fan-out that is over has nothing to give: every item failed, or there are too few of them. */
export function lostError(fan: FanOut): ErrorBody {
  const { code, message } = noteOfItems(fan) ?? tooFew(fan);
  return { code, message, retryable: false, details: fan.counts };
}

/** What went wrong with items that a step can bear; undefined where nothing did. */
export function noteOfItems(fan: FanOut): Note | undefined {
  const { firstFailure, counts } = fan;
  const { items, completed, failed } = counts;
  if (firstFailure === undefined) return completed < fan.needed ? tooFew(fan) : undefined;
  const { item, code, message } = firstFailure;
  const words = `${failed} of ${items} items failed; the first of them, item ${item}: ${message}`;
  return { code, message: shortened(words) };
}

function tooFew({ merge, needed, counts }: FanOut): Note {
  return { code: 'INVALID_INPUT', message: `forEach has ${counts.items} items; merge ${merge} needs ${needed}.` };
}
