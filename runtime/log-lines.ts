/** How one record of the log looks: as JSON, or as a line for people. Pure; it redacts nothing, that is done before. */
import { styleText } from 'node:util';

/** From the most important kind of line to the least. */
export const LOG_LEVELS = ['error', 'warn', 'info', 'debug', 'trace'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** A line of the log: safe to write, shares nothing with what was logged. `time` is ms since the epoch. */
export interface LogRecord {
  readonly time: number;
  readonly level: LogLevel;
  readonly message: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

const RESERVED: ReadonlySet<string> = new Set(['time', 'level', 'message']);
const LEVEL_STYLES = { error: 'red', warn: 'yellow', info: 'green', debug: 'cyan', trace: 'gray' } as const;
const LEVEL_WIDTH = 5;

/** One JSON object: time (ISO 8601), level, message, then the fields. A field named like one of the three gets a `_`. */
export function renderJson(record: LogRecord): string {
  const line: Record<string, unknown> = {
    time: new Date(record.time).toISOString(),
    level: record.level,
    message: record.message,
  };
  for (const [name, value] of Object.entries(record.fields)) line[RESERVED.has(name) ? `${name}_` : name] = value;
  return JSON.stringify(line);
}

/** Time, level, message, fields; the stack of an error below. Control characters in what was logged are shown, not sent. */
export function renderPretty(record: LogRecord, hasColors: boolean): string {
  const paint = (style: 'dim' | (typeof LEVEL_STYLES)[LogLevel], text: string): string =>
    hasColors ? styleText(style, text, { validateStream: false }) : text;
  const parts = [
    paint('dim', new Date(record.time).toISOString().slice(11, 23)),
    paint(LEVEL_STYLES[record.level], record.level.toUpperCase().padEnd(LEVEL_WIDTH)),
    visible(record.message),
  ];
  const stacks: string[] = [];
  for (const [name, value] of Object.entries(record.fields)) {
    const { shown, stack } = splitStack(value);
    if (stack !== undefined) stacks.push(stack);
    parts.push(`${paint('dim', `${visible(name)}=`)}${visible(shown)}`);
  }
  return [parts.join(' '), ...stacks.flatMap((stack) => stack.split('\n').map((line) => `    ${visible(line)}`))].join(
    '\n',
  );
}

/** Text of a field, and apart from it the stack of an error, so that it can be read. */
function splitStack(value: unknown): { shown: string; stack?: string } {
  if (typeof value === 'string') return { shown: /^[\w./:@+-]+$/.test(value) ? value : JSON.stringify(value) };
  if (typeof value !== 'object' || value === null || !('stack' in value) || typeof value.stack !== 'string')
    return { shown: JSON.stringify(value) };
  const { stack, ...rest } = value;
  const named = rest as { name?: unknown; message?: unknown };
  const { name, message, ...more } = named;
  const extra = Object.keys(more).length === 0 ? '' : ` ${JSON.stringify(more)}`;
  const frames = stack.split('\n').filter((line) => line.trimStart().startsWith('at '));
  return { shown: `${String(name)}: ${String(message)}${extra}`, stack: frames.join('\n') };
}

/** Makes control characters visible: what an agent logs must not move the cursor or fake a line. */
function visible(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: finding them is the purpose
  return text.replaceAll(
    /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
