/** `troupe breakers`, `troupe breakers reset ID`. */
import type { BreakerView } from '../../supervisors/breaker-view.ts';
import { EXIT, type ExitCode } from '../exit-codes.ts';
import type { VerbContext } from '../verb.ts';
import { fetchJson } from '../remote.ts';
import { durationText, type Terminal } from '../terminal.ts';

/** The circuit breakers of a node, those that are not closed first. */
export async function breakers({ terminal, remote }: VerbContext): Promise<ExitCode> {
  const found: BreakerView[] = [];
  let cursor: string | null = null;
  do {
    const query: string = cursor === null ? '' : `?cursor=${encodeURIComponent(cursor)}`;
    const page = (await fetchJson(remote, `/api/v1/breakers${query}`)) as {
      readonly breakers: readonly BreakerView[];
      readonly cursor: string | null;
    };
    found.push(...page.breakers);
    ({ cursor } = page);
  } while (cursor !== null);
  if (terminal.isJson) for (const view of found) terminal.json(view);
  else print(terminal, found);
  return EXIT.done;
}

/** Closes one by hand. */
export async function resetBreaker(
  { terminal, remote }: VerbContext,
  _options: Record<string, unknown>,
  id: string,
): Promise<ExitCode> {
  const view = (await fetchJson(remote, `/api/v1/breakers/${encodeURIComponent(id)}/reset`, 'POST')) as BreakerView;
  if (terminal.isJson) terminal.json(view);
  else terminal.line(`${view.breaker} is ${view.state}.`);
  return EXIT.done;
}

/** What is told of any breaker. */
type Standing = Pick<BreakerView, 'state'> & { readonly retryAfterMs?: number | null };

/** How a breaker stands, in words that stand out where it is not closed. */
export function breakerText(terminal: Terminal, standing: Standing): string {
  if (standing.state === 'closed') return standing.state;
  return terminal.style(standing.state === 'open' ? 'red' : 'yellow', stateText(standing));
}

function print(terminal: Terminal, views: readonly BreakerView[]): void {
  if (views.length === 0) return terminal.line('No breakers: no agents are loaded.');
  const order = { open: 0, 'half-open': 1, closed: 2 } as const;
  terminal.table(
    ['BREAKER', 'STATE', 'FAILURES', 'OPENED', 'WAITING', 'LAST ERROR'],
    views
      .toSorted((a, b) => order[a.state] - order[b.state])
      .map((view) => [
        view.breaker,
        stateText(view),
        `${view.failures} of ${view.failuresMax} in ${durationText(view.periodMs)}`,
        `${view.opens} times`,
        String(view.waiting),
        view.lastError === null ? '' : `${view.lastError.code}: ${view.lastError.message}`,
      ]),
  );
}

/** The same without colour: tables count characters. */
export function stateText({ state, retryAfterMs }: Standing): string {
  if (state === 'closed') return state;
  return state === 'open' ? `OPEN for ${durationText(retryAfterMs ?? 0)}` : 'HALF-OPEN';
}
