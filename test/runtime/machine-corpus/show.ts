/** Turns live actors into plain JSON, so that traces can be compared: references by where they lead, errors by what they say. */
import { ActorAddress, EndedActor } from '../../../runtime/machine-references.ts';
import { childrenOf, isLiveActor, type LiveActor, pathOf } from '../../../runtime/machine-xstate.ts';

/** All that a user can see of an actor and its children. */
export function showActor(root: LiveActor, actor: LiveActor = root): unknown {
  const { status, value, output, error, machine } = actor._snapshot;
  const { tags } = actor._snapshot as { readonly tags?: ReadonlySet<string> };
  const children = Object.fromEntries(childrenOf(actor).map(([key, child]) => [key, showActor(root, child)]));
  const input = (actor._snapshot as { readonly input?: unknown }).input;
  return {
    id: actor.id,
    session: actor.sessionId,
    status,
    ...(actor.systemId === undefined ? {} : { systemId: actor.systemId }),
    ...(machine === undefined
      ? { input: show(input, root) }
      : { value: JSON.stringify(value), tags: [...(tags ?? [])] }),
    context: show(actor._snapshot.context, root),
    output: show(output, root),
    error: show(error, root),
    children,
  };
}

/** A value as JSON; the same text for the same value, identity and cycles included. */
export function show(value: unknown, root: LiveActor): unknown {
  const seen = new Map<object, number>();
  const walk = (at: unknown): unknown => {
    if (at === undefined) return '<undefined>';
    if (typeof at === 'bigint') return `<bigint ${at}>`;
    if (typeof at === 'number')
      return Object.is(at, -0) || !Number.isFinite(at) ? `<number ${Object.is(at, -0) ? '-0' : at}>` : at;
    if (typeof at === 'function') return `<function ${at.name}>`;
    if (typeof at !== 'object' || at === null) return at;
    if (at instanceof ActorAddress) return `<address ${at.address}>`;
    if (at instanceof EndedActor) return `<ended ${at.id} ${at.status}>`;
    if (isLiveActor(at)) {
      const path = pathOf(root, at);
      return path === undefined ? `<ended ${at.id} ${at._snapshot.status}>` : `<actor /${path.join('/')}>`;
    }
    const known = seen.get(at);
    if (known !== undefined) return `<same as ${known}>`;
    seen.set(at, seen.size);
    if (at instanceof Date) return `<date ${at.getTime()}>`;
    if (at instanceof RegExp) return `<regexp ${String(at)} ${at.lastIndex}>`;
    if (at instanceof URL) return `<url ${at.href}>`;
    if (at instanceof Error)
      return { error: at.constructor.name, name: at.name, message: at.message, cause: walk(at.cause), ...fields(at) };
    if (at instanceof Map) return { map: [...at].map(([key, item]) => [walk(key), walk(item)]) };
    if (at instanceof Set) return { set: [...at].map(walk) };
    if (ArrayBuffer.isView(at))
      return `<${at.constructor.name} ${Buffer.from(at.buffer, at.byteOffset, at.byteLength).toString('hex')}>`;
    if (Array.isArray(at)) return at.map(walk);
    return Object.getPrototypeOf(at) === null ? { bare: fields(at) } : fields(at);
  };
  const fields = (at: object): object => Object.fromEntries(Object.entries(at).map(([key, item]) => [key, walk(item)]));
  return walk(value);
}
