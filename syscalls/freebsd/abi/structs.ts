/** Structures of FreeBSD 12 and later on amd64 (64-bit inodes and devices); every size is asserted by the tests against the ABI. */
import type { FileType, Stat } from '../../../src/host/host.ts';
import { array, big64, i32, i64, pad, pointer, struct, text, u8, u16, u32, u64, type ValueOf } from '../../../src/personality/struct.ts'; // biome-ignore format: one row

export const timespec = struct({ sec: i64, nsec: i64 });
export const timeval = struct({ sec: i64, usec: i64 });
export const timezone = struct({ minutesWest: i32, dstTime: i32 });
export const iovec = struct({ base: pointer, length: u64 });
export const rlimit = struct({ current: big64, maximum: big64 });
export const word = struct({ value: i32 });
export const long = struct({ value: u64 });
export const pair = struct({ first: i32, second: i32 });
export const pollfd = struct({ fd: i32, events: u16, revents: u16 });
export const winsize = struct({ rows: u16, columns: u16, x: u16, y: u16 });
/** sigset_t: signal n is bit n - 1. */
export const sigset = struct({ bits: array(u32, 4) });
export const sigaction = struct({ handler: pointer, flags: i32, mask: array(u32, 4), pad: pad(4) });
export const stack = struct({ sp: pointer, size: u64, flags: i32, pad: pad(4) });

export const stat = struct({
  dev: u64,
  ino: u64,
  nlink: u64,
  mode: u16,
  pad0: pad(2),
  uid: u32,
  gid: u32,
  pad1: pad(4),
  rdev: u64,
  atime: timespec,
  mtime: timespec,
  ctime: timespec,
  birthtime: timespec,
  size: i64,
  blocks: i64,
  blksize: i32,
  flags: u32,
  gen: u64,
  spare: pad(80),
});

export const statfs = struct({
  version: u32,
  type: u32,
  flags: u64,
  bsize: u64,
  iosize: u64,
  blocks: u64,
  bfree: u64,
  bavail: i64,
  files: u64,
  ffree: i64,
  syncwrites: u64,
  asyncwrites: u64,
  syncreads: u64,
  asyncreads: u64,
  spare: pad(80),
  namemax: u32,
  owner: i32,
  fsid: array(i32, 2),
  charspare: pad(80),
  fstypename: text(16),
  mntfromname: text(1024),
  mntonname: text(1024),
});

export const rusage = struct({
  utime: timeval,
  stime: timeval,
  maxrss: i64,
  ixrss: i64,
  idrss: i64,
  isrss: i64,
  minflt: i64,
  majflt: i64,
  nswap: i64,
  inblock: i64,
  oublock: i64,
  msgsnd: i64,
  msgrcv: i64,
  nsignals: i64,
  nvcsw: i64,
  nivcsw: i64,
});

/** The first part of struct thr_param, which is all that matters here. */
export const threadParameters = struct({
  start: pointer,
  arg: pointer,
  stackBase: pointer,
  stackSize: u64,
  tlsBase: pointer,
  tlsSize: u64,
  childTid: pointer,
  parentTid: pointer,
});

/** The fixed part of struct dirent, before the name. */
export const direntHeader = struct({
  fileno: u64,
  off: i64,
  reclen: u16,
  type: u8,
  pad0: pad(1),
  namlen: u16,
  pad1: pad(2),
});

const TYPES: Readonly<Record<FileType, { mode: number; dirent: number }>> = {
  fifo: { mode: 0o010000, dirent: 1 },
  character: { mode: 0o020000, dirent: 2 },
  directory: { mode: 0o040000, dirent: 4 },
  block: { mode: 0o060000, dirent: 6 },
  file: { mode: 0o100000, dirent: 8 },
  symlink: { mode: 0o120000, dirent: 10 },
  socket: { mode: 0o140000, dirent: 12 },
};

export const direntType = (type: FileType): number => TYPES[type].dirent;

/** A kernel stat in this system's form. */
export function encodeStat(s: Stat): ValueOf<{ all: typeof stat }>['all'] {
  return {
    dev: s.dev,
    ino: s.ino,
    nlink: s.nlink,
    mode: TYPES[s.type].mode | s.mode,
    uid: s.uid,
    gid: s.gid,
    rdev: s.rdev,
    atime: toTimespec(s.atime),
    mtime: toTimespec(s.mtime),
    ctime: toTimespec(s.ctime),
    birthtime: toTimespec(s.birthtime),
    size: s.size,
    blocks: s.blocks,
    blksize: s.blksize,
    flags: 0,
    gen: 0,
  };
}

const SECOND = 1_000_000_000n;

/** Nanoseconds as seconds and nanoseconds; times before 1970 have negative seconds. */
export function toTimespec(nanoseconds: bigint): { sec: number; nsec: number } {
  let sec = nanoseconds / SECOND;
  let nsec = nanoseconds % SECOND;
  if (nsec < 0n) {
    sec -= 1n;
    nsec += SECOND;
  }
  return { sec: Number(sec), nsec: Number(nsec) };
}

export function fromTimespec({ sec, nsec }: { sec: number; nsec: number }): bigint {
  return BigInt(sec) * SECOND + BigInt(nsec);
}

export function toTimeval(nanoseconds: bigint): { sec: number; usec: number } {
  const { sec, nsec } = toTimespec(nanoseconds);
  return { sec, usec: Math.floor(nsec / 1000) };
}

export function fromTimeval({ sec, usec }: { sec: number; usec: number }): bigint {
  return BigInt(sec) * SECOND + BigInt(usec) * 1000n;
}
