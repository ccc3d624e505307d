/** The tables of a report, as lines of Markdown. */
import { Q_MAX } from './findings.ts';
import { escapeMarkdown, markdownTable } from './markdown.ts';
import type { ColumnProfile } from './profile-schema.ts';
import type { ReportParts } from './report-parts.ts';
import { writeCoefficient, writeCount, writeNumber, writeShare } from './wording.ts';

const NAME_MAX = 60;
const VALUE_MAX = 40;
const ROWS_MAX = 15;

/** One line a column: type, missing, distinct, what stands out. */
export function columnTable(profiles: readonly ColumnProfile[]): string[] {
  const rows = profiles.map((profile) => [
    name(profile.name),
    profile.type,
    profile.missing === 0 ? '0' : `${writeCount(profile.missing)} (${writeShare(profile.missingShare)})`,
    `${profile.estimated.includes('distinct') ? '≈ ' : ''}${writeCount(profile.distinct)}`,
    value(profile.top[0]?.value ?? '–'),
    profile.flags.length === 0 ? '–' : profile.flags.join(', '),
  ]);
  return markdownTable(['Column', 'Type', 'Missing', 'Distinct', 'Most frequent', 'Stands out'], rows, [2, 3]);
}

/** One line a numeric column; nothing without any. */
export function numberTable(profiles: readonly ColumnProfile[]): string[] {
  const rows: string[][] = [];
  for (const profile of profiles) {
    const { number } = profile;
    if (number === undefined || profile.type === 'id') continue;
    const about = profile.estimated.includes('quantiles') ? '≈ ' : '';
    const unit = number.unit === undefined ? '' : ` (${number.unit})`;
    rows.push([
      name(profile.name) + escapeMarkdown(unit),
      writeNumber(number.min),
      about + writeNumber(number.quantiles.q25),
      about + writeNumber(number.median),
      about + writeNumber(number.quantiles.q75),
      writeNumber(number.max),
      writeNumber(number.mean),
      number.sd === null ? '–' : writeNumber(number.sd),
      about + writeNumber(number.mad),
      number.skew === null ? '–' : writeNumber(Math.round(number.skew * 100) / 100),
      number.outliers.madCount === null ? '–' : about + writeCount(number.outliers.madCount),
    ]);
  }
  if (rows.length === 0) return [];
  const header = ['Column', 'Min', '25 %', 'Median', '75 %', 'Max', 'Mean', 'SD', 'MAD', 'Skew', 'Outliers'];
  return markdownTable(header, rows, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
}

/** One line a date column; nothing without any. */
export function dateTable(profiles: readonly ColumnProfile[]): string[] {
  const rows: string[][] = [];
  for (const profile of profiles) {
    const { date } = profile;
    if (date === undefined) continue;
    const step = date.typicalStepDays === null ? '–' : `${writeNumber(date.typicalStepDays)} d`;
    rows.push([name(profile.name), date.first, date.last, writeCount(date.days), step, writeCount(date.gapCount)]);
  }
  return rows.length === 0
    ? []
    : markdownTable(['Column', 'First', 'Last', 'Days', 'Usual step', 'Gaps'], rows, [3, 4, 5]);
}

/** The strongest pairs of numeric columns; nothing without any. */
export function numberPairTable({ relations }: ReportParts): string[] {
  const rows = relations.numbers
    .slice(0, ROWS_MAX)
    .map((pair) => [
      name(pair.x),
      name(pair.y),
      writeCoefficient(pair.spearman),
      `${writeCoefficient(pair.spearmanInterval[0])} to ${writeCoefficient(pair.spearmanInterval[1])}`,
      writeCoefficient(pair.pearson),
      writeCount(pair.n),
      significance(pair.q),
    ]);
  return rows.length === 0
    ? []
    : markdownTable(['Column', 'Column', 'Spearman ρ', '95 % interval', 'Pearson r', 'n', 'q'], rows, [2, 3, 4, 5, 6]);
}

/** The strongest differences between groups; nothing without any. */
export function groupTable({ relations }: ReportParts): string[] {
  const rows = relations.groups
    .slice(0, ROWS_MAX)
    .map((comparison) => [
      name(comparison.value),
      name(comparison.category),
      writeCount(comparison.groups.length),
      writeShare(comparison.rankEta2),
      writeShare(comparison.eta2),
      writeNumber(comparison.h),
      writeCount(comparison.n),
      significance(comparison.q),
    ]);
  const header = ['Value', 'Groups of', 'Groups', 'Explained (ranks)', 'Explained (values)', 'H', 'n', 'q'];
  return rows.length === 0 ? [] : markdownTable(header, rows, [2, 3, 4, 5, 6, 7]);
}

/** The strongest pairs of categories; nothing without any. */
export function categoryTable({ relations }: ReportParts): string[] {
  const rows = relations.categories
    .slice(0, ROWS_MAX)
    .map((pair) => [
      name(pair.a),
      name(pair.b),
      writeCoefficient(pair.cramersV),
      pair.determines === 'neither'
        ? '–'
        : pair.determines === 'both'
          ? 'each other'
          : `${name(pair.determines === 'a' ? pair.a : pair.b)} fixes the other`,
      `${value(pair.peak.a)} × ${value(pair.peak.b)}`,
      writeCount(pair.n),
      significance(pair.q),
    ]);
  const header = ['Column', 'Column', "Cramér's V", 'Fixes', 'Most over-represented', 'n', 'q'];
  return rows.length === 0 ? [] : markdownTable(header, rows, [2, 5, 6]);
}

/** All trends; nothing without any. */
export function trendTable({ relations }: ReportParts): string[] {
  const rows = relations.trends
    .slice(0, ROWS_MAX)
    .map((trend) => [
      trend.value === undefined ? `rows per ${trend.unit}` : name(trend.value),
      `${trend.from} to ${trend.to}`,
      writeCoefficient(trend.tau),
      `${writeNumber(trend.slope)} (${writeNumber(trend.slopeInterval[0])} to ${writeNumber(trend.slopeInterval[1])})`,
      trend.season === undefined
        ? '–'
        : `high ${trend.season.high}, low ${trend.season.low} (${writeShare(trend.season.eta2)})`,
      writeCount(trend.n),
      significance(trend.q),
    ]);
  const header = ['Value', 'Range', "Kendall's τ", `Slope per period (95 %)`, 'Season', 'Periods', 'q'];
  return rows.length === 0 ? [] : markdownTable(header, rows, [2, 5, 6]);
}

function name(text: string): string {
  return escapeMarkdown(text, NAME_MAX);
}

function value(text: string): string {
  return escapeMarkdown(text, VALUE_MAX);
}

function significance(q: number): string {
  const written = q < 0.001 ? '< 0.001' : q.toFixed(3);
  return q <= Q_MAX ? `**${written}**` : written;
}
