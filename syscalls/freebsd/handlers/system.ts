/** What a process asks about the system: sysctl, sysarch, entropy. */

import { fail, missing } from '../../../src/base/failures.ts';
import { bytesOf, textOf } from '../../../src/base/text.ts';
import type { GuestBuffer } from '../../../src/personality/arguments.ts';
import type { Task } from '../../../src/personality/task.ts';
import { OSRELDATE, OSRELEASE, type ProcessState } from '../abi/start-up.ts';

const text = (value: string) => bytesOf(`${value}\0`);

function int(value: number, size = 4): Uint8Array {
  const bytes = new Uint8Array(size);
  const view = new DataView(bytes.buffer);
  if (size === 8) view.setBigUint64(0, BigInt(value), true);
  else view.setInt32(0, value, true);
  return bytes;
}

/** A row: number path, name, value. */
interface Sysctl {
  oid: readonly number[];
  name: string;
  value(task: Task): Uint8Array;
}

const state = (task: Task) => task.process.personalityState as ProcessState;

const SYSCTLS: readonly Sysctl[] = [
  { oid: [1, 1], name: 'kern.ostype', value: () => text('FreeBSD') },
  { oid: [1, 2], name: 'kern.osrelease', value: () => text(OSRELEASE) },
  { oid: [1, 3], name: 'kern.osrevision', value: () => int(199506) },
  { oid: [1, 4], name: 'kern.version', value: () => text(`FreeBSD ${OSRELEASE} HOSPES`) },
  { oid: [1, 8], name: 'kern.argmax', value: () => int(524288) },
  { oid: [1, 10], name: 'kern.hostname', value: (task) => text(task.kernel.hostname) },
  { oid: [1, 18], name: 'kern.ngroups', value: () => int(1023) },
  { oid: [1, 24], name: 'kern.osreldate', value: () => int(OSRELDATE) },
  { oid: [1, 32], name: 'kern.ps_strings', value: (task) => int(state(task).psStrings, 8) },
  { oid: [1, 33], name: 'kern.usrstack', value: (task) => int(state(task).stackTop, 8) },
  { oid: [1, 35], name: 'kern.iov_max', value: () => int(1024) },
  { oid: [2, 12], name: 'vm.overcommit', value: () => int(0) },
  { oid: [6, 1], name: 'hw.machine', value: () => text('amd64') },
  { oid: [6, 2], name: 'hw.model', value: () => text('Hospes') },
  { oid: [6, 3], name: 'hw.ncpu', value: () => int(1) },
  { oid: [6, 4], name: 'hw.byteorder', value: () => int(1234) },
  { oid: [6, 5], name: 'hw.physmem', value: () => int(4 * 2 ** 30, 8) },
  { oid: [6, 7], name: 'hw.pagesize', value: () => int(4096) },
  { oid: [6, 11], name: 'hw.machine_arch', value: () => text('amd64') },
];
const ARND = [1, 37];
const CTL_SYSCTL_NAME2OID = [0, 3];

interface Request {
  old: number;
  oldlenp: number;
  new: number;
  newlen: number;
}

export function __sysctl(task: Task, a: Request & { name: number; namelen: number }) {
  if (a.namelen < 2 || a.namelen > 24) fail('EINVAL');
  const raw = task.space.copyIn(a.name, a.namelen * 4);
  const oid = Array.from(new Int32Array(raw.buffer.slice(raw.byteOffset, raw.byteOffset + raw.length)));
  if (same(oid, CTL_SYSCTL_NAME2OID)) {
    const wanted = textOf(task.space.copyIn(a.new, a.newlen)).replace(/\0.*$/, '');
    const found = SYSCTLS.find(({ name }) => name === wanted) ?? unknown(wanted);
    return answer(task, a, new Uint8Array(new Int32Array(found.oid).buffer));
  }
  if (same(oid, ARND)) {
    const bytes = new Uint8Array(Math.min(256, task.space.readU64(a.oldlenp)));
    task.kernel.environment.random(bytes);
    return answer(task, a, bytes);
  }
  const found = SYSCTLS.find((row) => same(row.oid, oid)) ?? unknown(oid.join('.'));
  if (a.new !== 0) fail('EPERM');
  return answer(task, a, found.value(task));
}

export function __sysctlbyname(task: Task, a: Request & { name: GuestBuffer }) {
  const wanted = textOf(a.name.copy());
  const found = SYSCTLS.find(({ name }) => name === wanted) ?? unknown(wanted);
  if (a.new !== 0) fail('EPERM');
  return answer(task, a, found.value(task));
}

const same = (a: readonly number[], b: readonly number[]) => a.length === b.length && a.every((n, i) => n === b[i]);

function unknown(name: string): never {
  missing(`freebsd sysctl ${name}`);
  return fail('ENOENT');
}

/** As many bytes as there is room for; ENOMEM when that is not all. */
function answer(task: Task, { old, oldlenp }: Request, value: Uint8Array): number {
  if (oldlenp === 0) return 0;
  const room = old === 0 ? value.length : task.space.readU64(oldlenp);
  const given = Math.min(room, value.length);
  if (old !== 0) task.space.copyOut(old, value.subarray(0, given));
  task.space.writeU64(oldlenp, old === 0 ? value.length : given);
  return given < value.length ? fail('ENOMEM') : 0;
}

/** Thread pointers: sysarch is given a pointer to the address. */
export function sysarch(task: Task, { op, parms }: { op: number; parms: number }) {
  const { cpu, space } = task;
  switch (op) {
    case 128:
      return space.writeU64(parms, cpu.getBase('fs'));
    case 129:
      return cpu.setBase('fs', space.readU64(parms));
    case 130:
      return space.writeU64(parms, cpu.getBase('gs'));
    case 131:
      return cpu.setBase('gs', space.readU64(parms));
    default:
      missing(`freebsd sysarch ${op}`);
      return fail('EINVAL');
  }
}

export function getrandom(task: Task, { buf, flags }: { buf: GuestBuffer; flags: number }) {
  if (flags & ~7) fail('EINVAL');
  const bytes = new Uint8Array(Math.min(buf.length, 0x100_0000));
  task.kernel.environment.random(bytes);
  buf.fill(bytes);
  return bytes.length;
}

/** Nothing here ever gained privileges by exec. */
export const issetugid = () => 0;

/** syscall and __syscall: the personality has shifted the arguments and called the row meant; only a loop gets here. */
export function indirect(): never {
  return fail('ENOSYS');
}
