/** Scales of charts: where values lie, and ticks that read well. */
import { scaleLinear, scaleUtc } from 'd3-scale';
import { writeNumber } from './wording.ts';

/** A place on an axis and what stands there. */
export interface Tick {
  readonly at: number;
  readonly label: string;
}

/** A scale with its ticks: `place` gives the pixel of a value. */
export interface Axis {
  readonly place: (value: number) => number;
  readonly ticks: readonly Tick[];
}

/** An axis of numbers between two pixels, its ends at round values where `nice` is wanted. */
export function numberAxis(domain: readonly [number, number], range: readonly [number, number], nice = true): Axis {
  const pixels = Math.abs(range[1] - range[0]);
  const wanted = Math.max(2, Math.round(pixels / 80));
  const [low, high] = domain[0] === domain[1] ? [domain[0] - 0.5, domain[1] + 0.5] : domain;
  const scale = scaleLinear([low, high], range);
  if (nice) scale.nice(wanted);
  const values = scale.ticks(wanted);
  const labels = writeTicks(values);
  return {
    place: (value) => scale(value),
    ticks: values.map((value, index) => ({ at: scale(value), label: labels[index] ?? '' })),
  };
}

/** An axis of positive numbers by their logarithm. The domain is given as powers of ten: [1, 4] is 10 to 10,000. */
export function powerAxis(powers: readonly [number, number], range: readonly [number, number]): Axis {
  const scale = scaleLinear([powers[0], powers[1]], range);
  const ticks: Tick[] = [];
  const span = powers[1] - powers[0];
  const step = Math.max(1, Math.ceil(span / Math.max(2, Math.abs(range[1] - range[0]) / 60)));
  for (let power = Math.ceil(powers[0]); power <= powers[1]; power += step) {
    ticks.push({ at: scale(power), label: writePower(power) });
  }
  return { place: (value) => scale(Math.log10(value)), ticks };
}

/** An axis of time (ms since the epoch, UTC). */
export function timeAxis(domain: readonly [number, number], range: readonly [number, number]): Axis {
  const scale = scaleUtc([new Date(domain[0]), new Date(domain[1])], range);
  const wanted = Math.max(2, Math.round(Math.abs(range[1] - range[0]) / 90));
  const format = scale.tickFormat(wanted);
  return {
    place: (value) => scale(value),
    ticks: scale.ticks(wanted).map((date) => ({ at: scale(date), label: format(date) })),
  };
}

function writePower(power: number): string {
  if (power >= 12 || power < -4) return `1e${power}`.replace('-', '−');
  const [divisor, suffix] = power >= 9 ? [9, 'bn'] : power >= 6 ? [6, 'M'] : [0, ''];
  return `${writeNumber(10 ** (power - divisor))}${suffix}`;
}

/** Labels that all have the digits needed to tell them apart; large ones in thousands, millions, billions. */
function writeTicks(values: readonly number[]): string[] {
  const size = Math.max(...values.map(Math.abs), 0);
  const [divisor, suffix] = size >= 1e9 ? [1e9, 'bn'] : size >= 1e6 ? [1e6, 'M'] : size >= 1e5 ? [1e3, 'k'] : [1, ''];
  const scaled = values.map((value) => value / divisor);
  const step = scaled.length > 1 ? Math.abs((scaled[1] as number) - (scaled[0] as number)) : 1;
  const decimals = Math.min(6, Math.max(0, -Math.floor(Math.log10(step) + 1e-9)));
  return scaled.map((value) => {
    if (size !== 0 && size < 1e-4) return writeNumber(value);
    const whole =
      Math.abs(value) >= 1_000
        ? writeNumber(value)
        : value
            .toFixed(decimals)
            .replace(/^-0(\.0+)?$/, '0')
            .replace('-', '−');
    return value === 0 ? '0' : `${whole}${suffix}`;
  });
}
