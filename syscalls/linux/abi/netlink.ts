/** rtnetlink: Linux's messages that tell of interfaces and their addresses; requests that change anything, or ask for more, are refused. */

import { missing } from '../../../src/base/failures.ts';
import { bytesOf } from '../../../src/base/text.ts';
import type { NetInterface } from '../../../src/kernel/net-interface.ts';
import { i32, pad, struct, u8, u16, u32 } from '../../../src/personality/struct.ts';
import { ERRNO } from './errno.ts';
import { AF } from './flags.ts';
import { addressBytes } from './sockets.ts';

const nlmsghdr = struct({ len: u32, type: u16, flags: u16, seq: u32, pid: u32 });
const ifinfomsg = struct({ family: u8, _pad: pad(1), type: u16, index: i32, flags: u32, change: u32 });
const ifaddrmsg = struct({ family: u8, prefixlen: u8, flags: u8, scope: u8, index: u32 });

const NLMSG = { ERROR: 2, DONE: 3 };
const NLM_F = { MULTI: 2, ACK: 4, DUMP: 0x300 };
const RTM = { NEWLINK: 16, GETLINK: 18, NEWADDR: 20, GETADDR: 22, GETROUTE: 26, GETNEIGH: 30, GETRULE: 34 };
const IFLA = { ADDRESS: 1, BROADCAST: 2, IFNAME: 3, MTU: 4, QDISC: 6, TXQLEN: 13, OPERSTATE: 16, LINKMODE: 17 };
const IFA = { ADDRESS: 1, LOCAL: 2, LABEL: 3, CACHEINFO: 6, FLAGS: 8 };
export const IFF = { UP: 1, BROADCAST: 2, LOOPBACK: 8, RUNNING: 0x40, MULTICAST: 0x1000, LOWER_UP: 0x10000 };
const ARPHRD = { ETHER: 1, LOOPBACK: 772 };
const IF_OPER = { UNKNOWN: 0, DOWN: 2, UP: 6 };
const SCOPES = { global: 0, link: 253, host: 254 };
const PERMANENT = 0x80;
/** Preferred and valid for ever, since the beginning. */
const FOR_EVER = new Uint8Array(Uint32Array.of(0xffff_ffff, 0xffff_ffff, 0, 0).buffer);

export function interfaceFlags({ up, loopback }: NetInterface): number {
  const running = up ? IFF.UP | IFF.RUNNING | IFF.LOWER_UP : 0;
  return running | (loopback ? IFF.LOOPBACK : IFF.BROADCAST | IFF.MULTICAST);
}

export const hardwareType = ({ loopback }: NetInterface): number => (loopback ? ARPHRD.LOOPBACK : ARPHRD.ETHER);

/** The answers to one datagram of requests. */
export function answerRoute(request: Uint8Array, port: number, interfaces: readonly NetInterface[]): Uint8Array[] {
  const answers: Uint8Array[] = [];
  const view = new DataView(request.buffer, request.byteOffset, request.byteLength);
  for (let at = 0; at + nlmsghdr.size <= request.length; ) {
    const len = view.getUint32(at, true);
    if (len < nlmsghdr.size || at + len > request.length) break;
    const message = { type: view.getUint16(at + 4, true), flags: view.getUint16(at + 6, true), seq: view.getUint32(at + 8, true) }; // biome-ignore format: one header
    const family = len > nlmsghdr.size ? request[at + nlmsghdr.size] : 0;
    const index = len >= nlmsghdr.size + 8 ? view.getInt32(at + nlmsghdr.size + 4, true) : 0;
    answers.push(
      ...answerOne({ ...message, family, index, original: request.subarray(at, at + len) }, port, interfaces),
    );
    at += (len + 3) & ~3;
  }
  return answers;
}

interface Request {
  type: number;
  flags: number;
  seq: number;
  family: number;
  index: number;
  original: Uint8Array;
}

function answerOne(request: Request, port: number, interfaces: readonly NetInterface[]): Uint8Array[] {
  const { type, seq } = request;
  const dump = (request.flags & NLM_F.DUMP) === NLM_F.DUMP;
  const flags = dump ? NLM_F.MULTI : 0;
  const wrap = (kind: number, body: Uint8Array) => frame(kind, flags, seq, port, body);
  const done = () => wrap(NLMSG.DONE, new Uint8Array(4));
  if (type === RTM.GETLINK) {
    if (dump) return [join(interfaces.map((one) => wrap(RTM.NEWLINK, link(one)))), done()];
    const wanted = interfaces.find((one) => one.index === request.index);
    return [wanted ? wrap(RTM.NEWLINK, link(wanted)) : error(request, port, ERRNO.ENODEV)];
  }
  if (type === RTM.GETADDR && dump) {
    const wanted = interfaces.flatMap((one) => addresses(one, request.family).map((body) => wrap(RTM.NEWADDR, body)));
    return wanted.length === 0 ? [done()] : [join(wanted), done()];
  }
  // No routes, neighbours and rules but the obvious ones.
  if (dump && (type === RTM.GETROUTE || type === RTM.GETNEIGH || type === RTM.GETRULE)) return [done()];
  missing(`linux rtnetlink message ${type}`);
  return [error(request, port, ERRNO.EOPNOTSUPP)];
}

function frame(type: number, flags: number, seq: number, pid: number, body: Uint8Array): Uint8Array {
  const bytes = new Uint8Array((nlmsghdr.size + body.length + 3) & ~3);
  bytes.set(nlmsghdr.encode([{ len: nlmsghdr.size + body.length, type, flags, seq, pid }]));
  bytes.set(body, nlmsghdr.size);
  return bytes;
}

function error({ seq, original }: Request, port: number, errno: number): Uint8Array {
  const body = new Uint8Array(4 + original.length);
  new DataView(body.buffer).setInt32(0, -errno, true);
  body.set(original, 4);
  return frame(NLMSG.ERROR, 0, seq, port, body);
}

function link(one: NetInterface): Uint8Array {
  const head = {
    family: AF.AF_UNSPEC,
    type: hardwareType(one),
    index: one.index,
    flags: interfaceFlags(one),
    change: 0,
  };
  const state = one.loopback ? IF_OPER.UNKNOWN : one.up ? IF_OPER.UP : IF_OPER.DOWN;
  return join([
    ifinfomsg.encode([head]),
    attribute(IFLA.IFNAME, text(one.name)),
    attribute(IFLA.TXQLEN, word(1000)),
    attribute(IFLA.OPERSTATE, Uint8Array.of(state)),
    attribute(IFLA.LINKMODE, Uint8Array.of(0)),
    attribute(IFLA.MTU, word(one.mtu)),
    attribute(IFLA.QDISC, text(one.loopback ? 'noqueue' : 'fq_codel')),
    attribute(IFLA.ADDRESS, one.hardware),
    attribute(IFLA.BROADCAST, new Uint8Array(6).fill(one.loopback ? 0 : 0xff)),
  ]);
}

function addresses(one: NetInterface, family: number): Uint8Array[] {
  return one.addresses.flatMap((address) => {
    const number = address.family === 'inet' ? AF.AF_INET : AF.AF_INET6;
    if (family !== AF.AF_UNSPEC && family !== number) return [];
    const bytes = addressBytes(address.family, address.host);
    const head = { family: number, prefixlen: address.prefix, flags: PERMANENT, scope: SCOPES[address.scope], index: one.index }; // biome-ignore format: one header
    const four = address.family === 'inet' ? [attribute(IFA.LOCAL, bytes), attribute(IFA.LABEL, text(one.name))] : [];
    return [join([ifaddrmsg.encode([head]), attribute(IFA.ADDRESS, bytes), ...four, attribute(IFA.FLAGS, word(PERMANENT)), attribute(IFA.CACHEINFO, FOR_EVER)])]; // biome-ignore format: one message
  });
}

function attribute(type: number, value: Uint8Array): Uint8Array {
  const bytes = new Uint8Array((4 + value.length + 3) & ~3);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, 4 + value.length, true);
  view.setUint16(2, type, true);
  bytes.set(value, 4);
  return bytes;
}

const text = (value: string): Uint8Array => bytesOf(`${value}\0`);
const word = (value: number): Uint8Array => new Uint8Array(Uint32Array.of(value).buffer);

function join(parts: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
