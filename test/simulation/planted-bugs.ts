/**
 * Bugs that are known, to be found: each replaces one place of the product's source while it is loaded. The place is given by
 * its text, wherever it stands; one that is not there exactly once is an error, so that none is ever planted nowhere.
 */
import type { Checker } from './judge.ts';

/** One bug. */
export interface PlantedBug {
  readonly name: string;
  /** What it breaks, in words. */
  readonly what: string;
  readonly find: string;
  readonly replace: string;
  /** Those that may find it. */
  readonly foundBy: readonly Checker[];
  /** Found where there are workers. */
  readonly hasMesh?: true;
}

/** All of them. */
export const PLANTED_BUGS: readonly PlantedBug[] = [
  {
    name: 'ack-before-sync',
    what: 'a commit counts as done when the system has the bytes',
    find: "await batch.write(this.#options.durability === 'fsync');",
    replace: 'await batch.write(false);',
    foundBy: ['early-frame', 'early-call'],
  },
  {
    name: 'release-before-commit',
    what: 'what waits for an epoch is let go before it is written',
    find: 'const epoch = this.#cut();',
    replace: 'const epoch = this.#cut(); for (const release of releases.splice(0)) this.#let(release);',
    foundBy: ['early-frame', 'early-call'],
  },
  {
    name: 'failed-write-forgotten',
    what: 'an epoch whose write failed is not written again',
    find: 'await this.#store.commit(epoch, this.#fence);\n        this.#hooks.onPause(false);',
    replace: 'this.#hooks.onPause(false);',
    foundBy: ['early-frame', 'early-call'],
  },
  {
    name: 'checksum-skipped',
    what: 'a record is read whatever its checksum says',
    find: 'if (view.getUint32(checksumAt) !== crc32(record.subarray(0, checksumAt), crc32(key)))',
    replace: 'if (checksumAt < 0)',
    foundBy: ['end', 'events', 'reads', 'frame', 'outcome', 'counter', 'escape', 'index', 'idempotency', 'early-frame'],
  },
  {
    name: 'timer-lost-at-restore',
    what: 'timers of stored actors are not armed again',
    find: 'for (const [id, dueAtMs] of cell.timers) kernel.armTimer(cell, id, dueAtMs);',
    replace: '',
    foundBy: ['liveness'],
  },
  {
    name: 'mail-left-out',
    what: 'messages that wait are not part of what is stored of an actor',
    find: '      control,\n      user,\n      rows:',
    replace: '      control,\n      user: [],\n      rows:',
    foundBy: ['early-frame', 'counter'],
  },
  {
    name: 'cut-without-waking',
    what: 'an epoch does not wait for actors whose state is being read, though they have mail of it',
    find: 'return this.#asked.length > 0 || this.#reads.size > 0;',
    replace: 'return false;',
    foundBy: ['early-frame', 'counter', 'acknowledged-lost'],
  },
  {
    name: 'record-ignored',
    what: 'a journaled call is made again, though its result is recorded',
    find: "if (entry?.state === 'done') return copyValue(entry.value as T);",
    replace: '',
    foundBy: ['effect-rerun', 'unsafe-twice'],
  },
  {
    name: 'unsafe-call-again',
    what: 'an unsafe call that was under way when the node died is made again',
    find: "if (entry?.state === 'intended' && kind === 'unsafe') await this.#learn(",
    replace: "if (entry?.state === 'intended' && key === '') await this.#learn(",
    foundBy: ['unsafe-twice'],
  },
  {
    name: 'call-before-commit',
    what: 'a call begins before the wish for it is stored',
    find: "if (request.kind === 'pure') return begin();",
    replace: 'return begin();',
    foundBy: ['early-call'],
  },
  {
    name: 'delivered-twice',
    what: 'a message that crashed its actor comes back twice',
    find: 'cell.timers?.set(envelope.id, envelope.dueAtMs);\n        cell.mailbox.putBack(envelope);',
    replace:
      'cell.timers?.set(envelope.id, envelope.dueAtMs);\n        cell.mailbox.putBack(envelope);' +
      'cell.mailbox.putBack({ ...envelope });',
    foundBy: ['counter', 'poison'],
  },
  {
    name: 'deliveries-not-stored',
    what: 'how often a message was delivered is forgotten when the node dies',
    find: '    kept(cell.control),',
    replace: '    kept(cell.control).map((envelope) => ({ ...envelope, deliveries: 0 })),',
    foundBy: ['poison'],
  },
  {
    name: 'keys-not-stored',
    what: 'idempotency keys are known to one run of the process alone',
    find: 'of epoch.keys) {',
    replace: 'of epoch.keys.slice(1_000)) {',
    foundBy: ['idempotency'],
  },
  {
    name: 'claim-not-looked-up',
    what: 'an idempotency key that is being claimed is not found',
    find: 'if (earlier !== undefined) return { task: earlier, duplicate: true };',
    replace: '',
    foundBy: ['idempotency'],
  },
  {
    name: 'seq-used-twice',
    what: 'the line that says that a task goes on does not count',
    find: "return log(state, port, [{ kind: 'task.resumed', data }], state.phase);",
    replace: "log(state, port, [{ kind: 'task.resumed', data }], state.phase); return state;",
    foundBy: ['events', 'end', 'reads', 'liveness'],
  },
  {
    name: 'index-not-written',
    what: 'a task is not listed under its status',
    find: "if (progress.status !== 'completed') {",
    replace: "if (progress.status === 'submitted') {",
    foundBy: ['index'],
  },
  {
    name: 'duration-below-zero',
    what: 'a task lasts less than nothing when the wall clock was set back',
    find: 'Math.max(0, port.nowMs() - state.createdAtMs)',
    replace: 'port.nowMs() - state.createdAtMs',
    foundBy: ['frame'],
  },
  {
    name: 'sleep-by-the-wrong-clock',
    what: 'a sleep that goes on after a restart does not notice that the wall clock is set',
    find: 'cancel = world.after(Math.min(leftMs, SLEEP_STEP_MS), wait);',
    replace: 'cancel = world.after(leftMs, wait);',
    foundBy: ['liveness'],
  },
  {
    name: 'settled-before-commit',
    what: 'a worker may forget what came of a call before that is stored',
    find: 'void kernel.committer.committed().then(() => {\n        done();',
    replace: 'void Promise.resolve().then(() => {\n        done();',
    foundBy: ['early-settle'],
    hasMesh: true,
  },
  {
    name: 'frames-taken-twice',
    what: 'a frame that comes again is taken again',
    find: 'if (seq !== this.#received + 1) return undefined;',
    replace: 'if (seq > this.#received + 1) return undefined;',
    foundBy: ['link'],
    hasMesh: true,
  },
  {
    name: 'token-ignored',
    what: 'what a worker says of a dispatch that is over counts for the one that is out',
    find: 'const dispatch = member.dispatches.get(message.token);',
    replace:
      'const dispatch = this.members.flatMap(({ dispatches }) => [...dispatches.values()]).find(({ call }) => call === message.call);',
    foundBy: ['late', 'outcome'],
    hasMesh: true,
  },
  {
    name: 'credit-kept',
    what: 'messages that have been dealt with give no credit back',
    find: '      this.#done++;\n      this.#doneBytes += bytes;\n',
    replace: '      this.#doneBytes += bytes;\n',
    foundBy: ['liveness', 'credit', 'leftover'],
    hasMesh: true,
  },
  {
    name: 'stale-session-resumed',
    what: 'a process that was started anew may go on with the session of the one before',
    find: 'old.id === resume?.id && old.peer.incarnation === peer.incarnation',
    replace: 'old.id === resume?.id',
    foundBy: ['refused', 'link'],
    hasMesh: true,
  },
  {
    name: 'never-sent-again',
    what: 'what has not arrived is not sent again',
    find: 'for (const piece of outflow.underWay) batching.add(piece);',
    replace: 'for (const piece of outflow.underWay.slice(1_000)) batching.add(piece);',
    foundBy: ['liveness', 'leftover', 'credit'],
    hasMesh: true,
  },
  {
    name: 'place-not-given-back',
    what: 'a call that has ended keeps its place on its node',
    find: '    this.#places.free(this.#member, this.#reference);\n',
    replace: '',
    foundBy: ['leftover', 'liveness'],
    hasMesh: true,
  },
  {
    name: 'early-frame-taken',
    what: 'a frame that comes before those that were sent before it is taken',
    find: 'if (seq !== this.#received + 1) return undefined;',
    replace: 'if (seq <= this.#received) return undefined;',
    foundBy: ['link'],
    hasMesh: true,
  },
];

/** The bug of a name. Throws where there is none. */
export function plantedBug(name: string): PlantedBug {
  const bug = PLANTED_BUGS.find((one) => one.name === name);
  if (bug === undefined)
    throw new RangeError(
      `There is no planted bug ${name}; there are ${PLANTED_BUGS.map((one) => one.name).join(', ')}.`,
    );
  return bug;
}
