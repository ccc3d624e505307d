/**
 * Who wants to hear of a topic: patterns, segment by segment, in a tree. A look-up goes down the segments of a topic, and costs
 * what branches fit it, however many patterns there are.
 */

interface Branch<T> {
  readonly children: Map<string, Branch<T>>;
  /** Of patterns that end here. */
  readonly here: Set<T>;
  /** Of patterns that end here with a `#`. */
  readonly below: Set<T>;
}

/** Values by patterns. One value may stand under several. */
export class TopicIndex<T> {
  readonly #root: Branch<T> = branch();

  add(pattern: string, value: T): void {
    this.#set(pattern, true).add(value);
  }

  remove(pattern: string, value: T): void {
    this.#set(pattern, false).delete(value);
    this.#prune(this.#root, pattern.split('.'), 0);
  }

  /** All values under patterns that take the topic in, each once. */
  match(topic: string): ReadonlySet<T> {
    const found = new Set<T>();
    collect(this.#root, topic.split('.'), 0, found);
    return found;
  }

  #set(pattern: string, makes: boolean): Set<T> {
    const segments = pattern.split('.');
    const isOpen = segments.at(-1) === '#';
    let at = this.#root;
    for (const segment of isOpen ? segments.slice(0, -1) : segments) {
      let next = at.children.get(segment);
      if (next === undefined) {
        if (!makes) return new Set();
        at.children.set(segment, (next = branch()));
      }
      at = next;
    }
    return isOpen ? at.below : at.here;
  }

  /** Lets go of branches that hold nothing. @returns whether this one does */
  #prune(at: Branch<T>, segments: readonly string[], depth: number): boolean {
    const segment = segments[depth] ?? '';
    const next = at.children.get(segment);
    if (next !== undefined && this.#prune(next, segments, depth + 1)) at.children.delete(segment);
    return at.children.size === 0 && at.here.size === 0 && at.below.size === 0;
  }
}

function branch<T>(): Branch<T> {
  return { children: new Map(), here: new Set(), below: new Set() };
}

function collect<T>(at: Branch<T>, segments: readonly string[], depth: number, found: Set<T>): void {
  for (const value of at.below) found.add(value);
  const segment = segments[depth];
  if (segment === undefined) {
    for (const value of at.here) found.add(value);
    return;
  }
  for (const name of [segment, '*']) {
    const next = at.children.get(name);
    if (next !== undefined) collect(next, segments, depth + 1, found);
  }
}
