/** Agents whose work can be undone: each leaves a line in a book, in the order in which things happened outside. */
import { type AgentDefinition, defineAgent } from '../../../actors/agent-definition.ts';
import { OperatingError } from '../../../protocol/errors.ts';

interface Booking {
  readonly id: string;
  readonly ms?: number;
  readonly fails?: boolean;
}

interface Unbooking {
  readonly id: string;
  readonly why?: unknown;
  readonly ms?: number;
  /** Attempts that fail before one does not. */
  readonly failures?: number;
}

/** `+ID` for what was booked, `-ID` for what was undone. */
export function bookings(): { readonly agents: readonly AgentDefinition[]; readonly book: string[] } {
  const book: string[] = [];
  const booking = defineAgent({
    name: 'book',
    version: '1.0.0',
    retry: { attempts: 1 },
    concurrency: 1_000,
    run: async ({ input, ctx }) => {
      const { id, ms = 0, fails = false } = input as Booking;
      if (ms > 0) await ctx.sleep(ms);
      if (fails) throw new OperatingError('AGENT_FAILED', `no ${id}`, { retryable: false });
      return await ctx.journal('book', () => {
        book.push(`+${id}`);
        return { ref: `ref-${id}` };
      });
    },
  });
  const unbooking = defineAgent({
    name: 'unbook',
    version: '1.0.0',
    retry: { attempts: 3, backoffMs: 100, jitter: false },
    run: async ({ input, ctx }) => {
      const { id, ms = 0, failures = 0 } = input as Unbooking;
      if (ms > 0) await ctx.sleep(ms);
      if (ctx.attempt <= failures) throw new OperatingError('AGENT_FAILED', `cannot undo ${id}`);
      return await ctx.journal('undo', () => void book.push(`-${id}`));
    },
  });
  return { agents: [booking, unbooking], book };
}

/** A step that books, and how it is undone. */
export function booked(id: string, more: object = {}, undo: object = {}): object {
  const input = { id, ...('ms' in more && { ms: more.ms }), ...('fails' in more && { fails: more.fails }) };
  const { ms: _ms, fails: _fails, ...rest } = more as Record<string, unknown>;
  const compensate = { agent: 'unbook', input: { id: `\${steps.${id}.output.ref}`, ...undo } };
  return { id, agent: 'book', input, compensate, ...rest };
}
