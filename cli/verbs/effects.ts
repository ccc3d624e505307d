/** `troupe effects`: calls of which nobody knows whether they happened, and saying what came of one. */
import { CODES, OperatingError } from '../../protocol/errors.ts';
import { LIMITS } from '../../protocol/limits.ts';
import { EXIT, type ExitCode } from '../exit-codes.ts';
import type { VerbContext } from '../verb.ts';
import { fetchJson } from '../remote.ts';

interface EffectView {
  readonly effect: string;
  readonly state: string;
  readonly task?: string;
  readonly step?: string;
  readonly item?: number;
  readonly agent: string;
  readonly name: string;
  readonly idempotencyKey: string;
  readonly since: number;
  readonly why: string;
  readonly decision?: { readonly decision: string; readonly by: string };
}

/** Those that wait for a word, the oldest first; with --state, the others. Waiting ones are exit code 3. */
export async function effects({ terminal, remote }: VerbContext, options: Record<string, unknown>): Promise<ExitCode> {
  const state = String(options['state']);
  const wanted = options['limit'] as number;
  const found: EffectView[] = [];
  let cursor: string | null = null;
  do {
    const query = new URLSearchParams({ state, limit: String(Math.min(wanted - found.length, LIMITS.listMax)) });
    if (cursor !== null) query.set('cursor', cursor);
    const page = (await fetchJson(remote, `/api/v1/effects?${query.toString()}`)) as {
      readonly effects: readonly EffectView[];
      readonly cursor: string | null;
    };
    found.push(...page.effects);
    ({ cursor } = page);
  } while (cursor !== null && found.length < wanted);
  if (terminal.isJson) for (const effect of found) terminal.json(effect);
  else if (found.length === 0) terminal.line(state === 'unknown' ? 'No call is in doubt.' : `None is ${state}.`);
  else {
    terminal.table(
      ['EFFECT', 'TASK', 'STEP', 'AGENT', 'NAME', 'SINCE', 'WHY'],
      found.map((effect) => [
        effect.effect,
        effect.task ?? '',
        placeOf(effect),
        effect.agent,
        effect.name,
        new Date(effect.since).toISOString().slice(0, 19),
        whyOf(effect),
      ]),
    );
    if (state === 'unknown') {
      for (const { effect, idempotencyKey } of found) terminal.note(`${effect}  idempotency key ${idempotencyKey}`);
      terminal.note(
        'Look on the other side, then: troupe effects resolve EFFECT --done JSON | --failed CODE:MESSAGE | --retry',
      );
    }
  }
  return state === 'unknown' && found.length > 0 ? EXIT.waiting : EXIT.done;
}

/** Says what came of one; done when that is on disk. */
export async function resolve(
  { terminal, remote }: VerbContext,
  options: Record<string, unknown>,
  effect: string,
): Promise<ExitCode> {
  const view = (await fetchJson(
    remote,
    `/api/v1/effects/${encodeURIComponent(effect)}`,
    'POST',
    decisionOf(options),
  )) as EffectView;
  if (terminal.isJson) terminal.json(view);
  else
    terminal.line(`${effect}  ${whyOf(view)}; ${view.task === undefined ? 'its actor' : `task ${view.task}`} goes on`);
  return EXIT.done;
}

function decisionOf({ done, failed, retry, comment }: Record<string, unknown>): object {
  const given = [done !== undefined, failed !== undefined, retry === true].filter(Boolean);
  if (given.length !== 1) {
    throw new OperatingError(
      'INVALID_INPUT',
      'Say exactly one of --done JSON (it happened, and gave this), --failed CODE[:MESSAGE] and --retry (it did not happen: make it).',
    );
  }
  const said = comment === undefined ? {} : { comment };
  if (retry === true) return { decision: 'retry', ...said };
  if (failed !== undefined) return { decision: 'failed', error: errorOf(failed as string), ...said };
  try {
    return { decision: 'done', output: JSON.parse(done as string) as unknown, ...said };
  } catch (cause) {
    throw new OperatingError(
      'INVALID_INPUT',
      `--done is not JSON: ${(cause as Error).message}. Words need quotes: '"like this"'; nothing is null.`,
      { cause },
    );
  }
}

function errorOf(text: string): object {
  const [, code = '', message] = /^([A-Z_]+)(?::(.*))?$/s.exec(text) ?? [];
  if (!Object.hasOwn(CODES, code))
    throw new OperatingError('INVALID_INPUT', `--failed takes CODE or CODE:MESSAGE, with a code such as AGENT_FAILED.`);
  return { code, ...(message !== undefined && message !== '' && { message: message.trim() }) };
}

function placeOf({ step, item }: EffectView): string {
  return item === undefined ? (step ?? '') : `${step}[${item}]`;
}

function whyOf({ why, decision }: EffectView): string {
  return decision === undefined ? why : `${decision.decision}, said ${decision.by}`;
}
