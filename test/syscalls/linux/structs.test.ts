/** Sizes and offsets of Linux structures as gcc has them on x86-64. */
import { expect, test } from 'vitest';
import { ucontext } from '../../../syscalls/linux/abi/signal-frame.ts';
import { sigaction, siginfo, stack_t } from '../../../syscalls/linux/abi/signals.ts';
import * as layouts from '../../../syscalls/linux/abi/structs.ts';

test.each([
  ['timespec', 16],
  ['timeval', 16],
  ['timezone', 8],
  ['itimerval', 32],
  ['itimerspec', 32],
  ['utimbuf', 16],
  ['tms', 32],
  ['stat', 144],
  ['statx', 256],
  ['statfs', 120],
  ['flock', 32],
  ['f_owner_ex', 8],
  ['open_how', 24],
  ['iovec', 16],
  ['termios', 36],
  ['termios2', 44],
  ['winsize', 8],
  ['rlimit', 16],
  ['rusage', 144],
  ['clone_args', 88],
  ['sched_param', 4],
  ['robust_list_head', 24],
  ['cap_header', 8],
  ['cap_data', 12],
  ['utsname', 390],
  ['sysinfo', 112],
  ['pollfd', 8],
  ['epoll_event', 12],
  ['msghdr', 56],
  ['mmsghdr', 64],
  ['cmsghdr', 16],
  ['ucred', 12],
  ['linger', 8],
  ['ipc_perm', 48],
  ['shmid_ds', 112],
  ['semid_ds', 104],
  ['msqid_ds', 120],
  ['sembuf', 6],
] as const)('struct %s has %i bytes', (name, size) => {
  expect(layouts[name].size).toBe(size);
});

const signals = { siginfo, stack_t, sigaction, ucontext };
test.each([
  ['siginfo', 128],
  ['stack_t', 24],
  ['sigaction', 32],
  ['ucontext', 304],
] as const)('%s has %i bytes', (name, size) => {
  expect(signals[name].size).toBe(size);
});

test.each([
  ['stat', 'st_mode', 24],
  ['stat', 'st_rdev', 40],
  ['stat', 'st_size', 48],
  ['stat', 'st_atim', 72],
  ['stat', 'st_ctim', 104],
  ['statx', 'stx_mode', 28],
  ['statx', 'stx_ino', 32],
  ['statx', 'stx_btime', 80],
  ['statx', 'stx_dev_minor', 140],
  ['statfs', 'f_fsid', 56],
  ['statfs', 'f_flags', 80],
  ['sysinfo', 'procs', 80],
  ['sysinfo', 'mem_unit', 104],
  ['rusage', 'ru_nivcsw', 136],
  ['msghdr', 'msg_control', 32],
  ['flock', 'l_pid', 24],
  ['utsname', 'machine', 260],
  ['epoll_event', 'data', 4],
  ['clone_args', 'tls', 56],
] as const)('struct %s has %s at %i', (name, field, offset) => {
  expect(layouts[name].offsets[field]).toBe(offset);
});

test.each([
  [0x300, '[{WIFEXITED(s) && WEXITSTATUS(s) == 3}]'],
  [0x8b, '[{WIFSIGNALED(s) && WTERMSIG(s) == 11 && WCOREDUMP(s)}]'],
  [0x137f, '[{WIFSTOPPED(s) && WSTOPSIG(s) == 19}]'],
  [0xffff, '[{WIFCONTINUED(s)}]'],
])('wait status 0x%x is shown as %s', (value, text) => expect(layouts.wait_status.show({ value })).toBe(text));

test.each([
  [0o100644, 'S_IFREG|0644'],
  [0o40755, 'S_IFDIR|0755'],
  [0o777, '0777'],
])('mode %i is shown as %s', (mode, text) => expect(layouts.showMode(mode)).toBe(text));
