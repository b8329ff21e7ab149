/** Options of sockets: setsockopt and getsockopt, by the rows of abi/socket-options.ts; what an option does is the kernel's. */

import { fail, missing } from '../../../src/base/failures.ts';
import { bytesOf } from '../../../src/base/text.ts';
import type { LocalSocket } from '../../../src/kernel/local-socket.ts';
import type { Socket } from '../../../src/kernel/socket.ts';
import type { GuestBuffer, Place } from '../../../src/personality/arguments.ts';
import type { Task } from '../../../src/personality/task.ts';
import { SOCKET_OPTIONS, TCP_CONGESTION, TCP_INFO } from '../abi/socket-options.ts';
import { familyNumber, IPPROTO, IPV6, SO, SOL_SOCKET } from '../abi/sockets.ts';
import { timeval, ucred } from '../abi/structs.ts';
import { ints, socketOf, typeNumber } from './sockets.ts';

const NAMES = new Map<number, string>(Object.entries(SO).map(([name, number]) => [number, name]));
const BUFFER = 212_992;
const READ_ONLY: ReadonlySet<string> = new Set(['TYPE', 'ERROR', 'ACCEPTCONN', 'PROTOCOL', 'DOMAIN', 'PEERCRED']);

export function setsockopt(
  t: Task,
  {
    sockfd,
    level,
    optname,
    optval,
  }: { sockfd: number; level: number; optname: number; optval: GuestBuffer; optlen: number },
): void {
  const socket = socketOf(t, sockfd);
  if (level !== SOL_SOCKET) {
    setProtocolOption(t, socket, level, optname, optval);
    return;
  }
  if (optname === SO.RCVTIMEO || optname === SO.SNDTIMEO) {
    if (optval.length < timeval.size) fail('EINVAL');
    const { tv_sec, tv_usec } = timeval.get(t.space, optval.address);
    if (tv_usec < 0 || tv_usec > 999_999) fail('EDOM');
    const timeout = tv_sec < 0 ? 0n : BigInt(tv_sec) * 1_000_000_000n + BigInt(tv_usec) * 1000n;
    if (optname === SO.RCVTIMEO) socket.receiveTimeout = timeout;
    else socket.sendTimeout = timeout;
    return;
  }
  const name = NAMES.get(optname) ?? unknownOption(level, optname);
  if (READ_ONLY.has(name)) fail('ENOPROTOOPT');
  if (optval.length < 4) fail('EINVAL');
  const value = t.space.readI32(optval.address);
  // The kernel doubles what it is asked for, to make room for its own bookkeeping.
  if (name === 'SNDBUF' || name === 'RCVBUF')
    socket.options.set(name, Math.max(name === 'SNDBUF' ? 4608 : 2304, Math.min(value, BUFFER) * 2));
  else if (name === 'LINGER') {
    socket.options.set('LINGER_TIME', optval.length >= 8 ? t.space.readI32(optval.address + 4) : 0);
    socket.options.set(name, value);
  } else socket.options.set(name, value);
  if (name === 'PASSCRED') (socket as LocalSocket).askForCredentials?.(value !== 0);
  socket.optionSet(name, value);
}

function setProtocolOption(t: Task, socket: Socket, level: number, optname: number, optval: GuestBuffer): void {
  if (socket.family === 'unix' || socket.family === 'netlink') fail('EOPNOTSUPP');
  if (level === IPPROTO.TCP && optname === TCP_CONGESTION) return;
  const option = optionOf(socket, level, optname);
  // A single byte does for what belongs to IP.
  const narrow = level === IPPROTO.IP && optval.length >= 1;
  if (optval.length < 4 && !narrow) fail('EINVAL');
  const value = optval.length < 4 ? t.space.copyIn(optval.address, 1)[0] : t.space.readI32(optval.address);
  socket.options.set(option.word ?? `${level}:${optname}`, value);
  if (option.word) socket.optionSet(option.word, value);
}

function optionOf(socket: Socket, level: number, optname: number) {
  if (level === IPV6.LEVEL && socket.family === 'inet') return fail('ENOPROTOOPT');
  const option = SOCKET_OPTIONS[level]?.[optname];
  if (!option) return unknownOption(level, optname);
  if (option.only && option.only !== socket.type) {
    // Linux looks for the level among what the socket's protocol has.
    return fail(level === IPPROTO.TCP || level === IPPROTO.UDP ? 'EOPNOTSUPP' : 'ENOPROTOOPT');
  }
  return option;
}

function unknownOption(level: number, optname: number): never {
  missing(`linux socket option ${optname} of level ${level}`);
  return fail('ENOPROTOOPT');
}

export function getsockopt(
  t: Task,
  a: { sockfd: number; level: number; optname: number; optval: number; optlen: Place<{ value: number }> },
): void {
  const socket = socketOf(t, a.sockfd);
  const length = a.optlen.get().value;
  if (length < 0) fail('EINVAL');
  const bytes = optionBytes(t, socket, a.level, a.optname);
  t.space.copyOut(a.optval, bytes.subarray(0, length));
  a.optlen.set({ value: Math.min(length, bytes.length) });
}

function protocolOptionBytes(socket: Socket, level: number, optname: number): Uint8Array {
  if (socket.family === 'unix' || socket.family === 'netlink') fail('EOPNOTSUPP');
  if (level === IPPROTO.TCP && socket.type === 'stream') {
    if (optname === TCP_CONGESTION) return bytesOf('cubic'.padEnd(16, '\0'));
    if (optname === TCP_INFO) return tcpInfo(socket);
  }
  const option = optionOf(socket, level, optname);
  return ints(socket.options.get(option.word ?? `${level}:${optname}`) ?? option.initial);
}

/** struct tcp_info: the state of the connection, and round trips of a loopback; counters stay zero. */
function tcpInfo(socket: Socket): Uint8Array {
  const ESTABLISHED = 1;
  const CLOSE = 7;
  const LISTEN = 10;
  const bytes = new Uint8Array(104);
  bytes[0] = socket.listening ? LISTEN : (socket as LocalSocket).connected ? ESTABLISHED : CLOSE;
  const view = new DataView(bytes.buffer);
  const microseconds = { rto: 204_000, rtt: 40, rttvar: 20 };
  view.setUint32(8, microseconds.rto, true);
  view.setUint32(68, microseconds.rtt, true);
  view.setUint32(72, microseconds.rttvar, true);
  return bytes;
}

function optionBytes(t: Task, socket: Socket, level: number, optname: number): Uint8Array {
  const { options } = socket;
  if (level !== SOL_SOCKET) return protocolOptionBytes(socket, level, optname);
  switch (optname) {
    case SO.TYPE:
      return ints(typeNumber(socket.type));
    case SO.DOMAIN:
      return ints(familyNumber(socket.family));
    case SO.PROTOCOL:
      return ints(socket.family === 'unix' || socket.family === 'netlink' ? 0 : socket.type === 'stream' ? 6 : 17);
    case SO.ERROR: {
      const error = socket.takeError();
      return ints(error ? t.process.personality.errno(error) : 0);
    }
    case SO.ACCEPTCONN:
      return ints(socket.listening ? 1 : 0);
    case SO.SNDBUF:
    case SO.RCVBUF:
      return ints(options.get(NAMES.get(optname) as string) ?? BUFFER);
    case SO.LINGER:
      return ints(options.get('LINGER') ?? 0, options.get('LINGER_TIME') ?? 0);
    case SO.PEERCRED:
      return ucred.encode([socket.peerCredentials ?? { pid: 0, uid: 0xffff_ffff, gid: 0xffff_ffff }]);
    case SO.RCVTIMEO:
    case SO.SNDTIMEO: {
      const value = optname === SO.RCVTIMEO ? socket.receiveTimeout : socket.sendTimeout;
      const tv_sec = Number(value / 1_000_000_000n);
      return timeval.encode([{ tv_sec, tv_usec: Number((value % 1_000_000_000n) / 1000n) }]);
    }
    default: {
      const name = NAMES.get(optname);
      if (name === undefined || name === 'PEERSEC') return fail('ENOPROTOOPT');
      return ints(options.get(name) ?? (name === 'RCVLOWAT' || name === 'SNDLOWAT' ? 1 : 0));
    }
  }
}
