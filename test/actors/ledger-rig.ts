/**
 * Nodes that make calls of every kind to a world that outlives them, and that die at any point of a call. What the other side
 * saw is counted here, outside of every node.
 */
import { assign, setup } from 'xstate';
import { type AgentDefinition, defineAgent } from '../../actors/agent-definition.ts';
import type { Probe } from '../../actors/doubt.ts';
import type { EffectKind } from '../../runtime/host.ts';
import { effect } from '../../runtime/machine-effects.ts';
import { MemoryDisk } from '../../runtime/stores/memory-store.ts';
import { createWorkNode, type WorkNode } from '../support/work-node.ts';

/** Where the call stands in its agent. */
export type Form = 'run' | 'journal' | 'machine';

/** The other side: what reached it, under which keys, and how it answers. */
export class OtherSide {
  readonly keys: string[] = [];
  #answers: ((value: unknown) => void)[] = [];
  #refusals: ((error: unknown) => void)[] = [];
  /** Answers at once with how many calls there were. */
  isQuick = false;

  get calls(): number {
    return this.keys.length;
  }

  call(key: string): Promise<unknown> {
    this.keys.push(key);
    if (this.isQuick) return Promise.resolve(this.calls);
    return new Promise((resolve, reject) => {
      this.#answers.push(resolve);
      this.#refusals.push(reject);
    });
  }

  /** Answers all that wait. */
  answer(value: unknown): void {
    for (const resolve of this.#answers.splice(0)) resolve(value);
    this.#refusals = [];
  }

  refuse(error: unknown): void {
    for (const reject of this.#refusals.splice(0)) reject(error);
    this.#answers = [];
  }
}

/** An agent that makes one call, and goes on for a while after it. */
export function caller(
  form: Form,
  kind: EffectKind,
  make: (key: string) => unknown,
  more: { readonly probe?: Probe; readonly after?: () => Promise<void> } = {},
): AgentDefinition {
  const { after = () => Promise.resolve() } = more;
  const probe = more.probe === undefined ? {} : { probe: more.probe };
  const base = { name: 'caller', version: '1.0.0', retry: { attempts: 3, backoffMs: 10 } };
  if (form === 'run') return defineAgent({ ...base, kind, ...probe, run: ({ ctx }) => make(ctx.idempotencyKey) });
  if (form === 'journal') {
    return defineAgent({
      ...base,
      run: async ({ ctx }) => {
        const value = await ctx.journal('pay', (key) => make(key), { kind, ...probe });
        await after();
        return value;
      },
    });
  }
  return defineAgent({
    ...base,
    effects: { pay: { kind, ...probe, run: ({ ctx }) => make(ctx.idempotencyKey) } },
    machine: setup({ types: { context: {} as { paid: unknown } }, actors: { effect } }).createMachine({
      context: { paid: undefined },
      initial: 'paying',
      states: {
        paying: {
          invoke: {
            src: 'effect',
            input: { name: 'pay' },
            onDone: { target: 'paid', actions: assign({ paid: ({ event }) => event.output }) },
          },
        },
        paid: { type: 'final' },
      },
      output: ({ context }) => context.paid,
    }),
  });
}

/** A disk whose writes can be held back. */
export class HeldDisk {
  isHeld = false;
  readonly disk = new MemoryDisk({ onWrite: () => (this.isHeld ? new Promise<never>(() => undefined) : 'done') });
}

/** A node with one agent, on the disk of an earlier one where there is one. */
export async function nodeWith(agent: AgentDefinition, disk: MemoryDisk, seed: number): Promise<WorkNode> {
  return await createWorkNode({ agents: [agent], disk, seed });
}
