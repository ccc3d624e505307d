/**
 * The owner's side of a mesh: its workers, what they offer, and the calls that are made there. It decides where a call is made and
 * what becomes of it when its node is lost; who is asked and how often is decided by those above, as for any call.
 */
import type { AgentDefinition } from '../../actors/agent-definition.ts';
import { namesOf } from '../../actors/agent-names.ts';
import type { MachineVoices } from '../../actors/agent-machine.ts';
import type { CallPlacing, FarMachine, PlacedCall } from '../../actors/call-placing.ts';
import { OperatingError } from '../../protocol/errors.ts';
import { LIMITS } from '../../protocol/limits.ts';
import type { MeshMessage, MeshMessageOf } from '../../protocol/mesh-messages.ts';
import { ChurnMap } from '../../runtime/churn-map.ts';
import { flatFactory } from '../../runtime/flat-logic.ts';
import type { ActorEvent } from '../../runtime/host.ts';
import type { Kernel } from '../../runtime/kernel.ts';
import type { Log } from '../../runtime/log.ts';
import type { DefinitionWrite } from '../../runtime/stores/store.ts';
import type { Link, LinkEars, LinkFigures } from '../link/link.ts';
import { callNameOf, Dispatch, type DispatchEnd, type DispatchLine, outcomeIn } from './dispatch.ts';
import { type Held, Holders } from './holders.ts';
import { LateAnswers } from './late-answers.ts';
import { Member } from './member.ts';
import { NodeBreakers, remember } from './node-breakers.ts';
import type { OfferBook } from './offer-book.ts';
import { WorkerOffers } from './worker-offers.ts';
import { NODE_LOGIC, nodeAddress, nodeLogic, nodeSpec } from './node-actor.ts';
import { placedTurn } from './placed-turn.ts';
import { Places } from './places.ts';
import { TakenPlace } from './taken-place.ts';
import { isRemote, shapeOf } from './remote-agent.ts';
import { remoteMachine } from './remote-machine.ts';
import { TURNS } from './room.ts';

/** What an owner is made from. */
export interface MeshOwnerDeps {
  readonly kernel: Kernel;
  readonly log: Pick<Log, 'info' | 'warn'>;
  /** Another number with each start of the node: what a token of an earlier one belongs to is known by it. */
  readonly boot: number;
  /** How long calls wait for workers that were there when the node ran last. */
  readonly rejoinMs: number;
  /** Where what workers offer is taken in. */
  book(): OfferBook;
  /** Something became of a call that was sent to a node. */
  readonly onCall?: ((outcome: MeshCallOutcome) => void) | undefined;
}

/** What became of a dispatch; `joined` beside it where a call was found under way. */
export type MeshCallOutcome = 'done' | 'failed' | 'lost' | 'handed_back' | 'late' | 'joined' | 'refused';

/** Times that a call is handed back before it is given up. */
const HANDBACKS_MAX = 100;
/** Answers that nobody asked for, before the link to their sender is ended. */
const LIES_MAX = 10;

/** The owner of one mesh. */
export class MeshOwner implements CallPlacing {
  readonly #deps: MeshOwnerDeps;
  readonly #members = new Map<string, Member>();
  readonly #breakers: NodeBreakers;
  readonly #places: Places;
  readonly #turns: Places;
  readonly #late: LateAnswers;
  readonly #offers: WorkerOffers;
  #holders: Holders<Member>;
  /** Where calls are made; null: they wait for a place. */
  readonly #where = new ChurnMap<string, string | null | undefined>();
  readonly #losses = new Map<string, number>();
  /** Messages of sessions that have ended. */
  readonly #past = { sent: 0, received: 0 };
  /** Tokens of dispatches whose outcomes are not on disk yet. */
  readonly #settling = new Set<string>();
  #dispatches = 0;
  #isStopped = false;

  constructor(deps: MeshOwnerDeps) {
    this.#deps = deps;
    const { kernel } = deps;
    this.#breakers = new NodeBreakers(kernel.world);
    this.#places = new Places(() => this.#members.values(), this.#breakers, kernel.world);
    this.#turns = new Places(() => this.#members.values(), this.#breakers, kernel.world, TURNS);
    this.#late = new LateAnswers(kernel.effects);
    this.#offers = new WorkerOffers({ ...deps, define: (write) => kernel.define(write) });
    this.#holders = new Holders([], 0, kernel.world);
    kernel.install({
      ...{ name: NODE_LOGIC, kind: 'node', lane: 'node', laneLimit: 1 },
      factory: flatFactory(nodeLogic),
    });
  }

  /** Takes in what workers offered when the node ran last. Before anything unfinished is loaded. */
  restore(rows: readonly DefinitionWrite[]): void {
    const { kernel, rejoinMs } = this.#deps;
    this.#holders = new Holders(this.#offers.restore(rows), rejoinMs, kernel.world);
  }

  /** Workers, for people. */
  get members(): readonly Member[] {
    return [...this.#members.values()];
  }

  get breakers(): NodeBreakers {
    return this.#breakers;
  }

  /** Nodes that make the calls of an agent: `own`, where its code is here, and those that offer it now. */
  nodesOf(reference: string, own: string): readonly string[] {
    const known = this.#deps.book().known(reference);
    const here = known === undefined || isRemote(known) ? [] : [own];
    return [...here, ...this.members.filter(({ offers }) => offers.has(reference)).map(({ node }) => node)];
  }

  /** Workers that have offered something, are not there, and may come back: what they offered. */
  get absent(): ReadonlyMap<string, readonly string[]> {
    return new Map([...this.#offers.remembered()].filter(([node]) => !this.#members.has(node)));
  }

  /** Messages since the owner's start, and those that wait. */
  get traffic(): Pick<LinkFigures, 'sent' | 'received' | 'waiting'> {
    const sum = { ...this.#past, waiting: 0 };
    for (const { link } of this.#members.values()) {
      const { sent, received, waiting } = link.figures;
      sum.sent += sent;
      sum.received += received;
      sum.waiting += waiting;
    }
    return sum;
  }

  /** How often nodes of this name were lost since the owner's start. */
  lossesOf(node: string): number {
    return this.#losses.get(node) ?? 0;
  }

  // ---- links

  /** A session with a worker begins. Errors: BUSY (there are too many). */
  attach(link: Link): LinkEars {
    const { node, incarnation, version } = link.peer;
    const before = this.#members.get(node);
    const another = new OperatingError('UNAVAILABLE', `${node} has begun another session.`);
    before?.link.end(another, before.link.peer.incarnation === incarnation);
    if (this.#members.size >= LIMITS.meshWorkersMax)
      throw new OperatingError('BUSY', `A mesh has at most ${LIMITS.meshWorkersMax} workers.`);
    const member = new Member(link, this.#deps.kernel.nowMs());
    this.#members.set(node, member);
    // Not before the actor of the session before has ended.
    if (before === undefined) this.#appear(member);
    else this.#deps.kernel.world.defer(() => this.#appear(member));
    this.#deps.log.info('A worker has joined.', { worker: node, incarnation, version });
    return {
      onMessage: (message, done) => this.#heard(member, message, done),
      onState: () => this.#look(),
      onCredit: () => this.#look(),
      onEnd: (reason) => this.#lost(member, reason),
    };
  }

  /** Nothing goes to other nodes any more, and links end: what runs there is joined after the next start. */
  stop(): void {
    this.#isStopped = true;
    this.#holders.stop();
    this.#places.stop();
    const reason = new OperatingError('DRAINING', 'The owner stops.', { retryable: true });
    for (const member of this.members) member.link.end(reason);
  }

  // ---- placing

  capacityOf(definition: AgentDefinition): number {
    const { reference } = namesOf(definition);
    let sum = isRemote(definition) ? 0 : definition.concurrency;
    for (const member of this.#members.values()) sum += member.capacity(reference);
    // What waits for its node to come back waits there, and not in its lane.
    return Math.max(sum, this.#holders.isWaiting ? this.#offers.rememberedCapacity(reference) : 1, 1);
  }

  isUnplaced(definition: AgentDefinition): boolean {
    if (!isRemote(definition)) return false;
    const { reference } = namesOf(definition);
    return !this.members.some(
      ({ status, offers, node }) =>
        status === 'active' && offers.get(reference)?.isHealthy === true && this.#breakers.waitMs(node) === 0,
    );
  }

  whereIs(address: string, key: string): string | null | undefined {
    return this.#where.get(callNameOf({ address, key }));
  }

  async perform(placed: PlacedCall): Promise<unknown> {
    const { definition } = placed;
    const { reference } = namesOf(definition);
    if (!isRemote(definition) && !this.#offers.isOffered(reference)) return await placed.here();
    return await this.#somewhere(placed, reference, this.#places);
  }

  machineOf(definition: AgentDefinition, voices: MachineVoices): FarMachine | undefined {
    const shape = shapeOf(definition);
    if (shape === undefined) return undefined;
    const { reference } = namesOf(definition);
    return remoteMachine(definition, shape, voices, (cell, request, signal) =>
      this.#somewhere(placedTurn(definition, cell, request, signal), reference, this.#turns),
    );
  }

  async #somewhere(placed: PlacedCall, reference: string, places: Places): Promise<unknown> {
    const name = callNameOf(placed.call);
    this.#where.set(name, null);
    try {
      return await this.#placed(placed, reference, name, places);
    } finally {
      this.#where.delete(name);
    }
  }

  async #placed(placed: PlacedCall, reference: string, name: string, places: Places): Promise<unknown> {
    const { call, definition, work } = placed;
    let held = call.again ? await this.#holders.find(name, call) : undefined;
    for (let losses = 0, deaths = 0, handbacks = 0; ; ) {
      const place = held?.member ?? (await places.take({ definition, reference, call, ...preferred(work) }));
      if (held !== undefined) places.joined(place, reference);
      this.#where.set(name, place === 'here' ? undefined : place.node);
      if (place === 'here') return await this.#here(placed, reference);
      const end = await this.#sent(placed, reference, places, place, held);
      held = undefined;
      this.#where.set(name, null);
      if (end.how === 'ended') {
        placed.madeOn(place.node);
        if (end.outcome.ok) return end.outcome.value;
        throw OperatingError.fromBody(end.outcome.error);
      }
      // Where an owner stood still, or the network did, sessions end one after another, and no call is to blame for it.
      const isDeath = end.how === 'lost' && !end.nodeLives;
      if (isDeath) {
        deaths++;
        losses += 1 / end.suspects;
        const isSuspect = losses >= LIMITS.nodeLossesMax || deaths >= LIMITS.nodeDeathsMax;
        if (isSuspect) throw lostTooOften(reference, deaths);
      }
      if (!isDeath && ++handbacks >= HANDBACKS_MAX) throw handedBackTooOften(reference, end.reason);
    }
  }

  async #here(placed: PlacedCall, reference: string): Promise<unknown> {
    try {
      return await placed.here();
    } finally {
      this.#places.free('here', reference);
    }
  }

  /** Sends a call to a member, or joins it there. */
  async #sent(
    placed: PlacedCall,
    reference: string,
    places: Places,
    member: Member,
    held: Held<Member> | undefined,
  ): Promise<DispatchEnd> {
    const { onCall, boot, kernel } = this.#deps;
    const token = `${boot}.${++this.#dispatches}.${kernel.world.id()}`;
    const taken = new TakenPlace(places, member, reference);
    const line: DispatchLine = {
      send: (message) => member.send(message),
      release: (fn) => kernel.committer.release(fn),
      resting: (isResting) => taken.resting(isResting),
    };
    const dispatch = new Dispatch(placed, token, line, held !== undefined);
    const era = this.#breakers.entered(member.node, token);
    member.dispatches.set(token, dispatch);
    if (held !== undefined) onCall?.('joined');
    let end: DispatchEnd | undefined;
    try {
      end = await dispatch.run();
    } catch (error) {
      end = unsent(error);
    } finally {
      member.dispatches.delete(token);
      if (held !== undefined) this.#holders.joined(dispatch.call);
      taken.free();
      const { definition, call } = placed;
      const isLetIn =
        end?.how === 'ended'
          ? this.#breakers.passed(member.node, token, era)
          : this.#breakers.freed(member.node, token);
      if (isLetIn) this.#look();
      if (end?.how !== 'ended') {
        this.#late.expect(member.node, token, { ...pick(call), lane: namesOf(definition).lane });
      }
    }
    onCall?.(wordOf(end));
    if (end.how === 'ended') this.#settle(member, dispatch, end);
    else await dispatch.awake();
    return end;
  }

  /** The worker may forget an outcome once it is committed. */
  #settle(member: Member, { call, token }: Dispatch, { done }: Extract<DispatchEnd, { how: 'ended' }>): void {
    const { kernel } = this.#deps;
    const { node } = member;
    this.#settling.add(token);
    this.#late.answered(node, token);
    // After the outcome has become mail, which it does before anything else can happen.
    kernel.world.defer(() => {
      void kernel.committer.committed().then(() => {
        done();
        this.#settling.delete(token);
        // It may be in another session by now.
        this.#tell(this.#members.get(node) ?? member, { type: 'call.settled', call, token });
      });
    });
  }

  // ---- what workers say

  #heard(member: Member, message: MeshMessage, done: () => void): void {
    if (message.type === 'node.offer') this.#offered(member, message);
    else if (message.type === 'node.holds') this.#holds(member, message);
    else if (message.type === 'node.draining') this.#draining(member);
    else if ('token' in message) {
      const dispatch = member.dispatches.get(message.token);
      if (dispatch !== undefined && dispatch.call === message.call) return dispatch.hear(message, done);
      this.#stale(member, message);
    }
    done();
  }

  #offered(member: Member, message: MeshMessageOf<'node.offer'>): void {
    member.labels = message.labels;
    member.threads = message.threads;
    const { fitting, refused } = this.#offers.taken(member.node, message);
    member.offers = fitting;
    member.isReady = true;
    void this.#deps.kernel.committer.committed().then(() => {
      this.#tell(member, { type: 'node.taken', agents: [...fitting.keys()], refused: [...refused] });
    });
    for (const reference of member.offers.keys()) this.#widen(reference);
    this.#look();
  }

  /** Calls of an earlier run of this node are joined; those of this one were given up when their session ended. */
  #holds(member: Member, { calls }: MeshMessageOf<'node.holds'>): void {
    const { boot, rejoinMs, kernel } = this.#deps;
    const isEarlier = (token: string): boolean => Number(token.split('.', 1)[0]) < boot;
    this.#holders.heard(
      member.node,
      member,
      calls.filter(({ token }) => isEarlier(token)),
    );
    for (const { call, token } of calls)
      if (!isEarlier(token) && !this.#settling.has(token)) this.#refuse(member, call, token);
    kernel.world.after(rejoinMs, () => {
      for (const { call, token } of this.#holders.unclaimed(member)) this.#refuse(member, call, token);
    });
  }

  /** Of a dispatch that is over, or of none. */
  #stale(member: Member, message: Extract<MeshMessage, { readonly token: string }>): void {
    const { call, token } = message;
    if (this.#holders.has(call, token)) return;
    if (message.type !== 'call.outcome') {
      if (message.type === 'call.request') this.#refuse(member, call, token);
      return;
    }
    // Said again, before it was settled.
    if (this.#settling.has(token)) return;
    this.#tell(member, { type: 'call.settled', call, token });
    if (this.#late.wasAnswered(member.node, token)) return;
    if (this.#late.note(member.node, token, outcomeIn(message))) return this.#deps.onCall?.('late');
    // One that an earlier run of this node had asked for, and that nobody wants any more.
    if (Number(token.split('.', 1)[0]) < this.#deps.boot) return this.#deps.onCall?.('late');
    this.#deps.onCall?.('refused');
    const { node } = member;
    const fields = { worker: node, code: 'FORBIDDEN', call: call.slice(0, LIMITS.idCharactersMax) };
    this.#deps.log.warn('A worker answered what it was not asked; the answer was refused.', fields);
    if (++member.lies >= LIES_MAX)
      member.link.end(new OperatingError('FORBIDDEN', `${node} answers what it was not asked.`, { retryable: false }));
  }

  #refuse(member: Member, call: string, token: string): void {
    const error = new OperatingError('CANCELED', 'The call was given up, or is made elsewhere.').toBody();
    this.#tell(member, { type: 'call.cancel', call, token, error });
  }

  #draining(member: Member): void {
    member.isDraining = true;
    this.#deps.log.info('A worker drains: it gets nothing new.', { worker: member.node });
  }

  #lost(member: Member, reason: OperatingError): void {
    const { node, dispatches, offers, isDraining } = member;
    if (this.#members.get(node) === member) this.#members.delete(node);
    this.#past.sent += member.link.figures.sent;
    this.#past.received += member.link.figures.received;
    const why = `The node ${node} is lost: ${reason.message}`;
    if (!this.#isStopped) {
      // Its last words may have come together with its end: what it has handed back or ended is not lost.
      const tokens = [...dispatches.values()].filter(({ isOver }) => !isOver).map(({ token }) => token);
      const isOrderly = isDraining && tokens.length === 0;
      if (!isOrderly) {
        this.#breakers.lost(node, why, tokens);
        remember(this.#losses, node, this.lossesOf(node) + 1);
      }
      if (isDraining) this.#offers.left(node);
      else if (!this.#members.has(node)) this.#offers.lost(node);
      const fields = { worker: node, calls: tokens.length, reason: reason.message };
      this.#deps.log[isOrderly ? 'info' : 'warn']('A worker has left.', fields);
      const all = [...dispatches.values()];
      const suspects = Math.max(1, all.filter(({ isOver, isResting }) => !isOver && !isResting).length);
      for (const dispatch of all) dispatch.lost(why, member.link.peerLives, suspects);
      const error = new OperatingError('UNAVAILABLE', why, { retryable: true }).toBody();
      this.#disappear(node, isOrderly ? { type: 'node.left' } : { type: 'node.lost', error });
    }
    this.#holders.unclaimed(member);
    for (const reference of offers.keys()) this.#widen(reference);
    this.#look();
  }

  /** There may be room again. */
  #look(): void {
    this.#places.look();
    this.#turns.look();
  }

  #appear(member: Member): void {
    const { kernel } = this.#deps;
    if (this.#members.get(member.node) === member) kernel.act((port) => port.startChild(nodeSpec(member.link.peer)));
  }

  #disappear(node: string, event: ActorEvent): void {
    const { kernel } = this.#deps;
    if (kernel.cells.has(nodeAddress(node))) kernel.deliver(nodeAddress(node), event);
  }

  /** The lane of an agent has another width. */
  #widen(reference: string): void {
    const { kernel, book } = this.#deps;
    const definition = book().known(reference);
    if (definition !== undefined) kernel.effects.widen(namesOf(definition).lane, this.capacityOf(definition));
  }

  /** What cannot be said is said in the next session, by who needs it. */
  #tell(member: Member, message: MeshMessage): void {
    try {
      member.send(message);
    } catch (error) {
      if (!(error instanceof OperatingError)) throw error;
    }
  }
}

function preferred({ prefer }: PlacedCall['work']): { readonly prefer?: Readonly<Record<string, string>> } {
  return prefer === undefined ? {} : { prefer };
}

function pick({
  address,
  key,
  name,
  kind,
}: PlacedCall['call']): Pick<PlacedCall['call'], 'address' | 'key' | 'name' | 'kind'> {
  return { address, key, name, kind };
}

/** A call that could not even be sent is looked for another place for. */
function unsent(error: unknown): DispatchEnd {
  const isOfTheLink = error instanceof OperatingError && (error.code === 'BUSY' || error.code === 'UNAVAILABLE');
  if (!isOfTheLink) throw error;
  return { how: 'handed-back', reason: error.message };
}

function wordOf(end: DispatchEnd): MeshCallOutcome {
  if (end.how === 'ended') return end.outcome.ok ? 'done' : 'failed';
  return end.how === 'lost' ? 'lost' : 'handed_back';
}

function lostTooOften(reference: string, losses: number): OperatingError {
  const message =
    `${losses} nodes were lost while ${reference} worked on this there. It may be what ends them, so it is not tried again; ` +
    'look at the logs of those nodes.';
  return new OperatingError('AGENT_CRASHED', message, { retryable: false, details: { losses } });
}

function handedBackTooOften(reference: string, reason: string): OperatingError {
  return new OperatingError('UNAVAILABLE', `No node takes the work of ${reference}: ${reason}`, { retryable: true });
}
