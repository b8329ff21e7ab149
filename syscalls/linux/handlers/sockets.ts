/** Sockets: making, naming, connecting, sending and receiving with descriptors and credentials. What a socket does is the kernel's. */

import { fail, GuestError, missing } from '../../../src/base/failures.ts';
import { bytesOf, textOf } from '../../../src/base/text.ts';
import { AnsweringSocket } from '../../../src/kernel/answering-socket.ts';
import type { LocalSocket } from '../../../src/kernel/local-socket.ts';
import { type Ancillary, Socket, type SocketAddress, type SocketType } from '../../../src/kernel/socket.ts';
import { UnixSocket } from '../../../src/kernel/unix-socket.ts';
import { Wait } from '../../../src/kernel/wait.ts';
import type { GuestBuffer, Place } from '../../../src/personality/arguments.ts';
import type { Task } from '../../../src/personality/task.ts';
import type { CallState } from '../../../src/process/thread.ts';
import { AF } from '../abi/flags.ts';
import { answerRoute } from '../abi/netlink.ts';
import { decodeAddress, encodeAddress, familyName, IPPROTO, IPV6, MSG, SCM, SOCK, SOL_SOCKET } from '../abi/sockets.ts';
import { cmsghdr, iovec, mmsghdr, msghdr, timespec, ucred } from '../abi/structs.ts';
import { brokenPipe, vectorSpans } from './io.ts';
import { fromTimespec } from './time.ts';

type Length = Place<{ value: number }>;

const TYPES: Readonly<Record<number, SocketType>> = {
  [SOCK.STREAM]: 'stream',
  [SOCK.DGRAM]: 'datagram',
  [SOCK.SEQPACKET]: 'seqpacket',
  [SOCK.RAW]: 'raw',
};
export const typeNumber = (type: SocketType): number =>
  Number(Object.keys(TYPES).find((number) => TYPES[Number(number)] === type));
export const ints = (...values: number[]): Uint8Array => new Uint8Array(Int32Array.from(values).buffer);

export function socketOf(t: Task, fd: number): Socket {
  const file = t.file(fd);
  return file instanceof Socket ? file : fail('ENOTSOCK');
}

const ownCredentials = (t: Task) => ({
  pid: t.process.pid,
  uid: t.process.credentials.euid,
  gid: t.process.credentials.egid,
});

function install(t: Task, socket: Socket, flags: number): number {
  socket.nonblocking = (flags & SOCK.NONBLOCK) !== 0;
  return t.files.add(socket, (flags & SOCK.CLOEXEC) !== 0);
}

/** Try; where it would block and may, wait. `deadline`: SO_RCVTIMEO or SO_SNDTIMEO. */
function attempt<T>(t: Task, socket: Socket, queue: Socket, flags: number, timeout: bigint, action: () => T): T | Wait {
  try {
    return action();
  } catch (error) {
    const blocks = error instanceof GuestError && error.code === 'EAGAIN';
    if (!blocks || socket.nonblocking || flags & MSG.DONTWAIT || t.thread.timedOut) throw error;
    return new Wait([queue.queue], timeout === 0n ? undefined : t.thread.deadlineAfter(timeout));
  }
}

// ---- making

function familyOf(t: Task, domain: number) {
  return t.kernel.socketFamilies.get(familyName(domain)) ?? fail('EAFNOSUPPORT');
}

export function socket(
  t: Task,
  { domain, type, protocol }: { domain: number; type: number; protocol: number },
): number {
  const wanted = TYPES[type & 0xf] ?? fail('EINVAL');
  if (domain === AF.AF_NETLINK) return netlink(t, wanted, protocol, type);
  const family = familyOf(t, domain);
  if (wanted === 'raw') fail('EPERM');
  if (familyName(domain) !== 'unix') {
    if (wanted === 'seqpacket') fail('ESOCKTNOSUPPORT');
    const known: readonly number[] = wanted === 'stream' ? [IPPROTO.IP, IPPROTO.TCP] : [IPPROTO.IP, IPPROTO.UDP, IPPROTO.UDPLITE]; // biome-ignore format: one choice
    if (!known.includes(protocol)) fail('EPROTONOSUPPORT');
  }
  const made = family.socket(wanted, protocol);
  (made as LocalSocket).ownCredentials = ownCredentials(t);
  return install(t, made, type);
}

const NETLINK_ROUTE = 0;

function netlink(t: Task, wanted: SocketType, protocol: number, flags: number): number {
  if (wanted !== 'raw' && wanted !== 'datagram') fail('ESOCKTNOSUPPORT');
  if (protocol !== NETLINK_ROUTE) {
    missing(`linux netlink protocol ${protocol}`);
    fail('EPROTONOSUPPORT');
  }
  const answer = (request: Uint8Array, port: number) => answerRoute(request, port, t.kernel.interfaces());
  return install(t, new AnsweringSocket(wanted, t.process.pid, answer, t.kernel.realtime()), flags);
}

export function socketpair(
  t: Task,
  a: { domain: number; type: number; protocol: number; sv: Place<{ first: number; second: number }> },
): void {
  const family = familyOf(t, a.domain);
  const wanted = TYPES[a.type & 0xf] ?? fail('EINVAL');
  const [one, other] = family.pair?.(wanted) ?? fail('EOPNOTSUPP');
  one.peerCredentials = other.peerCredentials = ownCredentials(t);
  const first = install(t, one, a.type);
  const second = install(t, other, a.type);
  a.sv.set({ first, second });
}

// ---- names

/** The key under which a Unix-domain name is known: an abstract one by itself, a path by the node it leads to. */
function keyOf(t: Task, address: SocketAddress): string {
  if (address.family !== 'unix') return '';
  if (address.abstract) return UnixSocket.abstractKey(address.path);
  const path = textOf(address.path);
  const stat = t.vfs.stat(t.fs, undefined, path);
  t.vfs.access(t.fs, undefined, path, { write: true });
  if (stat.type !== 'socket') fail('ECONNREFUSED');
  return `${stat.dev}:${stat.ino}`;
}

export function bind(t: Task, { sockfd, addr }: { sockfd: number; addr: GuestBuffer; addrlen: number }): number | Wait {
  const socket = socketOf(t, sockfd);
  const address = decodeAddress(addr.copy());
  if (address.family !== socket.family) fail(address.family === 'unspecified' ? 'EAFNOSUPPORT' : 'EINVAL');
  if (address.family === 'unix' && address.path.length === 0 && !address.abstract) {
    // Nothing but the family: the kernel chooses an abstract name of five hex digits.
    const name = bytesOf(t.kernel.newInode().toString(16).padStart(5, '0'));
    return socket.bind({ family: 'unix', path: name, abstract: true }, UnixSocket.abstractKey(name)) ?? 0;
  }
  if (address.family === 'unix' && !address.abstract) {
    if (socket.localAddress().family === 'unix' && (socket.localAddress() as { path: Uint8Array }).path.length > 0) {
      fail('EINVAL');
    }
    const path = textOf(address.path);
    try {
      t.vfs.mknod(t.fs, undefined, path, 'socket', 0o777);
    } catch (error) {
      throw error instanceof GuestError && error.code === 'EEXIST' ? new GuestError('EADDRINUSE') : error;
    }
  }
  return socket.bind(address, keyOf(t, address)) ?? 0;
}

export const listen = (t: Task, { sockfd, backlog }: { sockfd: number; backlog: number }): number | Wait =>
  socketOf(t, sockfd).listen(backlog) ?? 0;

export function accept4(
  t: Task,
  { sockfd, addr, addrlen, flags }: { sockfd: number; addr: number; addrlen: Length; flags: number },
): number | Wait {
  const listener = socketOf(t, sockfd);
  if (flags & ~(SOCK.NONBLOCK | SOCK.CLOEXEC)) fail('EINVAL');
  if (!listener.listening) fail(listener.type === 'datagram' ? 'EOPNOTSUPP' : 'EINVAL');
  const accepted = attempt(t, listener, listener, 0, listener.receiveTimeout, () => listener.accept());
  if (accepted instanceof Wait) return accepted;
  const fd = install(t, accepted, flags);
  if (addr !== 0) giveAddress(t, accepted.peerAddress(), addr, addrlen);
  return fd;
}

export const accept = (t: Task, a: { sockfd: number; addr: number; addrlen: Length }): number | Wait =>
  accept4(t, { ...a, flags: 0 });

export function connect(
  t: Task,
  { sockfd, addr }: { sockfd: number; addr: GuestBuffer; addrlen: number },
): number | Wait {
  const socket = socketOf(t, sockfd);
  const address = decodeAddress(addr.copy());
  if (address.family !== 'unspecified' && address.family !== socket.family) fail('EAFNOSUPPORT');
  const key = keyOf(t, address);
  const queue = (address.family === 'unspecified' ? undefined : (socket as LocalSocket).find?.(address, key)) ?? socket;
  return attempt(t, socket, queue, 0, socket.sendTimeout, () => {
    socket.connect(address, key);
    return 0;
  });
}

/** An address for the guest: cut to what it has room for, with the full length told. */
function giveAddress(t: Task, address: SocketAddress | undefined, at: number, length: Length): void {
  if (length.isNull) fail('EFAULT');
  const bytes = address ? encodeAddress(address) : new Uint8Array(0);
  const room = length.get().value;
  if (room < 0) fail('EINVAL');
  t.space.copyOut(at, bytes.subarray(0, room));
  length.set({ value: bytes.length });
}

export function getsockname(
  t: Task,
  { sockfd, addr, addrlen }: { sockfd: number; addr: number; addrlen: Length },
): void {
  giveAddress(t, socketOf(t, sockfd).localAddress(), addr, addrlen);
}

export function getpeername(
  t: Task,
  { sockfd, addr, addrlen }: { sockfd: number; addr: number; addrlen: Length },
): void {
  giveAddress(t, socketOf(t, sockfd).peerAddress(), addr, addrlen);
}

export function shutdown(t: Task, { sockfd, how }: { sockfd: number; how: number }): void {
  const words = ['read', 'write', 'both'] as const;
  socketOf(t, sockfd).shutdown(words[how] ?? fail('EINVAL'));
}

// ---- sending

function gather(spans: readonly Uint8Array[]): Uint8Array {
  if (spans.length === 1) return spans[0];
  const all = new Uint8Array(spans.reduce((sum, span) => sum + span.length, 0));
  let done = 0;
  for (const span of spans) {
    all.set(span, done);
    done += span.length;
  }
  return all;
}

interface Outgoing {
  bytes: Uint8Array;
  to: SocketAddress | undefined;
  ancillary: Ancillary | undefined;
  flags: number;
}

/** A stream takes what fits and waits for more room until all is sent; a datagram goes whole. */
function send(t: Task, socket: Socket, { bytes, to, ancillary, flags }: Outgoing): number | Wait {
  let done = (t.thread.callState as CallState | undefined)?.progress ?? 0;
  const key = to ? keyOf(t, to) : undefined;
  try {
    for (;;) {
      const rest = done === 0 ? bytes : bytes.subarray(done);
      const sent = socket.send(rest, to, done === 0 ? ancillary : undefined, key);
      done += sent;
      if (done >= bytes.length || sent === 0) return done;
    }
  } catch (error) {
    if (!(error instanceof GuestError)) throw error;
    if (error.code === 'EAGAIN' && !socket.nonblocking && !(flags & MSG.DONTWAIT) && !t.thread.timedOut) {
      if (done > 0) t.thread.callState = { progress: done } satisfies CallState;
      const peer = (socket as LocalSocket).receiver?.(to, key) ?? socket;
      const { sendTimeout } = socket;
      return new Wait([socket.queue, peer.queue], sendTimeout === 0n ? undefined : t.thread.deadlineAfter(sendTimeout));
    }
    if (done > 0) return done;
    if (error.code === 'EPIPE' && !(flags & MSG.NOSIGNAL) && socket.type !== 'datagram') brokenPipe(t);
    throw error;
  }
}

export function sendto(
  t: Task,
  a: { sockfd: number; buf: GuestBuffer; len: number; flags: number; dest_addr: number; addrlen: number },
): number | Wait {
  const socket = socketOf(t, a.sockfd);
  const to = a.dest_addr === 0 ? undefined : decodeAddress(t.space.copyIn(a.dest_addr, Math.min(a.addrlen, 128)));
  const ancillary = withCredentials(t, socket, undefined);
  return send(t, socket, { bytes: gather(a.buf.input()), to, ancillary, flags: a.flags });
}

type Message = ReturnType<(typeof msghdr)['get']>;

function sendMessage(t: Task, sockfd: number, msg: Message, flags: number): number | Wait {
  const socket = socketOf(t, sockfd);
  const to =
    msg.msg_name === 0 || msg.msg_namelen === 0
      ? undefined
      : decodeAddress(t.space.copyIn(msg.msg_name, Math.min(msg.msg_namelen, 128)));
  const spans = vectorSpans(t, msg.msg_iov, msg.msg_iovlen, 'read');
  const bytes = spans.length === 0 ? new Uint8Array(0) : gather(spans);
  const ancillary = withCredentials(t, socket, readControl(t, socket, msg));
  return send(t, socket, { bytes, to, ancillary, flags });
}

export const sendmsg = (t: Task, { sockfd, msg, flags }: { sockfd: number; msg: Message; flags: number }) =>
  sendMessage(t, sockfd, msg, flags);

/** Several messages: what is sent before one that fails or blocks counts. */
export function sendmmsg(t: Task, a: { sockfd: number; msgvec: number; vlen: number; flags: number }): number | Wait {
  const count = Math.min(a.vlen, 1024);
  for (let i = 0; i < count; i++) {
    const at = a.msgvec + i * mmsghdr.size;
    try {
      const sent = sendMessage(t, a.sockfd, msghdr.get(t.space, at), a.flags);
      if (sent instanceof Wait) return i > 0 ? i : sent;
      t.space.writeU32(at + msghdr.size, sent);
    } catch (error) {
      if (i === 0 || !(error instanceof GuestError)) throw error;
      return i;
    }
  }
  return count;
}

/** The control messages that go with a message: descriptors and credentials. */
function readControl(t: Task, socket: Socket, msg: Message): Ancillary | undefined {
  if (msg.msg_control === 0 || msg.msg_controllen === 0) return undefined;
  const ancillary: Ancillary = { files: [], credentials: undefined };
  const end = msg.msg_controllen;
  for (let at = 0; at + cmsghdr.size <= end; ) {
    const { cmsg_len, cmsg_level, cmsg_type } = cmsghdr.get(t.space, msg.msg_control + at);
    if (cmsg_len < cmsghdr.size || at + cmsg_len > end) fail('EINVAL');
    const data = msg.msg_control + at + cmsghdr.size;
    const length = cmsg_len - cmsghdr.size;
    if (cmsg_level === SOL_SOCKET && cmsg_type === SCM.RIGHTS) {
      if (socket.family !== 'unix') fail('EINVAL');
      if (length / 4 > 253) fail('EINVAL');
      for (let i = 0; i + 4 <= length; i += 4) ancillary.files.push(t.file(t.space.readI32(data + i)));
    } else if (cmsg_level === SOL_SOCKET && cmsg_type === SCM.CREDENTIALS && length >= ucred.size) {
      const claimed = ucred.get(t.space, data);
      const own = ownCredentials(t);
      const root = own.uid === 0;
      if (!root && (claimed.pid !== own.pid || claimed.uid !== own.uid || claimed.gid !== own.gid)) fail('EPERM');
      ancillary.credentials = claimed;
    } else if (cmsg_level === SOL_SOCKET) {
      fail('EINVAL');
    } else if (cmsg_level === IPV6.LEVEL && socket.family === 'inet6' && length >= 4) {
      const value = t.space.readI32(data);
      if (value < -1 || value > 255) fail('EINVAL');
      if (cmsg_type === IPV6.HOPLIMIT) ancillary.hopLimit = value < 0 ? undefined : value;
      if (cmsg_type === IPV6.TCLASS) ancillary.trafficClass = value < 0 ? undefined : value;
    }
    at += Math.ceil(cmsg_len / 8) * 8;
  }
  return ancillary;
}

/** A receiver that asked for credentials gets them without the sender's doing. */
function withCredentials(t: Task, socket: Socket, ancillary: Ancillary | undefined): Ancillary | undefined {
  if (ancillary) {
    ancillary.credentials ??= ownCredentials(t);
    return ancillary;
  }
  if (socket.family !== 'unix' || !(socket as LocalSocket).wantsCredentials) return undefined;
  return { files: [], credentials: ownCredentials(t) };
}

// ---- receiving

/** MSG_WAITALL and a stream: go on until the buffer is full. */
function receive(t: Task, socket: Socket, into: Uint8Array, flags: number, wantAncillary: boolean) {
  const how = { peek: (flags & MSG.PEEK) !== 0, wantAncillary };
  return attempt(t, socket, socket, flags, socket.receiveTimeout, () => {
    const all = (flags & MSG.WAITALL) !== 0 && socket.type === 'stream' && !how.peek;
    if (!all) return socket.receive(into, how);
    const state = (t.thread.callState ?? { progress: 0, bytes: new Uint8Array(into.length) }) as {
      progress: number;
      bytes: Uint8Array;
    };
    t.thread.callState = state;
    for (;;) {
      const rest = state.bytes.subarray(state.progress);
      if (rest.length === 0) break;
      const got = receiveMore(t, socket, rest, how, state.progress);
      if (got === 0) break;
      state.progress += got;
    }
    into.set(state.bytes.subarray(0, state.progress));
    return { length: state.progress, full: state.progress, from: undefined, ancillary: undefined };
  });
}

function receiveMore(
  t: Task,
  socket: Socket,
  rest: Uint8Array,
  how: { peek: boolean; wantAncillary: boolean },
  done: number,
): number {
  try {
    return socket.receive(rest, how).length;
  } catch (error) {
    // After a time-out what is there is the answer.
    if (done > 0 && t.thread.timedOut && error instanceof GuestError && error.code === 'EAGAIN') return 0;
    throw error;
  }
}

export function recvfrom(
  t: Task,
  a: { sockfd: number; buf: GuestBuffer; len: number; flags: number; src_addr: number; addrlen: number | Length },
): number | Wait {
  const socket = socketOf(t, a.sockfd);
  const spans = a.buf.output(Math.min(a.buf.length, 0x7fff_f000));
  const into = spans.length === 1 ? spans[0] : new Uint8Array(a.buf.length);
  const received = receive(t, socket, into, a.flags, false);
  if (received instanceof Wait) return received;
  if (spans.length !== 1) scatter(into.subarray(0, received.length), spans);
  if (a.src_addr !== 0) {
    const length = typeof a.addrlen === 'number' ? lengthAt(t, a.addrlen) : a.addrlen;
    giveAddress(t, received.from, a.src_addr, length);
  }
  return a.flags & MSG.TRUNC ? received.full : received.length;
}

const lengthAt = (t: Task, address: number): Length =>
  ({
    isNull: address === 0,
    get: () => ({ value: t.space.readI32(address) }),
    set: ({ value }: { value: number }) => t.space.writeU32(address, value),
  }) as Length;

function scatter(bytes: Uint8Array, spans: readonly Uint8Array[]): void {
  let done = 0;
  for (const span of spans) {
    span.set(bytes.subarray(done, done + span.length));
    done += span.length;
    if (done >= bytes.length) return;
  }
}

function receiveMessage(t: Task, sockfd: number, at: number, flags: number): number | Wait {
  const socket = socketOf(t, sockfd);
  const msg = msghdr.get(t.space, at);
  const vectors = msg.msg_iovlen === 0 ? [] : iovec.getArray(t.space, msg.msg_iov, Math.min(msg.msg_iovlen, 1024));
  const spans = vectors.flatMap(({ iov_base, iov_len }) =>
    iov_len === 0 ? [] : t.space.spans(iov_base, iov_len, 'write'),
  );
  const into = spans.length === 1 ? spans[0] : new Uint8Array(spans.reduce((sum, span) => sum + span.length, 0));
  const received = receive(t, socket, into, flags, msg.msg_control !== 0);
  if (received instanceof Wait) return received;
  if (spans.length > 1) scatter(into.subarray(0, received.length), spans);
  let out = received.full > received.length && socket.type !== 'stream' ? MSG.TRUNC : 0;
  if (msg.msg_name !== 0) {
    const bytes = received.from ? encodeAddress(received.from) : new Uint8Array(0);
    t.space.copyOut(msg.msg_name, bytes.subarray(0, msg.msg_namelen));
    t.space.writeU32(at + msghdr.offsets.msg_namelen, bytes.length);
  }
  const [length, truncated] = writeControl(t, socket, msg, received.ancillary, flags);
  if (truncated) out |= MSG.CTRUNC;
  t.space.writeU64(at + msghdr.offsets.msg_controllen, length);
  t.space.writeU32(at + msghdr.offsets.msg_flags, out | (flags & MSG.CMSG_CLOEXEC));
  return flags & MSG.TRUNC ? received.full : received.length;
}

export const recvmsg = (
  t: Task,
  { sockfd, msg, flags }: { sockfd: number; msg: Place<Message>; flags: number },
): number | Wait => receiveMessage(t, sockfd, msg.address, flags);

export function recvmmsg(
  t: Task,
  a: { sockfd: number; msgvec: number; vlen: number; flags: number; timeout: number },
): number | Wait {
  const wanted = a.timeout === 0 ? undefined : fromTimespec(timespec.get(t.space, a.timeout));
  const count = Math.min(a.vlen, 1024);
  for (let i = 0; i < count; i++) {
    const at = a.msgvec + i * mmsghdr.size;
    const flags = (a.flags & ~MSG.WAITFORONE) | (i > 0 && a.flags & MSG.WAITFORONE ? MSG.DONTWAIT : 0);
    try {
      const got = receiveMessage(t, a.sockfd, at, flags);
      if (got instanceof Wait) {
        if (i > 0) return i;
        return new Wait(got.queues, wanted === undefined ? got.deadline : t.thread.deadlineAfter(wanted));
      }
      t.space.writeU32(at + msghdr.size, got);
    } catch (error) {
      if (i === 0 || !(error instanceof GuestError)) throw error;
      return i;
    }
  }
  return count;
}

/** Of a packet that never leaves the machine. */
const DEFAULT_HOPS = 64;

/** Descriptors and credentials for the receiver; those that find no room are closed. Returns the bytes used and whether some were cut. */
function writeControl(
  t: Task,
  socket: Socket,
  msg: Message,
  ancillary: Ancillary | undefined,
  flags: number,
): [length: number, truncated: boolean] {
  let used = 0;
  let truncated = false;
  const room = msg.msg_control === 0 ? 0 : msg.msg_controllen;
  /** As the kernel does it: what does not fit is cut, even in the middle of the data. */
  const put = (level: number, type: number, data: Uint8Array) => {
    const length = Math.min(cmsghdr.size + data.length, room - used);
    if (length < cmsghdr.size + data.length) truncated = true;
    if (length < cmsghdr.size) return;
    const at = msg.msg_control + used;
    cmsghdr.set(t.space, at, { cmsg_len: length, cmsg_level: level, cmsg_type: type });
    t.space.copyOut(at + cmsghdr.size, data.subarray(0, length - cmsghdr.size));
    used = Math.min(room, used + cmsghdr.size + Math.ceil(data.length / 8) * 8);
  };
  if (socket.options.get('PASSCRED')) {
    const credentials = ancillary?.credentials ?? { pid: 0, uid: 65534, gid: 65534 };
    put(SOL_SOCKET, SCM.CREDENTIALS, ucred.encode([credentials]));
  }
  if (socket.family === 'inet6' && socket.type === 'datagram') {
    const asked = (option: number) => (socket.options.get(`${IPV6.LEVEL}:${option}`) ?? 0) !== 0;
    if (asked(IPV6.RECVHOPLIMIT)) put(IPV6.LEVEL, IPV6.HOPLIMIT, ints(ancillary?.hopLimit ?? DEFAULT_HOPS));
    if (asked(IPV6.RECVTCLASS)) put(IPV6.LEVEL, IPV6.TCLASS, ints(ancillary?.trafficClass ?? 0));
  }
  const files = ancillary?.files ?? [];
  if (files.length > 0) {
    const fits = Math.max(0, Math.min(files.length, Math.floor((room - used - cmsghdr.size) / 4)));
    const numbers: number[] = [];
    for (const [i, file] of files.entries()) {
      if (i >= fits) truncated = true;
      else numbers.push(t.files.add(file, (flags & MSG.CMSG_CLOEXEC) !== 0));
      // The message's own hold ends; a peeked message keeps its.
      if (!(flags & MSG.PEEK)) file.drop();
    }
    if (numbers.length > 0) put(SOL_SOCKET, SCM.RIGHTS, new Uint8Array(Int32Array.from(numbers).buffer));
  }
  return [used, truncated];
}
