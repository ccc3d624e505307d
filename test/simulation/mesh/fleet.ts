/** The workers of a run, each at a place of its own, the network between them and the owner, and the owner's door. */
import { MeshDoor } from '../../../cluster/link/door.ts';
import type { MeshAuth } from '../../../cluster/link/proof.ts';
import { clusterOf } from '../../../cluster/owner/cluster-row.ts';
import { LIMITS } from '../../../protocol/limits.ts';
import { readHandshake, writeHandshake } from '../../../protocol/mesh-handshake.ts';
import type { Judge } from '../judge.ts';
import type { Outside } from '../outside.ts';
import { Rng } from '../rng.ts';
import { simulatedAgents } from '../simulated-agents.ts';
import type { SimulatedProcess } from '../simulated-process.ts';
import { NOBODY, type Owner, type SimulatedWorld } from '../simulated-world.ts';
import { meshAgents } from './mesh-agents.ts';
import { MeshWitness } from './mesh-witness.ts';
import { SimulatedNetwork } from './simulated-network.ts';
import { SimulatedWorker } from './simulated-worker.ts';

/** What a fleet is made with. */
export interface FleetParts {
  readonly seed: number;
  readonly world: SimulatedWorld;
  readonly judge: Judge;
  readonly outside: Outside;
  readonly trace: (line: string) => void;
  /** The owner cannot open its door. */
  readonly onOwnerFailed: (process: SimulatedProcess, error: unknown) => void;
}

/** Where one worker runs after the other. */
export interface Place {
  readonly number: number;
  name: string;
  worker: SimulatedWorker | undefined;
  isFrozen: boolean;
  runs: number;
  /** The session that its last process had, under the same name. */
  stale: string | undefined;
}

const PLACES_MAX = 4;
const SECRET = 'a secret of thirty-two characters';
const NONCE_BYTES = 32;
const STALE = 0.4;
/** Where no place is. */
const ELSEWHERE = 100;
const RESTART_MS = 4_000;
/** Offered by workers as well as by the owner itself. */
const BOTH = new Set(['sim.journal', 'sim.once', 'sim.saga', 'sim.teller']);

/** All workers of one run. */
export class Fleet {
  readonly witness: MeshWitness;
  readonly network: SimulatedNetwork;
  readonly places: readonly Place[];
  readonly auth: MeshAuth;
  /** How often a check of an agent's health fails. */
  illness = 0;
  readonly #twins = new Set<SimulatedWorker>();
  readonly #parts: FleetParts;
  readonly #rng: Rng;
  readonly #nonces: Rng;
  readonly #offersBoth: boolean;

  constructor(parts: FleetParts) {
    const { seed, world, judge, trace } = parts;
    this.#parts = parts;
    this.#rng = new Rng(seed, 'fleet');
    this.#nonces = new Rng(seed, 'nonces');
    this.witness = new MeshWitness(judge, trace);
    this.network = new SimulatedNetwork(world, seed);
    this.auth = this.#rng.chance(0.3) ? { mode: 'secret', secrets: [SECRET] } : { mode: 'none' };
    this.#offersBoth = this.#rng.chance(0.5);
    this.places = Array.from({ length: this.#rng.int(1, PLACES_MAX) }, (_, number) => ({
      ...{ number, name: `w${number}`, worker: undefined, isFrozen: false, runs: 0, stale: undefined },
    }));
    for (const place of this.places) this.startSoon(place);
    this.network.onHello = (number, hello) => this.#hello(number, hello);
  }

  /** Starts a worker at a place after a while, where none runs then. */
  startSoon(place: Place): void {
    this.#parts.world.at(RESTART_MS * this.#rng.next(), NOBODY, () => this.start(place));
  }

  start(place: Place): void {
    if (place.worker !== undefined) return;
    place.worker = this.#begin(place, place.number);
  }

  /** Somebody starts another worker under the same name, elsewhere, and stops it after a while. */
  double(place: Place, ms: number): void {
    const { world, trace } = this.#parts;
    const twin = this.#begin(place, ELSEWHERE + this.#twins.size);
    this.#twins.add(twin);
    trace(`${place.name} is there twice`);
    world.at(ms, NOBODY, () => this.#end(twin));
  }

  #begin(place: Place, number: number): SimulatedWorker {
    const { seed, world, outside, trace, judge } = this.#parts;
    const run = ++place.runs;
    const { name } = place;
    const worker = new SimulatedWorker({
      ...{ world, witness: this.witness, node: name, auth: this.auth, nonce: () => this.#nonce() },
      threads: new Rng(seed, `threads ${number} ${run}`),
      connect: (process) => this.network.connectFrom(number, process),
      agents: (process) => [
        ...meshAgents(outside, process, this.witness, () => !this.#rng.chance(this.illness)),
        ...(this.#offersBoth ? simulatedAgents(outside, process).filter((agent) => BOTH.has(agent.name)) : []),
      ],
      onLog: (level, message, fields) =>
        trace(`${name} log ${level} ${message} ${(JSON.stringify(fields) ?? '').slice(0, 300)}`),
      onRefused: ({ code, message }) => {
        // Of two processes of one name the later stands.
        if (code === 'FORBIDDEN' && [...this.#twins].some(({ node }) => node === name)) return;
        judge.accuse('refused', `${name} was refused: ${code} ${message}`);
      },
    });
    trace(`${name} is started: ${worker.incarnation}`);
    return worker;
  }

  #end(twin: SimulatedWorker): void {
    if (!twin.alive) return;
    twin.die();
    this.network.died(twin, false);
    this.#parts.trace(`a second ${twin.node} dies`);
  }

  /** A worker's process is gone; its machine may be as well. */
  kill(place: Place, isSilent: boolean): void {
    const { worker } = place;
    if (worker === undefined) return;
    place.worker = undefined;
    place.stale = worker.session;
    worker.die();
    this.thaw(place, worker);
    this.network.died(worker, isSilent);
    this.#parts.trace(`${place.name} dies${isSilent ? ' in silence' : ''}`);
    // A machine that is given a name at random comes back as another.
    if (this.#rng.chance(0.3)) {
      place.name = `w${place.number}-${place.runs}`;
      place.stale = undefined;
    }
    this.startSoon(place);
  }

  freeze(place: Place): void {
    if (place.worker === undefined || place.isFrozen) return;
    place.isFrozen = true;
    this.#parts.world.freeze(place.worker);
    this.#parts.trace(`${place.name} freezes`);
  }

  thaw(place: Place, worker: Owner | undefined = place.worker): void {
    if (!place.isFrozen || worker === undefined) return;
    place.isFrozen = false;
    this.#parts.world.thaw(worker);
    this.#parts.trace(`${place.name} goes on`);
  }

  /** The owner stands still for a while. */
  freezeOwner(ms: number): void {
    const { world, trace } = this.#parts;
    const process = this.network.listener?.process;
    if (process?.alive !== true) return;
    world.freeze(process);
    trace('the owner freezes');
    world.at(ms, NOBODY, () => {
      world.thaw(process);
      trace('the owner goes on');
    });
  }

  drain(place: Place, drainMs: number): void {
    const { worker } = place;
    if (worker === undefined || worker.isStopping) return;
    this.#parts.trace(`${place.name} is asked to stop`);
    void worker.stop(drainMs).then(() => {
      if (place.worker === worker) this.kill(place, false);
    });
  }

  /** The owner is up: it opens its door. */
  ownerIsUp(process: SimulatedProcess): void {
    const { world, trace, onOwnerFailed } = this.#parts;
    const { node } = process;
    const mesh = node?.staff.mesh;
    if (node === undefined || mesh === undefined) return;
    const open = async (): Promise<void> => {
      const cluster = await clusterOf(node.core.store, node.core.kernel);
      if (!process.alive || process.stopping) return;
      const door = new MeshDoor({
        ...{ world: world.seenBy(process), auth: this.auth, nonce: () => this.#nonce() },
        self: { node: 'owner', incarnation: `${node.core.fence.epoch}`, role: 'owner', version: '0.0.0', cluster },
        onLink: (link, setEars) =>
          setEars(this.witness.watch(link, { side: 'owner', process }, (watched) => mesh.attach(watched))),
      });
      process.door = door;
      this.network.listener = { process, accept: (wire) => door.accept(wire) };
      trace(`boot ${process.boot} lets workers in`);
    };
    open().catch((error: unknown) => onOwnerFailed(process, error));
  }

  ownerDied(process: SimulatedProcess, isSilent: boolean): void {
    if (this.network.listener?.process === process) this.network.listener = undefined;
    this.network.died(process, isSilent);
  }

  /** Everything that was wrong is mended, and everybody is started. */
  mend(): void {
    this.illness = 0;
    for (const twin of this.#twins) this.#end(twin);
    Object.assign(this.network.faults, { loss: 0, duplicates: 0, reorders: 0, flips: 0, late: 0 });
    for (const place of this.places) {
      this.network.heal(place.number);
      this.thaw(place);
    }
  }

  /**
   * What is not as it should be once there is nothing to do; undefined where all is. `isCared`: somebody sees to it that a task comes
   * to its end; others may wait for a person for ever.
   */
  unrest(
    owner: SimulatedProcess | undefined,
    isCared: (task: string) => boolean,
  ): readonly ['leftover' | 'credit', string] | undefined {
    const mesh = owner?.node?.staff.mesh;
    if (mesh === undefined) return ['leftover', 'there is no owner'];
    for (const { name, worker } of this.places) {
      const member = mesh.members.find(({ node }) => node === name);
      if (worker === undefined || member === undefined || member.status !== 'active')
        return ['leftover', `${name} is ${member?.status ?? 'not there'}`];
      const { held, running } = worker.worker.figures();
      if (held > running) return ['leftover', `${name} holds ${held - running} calls that have ended`];
      const calls = [...member.dispatches.values()].map(({ call }) => call);
      if (calls.some((call) => isCared(call.split('/')[1] ?? '')))
        return ['leftover', `${name} has ${calls.join()} in hand`];
      for (const reference of calls.length > 0 ? [] : member.offers.keys())
        if (member.running(reference) !== 0)
          return ['leftover', `${name} has ${member.running(reference)} places of ${reference} taken`];
      for (const link of [member.link, worker.link])
        if (link === undefined || !link.hasCredit || link.figures.waiting > 0)
          return ['credit', `a link of ${name} has no credit, and ${link?.figures.waiting ?? 0} messages wait`];
    }
    return undefined;
  }

  checkBounds(owner: SimulatedProcess | undefined): void {
    const { judge } = this.#parts;
    const members = owner?.node?.staff.mesh?.members ?? [];
    for (const { worker, name } of this.places) {
      const held = worker?.worker.figures().held ?? 0;
      judge.expect(held <= LIMITS.workerCallsMax, 'bounds', () => `${name} holds ${held} calls`);
    }
    for (const link of [...members.map((member) => member.link), ...this.places.map(({ worker }) => worker?.link)]) {
      const waiting = link?.figures.waiting ?? 0;
      judge.expect(waiting <= LIMITS.linkQueueMessagesMax, 'bounds', () => `${waiting} messages wait for a node`);
    }
    for (const { node, offers, ...member } of members.map((one) => ({ node: one.node, offers: one.offers, one })))
      for (const [reference, { concurrency }] of offers)
        judge.expect(
          // What rested, and what was joined, goes on where it is, whether there is room or not.
          member.one.running(reference) <= 4 * concurrency && member.one.running(reference) >= 0,
          'bounds',
          () => `${node} has ${member.one.running(reference)} calls of ${reference}, and room for ${concurrency}`,
        );
  }

  /** A process that was started anew asks for the session of the one before, as one would that was restored from an image. */
  #hello(number: number, frame: Buffer): Buffer {
    const hello = readHandshake('hello', frame);
    const stale = this.places[number]?.stale;
    if (this.auth.mode !== 'none' || hello.session !== undefined || stale === undefined) return frame;
    if (!this.#rng.chance(STALE)) return frame;
    this.#parts.trace(`${hello.node} asks for the stale session ${stale}`);
    return writeHandshake('hello', { ...hello, session: { id: stale, received: 0 } });
  }

  #nonce(): Uint8Array {
    return Uint8Array.from({ length: NONCE_BYTES }, () => this.#nonces.int(0, 255));
  }
}
