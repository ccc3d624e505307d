/**
 * The outside world of a corpus machine: promises, callbacks and observables that end when the script says so. It outlives
 * the machine's lives; what a script does goes to the last life that asked.
 */
import {
  type AnyActorLogic,
  type AnyEventObject,
  fromCallback,
  fromEventObservable,
  fromObservable,
  fromPromise,
  type NonReducibleUnknown,
} from 'xstate';

interface Deferred {
  resolve(value: unknown): void;
  reject(error: unknown): void;
}

interface Observer {
  next?(value: unknown): void;
  error?(error: unknown): void;
  complete?(): void;
}

export class Lab {
  /** What the outside saw, in order. */
  readonly seen: string[] = [];
  readonly #promises = new Map<string, Deferred>();
  readonly #callbacks = new Map<string, (event: AnyEventObject) => void>();
  readonly #observers = new Map<string, Observer>();

  /** A promise that waits for `{ resolve: name }` or `{ reject: name }`. */
  promise(name: string): AnyActorLogic {
    return fromPromise<unknown, NonReducibleUnknown>(({ input }) => {
      this.seen.push(`${name} ${JSON.stringify(input) ?? ''}`.trim());
      return new Promise((resolve, reject) => this.#promises.set(name, { resolve, reject }));
    });
  }

  /** A callback that waits for `{ emit: name, value: event }`, and notes what it receives. */
  callback(name: string): AnyActorLogic {
    return fromCallback(({ sendBack, receive }) => {
      this.#callbacks.set(name, sendBack);
      receive((event) => void this.seen.push(`${name} received ${event.type}`));
      return () => void this.seen.push(`${name} disposed`);
    });
  }

  /** An observable that waits for `{ emit: name, value }`, `{ end: name }` or `{ reject: name }`. */
  observable(name: string): AnyActorLogic {
    return fromObservable(() => this.#source(name) as never);
  }

  /** The same, of events for the parent. */
  eventObservable(name: string): AnyActorLogic {
    return fromEventObservable(() => this.#source(name) as never);
  }

  #source(name: string): unknown {
    return {
      subscribe: (observer: Observer) => {
        this.#observers.set(name, observer);
        return { unsubscribe: () => void this.#observers.delete(name) };
      },
    };
  }

  resolve(name: string, value: unknown): void {
    this.#promises.get(name)?.resolve(value);
  }

  reject(name: string, error: unknown): void {
    this.#promises.get(name)?.reject(error);
    this.#observers.get(name)?.error?.(error);
  }

  emit(name: string, value: unknown): void {
    this.#callbacks.get(name)?.(value as AnyEventObject);
    this.#observers.get(name)?.next?.(value);
  }

  end(name: string): void {
    this.#observers.get(name)?.complete?.();
  }
}
