/** Which addresses reach only this machine. */
import { BlockList, isIP } from 'node:net';

const LOOPBACK = new BlockList();
LOOPBACK.addSubnet('127.0.0.0', 8, 'ipv4');
LOOPBACK.addAddress('::1', 'ipv6');

/** Whether a host reaches only this machine. A name other than `localhost` counts as beyond it: what it resolves to can change. */
export function isLoopback(host: string): boolean {
  const family = isIP(host);
  if (family === 0) return host.toLowerCase() === 'localhost';
  return LOOPBACK.check(host, family === 6 ? 'ipv6' : 'ipv4');
}

/** The same of the host of a URL, in which addresses of IPv6 stand in brackets. */
export function isLoopbackUrl(url: string): boolean {
  return isLoopback((URL.parse(url)?.hostname ?? '').replace(/^\[|\]$/g, ''));
}
