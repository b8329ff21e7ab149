/** Options of sockets below the socket layer (IP, IPv6, TCP, UDP): a row for each with its default; what the kernel's sockets act on has their word for it. */

export interface SocketOption {
  /** As the manual names it. */
  name: string;
  /** What getsockopt gives when nobody has set it. */
  initial: number;
  /** The word by which the kernel's sockets know it; without one it tunes what is not there: it is kept and given back. */
  word?: string;
  /** Options of stream sockets that datagram sockets do not have, and the like. */
  only?: 'stream' | 'datagram';
}

const option = (name: string, initial: number, word?: string, only?: SocketOption['only']): SocketOption => ({
  name,
  initial,
  ...(word ? { word } : {}),
  ...(only ? { only } : {}),
});

const IP: Record<number, SocketOption> = {
  1: option('IP_TOS', 0),
  2: option('IP_TTL', 64, 'TTL'),
  6: option('IP_RECVOPTS', 0),
  7: option('IP_RETOPTS', 0),
  10: option('IP_MTU_DISCOVER', 1),
  11: option('IP_RECVERR', 0),
  12: option('IP_RECVTTL', 0),
  13: option('IP_RECVTOS', 0),
  15: option('IP_FREEBIND', 0),
  19: option('IP_TRANSPARENT', 0),
  21: option('IP_MINTTL', 0),
  24: option('IP_BIND_ADDRESS_NO_PORT', 0),
  33: option('IP_MULTICAST_TTL', 1, 'MULTICAST_TTL'),
  34: option('IP_MULTICAST_LOOP', 1, 'MULTICAST_LOOP'),
  49: option('IP_MULTICAST_ALL', 1),
  51: option('IP_LOCAL_PORT_RANGE', 0),
};

const IPV6_OPTIONS: Record<number, SocketOption> = {
  16: option('IPV6_UNICAST_HOPS', 64, 'TTL'),
  18: option('IPV6_MULTICAST_HOPS', 1, 'MULTICAST_TTL'),
  19: option('IPV6_MULTICAST_LOOP', 1, 'MULTICAST_LOOP'),
  23: option('IPV6_MTU_DISCOVER', 1),
  25: option('IPV6_RECVERR', 0),
  26: option('IPV6_V6ONLY', 0, 'V6ONLY'),
  51: option('IPV6_RECVHOPLIMIT', 0),
  66: option('IPV6_RECVTCLASS', 0),
  67: option('IPV6_TCLASS', 0),
  72: option('IPV6_ADDR_PREFERENCES', 2),
  78: option('IPV6_FREEBIND', 0),
};

const TCP: Record<number, SocketOption> = {
  1: option('TCP_NODELAY', 0, 'NODELAY', 'stream'),
  2: option('TCP_MAXSEG', 65_483, undefined, 'stream'),
  3: option('TCP_CORK', 0, undefined, 'stream'),
  4: option('TCP_KEEPIDLE', 7200, 'KEEPIDLE', 'stream'),
  5: option('TCP_KEEPINTVL', 75, undefined, 'stream'),
  6: option('TCP_KEEPCNT', 9, undefined, 'stream'),
  7: option('TCP_SYNCNT', 6, undefined, 'stream'),
  8: option('TCP_LINGER2', 60, undefined, 'stream'),
  9: option('TCP_DEFER_ACCEPT', 0, undefined, 'stream'),
  10: option('TCP_WINDOW_CLAMP', 0, undefined, 'stream'),
  12: option('TCP_QUICKACK', 1, undefined, 'stream'),
  18: option('TCP_USER_TIMEOUT', 0, undefined, 'stream'),
  23: option('TCP_FASTOPEN', 0, undefined, 'stream'),
  25: option('TCP_NOTSENT_LOWAT', -1, undefined, 'stream'),
};

const UDP: Record<number, SocketOption> = {
  1: option('UDP_CORK', 0, undefined, 'datagram'),
};

/** By level, then by number. */
export const SOCKET_OPTIONS: Readonly<Record<number, Readonly<Record<number, SocketOption>>>> = {
  0: IP,
  6: TCP,
  17: UDP,
  41: IPV6_OPTIONS,
};

/** TCP_CONGESTION and TCP_INFO are not numbers. */
export const TCP_INFO = 11;
export const TCP_CONGESTION = 13;
