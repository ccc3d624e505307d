/**
 * Marks: how values that MessagePack cannot carry stand in packed state and in messages between cells. A mark is a plain
 * object with the key `$troupe`; a user's object that has this key itself is marked too, so that nothing is mistaken.
 * In messages between cells only references and errors are marked: the mark of a reference is `{ $troupe: 'address', address }`.
 */
import { isErrorCode, OperatingError } from '../protocol/errors.ts';
import type { KeptClasses } from './machine-classes.ts';
import { isAwkward, isSparse, kindOf, MARK, type Mark, type ReferenceWriter } from './machine-kinds.ts';
import { Survey } from './machine-values.ts';

/** Knows the references to actors that marks stand for; undefined for a mark of something else. */
export interface ReferenceReader {
  readonly classes?: KeptClasses;
  read(mark: Mark): object | undefined;
}

/** Copies values so that nothing is shared with the original, and puts marks where they are needed. */
export class Converter {
  readonly #references: ReferenceWriter;
  readonly #border: boolean;
  readonly #memo = new Map<object, unknown>();

  /** `border`: for other cells, which understand marks of references and errors alone. */
  constructor(references: ReferenceWriter, border: boolean) {
    this.#references = references;
    this.#border = border;
  }

  convert(value: unknown): unknown {
    if (typeof value === 'object' && value !== null) {
      const known = this.#memo.get(value);
      return known === undefined ? this.#convertObject(value) : known;
    }
    if (this.#border) return value;
    if (typeof value === 'string' && !value.isWellFormed())
      return { [MARK]: 'text', units: Buffer.from(value, 'utf16le') };
    return Object.is(value, -0) ? { [MARK]: 'negative zero' } : value;
  }

  #remember<T extends object>(value: object, copy: T): T {
    this.#memo.set(value, copy);
    return copy;
  }

  #convertObject(value: object): unknown {
    const kind = kindOf(value);
    switch (kind) {
      case 'object':
      case 'bare':
        return this.#convertFields(value as Readonly<Record<string, unknown>>, kind);
      case 'array':
        return this.#convertArray(value as readonly unknown[]);
      case 'map': {
        const copy = this.#remember(value, new Map<unknown, unknown>());
        for (const [key, item] of value as ReadonlyMap<unknown, unknown>)
          copy.set(this.convert(key), this.convert(item));
        return copy;
      }
      case 'set': {
        const copy = this.#remember(value, new Set<unknown>());
        for (const item of value as ReadonlySet<unknown>) copy.add(this.convert(item));
        return copy;
      }
      case 'regexp': {
        const { source, flags, lastIndex } = value as RegExp;
        return this.#remember(
          value,
          this.#border
            ? new RegExp(source, flags)
            : { [MARK]: 'regexp', source: this.convert(source), flags, lastIndex },
        );
      }
      case 'url':
        return this.#remember(
          value,
          this.#border ? new URL(value as URL) : { [MARK]: 'url', href: (value as URL).href },
        );
      case 'native':
      case 'date':
        return this.#remember(value, copyNative(value));
      default:
        return this.#convertInstance(value);
    }
  }

  #convertInstance(value: object): unknown {
    const kept = this.#references.classes?.of(value);
    if (kept !== undefined) {
      const mark: Record<string, unknown> = this.#remember(value, { [MARK]: 'class', name: kept.name });
      mark['data'] = this.convert(kept.pack(value));
      return mark;
    }
    if (value instanceof Error) return this.#convertError(value);
    return this.#remember(value, this.#references.write(value) ?? {});
  }

  #convertFields(value: Readonly<Record<string, unknown>>, kind: 'object' | 'bare'): object {
    const keys = Object.keys(value);
    if (!this.#border && (kind === 'bare' || keys.some(isAwkward))) {
      const mark = this.#remember(value, { [MARK]: kind, keys: [] as unknown[], values: [] as unknown[] });
      for (const key of keys) {
        mark.keys.push(this.convert(key));
        mark.values.push(this.convert(value[key]));
      }
      return mark;
    }
    const copy: Record<string, unknown> = this.#remember(value, {});
    for (const key of keys) {
      if (key === '__proto__')
        Object.defineProperty(copy, key, {
          value: this.convert(value[key]),
          enumerable: true,
          writable: true,
          configurable: true,
        });
      else copy[key] = this.convert(value[key]);
    }
    return copy;
  }

  #convertArray(value: readonly unknown[]): object {
    if (this.#border || !isSparse(value)) {
      const copy = this.#remember(value, [] as unknown[]);
      for (const item of value) copy.push(this.convert(item));
      return copy;
    }
    const mark = this.#remember(value, {
      [MARK]: 'array',
      length: value.length,
      keys: [] as unknown[],
      values: [] as unknown[],
    });
    for (const key of Object.keys(value)) {
      mark.keys.push(this.convert(key));
      mark.values.push(this.convert(value[key as unknown as number]));
    }
    return mark;
  }

  /** Errors come from anywhere (clients of services hang sockets on them), so what cannot be kept of one is left out. */
  #convertError(error: Error): object {
    const mark = {
      [MARK]: 'error',
      class: errorClass(error),
      name: this.convert(error.name),
      message: this.convert(error.message),
      fields: {} as Record<string, unknown>,
    };
    this.#remember(error, mark);
    for (const key of new Set([...Object.keys(error), 'cause', 'errors'])) {
      if (key === 'name' || key === 'message' || key === 'stack' || isAwkward(key) || !Object.hasOwn(error, key))
        continue;
      const field = (error as unknown as Readonly<Record<string, unknown>>)[key];
      try {
        new Survey(this.#references).keep(field, () => key);
      } catch {
        continue;
      }
      mark.fields[key] = this.convert(field);
    }
    return mark;
  }
}

function copyNative(value: object): object {
  if (value instanceof Date) return new Date(value);
  if (value instanceof ArrayBuffer) return value.slice(0);
  if (value instanceof DataView)
    return new DataView(value.buffer.slice(value.byteOffset, value.byteOffset + value.byteLength));
  return Buffer.isBuffer(value) ? Buffer.from(value) : (value as Uint8Array).slice();
}

type ErrorMaker = (message: string, fields: Readonly<Record<string, unknown>>) => Error;

const plainError =
  (made: new (message: string) => Error): ErrorMaker =>
  (message) =>
    new made(message);

const ERRORS: ReadonlyMap<string, { readonly prototype: unknown; readonly make: ErrorMaker }> = new Map([
  [
    'OperatingError',
    {
      prototype: OperatingError.prototype,
      make: (message: string, { code }: Readonly<Record<string, unknown>>) =>
        isErrorCode(code) ? new OperatingError(code, message) : new Error(message),
    },
  ],
  ...[EvalError, RangeError, ReferenceError, SyntaxError, TypeError, URIError, Error].map(
    (made) => [made.name, { prototype: made.prototype, make: plainError(made) }] as const,
  ),
  [
    'AggregateError',
    { prototype: AggregateError.prototype, make: (message: string) => new AggregateError([], message) },
  ],
]);

/** The nearest class that is known here; a class of the user's own comes back as that one, with its name and fields. */
function errorClass(error: Error): string {
  for (
    let prototype: unknown = Object.getPrototypeOf(error);
    prototype !== null;
    prototype = Object.getPrototypeOf(prototype)
  ) {
    for (const [name, known] of ERRORS) if (known.prototype === prototype) return name;
  }
  return 'Error';
}

/** Copies values and puts back what marks stand for. */
export class Reviver {
  readonly #references: ReferenceReader;
  readonly #border: boolean;
  #memo: Map<object, unknown> | undefined;

  /** `border`: for what comes from other cells, in which only marks of references and errors count. */
  constructor(references: ReferenceReader, border: boolean) {
    this.#references = references;
    this.#border = border;
  }

  revive(value: unknown): unknown {
    if (typeof value !== 'object' || value === null) return value;
    const known = this.#memo?.get(value);
    return known === undefined ? this.#reviveObject(value) : known;
  }

  #remember<T>(value: object, copy: T): T {
    this.#memo ??= new Map();
    this.#memo.set(value, copy);
    return copy;
  }

  #reviveObject(value: object): unknown {
    const kind = kindOf(value);
    switch (kind) {
      case 'object':
        return Object.hasOwn(value, MARK)
          ? this.#reviveMark(value as Mark)
          : this.#reviveFields(value as Readonly<Record<string, unknown>>);
      case 'array': {
        const copy = this.#remember(value, [] as unknown[]);
        for (const item of value as readonly unknown[]) copy.push(this.revive(item));
        return copy;
      }
      case 'map': {
        const copy = this.#remember(value, new Map<unknown, unknown>());
        for (const [key, item] of value as ReadonlyMap<unknown, unknown>) copy.set(this.revive(key), this.revive(item));
        return copy;
      }
      case 'set': {
        const copy = this.#remember(value, new Set<unknown>());
        for (const item of value as ReadonlySet<unknown>) copy.add(this.revive(item));
        return copy;
      }
      case 'native':
      case 'date':
        return this.#remember(value, copyNative(value));
      default:
        return value;
    }
  }

  #reviveFields(value: Readonly<Record<string, unknown>>): object {
    const copy: Record<string, unknown> = this.#remember(value, {});
    for (const key of Object.keys(value)) {
      if (key === '__proto__')
        Object.defineProperty(copy, key, {
          value: this.revive(value[key]),
          enumerable: true,
          writable: true,
          configurable: true,
        });
      else copy[key] = this.revive(value[key]);
    }
    return copy;
  }

  #reviveMark(mark: Mark): unknown {
    if (mark[MARK] === 'error' && isErrorMark(mark)) return this.#reviveError(mark);
    const reference = this.#references.read(mark);
    if (reference !== undefined) return this.#remember(mark, reference);
    if (this.#border) return this.#reviveFields(mark);
    switch (mark[MARK]) {
      case 'negative zero':
        return -0;
      case 'text':
        return (mark['units'] as Buffer).toString('utf16le');
      case 'url':
        return this.#remember(mark, new URL(mark['href'] as string));
      case 'regexp':
        return this.#remember(
          mark,
          Object.assign(new RegExp(this.revive(mark['source']) as string, mark['flags'] as string), {
            lastIndex: mark['lastIndex'],
          }),
        );
      case 'class':
        return this.#reviveKept(mark);
      case 'array':
        return this.#reviveEntries(mark, new Array(mark['length'] as number));
      case 'bare':
        return this.#reviveEntries(mark, Object.create(null) as object);
      default:
        return this.#reviveEntries(mark, {});
    }
  }

  #reviveKept(mark: Mark): object {
    const name = String(mark['name']);
    const kept = this.#references.classes?.named(name);
    if (kept === undefined) {
      throw new OperatingError(
        'VERSION_MISMATCH',
        `The kept state holds an instance of the class "${name}", which is not registered any more. ` +
          'Register it again under `classes` of the agent.',
      );
    }
    return this.#remember(mark, kept.unpack(this.revive(mark['data'])));
  }

  #reviveEntries(mark: Mark, copy: object): object {
    this.#remember(mark, copy);
    const values = mark['values'] as readonly unknown[];
    for (const [at, key] of (mark['keys'] as readonly unknown[]).entries()) {
      const field = { value: this.revive(values[at]), enumerable: true, writable: true, configurable: true };
      Object.defineProperty(copy, this.revive(key) as string, field);
    }
    return copy;
  }

  #reviveError(mark: ErrorMark): Error {
    const known = ERRORS.get(mark.class) ?? ERRORS.get('Error');
    const error = (known as { readonly make: ErrorMaker }).make(this.revive(mark.message) as string, mark.fields);
    this.#remember(mark, error);
    const name = this.revive(mark.name);
    if (error.name !== name) Object.defineProperty(error, 'name', { value: name, writable: true, configurable: true });
    for (const [key, field] of Object.entries(mark.fields)) {
      const enumerable = key !== 'cause' && key !== 'errors';
      Object.defineProperty(error, key, { value: this.revive(field), enumerable, writable: true, configurable: true });
    }
    error.stack = `${error.name}: ${error.message}\n    (thrown before a restart: its stack is not kept)`;
    return error;
  }
}

type ErrorMark = Mark & {
  readonly class: string;
  readonly name: unknown;
  readonly message: unknown;
  readonly fields: Readonly<Record<string, unknown>>;
};

function isErrorMark(mark: Mark): mark is ErrorMark {
  const { class: made, name, message, fields } = mark as Partial<ErrorMark>;
  return typeof made === 'string' && isText(name) && isText(message) && typeof fields === 'object' && fields !== null;
}

/** A string, or the mark of one that MessagePack cannot carry. */
function isText(value: unknown): boolean {
  return typeof value === 'string' || (value as Partial<Mark> | undefined)?.[MARK] === 'text';
}
