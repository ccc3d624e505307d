/**
 * Keeps the figures in the store, at a bounded rate: what has changed is written now and then, so many rows at a time, and not
 * with every run. The last moments before a crash are lost with it: they are figures, and go on from what they were.
 */
import type { DefinitionWrite, Store } from '../../runtime/stores/store.ts';
import type { Cancel, World } from '../../runtime/world.ts';
import { FIGURES_MAX, type FigureSubject, type NodeFigures } from './node-figures.ts';

/** What a keeper needs of its node. */
export interface KeeperDeps {
  readonly world: Pick<World, 'after'>;
  readonly store: Pick<Store, 'definitions'>;
  readonly log: { warn(message: string, fields?: object): void };
  /** Writes a row with the next commit. */
  define(write: DefinitionWrite): void;
}

/** From a change until it is written, at least. */
export const FIGURES_EVERY_MS = 5_000;
/** Rows that are written at a time. */
export const FIGURES_ROWS_MAX = 100;

const ROW = { kind: 'figures', version: '1' } as const;

/** The keeper of one node's figures. */
export class FiguresKeeper {
  readonly #figures: NodeFigures;
  readonly #deps: KeeperDeps;
  /** Rows that have changed, by their names, in the order they did. */
  readonly #changed = new Map<string, readonly [subject: FigureSubject, key: string]>();
  #cancel: Cancel | undefined;
  #stopped = false;

  constructor(figures: NodeFigures, deps: KeeperDeps) {
    this.#figures = figures;
    this.#deps = deps;
  }

  /** Takes in what was stored, and from here on keeps what changes. Errors: STORE_UNAVAILABLE, STORE_CORRUPT. */
  async start(): Promise<void> {
    const { store, log } = this.#deps;
    this.#figures.onChange = (subject, key) => this.#note(subject, key);
    for (const { name, body } of await store.definitions(ROW.kind)) {
      const [subject, key] = subjectOf(name);
      if (subject !== undefined && this.#figures.restore(subject, key, body)) continue;
      log.warn('Stored figures cannot be read; what they are of begins without any.', { row: name });
    }
  }

  /** Writes all that has changed; the node stops. */
  stop(): void {
    this.#stopped = true;
    this.#cancel?.();
    this.#write(Number.POSITIVE_INFINITY);
  }

  #note(subject: FigureSubject, key: string): void {
    const name = `${subject}:${key}`;
    if (this.#changed.has(name)) return;
    this.#changed.set(name, [subject, key]);
    if (this.#cancel === undefined && !this.#stopped) this.#arm();
  }

  #arm(): void {
    this.#cancel = this.#deps.world.after(FIGURES_EVERY_MS, () => {
      this.#cancel = undefined;
      this.#write(FIGURES_ROWS_MAX);
      if (this.#changed.size > 0) this.#arm();
    });
  }

  #write(rowsMax: number): void {
    let left = rowsMax;
    for (const [name, [subject, key]] of this.#changed) {
      if (left-- <= 0) return;
      this.#changed.delete(name);
      this.#deps.define({ ...ROW, name, body: this.#figures.pack(subject, key) });
    }
  }
}

function subjectOf(name: string): readonly [subject: FigureSubject | undefined, key: string] {
  const colon = name.indexOf(':');
  const subject = name.slice(0, colon);
  return [Object.hasOwn(FIGURES_MAX, subject) ? (subject as FigureSubject) : undefined, name.slice(colon + 1)];
}
