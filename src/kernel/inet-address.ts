/** Internet addresses as text: which are the loopback's, which mean any, and how IPv6 shows those of IPv4. */

import type { SocketAddress } from './socket.ts';

export type InetAddress = Extract<SocketAddress, { family: 'inet' | 'inet6' }>;

export const ANY4 = '0.0.0.0';
export const ANY6 = '::';

export const isAny = (host: string): boolean => host === ANY4 || host === ANY6 || host === '::ffff:0.0.0.0';

const MAPPED = '::ffff:';

/** An IPv4 address in IPv6 clothes is that IPv4 address. */
export const unmapped = (host: string): string =>
  host.startsWith(MAPPED) && host.includes('.') ? host.slice(MAPPED.length) : host;

export const isInet4 = (host: string): boolean => unmapped(host).includes('.');

export const isLoopback = (host: string): boolean => unmapped(host).startsWith('127.') || host === '::1';

/** As a socket of this family shows the address. */
export function shownIn(family: 'inet' | 'inet6', host: string): string {
  const plain = unmapped(host);
  return family === 'inet6' && plain.includes('.') ? MAPPED + plain : plain;
}
