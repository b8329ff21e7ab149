/** Flag words and choices of FreeBSD's calls, as its headers spell them. */
import { type ArgumentType, dirFd, enumeration, flagSet } from '../../../src/personality/arguments.ts';

// biome-ignore format: a table
export const O = {
  O_RDONLY: 0, O_WRONLY: 1, O_RDWR: 2, O_NONBLOCK: 4, O_APPEND: 8, O_SHLOCK: 0x10, O_EXLOCK: 0x20, O_ASYNC: 0x40, O_SYNC: 0x80,
  O_NOFOLLOW: 0x100, O_CREAT: 0x200, O_TRUNC: 0x400, O_EXCL: 0x800, O_NOCTTY: 0x8000, O_DIRECT: 0x1_0000, O_DIRECTORY: 0x2_0000,
  O_EXEC: 0x4_0000, O_TTY_INIT: 0x8_0000, O_CLOEXEC: 0x10_0000, O_VERIFY: 0x20_0000, O_PATH: 0x40_0000,
  O_RESOLVE_BENEATH: 0x80_0000, O_DSYNC: 0x100_0000, O_EMPTY_PATH: 0x200_0000,
} as const;
export const OpenFlags = flagSet(O, 3);
export const PipeFlags = flagSet({ O_NONBLOCK: 4, O_CLOEXEC: 0x10_0000 });

export const AT_FDCWD = -100;
export const AT = { AT_EACCESS: 0x100, AT_SYMLINK_NOFOLLOW: 0x200, AT_SYMLINK_FOLLOW: 0x400, AT_REMOVEDIR: 0x800, AT_RESOLVE_BENEATH: 0x2000, AT_EMPTY_PATH: 0x4000 }; // biome-ignore format: one row
export const AtFlags = flagSet(AT);
export const DirFd = dirFd(AT_FDCWD, 'AT_FDCWD');

export const Access = flagSet({ F_OK: 0, X_OK: 1, W_OK: 2, R_OK: 4 });
export const Whence = enumeration({ SEEK_SET: 0, SEEK_CUR: 1, SEEK_END: 2, SEEK_DATA: 3, SEEK_HOLE: 4 });

export const Prot = flagSet({ PROT_NONE: 0, PROT_READ: 1, PROT_WRITE: 2, PROT_EXEC: 4 });
export const MAP = { MAP_SHARED: 1, MAP_PRIVATE: 2, MAP_FIXED: 0x10, MAP_STACK: 0x400, MAP_NOSYNC: 0x800, MAP_ANON: 0x1000, MAP_GUARD: 0x2000, MAP_EXCL: 0x4000, MAP_NOCORE: 0x2_0000, MAP_PREFAULT_READ: 0x4_0000, MAP_32BIT: 0x8_0000 }; // biome-ignore format: one row
export const MapFlags = flagSet(MAP);
export const MADV_FREE = 5;
export const MADV_DONTNEED = 4;
export const Advice = enumeration({ MADV_NORMAL: 0, MADV_RANDOM: 1, MADV_SEQUENTIAL: 2, MADV_WILLNEED: 3, MADV_DONTNEED, MADV_FREE, MADV_NOSYNC: 6, MADV_AUTOSYNC: 7, MADV_NOCORE: 8, MADV_CORE: 9, MADV_PROTECT: 10 }); // biome-ignore format: one row

export const F = { F_DUPFD: 0, F_GETFD: 1, F_SETFD: 2, F_GETFL: 3, F_SETFL: 4, F_GETOWN: 5, F_SETOWN: 6, F_DUP2FD: 10, F_GETLK: 11, F_SETLK: 12, F_SETLKW: 13, F_DUPFD_CLOEXEC: 17, F_DUP2FD_CLOEXEC: 18 } as const; // biome-ignore format: one row
export const FcntlCommand = enumeration(F);

export const WAIT = { WNOHANG: 1, WUNTRACED: 2, WCONTINUED: 4, WNOWAIT: 8, WEXITED: 16, WTRAPPED: 32 };
export const WaitOptions = flagSet(WAIT);

export const HOW = { SIG_BLOCK: 1, SIG_UNBLOCK: 2, SIG_SETMASK: 3 };
export const MaskHow = enumeration(HOW);

export const CLOCK = { CLOCK_REALTIME: 0, CLOCK_VIRTUAL: 1, CLOCK_PROF: 2, CLOCK_MONOTONIC: 4, CLOCK_UPTIME: 5, CLOCK_UPTIME_PRECISE: 7, CLOCK_UPTIME_FAST: 8, CLOCK_REALTIME_PRECISE: 9, CLOCK_REALTIME_FAST: 10, CLOCK_MONOTONIC_PRECISE: 11, CLOCK_MONOTONIC_FAST: 12, CLOCK_SECOND: 13, CLOCK_THREAD_CPUTIME_ID: 14, CLOCK_PROCESS_CPUTIME_ID: 15 }; // biome-ignore format: one row
export const ClockId = enumeration(CLOCK);

export const Resource = enumeration({ RLIMIT_CPU: 0, RLIMIT_FSIZE: 1, RLIMIT_DATA: 2, RLIMIT_STACK: 3, RLIMIT_CORE: 4, RLIMIT_RSS: 5, RLIMIT_MEMLOCK: 6, RLIMIT_NPROC: 7, RLIMIT_NOFILE: 8, RLIMIT_SBSIZE: 9, RLIMIT_AS: 10, RLIMIT_NPTS: 11, RLIMIT_SWAP: 12, RLIMIT_KQUEUES: 13, RLIMIT_UMTXP: 14 }); // biome-ignore format: one row
/** The kernel's names of the resources, by number. */
export const RESOURCES = ['CPU', 'FSIZE', 'DATA', 'STACK', 'CORE', 'RSS', 'MEMLOCK', 'NPROC', 'NOFILE', 'SBSIZE', 'AS'];

export const SysarchOp = enumeration({ AMD64_GET_FSBASE: 128, AMD64_SET_FSBASE: 129, AMD64_GET_GSBASE: 130, AMD64_SET_GSBASE: 131, AMD64_GET_XFPUSTATE: 132 }); // biome-ignore format: one row

/** ioctl requests that have an answer. */
// biome-ignore format: a table
export const IOCTL = {
  FIOCLEX: 0x2000_6601, FIONCLEX: 0x2000_6602, FIONREAD: 0x4004_667f, FIONBIO: 0x8004_667e, TIOCGETA: 0x402c_7413, TIOCSETA: 0x802c_7414,
  TIOCSETAW: 0x802c_7415, TIOCSETAF: 0x802c_7416, TIOCGWINSZ: 0x4008_7468, TIOCSWINSZ: 0x8008_7467, TIOCGPGRP: 0x4004_7477, TIOCSPGRP: 0x8004_7476,
} as const;
export const IoctlRequest: ArgumentType<number> = {
  word: 'request',
  decode: (_task, cpu, register) => cpu.getInt(register) >>> 0,
  before: (value) => Object.entries(IOCTL).find(([, code]) => code === value)?.[0] ?? `0x${value.toString(16)}`,
};

export const POLL = { POLLIN: 1, POLLPRI: 2, POLLOUT: 4, POLLERR: 8, POLLHUP: 0x10, POLLNVAL: 0x20, POLLRDNORM: 0x40, POLLRDBAND: 0x80, POLLWRBAND: 0x100 }; // biome-ignore format: one row
