/**
 * A group as an actor: a named set of actors of keyed agents, and the coordinator that messages to it go to, where it has one. It
 * holds who is in it; what is sent to a group is put into the mailboxes of its members by whoever sends it (group-desk.ts).
 *
 *   new ──group.join, group.set──► open ──the last member leaves, group.remove──► gone
 */
import { OperatingError } from '../../protocol/errors.ts';
import { LIMITS } from '../../protocol/limits.ts';
import type { CellPort } from '../../runtime/cell-port.ts';
import type { FlatLogic } from '../../runtime/flat-logic.ts';
import type { ActorEvent } from '../../runtime/host.ts';
import type { FamilyStart } from '../family.ts';
import { LIFECYCLE_VERSIONS } from '../lifecycle-versions.ts';

/** An actor of a keyed agent. */
export type Member = readonly [agent: string, key: string];

/** The state of one group. */
export interface GroupState {
  readonly phase: 'new' | 'open' | 'gone';
  readonly name: string;
  /** In the order they came. */
  readonly members: readonly Member[];
  /** `NAME` or `NAME/KEY` of a keyed agent. */
  readonly via?: string;
}

/** The row that lists a group. */
export interface GroupRow {
  readonly members: number;
  readonly via?: string;
}

/** The kind of their addresses, and of their rows. */
export const GROUP = 'group';

/** The logic of groups. `onChange` hears of each that has changed, once that is committed; that one is gone is in its answer. */
export function groupLogic(onChange: (name: string, row: GroupRow) => void): FlatLogic<GroupState, FamilyStart> {
  const changed = (state: GroupState, event: ActorEvent, port: CellPort): GroupState => {
    const { name, members, via } = state;
    const row: GroupRow = { members: members.length, ...(via !== undefined && { via }) };
    const isGone = state.phase === 'gone' || (members.length === 0 && via === undefined);
    port.define({ kind: GROUP, name, version: '1', body: isGone ? null : row });
    if (!isGone) port.afterCommit(() => onChange(name, row));
    return answer(isGone ? { ...state, phase: 'gone' } : state, event, port);
  };
  const join = (state: GroupState, event: ActorEvent, port: CellPort): GroupState => {
    const member = memberIn(event);
    if (state.members.some((one) => isSame(one, member))) return answer(state, event, port);
    if (state.members.length < LIMITS.groupMembersMax)
      return changed({ ...state, phase: 'open', members: [...state.members, member] }, event, port);
    const error = new OperatingError('BUSY', `A group has at most ${LIMITS.groupMembersMax} members.`, {
      retryable: false,
    });
    if (typeof event['replyTo'] === 'string') port.send(event['replyTo'], { type: 'rejected', error: error.toBody() });
    return state;
  };
  const leave = (state: GroupState, event: ActorEvent, port: CellPort): GroupState => {
    const member = memberIn(event);
    const members = state.members.filter((one) => !isSame(one, member));
    if (members.length === state.members.length) return answer(state, event, port);
    return changed({ ...state, members }, event, port);
  };
  const set = (state: GroupState, event: ActorEvent, port: CellPort): GroupState => {
    const { via: _before, ...rest } = state;
    const via = event['via'];
    return changed({ ...rest, phase: 'open', ...(typeof via === 'string' && { via }) }, event, port);
  };
  const nobody = (state: GroupState, event: ActorEvent, port: CellPort): GroupState =>
    answer({ ...state, phase: 'gone' }, event, port);
  return {
    name: GROUP,
    version: LIFECYCLE_VERSIONS.group,
    initial: ({ parts: [name = ''] }) => ({ phase: 'new', name, members: [] }),
    table: {
      new: { 'group.join': join, 'group.set': set, '*': nobody },
      open: {
        'group.join': join,
        'group.leave': leave,
        'group.set': set,
        'group.read': answer,
        'group.remove': (state, event: ActorEvent, port) =>
          changed({ ...state, phase: 'gone', members: [] }, event, port),
      },
      gone: {},
    },
    final: { gone: () => ({ output: undefined }) },
    describe: (state) => `${state.phase}, ${state.members.length} members`,
  };
}

function answer(state: GroupState, event: ActorEvent, port: CellPort): GroupState {
  const { members, via, phase } = state;
  const { replyTo } = event;
  const said = { type: 'group', members, isGone: phase === 'gone', ...(via !== undefined && { via }) };
  if (typeof replyTo === 'string') port.send(replyTo, said);
  return state;
}

function memberIn(event: ActorEvent): Member {
  return [String(event['agent']), String(event['key'])];
}

function isSame(one: Member, other: Member): boolean {
  return one[0] === other[0] && one[1] === other[1];
}
