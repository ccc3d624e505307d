/**
 * The plan templates of a node, and which of them a goal in words is for: without a model, by the words they share, however they are
 * bent, and somewhat less where they are misspelt, and by phrases with slots. Which template was chosen, over which others, is part of
 * the answer.
 */
import MiniSearch, { type SearchResult } from 'minisearch';
import { stemmer } from 'stemmer';
import { OperatingError } from '../../protocol/errors.ts';
import type { PlanTemplate } from '../../protocol/plan-template.ts';
import { compareVersions } from '../version-order.ts';
import { plainWords, type Slots, slotsInWords, slotsOfPhrase } from './goal-phrase.ts';
import { fuzziness, isMisspelt, MISSPELT_WORTH } from './misspelling.ts';

/** A template that a goal may be for. */
export interface TemplateMatch {
  readonly template: PlanTemplate;
  /** 1: the goal is one of its phrases; else the share of the goal's words that the template knows; a misspelt one counts for less. */
  readonly confidence: number;
  readonly slots: Slots;
  /** Slots that are neither found nor have a default. */
  readonly missing: readonly string[];
}

/** Templates of one node. Over it: BUSY. */
const TEMPLATES_MAX = 10_000;
/** Matches that are looked at. */
const MATCHES_MAX = 16;
/** Words that say nothing about what is wanted. */
const STOP_WORDS: ReadonlySet<string> = new Set(
  (
    'a an and are as at be by can could do does for from get give has have how i in into is it its let like make may me ' +
    'my of on or our out please shall should so some that the their them then there these they this those to us want ' +
    'was we what which will with would you your'
  ).split(' '),
);

/** A word of a goal as it is said, and its stem: a slip of the finger near the end of a word makes another stem of it. */
interface AskedWord {
  readonly said: string;
  readonly stem: string;
}

/** The words of a goal that say something: how many, and which one each word and stem is of. */
interface Asked {
  readonly count: number;
  readonly byTerm: ReadonlyMap<string, AskedWord>;
}

/** The templates of one node. */
export class TemplateBook {
  readonly #templates = new Map<string, PlanTemplate[]>();
  readonly #index = new MiniSearch<{ readonly id: string; readonly words: string; readonly name: string }>({
    fields: ['words', 'name'],
    processTerm: termsOf,
    searchOptions: { boost: { words: 2 }, prefix: false },
  });

  /** Errors: STATE_CONFLICT (this version is there with other content), BUSY. */
  add(template: PlanTemplate): void {
    const versions = this.#templates.get(template.name) ?? [];
    const same = versions.find(({ version }) => version === template.version);
    if (same !== undefined) {
      if (JSON.stringify(same) === JSON.stringify(template)) return;
      const message = `The template ${keyOf(template)} is registered with other content. Give it a new version.`;
      throw new OperatingError('STATE_CONFLICT', message);
    }
    if (this.#templates.size >= TEMPLATES_MAX)
      throw new OperatingError('BUSY', `A node holds at most ${TEMPLATES_MAX} plan templates.`);
    const newest = [...versions, template].sort((a, b) => compareVersions(b.version, a.version));
    this.#templates.set(template.name, newest);
    this.#reindex(template.name);
  }

  /** Errors: NOT_FOUND. */
  remove(reference: string): PlanTemplate {
    const found = this.get(reference);
    if (found === undefined) throw new OperatingError('NOT_FOUND', `There is no plan template ${reference}.`);
    const rest = (this.#templates.get(found.name) ?? []).filter((other) => other !== found);
    if (rest.length > 0) this.#templates.set(found.name, rest);
    else this.#templates.delete(found.name);
    this.#reindex(found.name);
    return found;
  }

  /** By `name` (the newest) or `name@version`. */
  get(reference: string): PlanTemplate | undefined {
    const at = reference.indexOf('@');
    const versions = this.#templates.get(at === -1 ? reference : reference.slice(0, at));
    return at === -1 ? versions?.[0] : versions?.find(({ version }) => version === reference.slice(at + 1));
  }

  all(): readonly PlanTemplate[] {
    return [...this.#templates.values()].flat();
  }

  /**
   * Templates that the goal may be for, the likeliest first; the newest version of each. `given` goes before what is found in the
   * words.
   */
  match(goal: string, given: Slots): readonly TemplateMatch[] {
    const words = plainWords(goal);
    const asked = contentWords(words);
    const found = this.#index.search(words, { fuzzy: fuzziness() }).flatMap((result) => {
      const share = shareOf(asked, result);
      return share === 0 ? [] : [{ id: String(result.id), score: result.score, share }];
    });
    const matches = found.slice(0, MATCHES_MAX).flatMap(({ id, score, share }) => {
      const template = this.get(id);
      return template === undefined ? [] : [{ ...matchOf(template, goal, given, share), score }];
    });
    return matches
      .toSorted((a, b) => b.confidence - a.confidence || a.missing.length - b.missing.length || b.score - a.score)
      .map(({ score: _score, ...match }) => match);
  }

  #reindex(name: string): void {
    if (this.#index.has(name)) this.#index.discard(name);
    const template = this.#templates.get(name)?.[0];
    if (template === undefined) return;
    const { goals, description = '', type } = template;
    const words = [...goals.map((goal) => goal.replace(/\{[^}]*\}/g, ' ')), description].join(' ');
    this.#index.add({ id: name, words, name: `${name} ${type}` });
  }
}

/** `name@version`. */
export function keyOf({ name, version }: PlanTemplate): string {
  return `${name}@${version}`;
}

function matchOf(template: PlanTemplate, goal: string, given: Slots, share: number): TemplateMatch {
  const phrase = template.goals.map((said) => slotsOfPhrase(goal, said, template)).find((slots) => slots !== undefined);
  const defaults = Object.entries(template.slots ?? {}).flatMap(([name, slot]) =>
    'default' in slot ? [[name, slot.default] as const] : [],
  );
  const slots = { ...Object.fromEntries(defaults), ...(phrase ?? slotsInWords(goal, template)), ...given };
  const missing = Object.keys(template.slots ?? {}).filter((name) => !Object.hasOwn(slots, name));
  return { template, confidence: phrase === undefined ? share : 1, slots, missing };
}

/** The part of the words that are known, by what the search has found of a template; a misspelt one is so in part. */
function shareOf({ count, byTerm }: Asked, { queryTerms, terms }: SearchResult): number {
  const known = new Set(terms);
  let sum = 0;
  for (const { said, stem } of new Set(queryTerms.flatMap((term) => byTerm.get(term) ?? []))) {
    if (known.has(stem) || known.has(said)) sum += 1;
    else if (terms.some((term) => isMisspelt(said, term) || isMisspelt(stem, term))) sum += MISSPELT_WORTH;
  }
  return count === 0 ? 0 : sum / count;
}

/** Words of one stem are one word. */
function contentWords(goal: string): Asked {
  const byTerm = new Map<string, AskedWord>();
  const stems = new Map<string, AskedWord>();
  for (const word of goal.split(/[\n\r\p{Z}\p{P}]+/u)) {
    const said = word.toLowerCase();
    if (termsOf(said) === null) continue;
    const stem = stemmer(said);
    const asked = stems.get(stem) ?? { said, stem };
    stems.set(stem, asked);
    byTerm.set(stem, asked).set(said, asked);
  }
  return { count: stems.size, byTerm };
}

/** A word and its stem; null for one that says nothing. */
function termsOf(word: string): string[] | null {
  const lower = word.toLowerCase();
  return lower.length < 2 || STOP_WORDS.has(lower) ? null : [...new Set([lower, stemmer(lower)])];
}
