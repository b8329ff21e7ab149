/** ioctls that ask sockets about network interfaces: struct ifreq in, one field of it out; setting anything is not for guests. */

import { fail } from '../../../src/base/failures.ts';
import { bytesOf, textOf } from '../../../src/base/text.ts';
import type { NetInterface } from '../../../src/kernel/net-interface.ts';
import { Socket } from '../../../src/kernel/socket.ts';
import type { Task } from '../../../src/personality/task.ts';
import { hardwareType, interfaceFlags } from '../abi/netlink.ts';
import { encodeAddress } from '../abi/sockets.ts';

const NAME_SIZE = 16;
const IFREQ_SIZE = 40;
type Answer = (t: Task, fd: number, arg: number) => number;

function interfaces(t: Task, fd: number): readonly NetInterface[] {
  if (!(t.file(fd) instanceof Socket)) fail('ENOTTY');
  return t.kernel.interfaces();
}

function named(t: Task, fd: number, arg: number): NetInterface {
  const bytes = t.space.copyIn(arg, NAME_SIZE);
  const end = bytes.indexOf(0);
  const name = textOf(bytes.subarray(0, end < 0 ? NAME_SIZE - 1 : end));
  return interfaces(t, fd).find((one) => one.name === name) ?? fail('ENODEV');
}

const nameBytes = (name: string): Uint8Array => {
  const bytes = new Uint8Array(NAME_SIZE);
  bytes.set(bytesOf(name).subarray(0, NAME_SIZE - 1));
  return bytes;
};

/** The union of ifreq as a number. */
const asking =
  (value: (one: NetInterface) => number): Answer =>
  (t, fd, arg) => {
    t.space.writeU32(arg + NAME_SIZE, value(named(t, fd, arg)) >>> 0);
    return 0;
  };

/** As a sockaddr of IPv4, the only family that these requests know. */
const askingAddress =
  (value: (address: { host: string; prefix: number }) => string): Answer =>
  (t, fd, arg) => {
    const own = named(t, fd, arg).addresses.find(({ family }) => family === 'inet') ?? fail('EADDRNOTAVAIL');
    t.space.copyOut(arg + NAME_SIZE, encodeAddress({ family: 'inet', host: value(own), port: 0 }));
    return 0;
  };

const octets = (bits: number): string => [24, 16, 8, 0].map((shift) => (bits >>> shift) & 255).join('.');
const mask = (prefix: number): number => (prefix === 0 ? 0 : (0xffff_ffff << (32 - prefix)) >>> 0);

function broadcast({ host, prefix }: { host: string; prefix: number }): string {
  const bits = host.split('.').reduce((sum, part) => sum * 256 + Number(part), 0);
  return octets((bits | ~mask(prefix)) >>> 0);
}

const hardware: Answer = (t, fd, arg) => {
  const one = named(t, fd, arg);
  const bytes = new Uint8Array(16);
  new DataView(bytes.buffer).setUint16(0, hardwareType(one), true);
  bytes.set(one.hardware, 2);
  t.space.copyOut(arg + NAME_SIZE, bytes);
  return 0;
};

const nameOfIndex: Answer = (t, fd, arg) => {
  const index = t.space.readI32(arg + NAME_SIZE);
  const one = interfaces(t, fd).find((each) => each.index === index) ?? fail('ENODEV');
  t.space.copyOut(arg, nameBytes(one.name));
  return 0;
};

/** struct ifconf: as many records as fit; without a buffer, what all of them need. */
const list: Answer = (t, fd, arg) => {
  const records = interfaces(t, fd).flatMap((one) =>
    one.addresses.filter(({ family }) => family === 'inet').map(({ host }) => ({ name: one.name, host })),
  );
  const room = t.space.readI32(arg);
  const buffer = t.space.readU64(arg + 8);
  if (buffer === 0) {
    t.space.writeU32(arg, records.length * IFREQ_SIZE);
    return 0;
  }
  const fits = records.slice(0, Math.max(0, Math.floor(room / IFREQ_SIZE)));
  fits.forEach(({ name, host }, i) => {
    const record = new Uint8Array(IFREQ_SIZE);
    record.set(nameBytes(name));
    record.set(encodeAddress({ family: 'inet', host, port: 0 }), NAME_SIZE);
    t.space.copyOut(buffer + i * IFREQ_SIZE, record);
  });
  t.space.writeU32(arg, fits.length * IFREQ_SIZE);
  return 0;
};

export const INTERFACE_REQUESTS: readonly (readonly [number, readonly [string, Answer]])[] = [
  [0x8910, ['SIOCGIFNAME', nameOfIndex]],
  [0x8912, ['SIOCGIFCONF', list]],
  [0x8913, ['SIOCGIFFLAGS', asking((one) => interfaceFlags(one) & 0xffff)]],
  [0x8915, ['SIOCGIFADDR', askingAddress(({ host }) => host)]],
  [0x8919, ['SIOCGIFBRDADDR', askingAddress((own) => (own.host.startsWith('127.') ? '0.0.0.0' : broadcast(own)))]],
  [0x891b, ['SIOCGIFNETMASK', askingAddress(({ prefix }) => octets(mask(prefix)))]],
  [0x891d, ['SIOCGIFMETRIC', asking(() => 0)]],
  [0x8921, ['SIOCGIFMTU', asking((one) => one.mtu)]],
  [0x8927, ['SIOCGIFHWADDR', hardware]],
  [0x8933, ['SIOCGIFINDEX', asking((one) => one.index)]],
  [0x8942, ['SIOCGIFTXQLEN', asking(() => 1000)]],
];
