/**
 * Classes of the developer's own whose instances a machine may hold: each says how an instance becomes plain data and comes
 * back from it. Only instances of exactly that class count; those of a subclass need their own entry.
 */
import { OperatingError } from '../protocol/errors.ts';
import { isName } from '../protocol/names.ts';

/**
 * One class. `name` stands in what is stored: it must stay the same over releases, whatever the class is called in code.
 * `pack` gives data that a machine may hold, all that is needed to make an equal instance; it must not change the instance.
 * `unpack` makes the instance again, and must not look into other objects than those that `pack` made itself.
 */
export interface KeptClass<T extends object = object> {
  readonly name: string;
  readonly type: abstract new (...args: never[]) => T;
  pack(instance: T): unknown;
  unpack(data: unknown): T;
}

/** The registered classes of one machine. */
export class KeptClasses {
  readonly #byPrototype = new Map<unknown, KeptClass>();
  readonly #byName = new Map<string, KeptClass>();

  /** Errors: INVALID_INPUT for a name that is none, and for a name or class that stands there twice. */
  constructor(classes: readonly KeptClass[] = []) {
    for (const one of classes) {
      const { name, type } = one;
      const given: string = name;
      if (!isName(name)) throw refuse(`"${given}" is not a name such as "money" or "shop.order"`);
      if (this.#byName.has(name)) throw refuse(`the name "${name}" stands there twice`);
      if (this.#byPrototype.has(type.prototype)) throw refuse(`the class of "${name}" stands there twice`);
      this.#byName.set(name, one);
      this.#byPrototype.set(type.prototype, one);
    }
  }

  /** The class of an instance; undefined for anything else. */
  of(value: object): KeptClass | undefined {
    return this.#byPrototype.size === 0 ? undefined : this.#byPrototype.get(Object.getPrototypeOf(value));
  }

  named(name: string): KeptClass | undefined {
    return this.#byName.get(name);
  }
}

/** No classes at all. */
export const NO_CLASSES = new KeptClasses();

function refuse(why: string): OperatingError {
  return new OperatingError('INVALID_INPUT', `The classes that a machine may hold cannot be registered: ${why}.`);
}
