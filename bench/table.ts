/** Prints figures: a line each, with its ratio to what it is compared with in the same run. */

/** The middle of some figures. */
export function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1] ?? 0;
}

/** 12,345 or 1.23. */
export function figure(value: number): string {
  return value >= 100 ? Math.round(value).toLocaleString('en-US') : value.toFixed(2);
}

/** One line: a name, a figure with its unit, and what it says. */
export function line(name: string, value: string, remark = ''): void {
  process.stdout.write(`${name.padEnd(58)} ${value.padStart(22)}   ${remark}\n`);
}

/** A heading. */
export function heading(text: string): void {
  process.stdout.write(`\n${text}\n${'-'.repeat(text.length)}\n`);
}

/** The goal, and whether it is met: `goal ≥ 0.4: met`. */
export function goal(ratio: number, least: number): string {
  return `goal ≥ ${least}: ${ratio >= least ? 'met' : 'MISSED'}`;
}
