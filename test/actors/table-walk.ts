/** Walks a table of a flat lifecycle: every phase with every event. The expected ends are the diagram of its file's header. */
import { expect, it } from 'vitest';
import type { FlatLogic, FlatState } from '../../runtime/flat-logic.ts';
import type { ActorEvent } from '../../runtime/host.ts';
import { createNotingPort, deepFreeze } from '../support/noting-port.ts';

/** What is walked, and what is expected of it. */
export interface Walk {
  readonly logic: FlatLogic<FlatState, never>;
  readonly address: string;
  readonly input: unknown;
  /** Rows beside its state. */
  readonly attached?: Readonly<Record<string, unknown>>;
  /** A state of each phase, made of the first one. */
  readonly states: Readonly<Record<string, (first: FlatState) => FlatState>>;
  /** Events, by a name of their own. */
  readonly events: Readonly<Record<string, ActorEvent>>;
  /** phase → event → the phase after it; all others leave the state as it is. */
  readonly expected: Readonly<Record<string, Readonly<Record<string, string>>>>;
}

/** The tests of one table. */
export function walkTable(walk: Walk): void {
  const { logic, address, input, states, events, expected } = walk;
  const first = (): FlatState => {
    const { port } = createNotingPort(address, input);
    return logic.initial(input as never, port);
  };
  const strange = { ...events, 'an event of nobody': { type: 'nobody' } };
  const cases = Object.keys(states).flatMap((phase) => Object.keys(strange).map((event) => [phase, event] as const));

  it('has the documented phases and no other', () => {
    expect(Object.keys(logic.table).sort()).toEqual(Object.keys(states).sort());
    const known = new Set(Object.values(events).map(({ type }) => type));
    for (const row of Object.values(logic.table)) for (const type of Object.keys(row)) expect(known).toContain(type);
  });

  it('ends exactly in the phases that take no events', () => {
    const dead = Object.keys(states).filter((phase) => Object.keys(logic.table[phase] ?? {}).length === 0);
    expect(Object.keys(logic.final).sort()).toEqual(dead.sort());
  });

  it.each(cases)('%s, on %s, goes where the diagram says, without touching what it was given', (phase, name) => {
    const { port, asked, attachments } = createNotingPort(address, input);
    for (const [key, value] of Object.entries(walk.attached ?? {})) attachments.set(key, value);
    const state = deepFreeze((states[phase] as (of: FlatState) => FlatState)(first()));
    const before = JSON.stringify(state);
    const event = deepFreeze(strange[name as keyof typeof strange] as ActorEvent);
    const row = logic.table[phase] ?? {};
    const handle = row[event.type] ?? row['*'];
    const after = handle === undefined ? state : handle(state, event as never, port);
    const goesTo = expected[phase]?.[name];
    expect(after.phase).toBe(goesTo ?? phase);
    expect(JSON.stringify(state)).toBe(before);
    if (goesTo === undefined) {
      expect(after).toBe(state);
      expect(asked.filter((line) => !/^send .* (go|task\.signal|state\.answer|rejected)$/.test(line))).toEqual([]);
    }
  });
}
