/** Every call of FreeBSD 14 on amd64 and arm64, which share their numbers: name, typed arguments, support, handler. Other tables of this system do not exist. */
import {
  Big,
  Fd,
  I32,
  I64,
  In,
  InStruct,
  InStructOrNull,
  Mode,
  Out,
  OutRaw,
  OutStruct,
  Path,
  Pid,
  Ptr,
  Size,
  StructArray,
  Text,
  U32,
  Uid,
} from '../../src/personality/arguments.ts';
import * as define from '../../src/personality/define.ts';
import { area, defineTable, partial, type Row } from '../../src/personality/define.ts';
import type { Task } from '../../src/personality/task.ts';
import { Access, Advice, AtFlags, ClockId, DirFd, FcntlCommand, IoctlRequest, MapFlags, MaskHow, OpenFlags, PipeFlags, Prot, Resource, SysarchOp, WaitOptions, Whence } from './abi/flags.ts'; // biome-ignore format: one row
import * as s from './abi/structs.ts';
import * as events from './handlers/events.ts';
import * as files from './handlers/files.ts';
import * as memory from './handlers/memory.ts';
import * as names from './handlers/names.ts';
import * as processes from './handlers/processes.ts';
import * as signals from './handlers/signals.ts';
import * as system from './handlers/system.ts';
import * as time from './handlers/time.ts';

/** One number for both columns. */
const call: <const A extends define.Arguments>(
  number: number,
  args: A,
  handler: (task: Task, args: define.Values<A>) => define.Result,
  options?: define.Options,
) => Row = (number, args, handler, options) => define.call(number, number, args, handler, options);

const refused = (number: number, error: string, note: string, args: define.Arguments = {}) =>
  define.refused(number, number, error, args, note);

/** Calls known by name that are not there. */
const missing = (calls: Readonly<Record<string, number>>): Record<string, Row> =>
  Object.fromEntries(Object.entries(calls).map(([name, number]) => [name, define.missing(number, number)]));

/** Numbers that today's FreeBSD answers with ENOSYS too: calls of older releases, and numbers given to nobody. */
const gone = (calls: Readonly<Record<string, number>>): Record<string, Row> =>
  Object.fromEntries(
    Object.entries(calls).map(([name, number]) => [name, refused(number, 'ENOSYS', 'not in FreeBSD 14 itself')]),
  );

const reserved = (numbers: readonly number[]): Record<string, Row> =>
  Object.fromEntries(numbers.map((number) => [`reserved_${number}`, refused(number, 'ENOSYS', 'never given out')]));

export const table = defineTable('freebsd', () => ({
  ...area('file', {
    open: call(5, { path: Path, flags: OpenFlags, mode: Mode }, names.open),
    openat: call(499, { fd: DirFd, path: Path, flags: OpenFlags, mode: Mode }, names.openat),
    link: call(9, { path: Path, link: Path }, names.link),
    linkat: call(495, { fd1: DirFd, path1: Path, fd2: DirFd, path2: Path, flag: AtFlags }, names.linkat),
    unlink: call(10, { path: Path }, names.unlink),
    unlinkat: call(503, { fd: DirFd, path: Path, flag: AtFlags }, names.unlinkat),
    chdir: call(12, { path: Path }, names.chdir),
    fchdir: call(13, { fd: Fd }, names.fchdir),
    chroot: call(61, { path: Path }, names.chroot),
    __getcwd: call(326, { buf: Out('buflen'), buflen: Size }, names.getcwd),
    chmod: call(15, { path: Path, mode: Mode }, names.chmod),
    fchmod: call(124, { fd: Fd, mode: Mode }, names.fchmod),
    fchmodat: call(490, { fd: DirFd, path: Path, mode: Mode, flag: AtFlags }, names.fchmodat),
    chown: call(16, { path: Path, uid: Uid, gid: Uid }, names.chown),
    fchown: call(123, { fd: Fd, uid: Uid, gid: Uid }, names.fchown),
    lchown: call(254, { path: Path, uid: Uid, gid: Uid }, names.lchown),
    fchownat: call(491, { fd: DirFd, path: Path, uid: Uid, gid: Uid, flag: AtFlags }, names.fchownat),
    access: call(33, { path: Path, mode: Access }, names.access),
    faccessat: call(489, { fd: DirFd, path: Path, mode: Access, flag: AtFlags }, names.faccessat),
    symlink: call(57, { path: Text, link: Path }, names.symlink),
    symlinkat: call(502, { path1: Text, fd: DirFd, path2: Path }, names.symlinkat),
    readlink: call(58, { path: Path, buf: Out('count'), count: Size }, names.readlink),
    readlinkat: call(500, { fd: DirFd, path: Path, buf: Out('count'), count: Size }, names.readlinkat),
    rename: call(128, { from: Path, to: Path }, names.rename),
    renameat: call(501, { oldfd: DirFd, old: Path, newfd: DirFd, new: Path }, names.renameat),
    mkdir: call(136, { path: Path, mode: Mode }, names.mkdir),
    mkdirat: call(496, { fd: DirFd, path: Path, mode: Mode }, names.mkdirat),
    rmdir: call(137, { path: Path }, names.rmdir),
    mkfifo: call(132, { path: Path, mode: Mode }, names.mkfifo),
    truncate: call(479, { path: Path, length: I64 }, names.truncate),
    fstat: call(551, { fd: Fd, buf: OutStruct(s.stat) }, names.fstat),
    fstatat: call(552, { fd: DirFd, path: Path, buf: OutStruct(s.stat), flag: AtFlags }, names.fstatat),
    utimes: call(138, { path: Path, times: Ptr }, names.utimes),
    futimens: call(546, { fd: Fd, times: Ptr }, names.futimens),
    utimensat: call(547, { fd: DirFd, path: Path, times: Ptr, flag: AtFlags }, names.utimensat),
    statfs: call(555, { path: Path, buf: OutStruct(s.statfs) }, files.statfs),
    fstatfs: call(556, { fd: Fd, buf: OutStruct(s.statfs) }, files.fstatfs),
    umask: call(60, { mask: Mode }, names.umask, { returns: 'octal' }),
  }),

  ...area('desc', {
    read: call(3, { fd: Fd, buf: Out('nbyte'), nbyte: Size }, files.read),
    write: call(4, { fd: Fd, buf: In('nbyte'), nbyte: Size }, files.write),
    readv: call(120, { fd: Fd, iov: StructArray(s.iovec, 'iovcnt'), iovcnt: I32 }, files.readv),
    writev: call(121, { fd: Fd, iov: StructArray(s.iovec, 'iovcnt'), iovcnt: I32 }, files.writev),
    pread: call(475, { fd: Fd, buf: Out('nbyte'), nbyte: Size, offset: I64 }, files.pread),
    pwrite: call(476, { fd: Fd, buf: In('nbyte'), nbyte: Size, offset: I64 }, files.pwrite),
    preadv: call(289, { fd: Fd, iov: StructArray(s.iovec, 'iovcnt'), iovcnt: I32, offset: I64 }, files.preadv),
    pwritev: call(290, { fd: Fd, iov: StructArray(s.iovec, 'iovcnt'), iovcnt: I32, offset: I64 }, files.pwritev),
    close: call(6, { fd: Fd }, files.close),
    close_range: call(575, { lowfd: U32, highfd: U32, flags: I32 }, files.closeRange),
    dup: call(41, { fd: Fd }, files.dup),
    dup2: call(90, { from: Fd, to: Fd }, files.dup2),
    fcntl: partial(
      call(92, { fd: Fd, cmd: FcntlCommand, arg: I64 }, files.fcntl),
      'duplication, descriptor and status flags; no record locks, no owner',
    ),
    ioctl: partial(
      call(54, { fd: Fd, com: IoctlRequest, data: Ptr }, files.ioctl),
      'descriptor flags, FIONREAD, terminal settings, window size and foreground group',
    ),
    lseek: call(478, { fd: Fd, offset: I64, whence: Whence }, files.lseek),
    ftruncate: call(480, { fd: Fd, length: I64 }, files.ftruncate),
    fsync: call(95, { fd: Fd }, files.fsync),
    fdatasync: call(550, { fd: Fd }, files.fsync),
    getdirentries: call(554, { fd: Fd, buf: OutRaw('count'), count: Size, basep: Ptr }, files.getdirentries),
    pipe2: call(542, { fildes: OutStruct(s.pair), flags: PipeFlags }, files.pipe2),
    getdtablesize: call(89, {}, files.getdtablesize),
    poll: call(209, { fds: StructArray(s.pollfd, 'nfds'), nfds: U32, timeout: I32 }, events.poll),
    ppoll: call(
      545,
      {
        fds: StructArray(s.pollfd, 'nfds'),
        nfds: U32,
        ts: InStructOrNull(s.timespec),
        newsigmask: InStructOrNull(s.sigset),
      },
      events.ppoll,
    ),
    select: call(93, { nd: I32, in: Ptr, ou: Ptr, ex: Ptr, tv: InStructOrNull(s.timeval) }, events.select),
  }),

  ...area('memory', {
    mmap: call(477, { addr: Ptr, len: Size, prot: Prot, flags: MapFlags, fd: I32, pos: I64 }, memory.mmap, {
      returns: 'address',
    }),
    munmap: call(73, { addr: Ptr, len: Size }, memory.munmap),
    mprotect: call(74, { addr: Ptr, len: Size, prot: Prot }, memory.mprotect),
    madvise: partial(
      call(75, { addr: Ptr, len: Size, advice: Advice }, memory.madvise),
      'only MADV_FREE has an effect',
    ),
    msync: call(65, { addr: Ptr, len: Size, flags: I32 }, memory.msync),
    mincore: partial(
      call(78, { addr: Ptr, len: Size, vec: OutRaw('len') }, memory.mincore),
      'all mapped pages count as resident',
    ),
    break: call(17, { nsize: Ptr }, memory.breakCall),
  }),

  ...area('process', {
    syscall: partial(define.call(0, 0, { number: I32 }, system.indirect), 'arguments in registers: five of them'),
    __syscall: partial(define.call(198, 198, { number: I32 }, system.indirect), 'arguments in registers: five of them'),
    exit: call(1, { rval: I32 }, processes.exit),
    fork: call(2, {}, processes.fork),
    vfork: call(66, {}, processes.vfork),
    rfork: partial(call(251, { flags: I32 }, processes.rfork), 'only RFPROC | RFFDG, which is fork'),
    execve: call(59, { fname: Path, argv: Ptr, envv: Ptr }, processes.execve),
    wait4: call(
      7,
      { pid: Pid, status: OutStruct(s.word), options: WaitOptions, rusage: OutStruct(s.rusage) },
      processes.wait4,
    ),
    getpid: call(20, {}, processes.getpid),
    getppid: call(39, {}, processes.getppid),
    getpgrp: call(81, {}, processes.getpgrp),
    getpgid: call(207, { pid: Pid }, processes.getpgid),
    setpgid: call(82, { pid: Pid, pgid: Pid }, processes.setpgid),
    getsid: call(310, { pid: Pid }, processes.getsid),
    setsid: call(147, {}, processes.setsid),
    getuid: call(24, {}, processes.getuid),
    geteuid: call(25, {}, processes.geteuid),
    getgid: call(47, {}, processes.getgid),
    getegid: call(43, {}, processes.getegid),
    getgroups: call(79, { gidsetsize: I32, gidset: StructArray(s.word, 'gidsetsize') }, processes.getgroups),
    getlogin: call(49, { namebuf: Out('namelen'), namelen: U32 }, processes.getlogin),
    issetugid: call(253, {}, system.issetugid),
    getrlimit: call(194, { which: Resource, rlp: OutStruct(s.rlimit) }, processes.getrlimit),
    setrlimit: call(195, { which: Resource, rlp: InStruct(s.rlimit) }, processes.setrlimit),
    getrusage: call(117, { who: I32, rusage: OutStruct(s.rusage) }, processes.getrusage),
    sched_yield: call(331, {}, processes.yieldNow),
    yield: call(321, {}, processes.yieldNow),
  }),

  ...area('thread', {
    thr_self: call(432, { id: OutStruct(s.long) }, processes.thr_self),
    thr_exit: call(431, { state: Ptr }, processes.thr_exit),
    thr_new: call(455, { param: InStruct(s.threadParameters), param_size: I32 }, processes.thr_new),
    thr_kill: call(433, { id: Size, sig: I32 }, signals.thr_kill),
    thr_kill2: call(481, { pid: Pid, id: Size, sig: I32 }, signals.thr_kill2),
    thr_set_name: call(464, { id: Size, name: Text }, processes.thr_set_name),
    _umtx_op: partial(
      call(454, { obj: Ptr, op: I32, val: Size, uaddr: Ptr, uaddr2: Ptr }, processes._umtx_op),
      'UMTX_OP_WAIT and UMTX_OP_WAKE in all widths; no mutexes, condition variables or semaphores of libthr',
    ),
  }),

  ...area('signal', {
    kill: call(37, { pid: Pid, signum: I32 }, signals.kill),
    sigaction: call(
      416,
      { sig: I32, act: InStructOrNull(s.sigaction), oact: OutStruct(s.sigaction) },
      signals.sigaction,
    ),
    sigprocmask: call(
      340,
      { how: MaskHow, set: InStructOrNull(s.sigset), oset: OutStruct(s.sigset) },
      signals.sigprocmask,
    ),
    sigpending: call(343, { set: OutStruct(s.sigset) }, signals.sigpending),
    sigsuspend: call(341, { sigmask: InStruct(s.sigset) }, signals.sigsuspend),
    sigaltstack: call(53, { ss: InStructOrNull(s.stack), oss: OutStruct(s.stack) }, signals.sigaltstack),
    sigreturn: call(417, { sigcntxp: Ptr }, signals.sigreturn),
    sigqueue: call(456, { pid: Pid, signum: I32, value: Big }, signals.sigqueue),
    sigwait: call(429, { set: InStruct(s.sigset), sig: OutStruct(s.word) }, signals.sigwait),
  }),

  ...area('time', {
    clock_gettime: call(232, { clock_id: ClockId, tp: OutStruct(s.timespec) }, time.clock_gettime),
    clock_getres: call(234, { clock_id: ClockId, tp: OutStruct(s.timespec) }, time.clock_getres),
    gettimeofday: call(116, { tp: OutStruct(s.timeval), tzp: OutStruct(s.timezone) }, time.gettimeofday),
    nanosleep: call(240, { rqtp: InStruct(s.timespec), rmtp: OutStruct(s.timespec) }, time.nanosleep),
    clock_nanosleep: call(
      244,
      { clock_id: ClockId, flags: I32, rqtp: InStruct(s.timespec), rmtp: OutStruct(s.timespec) },
      time.clock_nanosleep,
    ),
  }),

  ...area('system', {
    __sysctl: partial(
      call(202, { name: Ptr, namelen: U32, old: Ptr, oldlenp: Ptr, new: Ptr, newlen: Size }, system.__sysctl),
      'some twenty names of kern, vm and hw, read only',
    ),
    __sysctlbyname: partial(
      call(
        570,
        { name: In('namelen'), namelen: Size, old: Ptr, oldlenp: Ptr, new: Ptr, newlen: Size },
        system.__sysctlbyname,
      ),
      'as __sysctl',
    ),
    sysarch: partial(call(165, { op: SysarchOp, parms: Ptr }, system.sysarch), 'FS and GS base'),
    getrandom: call(563, { buf: Out('buflen'), buflen: Size, flags: I32 }, system.getrandom),
    sync: call(36, {}, () => 0),
    reboot: refused(55, 'EPERM', 'not from inside'),
    ptrace: refused(26, 'EPERM', 'no debugging of one guest by another'),
  }),

  // biome-ignore format: a table
  ...area('network', missing({
    recvmsg: 27, sendmsg: 28, recvfrom: 29, accept: 30, getpeername: 31, getsockname: 32, socket: 97, connect: 98, bind: 104,
    setsockopt: 105, listen: 106, getsockopt: 118, sendto: 133, shutdown: 134, socketpair: 135, sendfile: 393, bindat: 538,
    connectat: 539, accept4: 541, sctp_peeloff: 471, sctp_generic_sendmsg: 472, sctp_generic_sendmsg_iov: 473, sctp_generic_recvmsg: 474,
  })),

  // biome-ignore format: a table
  ...missing({
    freebsd11_mknod: 14, mount: 21, unmount: 22, setuid: 23, chflags: 34, fchflags: 35, freebsd10_pipe: 42, profil: 44, ktrace: 45,
    setlogin: 50, acct: 51, revoke: 56, freebsd11_vadvise: 72, setgroups: 80, setitimer: 83, swapon: 85, getitimer: 86,
    setpriority: 96, getpriority: 100, settimeofday: 122, setreuid: 126, setregid: 127, flock: 131, adjtime: 140, quotactl: 148,
    nlm_syscall: 154, nfssvc: 155, lgetfh: 160, getfh: 161, rtprio: 166, semsys: 169, msgsys: 170, shmsys: 171, setfib: 175,
    ntp_adjtime: 176, setgid: 181, setegid: 182, seteuid: 183, freebsd11_stat: 188, freebsd11_fstat: 189, freebsd11_lstat: 190,
    pathconf: 191, fpathconf: 192, freebsd11_getdirentries: 196, mlock: 203, munlock: 204, undelete: 205, futimes: 206,
    freebsd7___semctl: 220, semget: 221, semop: 222, freebsd7_msgctl: 224, msgget: 225, msgsnd: 226, msgrcv: 227, shmat: 228,
    freebsd7_shmctl: 229, shmdt: 230, shmget: 231, clock_settime: 233, ktimer_create: 235, ktimer_delete: 236, ktimer_settime: 237,
    ktimer_gettime: 238, ktimer_getoverrun: 239, ffclock_getcounter: 241, ffclock_setestimate: 242, ffclock_getestimate: 243,
    clock_getcpuclockid2: 247, ntp_gettime: 248, minherit: 250, aio_read: 255, aio_write: 256, lio_listio: 257,
    freebsd11_getdents: 272, lchmod: 274, lutimes: 276, freebsd11_nstat: 278, freebsd11_nfstat: 279, freebsd11_nlstat: 280,
    fhopen: 298, freebsd11_fhstat: 299, modnext: 300, modstat: 301, modfnext: 302, modfind: 303, kldload: 304, kldunload: 305,
    kldfind: 306, kldnext: 307, kldstat: 308, kldfirstmod: 309, setresuid: 311, setresgid: 312, aio_return: 314, aio_suspend: 315,
    aio_cancel: 316, aio_error: 317, mlockall: 324, munlockall: 325, sched_setparam: 327, sched_getparam: 328,
    sched_setscheduler: 329, sched_getscheduler: 330, sched_get_priority_max: 332, sched_get_priority_min: 333,
    sched_rr_get_interval: 334, utrace: 335, kldsym: 337, jail: 338, nnpfs_syscall: 339, sigtimedwait: 345, sigwaitinfo: 346,
    __acl_get_file: 347, __acl_set_file: 348, __acl_get_fd: 349, __acl_set_fd: 350, __acl_delete_file: 351, __acl_delete_fd: 352,
    __acl_aclcheck_file: 353, __acl_aclcheck_fd: 354, extattrctl: 355, extattr_set_file: 356, extattr_get_file: 357,
    extattr_delete_file: 358, aio_waitcomplete: 359, getresuid: 360, getresgid: 361, kqueue: 362, freebsd11_kevent: 363,
    extattr_set_fd: 371, extattr_get_fd: 372, extattr_delete_fd: 373, __setugid: 374, eaccess: 376, afs3_syscall: 377, nmount: 378,
    __mac_get_proc: 384, __mac_set_proc: 385, __mac_get_fd: 386, __mac_get_file: 387, __mac_set_fd: 388, __mac_set_file: 389,
    kenv: 390, lchflags: 391, uuidgen: 392, mac_syscall: 394, freebsd11_getfsstat: 395, freebsd11_statfs: 396,
    freebsd11_fstatfs: 397, freebsd11_fhstatfs: 398, ksem_close: 400, ksem_post: 401, ksem_wait: 402, ksem_trywait: 403,
    ksem_init: 404, ksem_open: 405, ksem_unlink: 406, ksem_getvalue: 407, ksem_destroy: 408, __mac_get_pid: 409,
    __mac_get_link: 410, __mac_set_link: 411, extattr_set_link: 412, extattr_get_link: 413, extattr_delete_link: 414,
    __mac_execve: 415, getcontext: 421, setcontext: 422, swapcontext: 423, freebsd13_swapoff: 424, __acl_get_link: 425,
    __acl_set_link: 426, __acl_delete_link: 427, __acl_aclcheck_link: 428, thr_create: 430, freebsd10__umtx_lock: 434,
    freebsd10__umtx_unlock: 435, jail_attach: 436, extattr_list_fd: 437, extattr_list_file: 438, extattr_list_link: 439,
    ksem_timedwait: 441, thr_suspend: 442, thr_wake: 443, kldunloadf: 444, audit: 445, auditon: 446, getauid: 447, setauid: 448,
    getaudit: 449, setaudit: 450, getaudit_addr: 451, setaudit_addr: 452, auditctl: 453, kmq_open: 457, kmq_setattr: 458,
    kmq_timedreceive: 459, kmq_timedsend: 460, kmq_notify: 461, kmq_unlink: 462, abort2: 463, aio_fsync: 465, rtprio_thread: 466,
    freebsd12_shm_open: 482, shm_unlink: 483, cpuset: 484, cpuset_setid: 485, cpuset_getid: 486, cpuset_getaffinity: 487,
    cpuset_setaffinity: 488, fexecve: 492, freebsd11_fstatat: 493, futimesat: 494, mkfifoat: 497, freebsd11_mknodat: 498,
    posix_openpt: 504, gssd_syscall: 505, jail_get: 506, jail_set: 507, jail_remove: 508, freebsd12_closefrom: 509, __semctl: 510,
    msgctl: 511, shmctl: 512, lpathconf: 513, __cap_rights_get: 515, cap_enter: 516, cap_getmode: 517, pdfork: 518, pdkill: 519,
    pdgetpid: 520, pselect: 522, getloginclass: 523, setloginclass: 524, rctl_get_racct: 525, rctl_get_rules: 526,
    rctl_get_limits: 527, rctl_add_rule: 528, rctl_remove_rule: 529, posix_fallocate: 530, posix_fadvise: 531, wait6: 532,
    cap_rights_limit: 533, cap_ioctls_limit: 534, cap_ioctls_get: 535, cap_fcntls_limit: 536, cap_fcntls_get: 537, chflagsat: 540,
    aio_mlock: 543, procctl: 544, fhstat: 553, getfsstat: 557, fhstatfs: 558, mknodat: 559, kevent: 560, cpuset_getdomain: 561,
    cpuset_setdomain: 562, getfhat: 564, fhlink: 565, fhlinkat: 566, fhreadlink: 567, funlinkat: 568, copy_file_range: 569,
    shm_open2: 571, shm_rename: 572, sigfastblock: 573, __realpathat: 574, rpctls_syscall: 576, __specialfd: 577, aio_writev: 578,
    aio_readv: 579, fspacectl: 580, sched_getcpu: 581, swapoff: 582, kqueuex: 583, membarrier: 584, timerfd_create: 585,
    timerfd_gettime: 586, timerfd_settime: 587,
  }),

  // biome-ignore format: a table
  ...gone({
    old_creat: 8, execv: 11, freebsd4_getfsstat: 18, old_lseek: 19, old_stat: 38, old_lstat: 40, old_sigaction: 46,
    old_sigprocmask: 48, old_sigpending: 52, old_fstat: 62, old_getkerninfo: 63, old_getpagesize: 64, vread: 67, vwrite: 68, sbrk: 69,
    sstk: 70, old_mmap: 71, vhangup: 76, vlimit: 77, old_wait: 84, old_gethostname: 87, old_sethostname: 88, old_accept: 99,
    old_send: 101, old_recv: 102, old_sigreturn: 103, vtimes: 107, old_sigvec: 108, old_sigblock: 109, old_sigsetmask: 110,
    old_sigsuspend: 111, old_sigstack: 112, old_recvmsg: 113, old_sendmsg: 114, vtrace: 115, old_recvfrom: 125, old_truncate: 129,
    old_ftruncate: 130, bsd42_sigreturn: 139, old_getpeername: 141, old_gethostid: 142, old_sethostid: 143, old_getrlimit: 144,
    old_setrlimit: 145, old_killpg: 146, old_quota: 149, old_getsockname: 150, old_getdirentries: 156, freebsd4_statfs: 157,
    freebsd4_fstatfs: 158, freebsd4_getdomainname: 162, freebsd4_setdomainname: 163, freebsd4_uname: 164, freebsd6_pread: 173,
    freebsd6_pwrite: 174, lfs_bmapv: 184, lfs_markv: 185, lfs_segclean: 186, lfs_segwait: 187, freebsd6_mmap: 197,
    freebsd6_lseek: 199, freebsd6_truncate: 200, freebsd6_ftruncate: 201, semconfig: 223, openbsd_poll: 252, netbsd_lchown: 275,
    netbsd_msync: 277, freebsd4_fhstatfs: 297, signanosleep: 313, freebsd6_aio_read: 318, freebsd6_aio_write: 319,
    freebsd6_lio_listio: 320, thr_sleep: 322, thr_wakeup: 323, freebsd4_sendfile: 336, freebsd4_sigaction: 342,
    freebsd4_sigreturn: 344, __cap_get_proc: 364, __cap_set_proc: 365, __cap_get_fd: 366, __cap_get_file: 367, __cap_set_fd: 368,
    __cap_set_file: 369, nfsclnt: 375, kse_exit: 379, kse_wakeup: 380, kse_create: 381, kse_thr_interrupt: 382, kse_release: 383,
    kse_switchin: 440, cap_new: 514, numa_getaffinity: 548, numa_setaffinity: 549,
  }),

  // biome-ignore format: a table
  ...reserved([
    91, 94, 119, 151, 152, 153, 159, 167, 168, 172, 177, 178, 179, 180, 193, 208, 210, 211, 212, 213, 214, 215, 216, 217, 218, 219,
    245, 246, 249, 258, 259, 260, 261, 262, 263, 264, 265, 266, 267, 268, 269, 270, 271, 273, 281, 282, 283, 284, 285, 286, 287,
    288, 291, 292, 293, 294, 295, 296, 370, 399, 418, 419, 420, 467, 468, 469, 470, 521,
  ]),
}));
