/** Charts of how two columns go together: scatter plot, boxes by group, series over time. */
import { drawBottom, drawLeft, line, type Plot } from './chart-axis.ts';
import { type Axis, numberAxis, powerAxis, timeAxis } from './chart-scale.ts';
import type { RelationFile } from './correlate-schema.ts';
import type { GroupComparison, NumberPair, Trend } from './relation-schema.ts';
import { element, INK, svgDocument, textElement } from './svg.ts';
import { cleanText, fitText, textWidth } from './svg-text.ts';
import { writeCoefficient, writeCount, writeNumber, writeProbability } from './wording.ts';

const WIDTH = 760;
const BOX_HEIGHT = 34;
const BOXES_MAX = 12;
/** The largest value is so many times the middle one. */
const LOPSIDED = 30;

/** Points with the least-squares line; by their logarithm, without the line, where most would sit in a corner. */
export function drawScatter(pair: NumberPair, scatter: RelationFile['scatters'][number]): string {
  const plot: Plot = { left: 92, top: 76, right: WIDTH - 28, bottom: 396 };
  const xLog = isLopsided(scatter.points.map(([x]) => x));
  const yLog = isLopsided(scatter.points.map(([, y]) => y));
  const points = scatter.points.filter(([x, y]) => (!xLog || x > 0) && (!yLog || y > 0));
  const xs = points.map(([x]) => x);
  const ys = points.map(([, y]) => y);
  const x = axisFor(xs, xLog, [plot.left, plot.right]);
  const y = axisFor(ys, yLog, [plot.bottom, plot.top]);
  const opacity = points.length > 200 ? 0.4 : 0.65;
  const dots = points.map(([px, py]) => element('circle', { cx: x.place(px), cy: y.place(py), r: 3 }));
  const trend = xLog || yLog ? undefined : clipLine(pair, extent(xs), extent(ys));
  const notes = [
    `Spearman ρ = ${writeCoefficient(pair.spearman)}`,
    `Pearson r = ${writeCoefficient(pair.pearson)}`,
    `n = ${writeCount(pair.n)}`,
  ];
  if (points.length < pair.n) notes.push(`${writeCount(points.length)} different points drawn`);
  if (points.length < scatter.points.length) notes.push('without zeros');
  return svgDocument({
    width: WIDTH,
    height: 460,
    title: `${pair.y} by ${pair.x}`,
    subtitle: notes.join(' · '),
    description: `Scatter plot of ${pair.y} against ${pair.x}${trend === undefined ? '' : ' with the least-squares line'}.`,
    body: [
      ...drawLeft(plot, y.ticks, yLog ? `${pair.y}, logarithmic` : pair.y),
      ...x.ticks.map((tick) => line(tick.at, plot.top, tick.at, plot.bottom, INK.grid)),
      dots.length === 0 ? '' : element('g', { fill: INK.blue, 'fill-opacity': opacity }, dots.join('')),
      trend === undefined
        ? ''
        : line(
            x.place(trend[0][0]),
            y.place(trend[0][1]),
            x.place(trend[1][0]),
            y.place(trend[1][1]),
            INK.vermillion,
            2.5,
          ),
      ...drawBottom(plot, x.ticks, xLog ? `${pair.x}, logarithmic` : pair.x),
    ],
  });
}

/** A box for each group, highest median on top. */
export function drawBoxes(comparison: GroupComparison): string {
  const groups = comparison.groups.slice(0, BOXES_MAX).sort((a, b) => b.median - a.median || b.mean - a.mean);
  const widest = Math.max(40, ...groups.map(({ level }) => textWidth(cleanText(level), 12)));
  const left = Math.min(240, widest + 16) + 16;
  const plot: Plot = { left, top: 76, right: WIDTH - 100, bottom: 76 + groups.length * BOX_HEIGHT };
  const ends = groups.flatMap(({ whiskerLow, whiskerHigh, mean }) => [whiskerLow, whiskerHigh, mean]);
  const x = numberAxis(extent(ends), [plot.left, plot.right]);
  const body = x.ticks.map((tick) => line(tick.at, plot.top, tick.at, plot.bottom, INK.grid));
  groups.forEach((group, index) => {
    const middle = plot.top + index * BOX_HEIGHT + BOX_HEIGHT / 2;
    const q25 = x.place(group.q25);
    body.push(
      textElement(plot.left - 8, middle + 4, fitText(group.level, left - 24, 12), { anchor: 'end' }),
      line(x.place(group.whiskerLow), middle, x.place(group.whiskerHigh), middle, INK.quiet, 1.5),
      element('rect', {
        x: q25,
        y: middle - 9,
        width: Math.max(1, x.place(group.q75) - q25),
        height: 18,
        fill: INK.paleBlue,
        stroke: INK.blue,
      }),
      line(x.place(group.median), middle - 9, x.place(group.median), middle + 9, INK.text, 2.5),
      element('circle', { cx: x.place(group.mean), cy: middle, r: 3.5, fill: INK.vermillion }),
      textElement(plot.right + 12, middle + 4, `n = ${writeCount(group.n)}`, { size: 11, fill: INK.quiet }),
    );
  });
  const leftOut = comparison.groups.length - groups.length + comparison.levelsLeftOut;
  const note = leftOut > 0 ? ` · ${leftOut} smaller groups not shown` : '';
  return svgDocument({
    width: WIDTH,
    height: plot.bottom + 60,
    title: `${comparison.value} by ${comparison.category}`,
    subtitle: `Boxes: middle half, line: median, whiskers: 1.5 × that range, dot: mean${note}`,
    description: `Box plots of ${comparison.value} for the groups of ${comparison.category}.`,
    body: [...body, ...drawBottom(plot, x.ticks, comparison.value)],
  });
}

/** A series with its Theil-Sen line. */
export function drawSeries(trend: Trend, series: RelationFile['series'][number]): string {
  const plot: Plot = { left: 92, top: 76, right: WIDTH - 28, bottom: 336 };
  const name = trend.value ?? 'Number of rows';
  const x = timeAxis([series.starts[0] ?? 0, series.starts.at(-1) ?? 1], [plot.left, plot.right]);
  const y = numberAxis(extent([...series.values, trend.start, trend.end]), [plot.bottom, plot.top]);
  const path = series.values.map((value, index) => {
    return `${index === 0 ? 'M' : 'L'}${x.place(series.starts[index] as number).toFixed(1)} ${y.place(value).toFixed(1)}`;
  });
  const what = trend.value === undefined ? `Rows per ${trend.unit}` : `Mean per ${trend.unit}`;
  return svgDocument({
    width: WIDTH,
    height: 400,
    title: `${name} over time`,
    subtitle:
      `${what} · dashed: Theil–Sen line · Kendall's τ = ${writeCoefficient(trend.tau)}, ` +
      `${writeProbability('q', trend.q)} · ${writeCount(trend.n)} ${trend.unit}s`,
    description:
      `Line chart of ${name} from ${trend.from} to ${trend.to}, ${writeNumber(trend.start)} to ` +
      `${writeNumber(trend.end)} along its trend.`,
    body: [
      ...drawLeft(plot, y.ticks, what),
      element('path', {
        d: path.join(''),
        fill: 'none',
        stroke: INK.blue,
        'stroke-width': 1.8,
        'stroke-linejoin': 'round',
      }),
      line(plot.left, y.place(trend.start), plot.right, y.place(trend.end), INK.vermillion, 2.2, '7 5'),
      ...drawBottom(plot, x.ticks, trend.time),
    ],
  });
}

/** Whether values are spread so that a straight scale would push nearly all of them into a corner. */
function isLopsided(values: readonly number[]): boolean {
  const positive = values.filter((value) => value > 0).sort((a, b) => a - b);
  if (positive.length < values.length / 3 || values.some((value) => value < 0)) return false;
  return (positive.at(-1) ?? 0) > LOPSIDED * (positive[positive.length >> 1] ?? 0);
}

function axisFor(values: readonly number[], isLog: boolean, range: readonly [number, number]): Axis {
  const [low, high] = extent(values);
  if (!isLog) return numberAxis([low, high], range);
  return powerAxis([Math.floor(Math.log10(low)), Math.ceil(Math.log10(high))], range);
}

function extent(values: readonly number[]): [number, number] {
  let low = Number.POSITIVE_INFINITY;
  let high = Number.NEGATIVE_INFINITY;
  for (const value of values) {
    if (value < low) low = value;
    if (value > high) high = value;
  }
  return low > high ? [0, 1] : [low, high];
}

type Point = readonly [number, number];

/** The part of the line that lies within the points. */
function clipLine(pair: NumberPair, [low, high]: Point, [bottom, top]: Point): readonly [Point, Point] | undefined {
  const { slope, intercept } = pair;
  const inside = (x: number): Point => [x, slope * x + intercept];
  if (slope === 0) return [inside(low), inside(high)];
  const crossings = [(bottom - intercept) / slope, (top - intercept) / slope].sort((a, b) => a - b) as [number, number];
  const start = Math.max(low, crossings[0]);
  const end = Math.min(high, crossings[1]);
  return start < end ? [inside(start), inside(end)] : undefined;
}
