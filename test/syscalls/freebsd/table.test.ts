import { describe, expect, test } from 'vitest';
import { SANE } from '../../../src/kernel/line-discipline.ts';
import { ISAS } from '../../../src/personality/define.ts';
import { Dispatcher } from '../../../src/personality/dispatch.ts';
import { messageOf } from '../../../src/personality/error-messages.ts';
import { countByStatus } from '../../../src/personality/matrix.ts';
import { convention } from '../../../syscalls/freebsd/abi/convention.ts';
import { ERRNO } from '../../../syscalls/freebsd/abi/errno.ts';
import { maskSet, maskWords, UCONTEXT_OFFSET } from '../../../syscalls/freebsd/abi/signal-frame.ts';
import { SIGNALS, signalName, signalNumber } from '../../../syscalls/freebsd/abi/signals.ts';
import * as s from '../../../syscalls/freebsd/abi/structs.ts';
import { fromTermios, termios, toTermios } from '../../../syscalls/freebsd/abi/terminal.ts';
import { table } from '../../../syscalls/freebsd/table.ts';

describe('the table', () => {
  test('can be called row by row: one row for a number, each buffer with its length, no more arguments than registers', () => {
    const dispatcher = new Dispatcher(table, convention);
    for (const isa of ISAS)
      for (const [number, row] of table.byNumber(isa).entries()) if (row) expect(row.numbers[isa]).toBe(number);
    for (const [number, row] of table.byNumber('x86-64').entries()) expect(dispatcher.row(number)).toBe(row);
  });

  test('has a row for every number of FreeBSD 14', () => {
    const index = table.byNumber('x86-64');
    const without = Array.from({ length: 588 }, (_, number) => number).filter((number) => !index[number]);
    expect(without).toEqual([]);
    expect(index.length).toBe(588);
  });

  test('has the same numbers on both architectures', () => {
    for (const row of table.rows) expect(row.numbers.arm64, row.name).toBe(row.numbers['x86-64']);
  });

  test.each([
    ['exit', 1],
    ['read', 3],
    ['execve', 59],
    ['__sysctl', 202],
    ['sigaction', 416],
    ['thr_new', 455],
    ['mmap', 477],
    ['openat', 499],
    ['pipe2', 542],
    ['fstat', 551],
    ['getrandom', 563],
  ])('%s is %i', (name, number) => {
    expect(table.find(name)?.numbers['x86-64']).toBe(number);
  });

  test('carries out more than a hundred calls', () => {
    const { full, partial } = countByStatus(table);
    expect(full + partial).toBeGreaterThan(100);
  });
});

describe('the ABI', () => {
  test.each([
    ['stat', 224],
    ['statfs', 2344],
    ['timespec', 16],
    ['sigset', 16],
    ['sigaction', 32],
    ['stack', 24],
    ['rusage', 144],
    ['rlimit', 16],
    ['pollfd', 8],
    ['direntHeader', 24],
  ] as const)('struct %s has %i bytes', (name, size) => {
    expect(s[name].size).toBe(size);
  });

  test('struct termios has 44 bytes', () => {
    expect(termios.size).toBe(44);
  });

  test('struct stat has its fields where programs look for them', () => {
    expect(s.stat.offsets).toMatchObject({
      ino: 8,
      mode: 24,
      rdev: 40,
      atime: 48,
      birthtime: 96,
      size: 112,
      blksize: 128,
    });
  });

  test('the ucontext lies where the trampoline takes it from', () => {
    expect(UCONTEXT_OFFSET % 16).toBe(0);
    expect(UCONTEXT_OFFSET).toBeLessThan(128);
  });

  test('EAGAIN is 35 and every error that kernel objects name has a number', () => {
    expect(ERRNO.EAGAIN).toBe(35);
    expect(ERRNO.ELOOP).toBe(62);
    expect(ERRNO.ENOSYS).toBe(78);
    // What kernel objects can say is what POSIX has; words of STREAMS and Linux keyrings they do not use.
    const posix =
      'EPERM ENOENT ESRCH EINTR EIO ENXIO E2BIG ENOEXEC EBADF ECHILD EAGAIN ENOMEM EACCES EFAULT EBUSY EEXIST EXDEV ENODEV ENOTDIR EISDIR EINVAL ENFILE EMFILE ENOTTY ETXTBSY EFBIG ENOSPC ESPIPE EROFS EMLINK EPIPE EDOM ERANGE ENAMETOOLONG ENOLCK ENOSYS ENOTEMPTY ELOOP EOVERFLOW ENOTSOCK EMSGSIZE EOPNOTSUPP EADDRINUSE ECONNREFUSED ETIMEDOUT ENOTSUP';
    for (const code of posix.split(' ')) expect(ERRNO[code], `${code} ${messageOf(code)}`).toBeGreaterThan(0);
  });

  test.each([
    ['SIGBUS', 10],
    ['SIGSEGV', 11],
    ['SIGCHLD', 20],
    ['SIGINFO', 29],
    ['SIGUSR1', 30],
    ['SIGRT0', 65],
  ])('%s is %i', (name, number) => {
    expect(signalNumber(name)).toBe(number);
    expect(signalName(number)).toBe(name);
  });

  test('signals that FreeBSD lacks have no number', () => {
    expect(signalNumber('SIGPWR')).toBe(0);
    expect(SIGNALS.length).toBe(34);
  });

  test('a signal set survives its four words', () => {
    const set = new Set(['SIGHUP', 'SIGUSR2', 'SIGTHR', 'SIGRT3']);
    expect(maskSet(maskWords(set))).toEqual(set);
  });

  test('terminal settings survive their termios', () => {
    const back = fromTermios(toTermios(SANE), SANE);
    expect(back.flags).toEqual(SANE.flags);
    expect(back.characters).toEqual(SANE.characters);
    expect(toTermios(SANE)).toMatchObject({ cflag: expect.any(Number), ispeed: 38400 });
  });

  test('times before 1970 have a nonnegative fraction', () => {
    expect(s.toTimespec(-1n)).toEqual({ sec: -1, nsec: 999_999_999 });
    expect(s.fromTimespec(s.toTimespec(-1_500_000_000n))).toBe(-1_500_000_000n);
  });
});
