/** Axes drawn beside a plot: ticks that never overlap, grid lines, labels. */
import type { Tick } from './chart-scale.ts';
import { element, INK, textElement } from './svg.ts';
import { fitText, textWidth } from './svg-text.ts';

/** The rectangle that data is drawn in. */
export interface Plot {
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
}

const TICK_GAP = 14;

/** Draws the axis below a plot, with a label under it; ticks that would run into each other are left out. */
export function drawBottom(plot: Plot, ticks: readonly Tick[], label: string): string[] {
  const parts = [line(plot.left, plot.bottom, plot.right, plot.bottom, INK.axis)];
  let free = Number.NEGATIVE_INFINITY;
  for (const tick of [...ticks].sort((a, b) => a.at - b.at)) {
    const half = textWidth(tick.label, 11) / 2;
    parts.push(line(tick.at, plot.bottom, tick.at, plot.bottom + 5, INK.axis));
    if (tick.at - half < free) continue;
    free = tick.at + half + TICK_GAP / 2;
    parts.push(textElement(tick.at, plot.bottom + 19, tick.label, { size: 11, anchor: 'middle', fill: INK.quiet }));
  }
  const middle = (plot.left + plot.right) / 2;
  parts.push(textElement(middle, plot.bottom + 40, fitText(label, plot.right - plot.left, 12), { anchor: 'middle' }));
  return parts;
}

/** Draws the axis left of a plot with grid lines across it, and its label turned beside it. */
export function drawLeft(plot: Plot, ticks: readonly Tick[], label: string): string[] {
  const parts: string[] = [];
  for (const tick of ticks) {
    parts.push(line(plot.left, tick.at, plot.right, tick.at, INK.grid));
    parts.push(textElement(plot.left - 8, tick.at + 4, tick.label, { size: 11, anchor: 'end', fill: INK.quiet }));
  }
  const widest = Math.max(0, ...ticks.map((tick) => textWidth(tick.label, 11)));
  const middle = (plot.top + plot.bottom) / 2;
  const x = Math.max(16, plot.left - widest - 20);
  parts.push(textElement(x, middle, fitText(label, plot.bottom - plot.top, 12), { anchor: 'middle', turn: -90 }));
  return parts;
}

/** A straight line. `dash` as SVG writes it. */
export function line(x1: number, y1: number, x2: number, y2: number, stroke: string, width = 1, dash = ''): string {
  const dashes = dash === '' ? {} : { 'stroke-dasharray': dash };
  return element('line', { x1, y1, x2, y2, stroke, 'stroke-width': width, ...dashes });
}
