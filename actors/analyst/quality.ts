/** What is odd about the data itself: missing values, columns that say nothing, values that do not fit, outliers, repeated rows. */
import type { CorrelateOutput } from './correlate-schema.ts';
import type { ColumnProfile } from './profile-schema.ts';
import type { Finding } from './report-schema.ts';
import { writeCount, writeList, writeNumber, writePlural, writeShare } from './wording.ts';

const NAMED_MAX = 6;
/** Outliers are told where they are more than this share; a normal distribution has 0.05 %. */
const OUTLIER_SHARE = 0.005;

/** Findings about quality; `strength` is the share of values concerned, or 1 where a column is of no use. */
export function findQuality(profiles: readonly ColumnProfile[], correlations: CorrelateOutput): Finding[] {
  const findings = [...tellMissing(profiles), ...tellRepeats(correlations)];
  for (const profile of profiles) findings.push(...tellColumn(profile));
  return findings.sort((a, b) => b.strength - a.strength || (a.text < b.text ? -1 : 1));
}

function tellMissing(profiles: readonly ColumnProfile[]): Finding[] {
  const incomplete = profiles.filter(({ missing }) => missing > 0).sort((a, b) => b.missingShare - a.missingShare);
  const worst = incomplete[0];
  if (worst === undefined) return [];
  const named = incomplete
    .slice(0, NAMED_MAX)
    .map(({ name, missing, missingShare }) => `${name} (${writeShare(missingShare)}, ${writePlural(missing, 'row')})`);
  const more = incomplete.length > NAMED_MAX ? ` and ${incomplete.length - NAMED_MAX} more` : '';
  const text =
    `${writePlural(incomplete.length, 'column')} of ${profiles.length} ` +
    `${incomplete.length === 1 ? 'has' : 'have'} missing values: ` +
    `${more === '' ? writeList(named) : named.join(', ') + more}. Rows without a value are left out of the ` +
    'figures that need it, which misleads if they are missing for a reason.';
  return [{ kind: 'quality', strength: worst.missingShare, text, columns: incomplete.map(({ name }) => name) }];
}

function tellRepeats(correlations: CorrelateOutput): Finding[] {
  const { count, checked } = correlations.duplicateRows;
  if (count === 0) return [];
  const among =
    checked < correlations.rows ? `of the first ${writeCount(checked)} rows` : `of ${writePlural(checked, 'row')}`;
  const text = `${writeCount(count)} ${among} ${count === 1 ? 'repeats' : 'repeat'} an earlier row in every column.`;
  return [{ kind: 'quality', strength: count / checked, text, columns: [] }];
}

function tellColumn(profile: ColumnProfile): Finding[] {
  const { name, flags, mismatched, number, date } = profile;
  const valued = profile.rows - profile.missing;
  const tell = (strength: number, text: string): Finding => ({
    kind: 'quality',
    strength: Math.min(1, strength),
    text,
    columns: [name],
  });
  const found: Finding[] = [];
  if (flags.includes('all-missing')) found.push(tell(1, `${name} has no values at all.`));
  if (flags.includes('constant'))
    found.push(tell(1, `${name} has the same value in every row that has one: “${profile.top[0]?.value ?? ''}”.`));
  if (flags.includes('nearly-constant')) {
    found.push(
      tell(
        0.99,
        `${name} is “${profile.top[0]?.value ?? ''}” in ${writeShare(profile.top[0]?.share ?? 0)} of the rows ` +
          'that have a value: relations with it rest on the few others.',
      ),
    );
  } else if (flags.includes('many-zeros') && number !== undefined) {
    const rest =
      number.positive === undefined
        ? ''
        : `; the ${writeCount(number.positive.count)} values above zero have a median of ${writeNumber(number.positive.median)}`;
    found.push(
      tell(
        number.zeros / number.count,
        `${name} is 0 in ${writeShare(number.zeros / number.count)} of the rows${rest}. Ask whether 0 means “none” or “not known”.`,
      ),
    );
  }
  if (mismatched !== undefined) {
    const examples = mismatched.examples.map((value) => `“${value}”`).join(', ');
    found.push(
      tell(
        mismatched.count / valued,
        `${name} holds ${writePlural(mismatched.count, 'value')} that ${mismatched.count === 1 ? 'is' : 'are'} ` +
          `no ${profile.type}: ${examples}.`,
      ),
    );
  }
  if (flags.includes('leading-zeros'))
    found.push(
      tell(0.1, `${name} holds codes with leading zeros: it is kept as text, and a spreadsheet would spoil it.`),
    );
  if (flags.includes('beyond-safe-integers'))
    found.push(tell(0.1, `${name} holds whole numbers beyond 2⁵³, which are rounded here.`));
  found.push(...tellOutliers(profile, tell));
  if (date !== undefined && date.gapCount > 0) {
    const gap = date.gaps[0];
    const longest =
      gap === undefined ? '' : `; the longest is ${writePlural(gap.days, 'day')}, from ${gap.after} to ${gap.before}`;
    found.push(
      tell(
        0.05,
        `${name} has ${writePlural(date.gapCount, 'stretch', 'stretches')} of more than three usual steps without a row${longest}.`,
      ),
    );
  }
  return found;
}

function tellOutliers(profile: ColumnProfile, tell: (strength: number, text: string) => Finding): Finding[] {
  const outliers = profile.number?.outliers;
  if (outliers === undefined || profile.type === 'id' || profile.number === undefined) return [];
  const byMad = outliers.madCount !== null;
  const count = outliers.madCount ?? outliers.iqrCount ?? 0;
  if (count <= profile.number.count * OUTLIER_SHARE) return [];
  const low = (byMad ? outliers.madLow : outliers.iqrLow) ?? Number.NEGATIVE_INFINITY;
  const high = (byMad ? outliers.madHigh : outliers.iqrHigh) ?? Number.POSITIVE_INFINITY;
  const sides: string[] = [];
  if (low > profile.number.min) sides.push(`below ${writeNumber(low)}`);
  if (high < profile.number.max) sides.push(`above ${writeNumber(high)}`);
  const rule = byMad ? 'modified z-score above 3.5' : 'beyond 1.5 times the distance of the quartiles';
  const farthest = outliers.farthest
    .slice(0, 3)
    .map(({ row, value }) => `${writeNumber(value)} in row ${writeCount(row)}`);
  const text =
    `${profile.name} has ${writePlural(count, 'outlier')} (${writeShare(count / profile.number.count)}) ` +
    `${sides.join(' or ')} (${rule}), farthest ${writeList(farthest)}.`;
  return [tell(count / profile.number.count, text)];
}
