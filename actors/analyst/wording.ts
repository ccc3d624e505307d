/** How figures are written for people: grouped thousands, few digits, never more precise than they are. Independent of locale. */

/** A figure with about four significant digits: 1,234,568; 12.35; 0.001235; 1.2e-7. */
export function writeNumber(value: number): string {
  if (!Number.isFinite(value)) return '–';
  if (value === 0) return '0';
  const size = Math.abs(value);
  if (size >= 1e15 || size < 1e-4) return minus(value.toExponential(2).replace('e+', 'e'));
  if (size >= 999.95) return group(Math.round(value));
  if (Number.isInteger(value)) return minus(String(value));
  return minus(String(Number(value.toPrecision(size >= 100 ? 4 : 3))));
}

/** A whole number with grouped thousands. */
export function writeCount(count: number): string {
  return group(count);
}

/** A share as percent: 0 %, < 0.1 %, 2.4 %, 53 %, > 99.9 %, 100 %. */
export function writeShare(share: number): string {
  const percent = share * 100;
  if (percent === 0 || percent === 100) return `${percent} %`;
  if (percent < 0.1) return '< 0.1 %';
  if (percent > 99.9) return '> 99.9 %';
  return `${percent < 10 ? Number(percent.toFixed(1)) : Math.min(99, Math.round(percent))} %`;
}

/** A coefficient between -1 and 1 with two decimals. Rounding never makes it 1. */
export function writeCoefficient(value: number): string {
  const size = Math.abs(value);
  const written = size < 1 && size >= 0.995 ? '> 0.99' : size.toFixed(2);
  return value < 0 && size >= 0.005 ? (written.startsWith('>') ? '< −0.99' : `−${written}`) : written;
}

/** `p = 0.012`, or `p < 0.001`, with the name given. */
export function writeProbability(name: string, p: number): string {
  return p < 0.001 ? `${name} < 0.001` : `${name} = ${p.toFixed(3)}`;
}

/** A size in bytes, kB, MB or GB (powers of 1,000). */
export function writeBytes(bytes: number): string {
  const [divisor, unit] =
    bytes >= 1e9 ? [1e9, 'GB'] : bytes >= 1e6 ? [1e6, 'MB'] : bytes >= 1e3 ? [1e3, 'kB'] : [1, 'bytes'];
  return `${writeNumber(Number((bytes / divisor).toPrecision(3)))} ${unit}`;
}

/** `1 row`, `2 rows`. */
export function writePlural(count: number, one: string, many = `${one}s`): string {
  return `${writeCount(count)} ${count === 1 ? one : many}`;
}

/** `a`, `a and b`, `a, b and c`. */
export function writeList(items: readonly string[]): string {
  return items.length < 2 ? (items[0] ?? '') : `${items.slice(0, -1).join(', ')} and ${items.at(-1)}`;
}

function group(value: number): string {
  const digits = String(Math.abs(value)).replace(/\B(?=(\d{3})+$)/g, ',');
  return value < 0 ? `−${digits}` : digits;
}

function minus(text: string): string {
  return text.startsWith('-') ? `−${text.slice(1)}` : text;
}
