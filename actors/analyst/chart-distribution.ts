/** Charts of one column: histogram, most frequent values; and of all: what is missing. */
import { drawBottom, drawLeft, line, type Plot } from './chart-axis.ts';
import { numberAxis, powerAxis } from './chart-scale.ts';
import type { ColumnProfile, NumberProfile } from './profile-schema.ts';
import { element, INK, svgDocument, textElement } from './svg.ts';
import { cleanText, fitText, textWidth } from './svg-text.ts';
import { writeCount, writeNumber, writePlural, writeShare } from './wording.ts';

const WIDTH = 760;
const BAR_HEIGHT = 26;
const BARS_MAX = 30;

/** Histogram with the median; values beyond the bins are told, not drawn. */
export function drawHistogram(profile: ColumnProfile, number: NumberProfile): string {
  const { histogram } = number;
  const plot: Plot = { left: 84, top: 84, right: WIDTH - 28, bottom: 340 };
  const isLog = histogram.scale === 'log';
  const end = histogram.from + histogram.width * histogram.counts.length;
  const range = [plot.left, plot.right] as const;
  const x = isLog ? powerAxis([histogram.from, end], range) : numberAxis([histogram.from, end], range, false);
  const edge = (index: number): number => {
    const at = histogram.from + index * histogram.width;
    return x.place(isLog ? 10 ** at : at);
  };
  const y = numberAxis([0, Math.max(1, ...histogram.counts)], [plot.bottom, plot.top]);
  const bars = histogram.counts.map((count, index) => {
    const left = edge(index);
    const right = edge(index + 1);
    const top = y.place(count);
    return count === 0
      ? ''
      : element('rect', {
          x: left + 0.5,
          y: top,
          width: Math.max(0.5, right - left - 1),
          height: plot.bottom - top,
          fill: INK.blue,
        });
  });
  const unit = number.unit === undefined ? '' : ` (${number.unit})`;
  const label = `${profile.name}${unit}${isLog ? ', logarithmic scale' : ''}`;
  return svgDocument({
    width: WIDTH,
    height: 404,
    title: `Distribution of ${profile.name}`,
    subtitle: describeHistogram(profile, number),
    description:
      `Histogram of ${profile.name}: median ${writeNumber(number.median)}, middle half from ` +
      `${writeNumber(number.quantiles.q25)} to ${writeNumber(number.quantiles.q75)}.`,
    body: [
      ...drawLeft(plot, y.ticks, 'Rows'),
      ...bars,
      ...drawMedian(plot, x.place, number),
      ...drawBottom(plot, x.ticks, label),
    ],
  });
}

/** Horizontal bars of the most frequent values. */
export function drawTopValues(profile: ColumnProfile): string {
  const shown = profile.top.reduce((sum, { count }) => sum + count, 0);
  const rest = profile.rows - profile.missing - shown;
  const others = profile.distinct - profile.top.length;
  const subtitle =
    others > 0
      ? `The ${profile.top.length} most frequent of ${writeCount(profile.distinct)} values; all others: ${writePlural(rest, 'row')}`
      : `${writePlural(profile.rows - profile.missing, 'row')}, all values shown`;
  const bars = profile.top.map(({ value, count, share }) => ({
    label: value,
    value: count,
    note: `${writeCount(count)} (${writeShare(share)})`,
  }));
  return drawBars({
    title: `Values of ${profile.name}`,
    subtitle,
    axis: 'Rows',
    bars,
    description: `Bar chart of the most frequent values of ${profile.name}.`,
  });
}

/** Horizontal bars of the share of missing values, for the columns that have any. */
export function drawMissing(profiles: readonly ColumnProfile[]): string {
  const incomplete = profiles
    .filter((profile) => profile.missing > 0)
    .sort((a, b) => b.missingShare - a.missingShare || (a.name < b.name ? -1 : 1));
  const bars = incomplete.slice(0, BARS_MAX).map((profile) => ({
    label: profile.name,
    value: profile.missingShare * 100,
    note: `${writeShare(profile.missingShare)} (${writePlural(profile.missing, 'row')})`,
  }));
  const more = incomplete.length > BARS_MAX ? `, the ${BARS_MAX} with most of them shown` : '';
  const subtitle =
    `${incomplete.length} of ${writePlural(profiles.length, 'column')} ` +
    `${incomplete.length === 1 ? 'has' : 'have'} missing values${more}; the others are complete`;
  return drawBars({
    title: 'Missing values',
    subtitle,
    axis: 'Missing (%)',
    bars,
    ceiling: 100,
    description: 'Bar chart of the share of missing values by column.',
  });
}

function drawBars(of: {
  readonly title: string;
  readonly subtitle: string;
  readonly axis: string;
  readonly description: string;
  readonly bars: readonly { readonly label: string; readonly value: number; readonly note: string }[];
  readonly ceiling?: number;
}): string {
  const widest = Math.max(40, ...of.bars.map(({ label }) => textWidth(cleanText(label), 12)));
  const left = Math.min(260, widest + 16) + 16;
  const noteWidth = Math.max(0, ...of.bars.map(({ note }) => textWidth(note, 11))) + 12;
  const plot: Plot = { left, top: 76, right: WIDTH - 28 - noteWidth, bottom: 76 + of.bars.length * BAR_HEIGHT };
  const x = numberAxis([0, of.ceiling ?? Math.max(1, ...of.bars.map(({ value }) => value))], [plot.left, plot.right]);
  const body = x.ticks.map((tick) => line(tick.at, plot.top, tick.at, plot.bottom, INK.grid));
  of.bars.forEach(({ label, value, note }, index) => {
    const top = plot.top + index * BAR_HEIGHT;
    const end = x.place(value);
    body.push(textElement(plot.left - 8, top + 17, fitText(label, left - 24, 12), { anchor: 'end' }));
    body.push(
      element('rect', {
        x: plot.left,
        y: top + 4,
        width: Math.max(1, end - plot.left),
        height: BAR_HEIGHT - 8,
        fill: INK.blue,
      }),
    );
    body.push(textElement(end + 6, top + 17, note, { size: 11, fill: INK.quiet }));
  });
  body.push(...drawBottom(plot, x.ticks, of.axis));
  return svgDocument({
    width: WIDTH,
    height: plot.bottom + 60,
    title: of.title,
    subtitle: of.subtitle,
    description: of.description,
    body,
  });
}

function describeHistogram(profile: ColumnProfile, number: NumberProfile): string {
  const { histogram } = number;
  const parts = [writePlural(number.count, 'value')];
  if (profile.missing > 0) parts.push(`${writeCount(profile.missing)} missing`);
  if (histogram.scale === 'log') {
    const low = histogram.below - number.zeros;
    parts.push(`${writeCount(number.zeros)} zeros not shown${low > 0 ? `, nor ${writeCount(low)} smaller` : ''}`);
  } else {
    const end = histogram.from + histogram.width * histogram.counts.length;
    if (histogram.below > 0)
      parts.push(`${writeCount(histogram.below)} below ${writeNumber(histogram.from)} not shown`);
    if (histogram.above > 0) parts.push(`${writeCount(histogram.above)} above ${writeNumber(end)} not shown`);
  }
  if (profile.estimated.includes('histogram')) parts.push('estimated from all rows');
  return parts.join(' · ');
}

function drawMedian(plot: Plot, place: (value: number) => number, number: NumberProfile): string[] {
  const isLog = number.histogram.scale === 'log';
  const median = isLog ? (number.positive?.median ?? number.median) : number.median;
  const at = place(median);
  if (!(at >= plot.left && at <= plot.right)) return [];
  const anchor = at > (plot.left + plot.right) / 2 ? 'end' : 'start';
  const words = isLog && number.positive !== undefined ? 'median of those above zero' : 'median';
  return [
    line(at, plot.top - 10, at, plot.bottom, INK.vermillion, 2, '6 4'),
    textElement(at + (anchor === 'start' ? 6 : -6), plot.top - 4, `${words} ${writeNumber(median)}`, {
      anchor,
      fill: INK.vermillion,
      weight: 600,
    }),
  ];
}
