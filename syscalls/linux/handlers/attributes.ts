/** Extended attributes: who may see and change which name; keeping them is the file system's business. */
import { fail } from '../../../src/base/failures.ts';
import { bytesOf } from '../../../src/base/text.ts';
import type { Stat } from '../../../src/host/host.ts';
import { permits } from '../../../src/kernel/permissions.ts';
import { type LookUp, ON_BASE } from '../../../src/kernel/vfs.ts';
import type { GuestBuffer } from '../../../src/personality/arguments.ts';
import type { Task } from '../../../src/personality/task.ts';

const FOLLOW: LookUp = { follow: true };
const NO_FOLLOW: LookUp = { follow: false };

const XATTR_CREATE = 1;
const XATTR_REPLACE = 2;
const LONGEST_NAME = 255;
const LARGEST_VALUE = 65536;
/** Families of names that file systems of Linux keep for programs. */
const FAMILY = /^(user|trusted|security)\../;

interface Named {
  name: string;
}
interface Valued extends Named {
  value: GuestBuffer;
  flags: number;
}
interface Asked extends Named {
  value: GuestBuffer;
}

/** The three ways to say which file: a path, a path whose last link is meant itself, a descriptor. */
function byPath(t: Task, path: string, look: LookUp, change: boolean) {
  return t.vfs.attributes(t.fs, undefined, path, look, change);
}
function byDescriptor(t: Task, fd: number, change: boolean) {
  return t.vfs.attributes(t.fs, t.file(fd), '', ON_BASE, change);
}
type Place = ReturnType<typeof byPath>;

function checkName(name: string): void {
  const { length } = bytesOf(name);
  if (length === 0 || length > LONGEST_NAME) fail('ERANGE');
}

/** Attributes of users belong to files and directories; those of the administrator nobody else sees. */
function demand(t: Task, { stat }: Place, name: string, want: 'read' | 'write'): void {
  const refuse = (): never => fail(want === 'write' ? 'EPERM' : 'ENODATA');
  if (name.startsWith('trusted.') && t.fs.uid !== 0) refuse();
  if (!name.startsWith('user.')) return;
  if (stat.type !== 'file' && stat.type !== 'directory') refuse();
  if (want === 'write' && stat.type === 'directory' && stat.mode & 0o1000 && !owns(t, stat)) fail('EPERM');
  if (!permits(t.fs, stat, { [want]: true })) fail('EACCES');
}

const owns = (t: Task, stat: Stat): boolean => t.fs.uid === 0 || t.fs.uid === stat.uid;

function set(t: Task, open: () => Place, { name, value, flags }: Valued): void {
  if (flags & ~(XATTR_CREATE | XATTR_REPLACE)) fail('EINVAL');
  checkName(name);
  if (value.length > LARGEST_VALUE) fail('E2BIG');
  const bytes = value.copy();
  const place = open();
  demand(t, place, name, 'write');
  const { kept } = place;
  if (!kept || !FAMILY.test(name)) fail('EOPNOTSUPP');
  if (flags & XATTR_CREATE && kept.has(name)) fail('EEXIST');
  if (flags & XATTR_REPLACE && !kept.has(name)) fail('ENODATA');
  kept.set(name, bytes);
}

function get(t: Task, place: Place, { name, value }: Asked): number {
  checkName(name);
  demand(t, place, name, 'read');
  if (!FAMILY.test(name)) fail('EOPNOTSUPP');
  return answer(value, place.kept?.get(name) ?? fail('ENODATA'));
}

function list(t: Task, { kept }: Place, into: GuestBuffer): number {
  const names = [...(kept?.keys() ?? [])].filter((name) => t.fs.uid === 0 || !name.startsWith('trusted.'));
  return answer(into, bytesOf(names.map((name) => `${name}\0`).join('')));
}

/** A size of 0 asks how much there is. */
function answer(into: GuestBuffer, bytes: Uint8Array): number {
  if (into.length > 0) {
    if (bytes.length > into.length) fail('ERANGE');
    into.fill(bytes);
  }
  return bytes.length;
}

function remove(t: Task, open: () => Place, { name }: Named): void {
  checkName(name);
  const place = open();
  demand(t, place, name, 'write');
  if (!place.kept || !FAMILY.test(name)) fail('EOPNOTSUPP');
  if (!place.kept.delete(name)) fail('ENODATA');
}

interface Path {
  path: string;
}
interface Descriptor {
  fd: number;
}

export const setxattr = (t: Task, a: Path & Valued) => set(t, () => byPath(t, a.path, FOLLOW, true), a);
export const lsetxattr = (t: Task, a: Path & Valued) => set(t, () => byPath(t, a.path, NO_FOLLOW, true), a);
export const fsetxattr = (t: Task, a: Descriptor & Valued) => set(t, () => byDescriptor(t, a.fd, true), a);
export const getxattr = (t: Task, a: Path & Asked) => get(t, byPath(t, a.path, FOLLOW, false), a);
export const lgetxattr = (t: Task, a: Path & Asked) => get(t, byPath(t, a.path, NO_FOLLOW, false), a);
export const fgetxattr = (t: Task, a: Descriptor & Asked) => get(t, byDescriptor(t, a.fd, false), a);
export const listxattr = (t: Task, a: Path & { list: GuestBuffer }) =>
  list(t, byPath(t, a.path, FOLLOW, false), a.list);
export const llistxattr = (t: Task, a: Path & { list: GuestBuffer }) =>
  list(t, byPath(t, a.path, NO_FOLLOW, false), a.list);
export const flistxattr = (t: Task, a: Descriptor & { list: GuestBuffer }) =>
  list(t, byDescriptor(t, a.fd, false), a.list);
export const removexattr = (t: Task, a: Path & Named) => remove(t, () => byPath(t, a.path, FOLLOW, true), a);
export const lremovexattr = (t: Task, a: Path & Named) => remove(t, () => byPath(t, a.path, NO_FOLLOW, true), a);
export const fremovexattr = (t: Task, a: Descriptor & Named) => remove(t, () => byDescriptor(t, a.fd, true), a);
