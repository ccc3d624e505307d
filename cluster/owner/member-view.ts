/** The workers of an owner as people see them. */
import type { Member as MemberView } from '../membership.ts';
import type { Member } from './member.ts';
import type { MeshOwner } from './mesh-owner.ts';

/** Those that are there, and those that were and may come back. */
export function memberViews(mesh: MeshOwner): readonly MemberView[] {
  const lost = [...mesh.absent].map(
    ([node, agents]): MemberView => ({
      ...{ node, agents, role: 'worker', status: 'lost', version: '', incarnation: '', labels: {} },
      calls: { running: 0, capacity: 0 },
      ...more(mesh, node),
    }),
  );
  return [...mesh.members.map((member) => viewOf(mesh, member)), ...lost];
}

function viewOf(mesh: MeshOwner, member: Member): MemberView {
  const { node, link, status, joinedAtMs, labels, threads, offers, dispatches } = member;
  const { version, incarnation, remoteAddress: address } = link.peer;
  const { roundTripMs } = link.figures;
  const capacity = [...offers.values()].reduce((sum, { concurrency }) => sum + concurrency, 0);
  return {
    ...{ node, version, role: 'worker', incarnation, joinedAtMs, address, labels, threads },
    // One that has not said what it offers is in, and gets nothing yet.
    status: status === 'joining' ? 'active' : status,
    agents: [...offers.keys()],
    calls: { running: dispatches.size, capacity },
    ...(roundTripMs !== undefined && { roundTripMs }),
    ...more(mesh, node),
  };
}

function more(mesh: MeshOwner, node: string): Pick<MemberView, 'lossesTotal' | 'breaker'> {
  return { lossesTotal: mesh.lossesOf(node), breaker: mesh.breakers.view(node) };
}
