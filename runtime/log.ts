/**
 * The log of a node: structured lines at five levels, through winston, to the terminal (or another stream) and to a file.
 *
 * Every line is redacted and cut to a bounded size when it is logged, so nothing that is kept, buffered or written can hold
 * a secret or a live object. Logging never throws, never waits, and never holds up more than a bounded number of lines:
 * lines over the bound are dropped, counted, and the number is logged. winston is loaded with the first line, not before;
 * lines wait for it in memory.
 */
import type { Logger } from 'winston';
import type { LogRecord, LogLevel } from './log-lines.ts';
import { renderJson, renderPretty } from './log-lines.ts';
import { LogFile } from './log-file.ts';
import type { Redactor } from './log-redaction.ts';
import { createRedactor } from './log-redaction.ts';
import type { World } from './world.ts';

export type { LogLevel } from './log-lines.ts';

/** What goes with a message. Names that say secret (`token`, `password`, `apiKey`, `prompt` …) lose their values. */
export type LogFields = Readonly<Record<string, unknown>>;

/** What a room logs with. */
export interface Log {
  /** Whether a line of this level is written. Ask before making fields that cost something. */
  enabled(level: LogLevel): boolean;
  error(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  debug(message: string, fields?: LogFields): void;
  trace(message: string, fields?: LogFields): void;
  /** A log whose lines all carry these fields too: `log.child({ task, actor, trace })`. */
  child(fields: LogFields): Log;
}

/** The log of a node, as its owner has it. */
export interface NodeLog extends Log {
  /** Resolves when lines no longer wait in memory and the file, if any, was tried. A file that cannot be written is logged. */
  ready(): Promise<void>;
  /** Writes out what is there, for at most CLOSE_MS_MAX; lines logged afterwards are dropped. */
  close(): Promise<void>;
  /** Lines since the start. `lost`: taken, but not written to the file. */
  figures(): { readonly taken: number; readonly dropped: number; readonly lost: number };
}

/** Where people read the log: a terminal, a pipe, a test. */
export interface LogOutput extends NodeJS.WritableStream {
  readonly isTTY?: boolean;
  readonly writableLength?: number;
}

/** How the log of a node is made. */
export interface LogOptions {
  readonly world: World;
  readonly level: LogLevel;
  /** `auto` is pretty on a terminal and JSON elsewhere. */
  readonly format: 'auto' | 'json' | 'pretty';
  /** Always JSON, whatever `format` is. */
  readonly file?: { readonly path: string; readonly bytesMax: number; readonly filesMax: number };
  /** Values to take out wherever they stand: the secrets among the settings. */
  readonly secrets?: readonly string[];
  /** Standard error where none is given, so that what a command prints stays clean. `null`: the file alone. */
  readonly output?: LogOutput | null;
  /** Whether NO_COLOR is set; without it a terminal gets colours. */
  readonly noColor?: boolean;
}

/** Lines that wait while winston loads. */
const LINES_WAITING_MAX = 1000;
/** Bytes that wait for a slow file or pipe. */
const BACKLOG_BYTES_MAX = 8 * 1024 * 1024;
const CLOSE_MS_MAX = 5000;
const RANKS: Readonly<Record<LogLevel, number>> = { error: 0, warn: 1, info: 2, debug: 3, trace: 4 };

/** A reader that went away (EPIPE) must not take the node with it. */
const ignore = (): void => {};

/** Makes the log of a node. It can be used at once. */
export function createLog(options: LogOptions): NodeLog {
  return new RootLog(new LogWriter(options), {}, undefined);
}

/** Takes records, keeps the bounds, and hands them to winston. One for a node. */
class LogWriter {
  readonly rank: number;
  readonly redactor: Redactor;
  readonly #options: LogOptions;
  readonly #output: LogOutput | null;
  readonly #file: LogFile | undefined;
  #waiting: LogRecord[] = [];
  #logger: Logger | undefined;
  #loading: Promise<void> | undefined;
  #closing: Promise<void> | undefined;
  #isEnded = false;
  #taken = 0;
  #dropped = 0;
  #droppedUnsaid = 0;

  constructor(options: LogOptions) {
    this.#options = options;
    this.rank = RANKS[options.level];
    this.redactor = createRedactor(options.secrets);
    this.#output = options.output === undefined ? process.stderr : options.output;
    if (options.file !== undefined)
      this.#file = new LogFile({ ...options.file, onTrouble: (error) => this.#fileTrouble(error) });
  }

  write(level: LogLevel, message: string, fields: Readonly<Record<string, unknown>>): void {
    if (this.#closing !== undefined) {
      this.#dropped += 1;
      return;
    }
    this.#say(level, message, fields);
    if (this.#loading === undefined) this.#loading = this.#load();
  }

  ready(): Promise<void> {
    this.#loading ??= this.#load();
    return this.#loading;
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  figures(): { taken: number; dropped: number; lost: number } {
    return { taken: this.#taken, dropped: this.#dropped, lost: this.#file?.lost ?? 0 };
  }

  #take(record: LogRecord): void {
    if (
      this.#logger === undefined ? this.#waiting.length >= LINES_WAITING_MAX : this.#backlogBytes() > BACKLOG_BYTES_MAX
    ) {
      this.#dropped += 1;
      this.#droppedUnsaid += 1;
      return;
    }
    this.#taken += 1;
    if (this.#logger === undefined) this.#waiting.push(record);
    else this.#emit(record, this.#logger);
  }

  #emit(record: LogRecord, logger: Logger): void {
    if (this.#droppedUnsaid > 0) {
      const fields = { dropped: this.#droppedUnsaid };
      this.#droppedUnsaid = 0;
      logger.log({
        level: 'warn',
        message: '',
        record: { time: record.time, level: 'warn', message: 'lines of the log were dropped', fields },
      });
    }
    logger.log({ level: record.level, message: '', record });
  }

  #backlogBytes(): number {
    return (this.#output?.writableLength ?? 0) + (this.#file?.writableLength ?? 0);
  }

  async #load(): Promise<void> {
    const { default: winston } = await import('winston');
    const { format, output } = { format: this.#options.format, output: this.#output };
    const isPretty = format === 'pretty' || (format === 'auto' && output?.isTTY === true);
    const hasColors = output?.isTTY === true && this.#options.noColor !== true;
    const through = (render: (record: LogRecord) => string) =>
      winston.format.printf((info) => render(info['record'] as LogRecord));
    const sinks = [];
    if (output !== null) {
      const render = isPretty ? (record: LogRecord) => renderPretty(record, hasColors) : renderJson;
      sinks.push(new winston.transports.Stream({ stream: output, format: through(render), eol: '\n' }));
    }
    if (this.#file !== undefined)
      sinks.push(new winston.transports.Stream({ stream: this.#file, format: through(renderJson), eol: '\n' }));
    // Without a format of its own winston would also make JSON of every line, for nobody.
    const asItIs = winston.format((info) => info)();
    const level = this.#options.level;
    const logger = winston.createLogger({
      levels: RANKS,
      level,
      format: asItIs,
      transports: sinks,
      silent: sinks.length === 0,
    });
    output?.on('error', ignore);
    this.#logger = logger;
    for (const record of this.#waiting.splice(0)) this.#emit(record, logger);
    await this.#file?.settle();
  }

  #fileTrouble(error: Error | undefined): void {
    const file = this.#options.file?.path ?? '';
    if (error === undefined) this.#say('info', 'the log file can be written again', { file });
    else
      this.#say('error', 'the log file cannot be written; its lines are lost until it can', {
        file,
        reason: this.redactor.text(error.message),
      });
  }

  #say(level: LogLevel, message: string, fields: Readonly<Record<string, unknown>>): void {
    if (!this.#isEnded) this.#take({ time: this.#options.world.nowMs(), level, message, fields });
  }

  async #close(): Promise<void> {
    const file = this.#file;
    const done = (async () => {
      if (this.#loading !== undefined) await this.#loading;
      // What the file has to say of its last lines still goes to the other output.
      await file?.settle();
      this.#isEnded = true;
      const logger = this.#logger;
      if (logger !== undefined) await new Promise<void>((resolve) => void logger.once('finish', resolve).end());
      if (file !== undefined) await new Promise<void>((resolve) => void file.end(resolve));
    })();
    let cancel: (() => void) | undefined;
    const late = new Promise<void>((resolve) => {
      cancel = this.#options.world.after(CLOSE_MS_MAX, resolve);
    });
    await Promise.race([done, late]);
    cancel?.();
    this.#output?.off('error', ignore);
  }
}

/** A log with its fields. They are redacted once, with the first line. */
class FieldLog implements Log {
  protected readonly writer: LogWriter;
  readonly #fields: LogFields;
  readonly #parent: FieldLog | undefined;
  #safe: Readonly<Record<string, unknown>> | undefined;

  constructor(writer: LogWriter, fields: LogFields, parent: FieldLog | undefined) {
    this.writer = writer;
    this.#fields = fields;
    this.#parent = parent;
  }

  enabled(level: LogLevel): boolean {
    return RANKS[level] <= this.writer.rank;
  }

  error(message: string, fields?: LogFields): void {
    this.#write('error', message, fields);
  }

  warn(message: string, fields?: LogFields): void {
    this.#write('warn', message, fields);
  }

  info(message: string, fields?: LogFields): void {
    this.#write('info', message, fields);
  }

  debug(message: string, fields?: LogFields): void {
    this.#write('debug', message, fields);
  }

  trace(message: string, fields?: LogFields): void {
    this.#write('trace', message, fields);
  }

  child(fields: LogFields): Log {
    return new FieldLog(this.writer, fields, this);
  }

  #write(level: LogLevel, message: string, fields: LogFields | undefined): void {
    if (!this.enabled(level)) return;
    const { redactor } = this.writer;
    try {
      const own = this.#ownFields();
      this.writer.write(
        level,
        redactor.text(String(message)),
        fields === undefined ? own : { ...own, ...redactor.fields(fields) },
      );
    } catch {
      // A thing that cannot even be looked at (a revoked proxy): the line is kept without it.
      this.writer.write(level, 'a line of the log could not be made', {});
    }
  }

  #ownFields(): Readonly<Record<string, unknown>> {
    this.#safe ??= {
      ...(this.#parent === undefined ? {} : this.#parent.#ownFields()),
      ...this.writer.redactor.fields(this.#fields),
    };
    return this.#safe;
  }
}

class RootLog extends FieldLog implements NodeLog {
  ready(): Promise<void> {
    return this.writer.ready();
  }

  close(): Promise<void> {
    return this.writer.close();
  }

  figures(): { taken: number; dropped: number; lost: number } {
    return this.writer.figures();
  }
}
