/**
 * Who may knock at all, judged from headers that a browser cannot forge. A page from anywhere can make its visitor's
 * browser send requests to a node on the visitor's own machine: a foreign `Origin` gives such a page away, and so does the
 * name in `Host` when the page's own name was made to point here (DNS rebinding). Programs send no `Origin` and are let
 * through; what they may do is authentication's concern.
 */
import type { IncomingHttpHeaders } from 'node:http';
import { OperatingError } from '../protocol/errors.ts';
import { isLoopback } from '../runtime/loopback.ts';

/** What is judged by. */
export interface ExposureSettings {
  readonly host: string;
  readonly behindProxy: string;
  readonly originsAllowed: readonly string[];
}

/** The refusal of a request, where there is one: FORBIDDEN. */
export function refusalOfHeaders(headers: IncomingHttpHeaders, settings: ExposureSettings): OperatingError | undefined {
  const { host, origin } = headers;
  if (!isHostAllowed(host, settings)) {
    return new OperatingError('FORBIDDEN', 'This node listens on loopback alone and is not known by that name (Host).');
  }
  if (origin !== undefined && !isOriginAllowed(origin, host, settings.originsAllowed)) {
    const hint = 'Add it to the setting originsAllowed to let it in.';
    return new OperatingError('FORBIDDEN', `Pages of another origin may not use this node. ${hint}`);
  }
  return undefined;
}

/** Whether the name a client knows the node by is one that only this machine answers to. A proxy vouches for its own. */
function isHostAllowed(header: string | undefined, settings: ExposureSettings): boolean {
  if (!isLoopback(settings.host) || settings.behindProxy !== 'none') return true;
  const name = URL.parse(`http://${header ?? ''}`)?.hostname;
  return name !== undefined && isLoopback(name.replace(/^\[|\]$/g, ''));
}

function isOriginAllowed(origin: string, host: string | undefined, allowed: readonly string[]): boolean {
  const parsed = URL.parse(origin);
  // Files and sandboxed pages have no origin of their own: nobody can be told from anybody.
  if (parsed === null || parsed.origin === 'null') return false;
  if (parsed.host === URL.parse(`${parsed.protocol}//${host ?? ''}`)?.host) return true;
  return allowed.some((one) => URL.parse(one)?.origin === parsed.origin);
}
