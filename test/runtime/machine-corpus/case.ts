/** What a corpus case is: a machine and a script. A new one takes five lines. */
import type { AnyStateMachine } from 'xstate';
import type { Lab } from './lab.ts';

/** An event (or its type), ms to pass, or something that the outside does. */
export type Step =
  | string
  | number
  | { readonly type: string; readonly [field: string]: unknown }
  | OutsideStep
  | { readonly settle: string; readonly value?: unknown; readonly error?: string };

/** What the outside world does. */
export type OutsideStep =
  | { readonly resolve: string; readonly value?: unknown }
  | { readonly reject: string; readonly error: unknown }
  | { readonly emit: string; readonly value: unknown }
  | { readonly end: string };

export interface Case {
  readonly name: string;
  /** Makes the machine anew for each life. */
  machine(lab: Lab): AnyStateMachine;
  readonly input?: unknown;
  readonly steps: readonly Step[];
  /** False where plain XState does something else: addresses, effects, a parent; say what. */
  readonly plain?: false;
  /** The address of its parent. */
  readonly parent?: string;
}
