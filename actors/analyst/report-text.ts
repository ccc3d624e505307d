/** The text of a report, as Markdown. Deterministic: the same parts give the same text. */
import { findRelations, Q_MAX, STRENGTH_MIN } from './findings.ts';
import { LIMITS } from './limits.ts';
import { escapeMarkdown, markdownImage } from './markdown.ts';
import { findQuality } from './quality.ts';
import type { Chart } from './report-charts.ts';
import type { ColumnProfile } from './profile-schema.ts';
import type { ReportParts } from './report-parts.ts';
import type { Finding } from './report-schema.ts';
import {
  categoryTable,
  columnTable,
  dateTable,
  groupTable,
  numberPairTable,
  numberTable,
  trendTable,
} from './report-tables.ts';
import { writeBytes, writeCount, writePlural, writeShare } from './wording.ts';

/** Findings told at the top; the others follow in the tables. */
const KEY_FINDINGS_MAX = 12;
/** Of one kind at the top, so that one kind does not crowd out the others. */
const KEY_OF_KIND_MAX = 4;

/** What the report says beyond its charts. */
export interface ReportFindings {
  /** Relations, strongest first. */
  readonly relations: readonly Finding[];
  readonly quality: readonly Finding[];
  /** Relations that were tested and are not told. */
  readonly untold: number;
}

/** How the report is headed. */
export interface ReportHead {
  readonly fileName: string;
  readonly title: string;
  readonly generatedAt?: string | undefined;
}

/** All findings of the parts. */
export function collectFindings(parts: ReportParts): ReportFindings {
  const { findings, untold } = findRelations(parts.relations, parts.profiles);
  return { relations: findings, quality: findQuality(parts.profiles, parts.correlations), untold };
}

/**
 * The strongest findings, at most `KEY_OF_KIND_MAX` of a kind, without those on how columns are built from each other
 * and those with a column that is nearly always the same.
 */
export function keyFindings(findings: ReportFindings, profiles: readonly ColumnProfile[]): Finding[] {
  const dull = new Set(profiles.filter(({ flags }) => flags.includes('nearly-constant')).map(({ name }) => name));
  const counts = new Map<Finding['kind'], number>();
  const key: Finding[] = [];
  for (const finding of findings.relations) {
    const count = counts.get(finding.kind) ?? 0;
    if (finding.kind === 'structure' || finding.columns.some((name) => dull.has(name))) continue;
    if (count >= KEY_OF_KIND_MAX || key.length >= KEY_FINDINGS_MAX) continue;
    counts.set(finding.kind, count + 1);
    key.push(finding);
  }
  return key;
}

/** The whole report. */
export function writeReportText(
  parts: ReportParts,
  findings: ReportFindings,
  charts: readonly Chart[],
  head: ReportHead,
): string {
  const key = keyFindings(findings, parts.profiles);
  const structure = findings.relations.filter(({ kind }) => kind === 'structure');
  const chartsOf = (section: Chart['section']): string[] =>
    charts.filter((chart) => chart.section === section).flatMap(showChart);
  const lines = [
    `# ${escapeMarkdown(head.title)}`,
    '',
    summarise(parts, head),
    '',
    ...(head.generatedAt === undefined ? [] : [`Generated ${escapeMarkdown(head.generatedAt)}.`, '']),
    '## Key findings',
    '',
    ...listFindings(key, 'No relation between columns is both strong enough and unlikely enough by chance to be told.'),
    '',
    describeUntold(findings, key),
    '',
    '## Quality of the data',
    '',
    ...listFindings(
      findings.quality,
      'Nothing odd was found: no missing values, no repeated rows, no values that do not fit.',
    ),
    '',
    ...chartsOf('quality'),
    ...section('Columns', columnTable(parts.profiles), []),
    ...section('Numbers', numberTable(parts.profiles), []),
    ...section('Dates', dateTable(parts.profiles), []),
    ...section('Over time', trendTable(parts), chartsOf('time')),
    ...section('Relations between numbers', numberPairTable(parts), chartsOf('relations')),
    ...section('Differences between groups', groupTable(parts), chartsOf('groups')),
    ...section('Relations between categories', categoryTable(parts), chartsOf('categories')),
    ...section(
      'Columns that follow from others',
      structure.map(({ text }) => `- ${escapeMarkdown(text)}`),
      [],
    ),
    ...section('Distributions', [], chartsOf('columns')),
    '## How this was computed',
    '',
    ...describeMethods(parts),
    '',
    '## To reproduce',
    '',
    ...describeReproduction(parts, head),
    '',
  ];
  return `${lines
    .join('\n')
    .replace(/\n{3,}/g, '\n\n')
    .trimEnd()}\n`;
}

function summarise(parts: ReportParts, head: ReportHead): string {
  const { profiles, correlations, scan } = parts;
  const kinds = new Map<string, number>();
  for (const { type } of profiles) {
    const kind = type === 'integer' || type === 'number' ? 'numeric' : type === 'datetime' ? 'date' : type;
    kinds.set(kind, (kinds.get(kind) ?? 0) + 1);
  }
  const mix = [...kinds].map(([kind, count]) => `${count} ${kind}`).join(', ');
  const cells = profiles.reduce((sum, { rows }) => sum + rows, 0);
  const missing = profiles.reduce((sum, profile) => sum + profile.missing, 0);
  const left =
    scan.columnsLeftOut > 0
      ? ` ${writePlural(scan.columnsLeftOut, 'column')} beyond the bound of the analysis ` +
        `${scan.columnsLeftOut === 1 ? 'was' : 'were'} left out.`
      : '';
  return (
    `**${escapeMarkdown(head.fileName)}** holds ${writePlural(correlations.rows, 'row')} and ` +
    `${writePlural(profiles.length, 'column')} (${mix}), ` +
    `${writeBytes(scan.fileBytes)} of ${scan.dialect.format.toUpperCase()}.${describeSpan(parts)} ` +
    `${missing === 0 ? 'No value is missing.' : `${writeShare(missing / Math.max(1, cells))} of all values are missing.`}${left}`
  );
}

/** From when to when, by the column that trends are over, or else the first date column. */
function describeSpan({ profiles, relations }: ReportParts): string {
  const time = relations.trends[0]?.time;
  const profile = profiles.find(({ name }) => name === time) ?? profiles.find(({ date }) => date !== undefined);
  if (profile?.date !== undefined)
    return ` ${escapeMarkdown(profile.name)} runs from ${profile.date.first} to ${profile.date.last}.`;
  if (profile?.number === undefined) return '';
  return ` ${escapeMarkdown(profile.name)} runs from ${profile.number.min} to ${profile.number.max}.`;
}

function listFindings(findings: readonly Finding[], none: string): string[] {
  return findings.length === 0 ? [none] : findings.map(({ text }, index) => `${index + 1}. ${escapeMarkdown(text)}`);
}

function describeUntold(findings: ReportFindings, key: readonly Finding[]): string {
  const told = findings.relations.filter(({ kind }) => kind !== 'structure').length;
  const more = told - key.length;
  const parts = [
    'Findings are ordered by strength: the size of the correlation coefficient (for groups, the square root of ' +
      'the share explained), not by how surely they differ from nothing.',
  ];
  if (more > 0)
    parts.push(
      `${writePlural(more, 'weaker finding stands', 'weaker findings stand')} in the tables below and in findings.json.`,
    );
  if (findings.untold > 0)
    parts.push(
      `${writePlural(findings.untold, 'relation')} with a strength below ${STRENGTH_MIN} or a q above ${Q_MAX} ` +
        `${findings.untold === 1 ? 'is' : 'are'} not told.`,
    );
  parts.push('None of this shows what causes what.');
  return parts.join(' ');
}

function section(title: string, table: readonly string[], charts: readonly string[]): string[] {
  return table.length === 0 && charts.length === 0 ? [] : [`## ${title}`, '', ...table, '', ...charts];
}

function showChart(chart: Chart): string[] {
  return [markdownImage(chart.caption, chart.path), ''];
}

function describeMethods({ correlations, profiles, notes }: ReportParts): string[] {
  const estimated = profiles.filter((profile) => profile.estimated.length > 0);
  const sampled = correlations.sampleRows < correlations.rows;
  const lines = [
    '- Types are inferred: a column is numeric, a date or a boolean when at least 95 % of its values are; the ' +
      'others are named as not fitting. Dates without a time zone are taken as UTC.',
    '- Counts, missing values, minimum, maximum, mean, standard deviation and skew are exact, from every row.',
    estimated.length === 0
      ? '- Quantiles, median, MAD, distinct and most frequent values are exact too.'
      : '- Figures marked ≈ (quantiles, median, MAD, distinct values of ' +
        `${writePlural(estimated.length, 'column')}) are estimates from every row, by t-digest (rank error below ` +
        '0.1 %) and HyperLogLog (standard error 0.8 %).',
    '- Quantiles are of type 7. MAD is the median distance from the median. An outlier has a modified z-score, ' +
      '0.6745 (x − median) / MAD, above 3.5.',
    sampled
      ? '- Relations between columns are estimated from a uniform random sample of ' +
        `${writeCount(correlations.sampleRows)} of ${writeCount(correlations.rows)} rows (seed ` +
        `${correlations.seed}). Trends use every row.`
      : `- Relations between columns use all ${writeCount(correlations.rows)} rows, each pair the rows that have both values.`,
    '- Numbers: Spearman and Pearson coefficients, 95 % intervals by Fisher’s z; q is of Spearman’s test. ' +
      'Groups: Kruskal–Wallis test, groups of at least five rows, the 24 largest. Categories: chi-squared test and ' +
      'bias-corrected Cramér’s V, the 24 largest levels, the rest as one.',
    '- Trends: means per period, Mann–Kendall test (corrected for autocorrelation, or season by season where ' +
      'there is a season), Theil–Sen slope. The first and last period are left out of numbers of rows.',
    `- q is the p-value after Benjamini and Hochberg over all ${writePlural(correlations.tests, 'test')} of this ` +
      'report: among findings with q below 0.05, about one in twenty is expected to be chance.',
    ...notes.map((note) => `- ${escapeMarkdown(note)}`),
  ];
  if (correlations.duplicateRows.checked < correlations.rows)
    lines.push(`- Repeated rows were looked for among the first ${writeCount(LIMITS.duplicateRowsMax)}.`);
  return lines;
}

function describeReproduction({ correlations, scan }: ReportParts, head: ReportHead): string[] {
  const dialect = Object.entries(scan.dialect).map(([key, value]) => `${key} ${JSON.stringify(value)}`);
  return [
    `- File: ${escapeMarkdown(head.fileName)}, ${writeCount(scan.fileBytes)} bytes, SHA-256 \`${correlations.sha256}\``,
    `- Read as: ${dialect.map((part) => escapeMarkdown(part)).join(', ')}`,
    `- Sample seed: ${correlations.seed}`,
    '- Command: `troupe submit --workflow analyse-dataset --input \'{"path": "FILE"}\' --wait`',
    '- The same file and settings give the same report, byte for byte.',
  ];
}
