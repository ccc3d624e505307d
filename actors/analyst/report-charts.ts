/** Chooses the charts of a report and draws them. Names and order depend on the data alone. */
import { drawHistogram, drawMissing, drawTopValues } from './chart-distribution.ts';
import { drawCorrelations, drawCross } from './chart-matrix.ts';
import { drawBoxes, drawScatter, drawSeries } from './chart-relation.ts';
import { Q_MAX, STRENGTH_MIN } from './findings.ts';
import { fileSlug } from './markdown.ts';
import type { ColumnProfile } from './profile-schema.ts';
import type { ReportParts } from './report-parts.ts';

/** A chart, where it goes below the report's folder, and what it shows. */
export interface Chart {
  readonly section: 'quality' | 'relations' | 'groups' | 'time' | 'categories' | 'columns';
  readonly path: string;
  readonly caption: string;
  readonly svg: string;
}

const SCATTERS_MAX = 4;
const BOXES_MAX = 4;
const SERIES_MAX = 4;
const CROSSES_MAX = 2;
const COLUMN_CHARTS_MAX = 24;
/** A scatter plot of columns that are nearly the same shows nothing new. */
const SAME_STRENGTH = 0.999;

/** All charts of a report. */
export function drawCharts(parts: ReportParts): Chart[] {
  const charts: Chart[] = [];
  const add = (section: Chart['section'], name: string, caption: string, svg: string): void => {
    const number = String(charts.length + 1).padStart(2, '0');
    charts.push({ section, path: `charts/${number}-${fileSlug(name)}.svg`, caption, svg });
  };
  const { profiles } = parts;
  if (profiles.some(({ missing }) => missing > 0))
    add('quality', 'missing-values', 'Share of missing values by column', drawMissing(profiles));
  addTrends(parts, add);
  addRelations(parts, add);
  for (const profile of profiles.filter(isCharted).slice(0, COLUMN_CHARTS_MAX)) {
    if (profile.number !== undefined)
      add(
        'columns',
        `histogram-${profile.name}`,
        `Distribution of ${profile.name}`,
        drawHistogram(profile, profile.number),
      );
    else add('columns', `values-${profile.name}`, `Most frequent values of ${profile.name}`, drawTopValues(profile));
  }
  return charts;
}

type Add = (section: Chart['section'], name: string, caption: string, svg: string) => void;

function addTrends({ relations }: ReportParts, add: Add): void {
  const interesting = relations.trends.filter(
    ({ q, strength, season }) => season !== undefined || (q <= Q_MAX && strength >= STRENGTH_MIN),
  );
  for (const trend of interesting.slice(0, SERIES_MAX)) {
    const series = relations.series.find(({ value }) => value === trend.value);
    const name = trend.value ?? 'number of rows';
    if (series !== undefined)
      add('time', `time-${name}`, `${name} per ${trend.unit} over time`, drawSeries(trend, series));
  }
}

function addRelations({ relations, profiles }: ReportParts, add: Add): void {
  const numeric = profiles.filter(
    ({ type, flags }) => (type === 'integer' || type === 'number') && !flags.includes('constant'),
  );
  const names = numeric
    .map(({ name }) => name)
    .filter((name) => relations.numbers.some(({ x, y }) => x === name || y === name));
  if (names.length > 2)
    add(
      'relations',
      'correlations',
      "Spearman's rank correlations of the numeric columns",
      drawCorrelations(names, relations.numbers),
    );
  const telling = relations.numbers.filter(
    ({ q, strength }) => q <= Q_MAX && strength >= STRENGTH_MIN && strength < SAME_STRENGTH,
  );
  for (const pair of telling.slice(0, SCATTERS_MAX)) {
    const scatter = relations.scatters.find(({ x, y }) => x === pair.x && y === pair.y);
    if (scatter !== undefined)
      add('relations', `scatter-${pair.x}-${pair.y}`, `${pair.y} against ${pair.x}`, drawScatter(pair, scatter));
  }
  // Where the middle half of most groups is one single value, their boxes are lines on top of each other.
  const apart = relations.groups.filter(
    ({ q, strength, groups }) =>
      q <= Q_MAX && strength >= STRENGTH_MIN && groups.filter(({ q25, q75 }) => q25 < q75).length * 2 >= groups.length,
  );
  for (const comparison of apart.slice(0, BOXES_MAX)) {
    add(
      'groups',
      `boxes-${comparison.value}-${comparison.category}`,
      `${comparison.value} by ${comparison.category}`,
      drawBoxes(comparison),
    );
  }
  for (const cross of relations.crosses) {
    const pair = relations.categories.find(({ a, b }) => a === cross.a && b === cross.b);
    if (pair === undefined || pair.q > Q_MAX || pair.strength < STRENGTH_MIN) continue;
    if (relations.crosses.indexOf(cross) >= CROSSES_MAX) break;
    add('categories', `cross-${pair.a}-${pair.b}`, `${pair.b} within the levels of ${pair.a}`, drawCross(pair, cross));
  }
}

function isCharted(profile: ColumnProfile): boolean {
  if (profile.distinct < 2) return false;
  return (
    profile.type === 'category' || profile.type === 'boolean' || (profile.number !== undefined && profile.type !== 'id')
  );
}
