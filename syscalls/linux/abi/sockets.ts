/** Linux socket numbers and address layouts, and the way between them and the kernel's words. */
import { fail, missing } from '../../../src/base/failures.ts';
import type { SocketAddress } from '../../../src/kernel/socket.ts';
import { AF } from './flags.ts';

export const SOCK = { STREAM: 1, DGRAM: 2, RAW: 3, SEQPACKET: 5, NONBLOCK: 0o4000, CLOEXEC: 0o2000000 } as const;
export const MSG = {
  OOB: 1,
  PEEK: 2,
  CTRUNC: 8,
  TRUNC: 0x20,
  DONTWAIT: 0x40,
  EOR: 0x80,
  WAITALL: 0x100,
  NOSIGNAL: 0x4000,
  WAITFORONE: 0x10000,
  CMSG_CLOEXEC: 0x4000_0000,
} as const;
export const SOL_SOCKET = 1;
export const SCM = { RIGHTS: 1, CREDENTIALS: 2 } as const;
/** Options and control messages of IPv6 that UDP programs use. */
export const IPV6 = {
  LEVEL: 41,
  UNICAST_HOPS: 16,
  RECVHOPLIMIT: 51,
  HOPLIMIT: 52,
  RECVTCLASS: 66,
  TCLASS: 67,
} as const;
export const IPPROTO = { IP: 0, TCP: 6, UDP: 17, UDPLITE: 136 } as const;
export const SO = {
  DEBUG: 1,
  REUSEADDR: 2,
  TYPE: 3,
  ERROR: 4,
  DONTROUTE: 5,
  BROADCAST: 6,
  SNDBUF: 7,
  RCVBUF: 8,
  KEEPALIVE: 9,
  OOBINLINE: 10,
  PRIORITY: 12,
  LINGER: 13,
  REUSEPORT: 15,
  PASSCRED: 16,
  PEERCRED: 17,
  RCVLOWAT: 18,
  SNDLOWAT: 19,
  RCVTIMEO: 20,
  SNDTIMEO: 21,
  TIMESTAMP: 29,
  ACCEPTCONN: 30,
  PEERSEC: 31,
  SNDBUFFORCE: 32,
  RCVBUFFORCE: 33,
  PROTOCOL: 38,
  DOMAIN: 39,
} as const;

const UNIX_PATH_MAX = 108;

/** struct sockaddr_…: bytes to an address; EINVAL or EAFNOSUPPORT when it is none. */
export function decodeAddress(bytes: Uint8Array): SocketAddress {
  if (bytes.length < 2) return fail('EINVAL');
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  switch (view.getUint16(0, true)) {
    case AF.AF_UNSPEC:
      return { family: 'unspecified' };
    case AF.AF_UNIX: {
      const name = bytes.subarray(2);
      if (name.length > UNIX_PATH_MAX) return fail('EINVAL');
      if (name.length > 0 && name[0] === 0) return { family: 'unix', path: name.slice(1), abstract: true };
      const end = name.indexOf(0);
      return { family: 'unix', path: name.slice(0, end < 0 ? name.length : end), abstract: false };
    }
    case AF.AF_INET: {
      if (bytes.length < 16) return fail('EINVAL');
      return { family: 'inet', host: bytes.subarray(4, 8).join('.'), port: view.getUint16(2) };
    }
    case AF.AF_INET6: {
      if (bytes.length < 24) return fail('EINVAL');
      const groups = Array.from({ length: 8 }, (_, i) => view.getUint16(8 + i * 2));
      return { family: 'inet6', host: showInet6(groups), port: view.getUint16(2), flow: view.getUint32(4) };
    }
    case AF.AF_NETLINK:
      if (bytes.length < 12) return fail('EINVAL');
      return { family: 'netlink', port: view.getUint32(4, true), groups: view.getUint32(8, true) };
    default:
      return fail('EAFNOSUPPORT');
  }
}

/** The two addresses that loopback knows by name; others in plain groups. */
function showInet6(groups: readonly number[]): string {
  if (groups.slice(0, 7).every((group) => group === 0)) {
    if (groups[7] === 0) return '::';
    if (groups[7] === 1) return '::1';
  }
  if (groups.slice(0, 5).every((group) => group === 0) && groups[5] === 0xffff) {
    return `::ffff:${groups[6] >> 8}.${groups[6] & 255}.${groups[7] >> 8}.${groups[7] & 255}`;
  }
  return groups.map((group) => group.toString(16)).join(':');
}

function parseInet6(host: string): number[] {
  if (host === '::') return [0, 0, 0, 0, 0, 0, 0, 0];
  if (host === '::1') return [0, 0, 0, 0, 0, 0, 0, 1];
  if (host.startsWith('::ffff:')) {
    const [a, b, c, d] = host.slice(7).split('.').map(Number);
    return [0, 0, 0, 0, 0, 0xffff, (a << 8) | b, (c << 8) | d];
  }
  const [before, after] = host.split('::').map((half) => (half === '' ? [] : half.split(':')));
  const zeroes = after === undefined ? [] : new Array<string>(8 - before.length - after.length).fill('0');
  return [...before, ...zeroes, ...(after ?? [])].map((group) => Number.parseInt(group, 16));
}

/** The bare address, as in_addr or in6_addr. */
export function addressBytes(family: 'inet' | 'inet6', host: string): Uint8Array {
  const bytes = encodeAddress({ family, host, port: 0 });
  return family === 'inet' ? bytes.slice(4, 8) : bytes.slice(8, 24);
}

export function encodeAddress(address: SocketAddress): Uint8Array {
  switch (address.family) {
    case 'unix': {
      if (address.path.length === 0 && !address.abstract) return Uint8Array.of(AF.AF_UNIX, 0);
      // A path is given back with its terminator, an abstract name with the zero in front.
      const bytes = new Uint8Array(2 + address.path.length + 1);
      bytes[0] = AF.AF_UNIX;
      bytes.set(address.path, address.abstract ? 3 : 2);
      return bytes;
    }
    case 'inet': {
      const bytes = new Uint8Array(16);
      const view = new DataView(bytes.buffer);
      view.setUint16(0, AF.AF_INET, true);
      view.setUint16(2, address.port);
      bytes.set(address.host.split('.').map(Number), 4);
      return bytes;
    }
    case 'inet6': {
      const bytes = new Uint8Array(28);
      const view = new DataView(bytes.buffer);
      view.setUint16(0, AF.AF_INET6, true);
      view.setUint16(2, address.port);
      view.setUint32(4, address.flow ?? 0);
      parseInet6(address.host).forEach((group, i) => {
        view.setUint16(8 + i * 2, group);
      });
      view.setUint32(24, address.scope ?? 0, true);
      return bytes;
    }
    case 'netlink': {
      const bytes = new Uint8Array(12);
      const view = new DataView(bytes.buffer);
      view.setUint16(0, AF.AF_NETLINK, true);
      view.setUint32(4, address.port, true);
      view.setUint32(8, address.groups, true);
      return bytes;
    }
    case 'unspecified':
      return new Uint8Array(2);
  }
}

const FAMILIES: Readonly<Record<number, string>> = {
  [AF.AF_UNIX]: 'unix',
  [AF.AF_INET]: 'inet',
  [AF.AF_INET6]: 'inet6',
  [AF.AF_NETLINK]: 'netlink',
};

/** The kernel's word for a family number. */
export function familyName(number: number): string {
  const name = FAMILIES[number];
  if (name) return name;
  missing(`linux socket family ${number}`);
  return fail('EAFNOSUPPORT');
}

export const familyNumber = (name: string): number =>
  Number(Object.keys(FAMILIES).find((number) => FAMILIES[Number(number)] === name));
