/** Layouts of Linux structures on x86-64, by their C names; sizes are asserted against a C compiler's in the tests. Signals' structures are in signals.ts. */
import { showFlags } from '../../../src/personality/arguments.ts';
import {
  array,
  big64,
  bytes,
  i16,
  i32,
  i64,
  pad,
  pointer,
  shown,
  struct,
  text,
  u8,
  u16,
  u32,
  u64,
  type ValueOf,
} from '../../../src/personality/struct.ts';
import { S } from './flags.ts';

const octal = shown(u32, (n) => `0${n.toString(8)}`);
const hexadecimal = shown(u32, (n) => `0x${n.toString(16)}`);

/** st_mode as strace shows it: S_IFREG|0644. */
export function showMode(mode: number): string {
  const type = Object.entries(S).find(([name, bits]) => name !== 'S_IFMT' && bits === (mode & S.S_IFMT));
  return `${type ? `${type[0]}|` : ''}0${(mode & 0o7777).toString(8)}`;
}

// ---- time

export const timespec = struct({ tv_sec: i64, tv_nsec: i64 });
export const timeval = struct({ tv_sec: i64, tv_usec: i64 });
export const timezone = struct({ tz_minuteswest: i32, tz_dsttime: i32 });
export const itimerval = struct({ it_interval: timeval, it_value: timeval });
export const itimerspec = struct({ it_interval: timespec, it_value: timespec });
export const utimbuf = struct({ actime: i64, modtime: i64 });
export const tms = struct({ tms_utime: i64, tms_stime: i64, tms_cutime: i64, tms_cstime: i64 });
/** Two times in a row: utimensat, utimes. */
export const timespecs = struct({ atime: timespec, mtime: timespec });
export const timevals = struct({ atime: timeval, mtime: timeval });

// ---- files

export const stat = struct({
  st_dev: u64,
  st_ino: u64,
  st_nlink: u64,
  st_mode: shown(u32, showMode),
  st_uid: u32,
  st_gid: u32,
  _pad0: pad(4),
  st_rdev: u64,
  st_size: i64,
  st_blksize: i64,
  st_blocks: i64,
  st_atim: timespec,
  st_mtim: timespec,
  st_ctim: timespec,
  _reserved: pad(24),
});

const statxTime = struct({ tv_sec: i64, tv_nsec: u32, _pad: pad(4) });
export const statx = struct({
  stx_mask: hexadecimal,
  stx_blksize: u32,
  stx_attributes: u64,
  stx_nlink: u32,
  stx_uid: u32,
  stx_gid: u32,
  stx_mode: shown(u16, showMode),
  _spare0: pad(2),
  stx_ino: u64,
  stx_size: u64,
  stx_blocks: u64,
  stx_attributes_mask: u64,
  stx_atime: statxTime,
  stx_btime: statxTime,
  stx_ctime: statxTime,
  stx_mtime: statxTime,
  stx_rdev_major: u32,
  stx_rdev_minor: u32,
  stx_dev_major: u32,
  stx_dev_minor: u32,
  stx_mnt_id: u64,
  stx_dio_mem_align: u32,
  stx_dio_offset_align: u32,
  _spare3: pad(96),
});

export const statfs = struct({
  f_type: shown(u64, (n) => `0x${n.toString(16)}`),
  f_bsize: u64,
  f_blocks: u64,
  f_bfree: u64,
  f_bavail: u64,
  f_files: u64,
  f_ffree: u64,
  f_fsid: array(i32, 2),
  f_namelen: u64,
  f_frsize: u64,
  f_flags: u64,
  _spare: pad(32),
});

/** What stands before the name in getdents64's records; the whole is padded to 8 bytes. */
export const dirent64 = struct({ d_ino: u64, d_off: i64, d_reclen: u16, d_type: u8 }, { packed: true });
/** getdents: the type follows in the record's last byte. */
export const dirent = struct({ d_ino: u64, d_off: u64, d_reclen: u16 }, { packed: true });

export const flock = struct({
  l_type: i16,
  l_whence: i16,
  _pad0: pad(4),
  l_start: i64,
  l_len: i64,
  l_pid: i32,
  _pad1: pad(4),
});
export const f_owner_ex = struct({ type: i32, pid: i32 });
export const open_how = struct({ flags: u64, mode: u64, resolve: u64 });
export const iovec = struct({ iov_base: pointer, iov_len: u64 });
export const file_handle = struct({ handle_bytes: u32, handle_type: i32 });

// ---- terminals

/** The kernel's termios (TCGETS), not the C library's. */
export const termios = struct({
  c_iflag: hexadecimal,
  c_oflag: hexadecimal,
  c_cflag: hexadecimal,
  c_lflag: hexadecimal,
  c_line: u8,
  c_cc: bytes(19),
});
export const termios2 = struct({
  c_iflag: hexadecimal,
  c_oflag: hexadecimal,
  c_cflag: hexadecimal,
  c_lflag: hexadecimal,
  c_line: u8,
  c_cc: bytes(19),
  c_ispeed: u32,
  c_ospeed: u32,
});
export const winsize = struct({ ws_row: u16, ws_col: u16, ws_xpixel: u16, ws_ypixel: u16 });

export const mq_attr = struct({ mq_flags: i64, mq_maxmsg: i64, mq_msgsize: i64, mq_curmsgs: i64, _rest: pad(32) });

// ---- processes and limits

export const rlimit = struct({ rlim_cur: big64, rlim_max: big64 });
export const rusage = struct({
  ru_utime: timeval,
  ru_stime: timeval,
  ru_maxrss: i64,
  ru_ixrss: i64,
  ru_idrss: i64,
  ru_isrss: i64,
  ru_minflt: i64,
  ru_majflt: i64,
  ru_nswap: i64,
  ru_inblock: i64,
  ru_oublock: i64,
  ru_msgsnd: i64,
  ru_msgrcv: i64,
  ru_nsignals: i64,
  ru_nvcsw: i64,
  ru_nivcsw: i64,
});
export const clone_args = struct({
  flags: u64,
  pidfd: pointer,
  child_tid: pointer,
  parent_tid: pointer,
  exit_signal: u64,
  stack: pointer,
  stack_size: u64,
  tls: pointer,
  set_tid: pointer,
  set_tid_size: u64,
  cgroup: u64,
});
export const sched_param = struct({ sched_priority: i32 });
export const sched_attr = struct({
  size: u32,
  sched_policy: u32,
  sched_flags: u64,
  sched_nice: i32,
  sched_priority: u32,
  sched_runtime: u64,
  sched_deadline: u64,
  sched_period: u64,
  sched_util_min: u32,
  sched_util_max: u32,
});
export const futex_waitv = struct({ val: u64, uaddr: pointer, flags: u32, reserved: u32 });
export const robust_list_head = struct({ list: pointer, futex_offset: i64, list_op_pending: pointer });
export const cap_header = struct({ version: hexadecimal, pid: i32 });
export const cap_data = struct({ effective: hexadecimal, permitted: hexadecimal, inheritable: hexadecimal });

// ---- the system

export const utsname = struct({
  sysname: text(65),
  nodename: text(65),
  release: text(65),
  version: text(65),
  machine: text(65),
  domainname: text(65),
});
export const sysinfo = struct({
  uptime: i64,
  loads: array(u64, 3),
  totalram: u64,
  freeram: u64,
  sharedram: u64,
  bufferram: u64,
  totalswap: u64,
  freeswap: u64,
  procs: u16,
  _pad: pad(6),
  totalhigh: u64,
  freehigh: u64,
  mem_unit: u32,
  _rest: pad(4),
});

// ---- events

const POLL = {
  POLLIN: 1,
  POLLPRI: 2,
  POLLOUT: 4,
  POLLERR: 8,
  POLLHUP: 16,
  POLLNVAL: 32,
  POLLRDNORM: 0x40,
  POLLRDBAND: 0x80,
  POLLWRNORM: 0x100,
  POLLWRBAND: 0x200,
  POLLRDHUP: 0x2000,
} as const;
const pollEvents = shown(i16, (n) => showFlags(POLL, n & 0xffff));
export const pollfd = struct({ fd: i32, events: pollEvents, revents: pollEvents });
export const epoll_event = struct({ events: hexadecimal, data: big64 }, { packed: true });

// ---- sockets

export const msghdr = struct({
  msg_name: pointer,
  msg_namelen: u32,
  _pad0: pad(4),
  msg_iov: pointer,
  msg_iovlen: u64,
  msg_control: pointer,
  msg_controllen: u64,
  msg_flags: i32,
  _pad1: pad(4),
});
export const mmsghdr = struct({ msg_hdr: msghdr, msg_len: u32, _pad: pad(4) });
export const cmsghdr = struct({ cmsg_len: u64, cmsg_level: i32, cmsg_type: i32 });
export const ucred = struct({ pid: i32, uid: u32, gid: u32 });
export const linger = struct({ l_onoff: i32, l_linger: i32 });

export type Timespec = ValueOf<{ tv_sec: typeof i64; tv_nsec: typeof i64 }>;
export type Timeval = ValueOf<{ tv_sec: typeof i64; tv_usec: typeof i64 }>;

// ---- single values behind pointers

export const int = struct({ value: i32 });
export const long = struct({ value: i64 });
export const address = struct({ value: pointer });
export const intPair = struct({ first: i32, second: i32 });

// ---- System V IPC

export const ipc_perm = struct({
  key: i32,
  uid: u32,
  gid: u32,
  cuid: u32,
  cgid: u32,
  mode: octal,
  seq: u16,
  _pad: pad(22),
});
export const shmid_ds = struct({
  shm_perm: ipc_perm,
  shm_segsz: u64,
  shm_atime: i64,
  shm_dtime: i64,
  shm_ctime: i64,
  shm_cpid: i32,
  shm_lpid: i32,
  shm_nattch: u64,
  _pad: pad(16),
});
export const semid_ds = struct({
  sem_perm: ipc_perm,
  sem_otime: i64,
  _pad0: pad(8),
  sem_ctime: i64,
  _pad1: pad(8),
  sem_nsems: u64,
  _pad2: pad(16),
});
export const msqid_ds = struct({
  msg_perm: ipc_perm,
  msg_stime: i64,
  msg_rtime: i64,
  msg_ctime: i64,
  msg_cbytes: u64,
  msg_qnum: u64,
  msg_qbytes: u64,
  msg_lspid: i32,
  msg_lrpid: i32,
  _pad: pad(16),
});
export const sembuf = struct({ sem_num: u16, sem_op: i16, sem_flg: i16 });

/** What wait4 stores, in the words of <sys/wait.h>. */
function showWaitStatus(status: number): string {
  const signal = status & 0x7f;
  if (signal === 0) return `{WIFEXITED(s) && WEXITSTATUS(s) == ${(status >> 8) & 0xff}}`;
  if (status === 0xffff) return '{WIFCONTINUED(s)}';
  if (signal === 0x7f) return `{WIFSTOPPED(s) && WSTOPSIG(s) == ${(status >> 8) & 0xff}}`;
  return `{WIFSIGNALED(s) && WTERMSIG(s) == ${signal}${status & 0x80 ? ' && WCOREDUMP(s)' : ''}}`;
}

export const wait_status = struct({ value: shown(i32, showWaitStatus) });
