/** `troupe cache`, `troupe cache clear`. */
import type { CacheShare, CacheTotals } from '../../actors/cache/result-cache.ts';
import { EXIT, type ExitCode } from '../exit-codes.ts';
import { fetchJson } from '../remote.ts';
import { durationText } from '../terminal.ts';
import type { VerbContext } from '../verb.ts';

interface CachePage {
  readonly entries: number;
  readonly entriesMax: number;
  readonly bytes: number;
  readonly bytesMax: number;
  readonly sinceStart: CacheTotals;
  readonly agents: readonly CacheShare[];
  readonly cursor: string | null;
}

const KIB = 1024;

/** What is kept, by agent. */
export async function stats({ terminal, remote }: VerbContext): Promise<ExitCode> {
  const agents: CacheShare[] = [];
  let page: CachePage | undefined;
  do {
    const query = typeof page?.cursor !== 'string' ? '' : `?cursor=${encodeURIComponent(page.cursor)}`;
    page = (await fetchJson(remote, `/api/v1/cache${query}`)) as CachePage;
    agents.push(...page.agents);
  } while (page.cursor !== null);
  const { cursor: _end, ...figures } = page;
  if (terminal.isJson) {
    terminal.json({ ...figures, agents });
    return EXIT.done;
  }
  const { entries, entriesMax, bytes, bytesMax, sinceStart } = figures;
  terminal.line(
    `${entries} of at most ${entriesMax} results, ${sizeText(bytes)} of at most ${sizeText(bytesMax)}. Since the start: ` +
      `${sinceStart.hits} hits, ${sinceStart.misses} misses, ${sinceStart.evictions} let go, ${moneyText(sinceStart.savedUsd)} saved.`,
  );
  if (agents.length > 0) {
    terminal.table(
      ['AGENT', 'RESULTS', 'SIZE', 'HITS', 'SAVED', 'TIME SAVED'],
      agents.map((share) => [
        share.agent,
        String(share.entries),
        sizeText(share.bytes),
        String(share.hits),
        moneyText(share.savedUsd),
        durationText(share.savedMs),
      ]),
    );
  }
  return EXIT.done;
}

/** Drops them. */
export async function clear(
  { terminal, remote }: VerbContext,
  { agent }: { readonly agent?: string },
): Promise<ExitCode> {
  const query = agent === undefined ? '' : `?agent=${encodeURIComponent(agent)}`;
  const answer = (await fetchJson(remote, `/api/v1/cache${query}`, 'DELETE')) as { readonly dropped: number };
  if (terminal.isJson) terminal.json(answer);
  else terminal.line(`${answer.dropped} results were dropped.`);
  return EXIT.done;
}

function sizeText(bytes: number): string {
  if (bytes < KIB) return `${bytes} B`;
  if (bytes < KIB * KIB) return `${(bytes / KIB).toFixed(1)} KiB`;
  return `${(bytes / KIB / KIB).toFixed(1)} MiB`;
}

function moneyText(usd: number): string {
  return `${Number(usd.toFixed(6))} USD`;
}
