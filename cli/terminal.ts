/** What the command prints: tables and words for people on a terminal, one JSON object a line for programs. */
import { styleText } from 'node:util';
import { jsonCodec } from '../protocol/codec.ts';

/** A colour or weight of words for people; left out where the output is no terminal or NO_COLOR is set. */
export type Style = 'bold' | 'dim' | 'red' | 'green' | 'yellow' | 'cyan';

const CELL_CHARACTERS_MAX = 60;

/**
 * What becomes of the process when nobody reads its output any more, as in `troupe list | head -1`: it ends quietly with the
 * exit code so far, or goes on without output where `goesOn`. Output that cannot be written for another reason ends it with 1.
 * To be called once, before anything is printed.
 */
export function guardOutput(goesOn: () => boolean): void {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') {
      process.stderr.write(`troupe: The output cannot be written: ${error.message}\n`);
      process.exit(1);
    }
    if (!goesOn()) process.exit();
  });
  // Notes and progress are beside the point: without a reader they are lost.
  process.stderr.on('error', () => {});
}

/** Where a verb prints. */
export class Terminal {
  readonly isJson: boolean;
  #barShown = false;

  constructor(isJson: boolean) {
    this.isJson = isJson;
  }

  /** Whether a person watches: progress is shown then. */
  get isLive(): boolean {
    return !this.isJson && process.stderr.isTTY === true;
  }

  /** One object, for programs. */
  json(value: unknown): void {
    process.stdout.write(`${String(jsonCodec.encode(value))}\n`);
  }

  /** A line, for people. */
  line(text = ''): void {
    this.clearProgress();
    process.stdout.write(`${text}\n`);
  }

  /** A line beside the output proper. */
  note(text: string): void {
    this.clearProgress();
    process.stderr.write(`${text}\n`);
  }

  style(style: Style, text: string): string {
    return styleText(style, text, { stream: process.stdout });
  }

  /** A line that the next one takes the place of; shown to people alone. */
  progress(text: string): void {
    if (!this.isLive) return;
    const width = (process.stderr.columns ?? 80) - 1;
    process.stderr.write(`\r\u001b[2K${text.slice(0, width)}`);
    this.#barShown = true;
  }

  clearProgress(): void {
    if (!this.#barShown) return;
    process.stderr.write('\r\u001b[2K');
    this.#barShown = false;
  }

  /** Columns as wide as they need; the head says what they are. */
  table(head: readonly string[], rows: readonly (readonly string[])[]): void {
    const cut = (text: string): string =>
      text.length > CELL_CHARACTERS_MAX ? `${text.slice(0, CELL_CHARACTERS_MAX - 1)}…` : text;
    const shown = rows.map((row) => row.map(cut));
    const widths = head.map((title, at) => Math.max(title.length, ...shown.map((row) => row[at]?.length ?? 0)));
    const put = (row: readonly string[]): string =>
      row
        .map((text, at) => text.padEnd(widths[at] ?? 0))
        .join('  ')
        .trimEnd();
    this.line(this.style('bold', put(head)));
    for (const row of shown) this.line(put(row));
  }
}

/** `3.2 s`, `450 ms`, `2 min 5 s`, `5 min`, `3 h 20 min`. */
export function durationText(ms: number): string {
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  if (ms < 59_950) return `${(ms / 1_000).toFixed(1)} s`;
  const seconds = Math.round(ms / 1_000);
  const parts = [
    [Math.floor(seconds / 3_600), 'h'],
    [Math.floor(seconds / 60) % 60, 'min'],
    [seconds < 3_600 ? seconds % 60 : 0, 's'],
  ] as const;
  return parts.flatMap(([count, unit]) => (count === 0 ? [] : [`${count} ${unit}`])).join(' ');
}
