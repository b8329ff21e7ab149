/** Users and groups of a process, and capabilities: they decide about users and groups; elsewhere user 0 does. */
import { fail } from '../../../src/base/failures.ts';
import type { Place } from '../../../src/personality/arguments.ts';
import type { Task } from '../../../src/personality/task.ts';
import type { Capabilities, Credentials } from '../../../src/process/process.ts';
import { cap_data, cap_header, int } from '../abi/structs.ts';

type Out = Place<{ value: number }>;

export const getuid = (t: Task) => t.process.credentials.uid;
export const geteuid = (t: Task) => t.process.credentials.euid;
export const getgid = (t: Task) => t.process.credentials.gid;
export const getegid = (t: Task) => t.process.credentials.egid;

export function getresuid(t: Task, { ruid, euid, suid }: { ruid: Out; euid: Out; suid: Out }): void {
  const { credentials } = t.process;
  ruid.set({ value: credentials.uid });
  euid.set({ value: credentials.euid });
  suid.set({ value: credentials.suid });
}

export function getresgid(t: Task, { rgid, egid, sgid }: { rgid: Out; egid: Out; sgid: Out }): void {
  const { credentials } = t.process;
  rgid.set({ value: credentials.gid });
  egid.set({ value: credentials.egid });
  sgid.set({ value: credentials.sgid });
}

/** New credentials take effect for file access too: fsuid and fsgid follow the effective ids. */
function become(t: Task, change: Partial<Credentials>): void {
  const { credentials } = t.process;
  const { euid: formerUser, egid: formerGroup } = credentials;
  const had = capabilitiesOf(credentials);
  const wasRoot = anyRoot(credentials);
  Object.assign(credentials, change);
  const { euid, egid, groups } = credentials;
  if (change.uid !== undefined || change.euid !== undefined || change.suid !== undefined) {
    const lost = wasRoot && !anyRoot(credentials) && !t.process.keepCapabilities;
    const permitted = lost ? 0n : had.permitted;
    const gained = formerUser !== 0 && euid === 0;
    const effective = gained ? permitted : formerUser === 0 && euid !== 0 ? 0n : had.effective & permitted;
    credentials.capabilities = { ...had, permitted, effective };
  }
  if (euid !== formerUser || egid !== formerGroup) t.process.dumpable = false;
  t.fs.uid = euid;
  t.fs.gid = egid;
  t.fs.groups = groups;
}

const CAP_SETGID = 6n;
const CAP_SETUID = 7n;
/** Capabilities 0 to 40. */
const ALL = (1n << 41n) - 1n;
const anyRoot = ({ uid, euid, suid }: Credentials): boolean => uid === 0 || euid === 0 || suid === 0;

function capabilitiesOf({ capabilities, euid }: Credentials): Capabilities {
  const all = euid === 0 ? ALL : 0n;
  return capabilities ?? { permitted: all, effective: all, inheritable: 0n };
}

const may = (t: Task, capability: bigint): boolean =>
  (capabilitiesOf(t.process.credentials).effective & (1n << capability)) !== 0n;

export function setuid(t: Task, { uid }: { uid: number }): void {
  const { credentials } = t.process;
  if (uid === -1) fail('EINVAL');
  if (may(t, CAP_SETUID)) become(t, { uid, euid: uid, suid: uid });
  else if (uid === credentials.uid || uid === credentials.suid) become(t, { euid: uid });
  else fail('EPERM');
}

export function setgid(t: Task, { gid }: { gid: number }): void {
  const { credentials } = t.process;
  if (gid === -1) fail('EINVAL');
  if (may(t, CAP_SETGID)) become(t, { gid, egid: gid, sgid: gid });
  else if (gid === credentials.gid || gid === credentials.sgid) become(t, { egid: gid });
  else fail('EPERM');
}

/** -1 leaves an id alone; others must be one of those the process has, unless it has the capability. */
function permitted(t: Task, capability: bigint, wanted: readonly number[], has: readonly number[]): void {
  if (may(t, capability)) return;
  if (wanted.some((id) => id !== -1 && !has.includes(id))) fail('EPERM');
}

export function setresuid(t: Task, { ruid, euid, suid }: { ruid: number; euid: number; suid: number }): void {
  const c = t.process.credentials;
  permitted(t, CAP_SETUID, [ruid, euid, suid], [c.uid, c.euid, c.suid]);
  become(t, {
    uid: ruid === -1 ? c.uid : ruid,
    euid: euid === -1 ? c.euid : euid,
    suid: suid === -1 ? c.suid : suid,
  });
}

export function setresgid(t: Task, { rgid, egid, sgid }: { rgid: number; egid: number; sgid: number }): void {
  const c = t.process.credentials;
  permitted(t, CAP_SETGID, [rgid, egid, sgid], [c.gid, c.egid, c.sgid]);
  become(t, {
    gid: rgid === -1 ? c.gid : rgid,
    egid: egid === -1 ? c.egid : egid,
    sgid: sgid === -1 ? c.sgid : sgid,
  });
}

/** setreuid keeps the new effective id as the saved one when the real id was set or the effective one differs from it. */
export function setreuid(t: Task, { ruid, euid }: { ruid: number; euid: number }): void {
  const c = t.process.credentials;
  permitted(t, CAP_SETUID, [ruid], [c.uid, c.euid]);
  permitted(t, CAP_SETUID, [euid], [c.uid, c.euid, c.suid]);
  const now = euid === -1 ? c.euid : euid;
  const saved = ruid !== -1 || (euid !== -1 && euid !== c.uid) ? now : c.suid;
  become(t, { uid: ruid === -1 ? c.uid : ruid, euid: now, suid: saved });
}

export function setregid(t: Task, { rgid, egid }: { rgid: number; egid: number }): void {
  const c = t.process.credentials;
  permitted(t, CAP_SETGID, [rgid], [c.gid, c.egid]);
  permitted(t, CAP_SETGID, [egid], [c.gid, c.egid, c.sgid]);
  const now = egid === -1 ? c.egid : egid;
  const saved = rgid !== -1 || (egid !== -1 && egid !== c.gid) ? now : c.sgid;
  become(t, { gid: rgid === -1 ? c.gid : rgid, egid: now, sgid: saved });
}

/** Both return the former id and never an error. */
export function setfsuid(t: Task, { uid }: { uid: number }): number {
  const former = t.fs.uid;
  const c = t.process.credentials;
  if (uid !== -1 && (may(t, CAP_SETUID) || [c.uid, c.euid, c.suid, former].includes(uid))) t.fs.uid = uid;
  return former;
}

export function setfsgid(t: Task, { gid }: { gid: number }): number {
  const former = t.fs.gid;
  const c = t.process.credentials;
  if (gid !== -1 && (may(t, CAP_SETGID) || [c.gid, c.egid, c.sgid, former].includes(gid))) t.fs.gid = gid;
  return former;
}

export function getgroups(t: Task, { size, list }: { size: number; list: number }): number {
  const { groups } = t.process.credentials;
  if (size < 0) fail('EINVAL');
  if (size === 0) return groups.length;
  if (size < groups.length) fail('EINVAL');
  int.setArray(
    t.space,
    list,
    groups.map((value) => ({ value })),
  );
  return groups.length;
}

export function setgroups(t: Task, { size, list }: { size: number; list: number }): void {
  if (!may(t, CAP_SETGID)) fail('EPERM');
  if (size > 65536) fail('EINVAL');
  become(t, { groups: int.getArray(t.space, list, size).map(({ value }) => value >>> 0) });
}

// ---- capabilities

const CAPABILITY_VERSION_1 = 0x19980330;
const CAPABILITY_VERSION_3 = 0x20080522;

type Header = Place<{ version: number; pid: number }>;

/** How many words a header's version asks for; an unknown version is answered with the one to use. */
function capabilityWords(hdrp: Header): number {
  const { version, pid } = hdrp.get();
  if (version === CAPABILITY_VERSION_1) return 1;
  if (version === CAPABILITY_VERSION_3 || version === 0x20071026) return 2;
  hdrp.set({ version: CAPABILITY_VERSION_3, pid });
  return 0;
}

export function capget(t: Task, { hdrp, datap }: { hdrp: Header; datap: number }): void {
  const words = capabilityWords(hdrp);
  if (words === 0) {
    if (datap === 0) return;
    fail('EINVAL');
  }
  const { pid } = hdrp.get();
  if (pid < 0) fail('EINVAL');
  const target = pid === 0 ? t.process : (t.kernel.threads.get(pid)?.process ?? fail('ESRCH'));
  if (datap === 0) return;
  const { effective, permitted, inheritable } = capabilitiesOf(target.credentials);
  const word = (set: bigint, i: number) => Number((set >> BigInt(i * 32)) & 0xffff_ffffn);
  cap_data.setArray(
    t.space,
    datap,
    Array.from({ length: words }, (_, i) => ({
      effective: word(effective, i),
      permitted: word(permitted, i),
      inheritable: word(inheritable, i),
    })),
  );
}

/** What is permitted can only shrink, and what is effective must be permitted. */
export function capset(t: Task, { hdrp, datap }: { hdrp: Header; datap: number }): void {
  const words = capabilityWords(hdrp);
  if (words === 0) fail('EINVAL');
  const { pid } = cap_header.get(t.space, hdrp.address);
  if (pid !== 0 && pid !== t.thread.tid) fail('EPERM');
  const data = cap_data.getArray(t.space, datap, words);
  const set = (name: 'effective' | 'permitted' | 'inheritable') =>
    data.reduce((sum, words, i) => sum | (BigInt(words[name]) << BigInt(i * 32)), 0n) & ALL;
  const [effective, permitted, inheritable] = [set('effective'), set('permitted'), set('inheritable')];
  const had = capabilitiesOf(t.process.credentials);
  if (permitted & ~had.permitted || effective & ~permitted) fail('EPERM');
  if (inheritable & ~(had.inheritable | had.permitted)) fail('EPERM');
  t.process.credentials.capabilities = { effective, permitted, inheritable };
}
