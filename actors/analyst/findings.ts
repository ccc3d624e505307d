/**
 * Turns relations into findings: plain sentences with the numbers behind them, strongest first. A relation becomes a
 * finding when it would be rare by chance (q) and large enough to matter (strength); the rest is counted, not told.
 */
import type { ColumnProfile } from './profile-schema.ts';
import type { CategoryPair, GroupComparison, NumberPair, Trend } from './relation-schema.ts';
import type { Finding } from './report-schema.ts';
import { tellSeason, tellTrend } from './trend-findings.ts';
import { writeCoefficient, writeCount, writeNumber, writeProbability, writeShare } from './wording.ts';

/** Above this share of false findings a relation is not told. */
export const Q_MAX = 0.05;
/** Below this strength neither. */
export const STRENGTH_MIN = 0.2;
/** Above this Pearson coefficient or Cramér's V, one column says what the other does. */
const SAME_NUMBERS = 0.98;
const SAME_CATEGORIES = 0.95;
/** How far the two correlation coefficients must lie apart to say something of the shape. */
const SHAPE_GAP = 0.15;
const SMALL_N = 30;
/** A column with less of its values in a relation gets a warning. */
const COVERAGE_MIN = 0.8;

/** The relations of a data set. */
export interface RelationLists {
  readonly numbers: readonly NumberPair[];
  readonly groups: readonly GroupComparison[];
  readonly categories: readonly CategoryPair[];
  readonly trends: readonly Trend[];
}

/** Findings, strongest first, and how many relations were tested and not told. */
export function findRelations(
  lists: RelationLists,
  profiles: readonly ColumnProfile[],
): { findings: Finding[]; untold: number } {
  const warn = createWarner(profiles);
  const findings: Finding[] = [];
  let untold = 0;
  const tell = (worth: boolean, finding: () => Finding): void => {
    if (worth) findings.push(finding());
    else untold += 1;
  };
  for (const pair of lists.numbers) tell(isWorth(pair), () => tellNumbers(pair, warn([pair.x, pair.y])));
  for (const comparison of lists.groups)
    tell(isWorth(comparison), () => tellGroups(comparison, warn([comparison.value, comparison.category])));
  for (const pair of lists.categories) tell(isWorth(pair), () => tellCategories(pair, warn([pair.a, pair.b])));
  for (const trend of lists.trends) {
    const [low, high] = trend.slopeInterval;
    const warning = trend.value === undefined ? '' : warn([trend.value]);
    tell(isWorth(trend) && low * high > 0, () => tellTrend(trend, warning));
    const { season } = trend;
    if (season !== undefined) tell(season.q <= Q_MAX, () => tellSeason(trend, season, warning));
  }
  findings.sort((a, b) => b.strength - a.strength || (a.text < b.text ? -1 : 1));
  return { findings, untold };
}

function isWorth(relation: { readonly q: number; readonly strength: number }): boolean {
  return relation.q <= Q_MAX && relation.strength >= STRENGTH_MIN;
}

/** Makes the function that says what to mind about columns: values missing, or nearly always the same. */
function createWarner(profiles: readonly ColumnProfile[]): (names: readonly string[]) => string {
  const known = new Map(profiles.map((profile) => [profile.name, profile]));
  return (names) =>
    names
      .map((name) => {
        const profile = known.get(name);
        if (profile === undefined) return '';
        const share = profile.top[0]?.share ?? 0;
        if (profile.flags.includes('nearly-constant') || profile.flags.includes('many-zeros')) {
          return ` ${name} is ${profile.top[0]?.value ?? ''} in ${writeShare(share)} of the rows.`;
        }
        return profile.missingShare > 1 - COVERAGE_MIN
          ? ` ${name} is missing in ${writeShare(profile.missingShare)} of the rows.`
          : '';
      })
      .join('');
}

function tellNumbers(pair: NumberPair, warning: string): Finding {
  const { x, y, spearman, pearson, n } = pair;
  const columns = [x, y];
  if (Math.abs(pearson) >= SAME_NUMBERS) {
    const text =
      `${y} and ${x} carry nearly the same information (Pearson r = ${writeCoefficient(pearson)}, n = ` +
      `${writeCount(n)}): one is probably computed from the other, or measures the same thing.`;
    return { kind: 'structure', strength: pair.strength, text, columns };
  }
  const [low, high] = pair.spearmanInterval;
  const rises = (Math.abs(spearman) >= Math.abs(pearson) ? spearman : pearson) > 0;
  const gap = Math.abs(spearman) - Math.abs(pearson);
  const shape =
    gap > SHAPE_GAP
      ? ' The relation is steady rather than straight: the ranks agree better than the values.'
      : gap < -SHAPE_GAP
        ? ' A few far-off values carry much of it: the ranks agree less than the values.'
        : '';
  const size = adverb(pair.strength);
  const text =
    `${y} ${rises ? `rises ${size} with ${x}` : `falls ${size} as ${x} rises`} (Spearman ρ = ` +
    `${writeCoefficient(spearman)}, 95 % interval ${writeCoefficient(low)} to ` +
    `${writeCoefficient(high)}; Pearson r = ${writeCoefficient(pearson)}; n = ${writeCount(n)}; ` +
    `${writeProbability('q', pair.q)}).${shape}${warning}${smallN(n)}`;
  return { kind: 'numbers', strength: pair.strength, text, columns };
}

function tellGroups(comparison: GroupComparison, warning: string): Finding {
  const { category, value, n } = comparison;
  // Small groups lie far out by chance: they are not what a comparison is told by where larger ones are.
  const large = comparison.groups.filter((group) => group.n >= SMALL_N);
  const told = large.length > 1 ? large : comparison.groups;
  // Where all medians are the same (mostly zeros, say), only the means tell the groups apart.
  const measure = new Set(told.map(({ median }) => median)).size > 1 ? 'median' : 'mean';
  const ordered = [...told].sort((a, b) => b[measure] - a[measure]);
  const highest = ordered[0] as GroupComparison['groups'][number];
  const lowest = ordered.at(-1) as GroupComparison['groups'][number];
  const text =
    `${value} differs ${adverb(comparison.strength)} between the groups of ${category}: ${measure} ` +
    `${writeNumber(highest[measure])} for “${highest.level}” ` +
    `(n = ${writeCount(highest.n)}) against ${writeNumber(lowest[measure])} for “${lowest.level}” (n = ` +
    `${writeCount(lowest.n)}). The groups explain ` +
    `${writeShare(comparison.rankEta2)} of the variation of ranks (Kruskal–Wallis H = ` +
    `${writeNumber(comparison.h)}, ${comparison.degrees} df, n = ${writeCount(n)}, ` +
    `${writeProbability('q', comparison.q)}).${warning}${smallN(Math.min(highest.n, lowest.n))}`;
  return { kind: 'groups', strength: comparison.strength, text, columns: [category, value] };
}

function tellCategories(pair: CategoryPair, warning: string): Finding {
  const { a, b, n, peak, determines } = pair;
  const columns = [a, b];
  if (determines !== 'neither') {
    const [from, to] = determines === 'b' ? [b, a] : [a, b];
    const both = determines === 'both' ? ' and the other way round' : '';
    const text =
      `Each ${from} belongs to one ${to}${both}, in all ${writeCount(n)} rows that have both: ${to} adds nothing ` +
      `once ${from} is known.`;
    return { kind: 'structure', strength: pair.strength, text, columns };
  }
  const figures = `Cramér's V = ${writeCoefficient(pair.cramersV)}, n = ${writeCount(n)}`;
  if (pair.cramersV >= SAME_CATEGORIES) {
    const text = `${a} and ${b} nearly follow from each other (${figures}): one is probably derived from the other.`;
    return { kind: 'structure', strength: pair.strength, text, columns };
  }
  const rough = pair.sparse ? ' Many combinations are rare, so q is rough.' : '';
  const text =
    `${a} and ${b} go together ${adverb(pair.strength)} (${figures}, ${writeProbability('q', pair.q)}): for ` +
    `instance “${peak.a}” meets “${peak.b}” in ` +
    `${writeCount(peak.count)} rows, where independence would expect ` +
    `${writeNumber(Math.round(peak.expected * 10) / 10)}.${rough}${warning}${smallN(n)}`;
  return { kind: 'categories', strength: pair.strength, text, columns };
}

/** Cohen's words for the size of a correlation, used for all kinds of strength. */
function adverb(strength: number): string {
  if (strength >= 0.7) return 'very strongly';
  if (strength >= 0.5) return 'strongly';
  return strength >= 0.3 ? 'moderately' : 'weakly';
}

function smallN(n: number): string {
  return n < SMALL_N ? ` With so few values (${n}) this may well be chance.` : '';
}
