/** A worker that says what a test wants it to say, over a link without a wire. */
import type { MeshOwner } from '../../../cluster/owner/mesh-owner.ts';
import type { AgentOffer, MeshMessage, MeshMessageOf, MeshMessageType } from '../../../protocol/mesh-messages.ts';
import type { World } from '../../../runtime/world.ts';
import { type LinkPair, linkPair } from '../../support/link-pair.ts';

/** One. */
export class ScriptedWorker {
  readonly pair: LinkPair;
  /** What the owner has said. */
  readonly heard: MeshMessage[] = [];
  onMessage: ((message: MeshMessage) => void) | undefined;

  constructor(world: World, owner: MeshOwner, node = 'w1', incarnation = `${node}-1`) {
    this.pair = linkPair(world, node, incarnation);
    this.pair.owner.ears = owner.attach(this.pair.owner);
    this.pair.worker.ears = {
      onMessage: (message) => {
        this.heard.push(message);
        this.onMessage?.(message);
      },
      onEnd: () => undefined,
    };
  }

  say(message: MeshMessage): void {
    this.pair.worker.send(message);
  }

  /** Says what it holds (nothing, where nothing is given) and what it offers. */
  join(agents: readonly AgentOffer[], holds: MeshMessageOf<'node.holds'>['calls'] = []): this {
    this.say({ type: 'node.holds', calls: holds });
    this.say({ type: 'node.offer', agents: [...agents], labels: {}, threads: 1 });
    return this;
  }

  all<T extends MeshMessageType>(type: T): MeshMessageOf<T>[] {
    return this.heard.filter((message): message is MeshMessageOf<T> => message.type === type);
  }

  /** The calls that it was sent, the last one last. */
  get calls(): MeshMessageOf<'call.start'>[] {
    return this.all('call.start');
  }

  /** Ends the last call that it was sent, or another. */
  end(value: unknown, call: { readonly call: string; readonly token: string } = this.calls.at(-1) as never): void {
    this.say({ type: 'call.outcome', call: call.call, token: call.token, ok: true, value });
  }

  /** Asks for something in the name of a call. */
  ask(
    request: number,
    verb: string,
    args: unknown[],
    call: { call: string; token: string } = this.calls.at(-1) as never,
  ): void {
    this.say({ type: 'call.request', call: call.call, token: call.token, request, verb, args });
  }
}

/** An offer with what every one has. */
export function offerOf(name: string, more: Partial<AgentOffer> = {}): AgentOffer {
  return {
    ...{ name, version: '1.0.0', capabilities: [name], form: 'function', keyed: false, kind: 'keyed' },
    ...{ concurrency: 2, timeoutMs: 60_000, isHealthy: true },
    retry: { attempts: 3, backoffMs: 200, factor: 2, maxBackoffMs: 30_000, jitter: true },
    breaker: { failures: 5, periodMs: 30_000, openMs: 10_000 },
    ...more,
  };
}
