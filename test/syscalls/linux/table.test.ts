/** The Linux table is complete and agrees with the real system's numbers. */
import { describe, expect, test } from 'vitest';
import { ISAS } from '../../../src/personality/define.ts';
import { Dispatcher } from '../../../src/personality/dispatch.ts';
import { messageOf } from '../../../src/personality/error-messages.ts';
import { convention } from '../../../syscalls/linux/abi/convention.ts';
import { ERRNO } from '../../../syscalls/linux/abi/errno.ts';
import { bitsOf, codeNumber, LAST_SIGNAL, setOf, signalNumber, signalOf } from '../../../syscalls/linux/abi/signals.ts';
import { table } from '../../../syscalls/linux/table.ts';

describe('the table', () => {
  test('can be called row by row: one row for a number, each buffer with its length, no more arguments than registers', () => {
    const dispatcher = new Dispatcher(table, convention);
    for (const isa of ISAS)
      for (const [number, row] of table.byNumber(isa).entries()) if (row) expect(row.numbers[isa]).toBe(number);
    for (const [number, row] of table.byNumber('x86-64').entries()) expect(dispatcher.row(number)).toBe(row);
  });

  test('has a row for every x86-64 number up to 462', () => {
    const index = table.byNumber('x86-64');
    // The kernel left 335 to 423 free, so that later calls have one number on all architectures.
    const used = Array.from({ length: 463 }, (_, n) => n).filter((n) => n < 335 || n > 423);
    expect(used.filter((n) => !index[n])).toEqual([]);
    expect(index.length).toBe(463);
  });

  test('gives calls from 424 on the same number everywhere', () => {
    for (const row of table.rows) {
      const { 'x86-64': x86, arm64 } = row.numbers;
      if (x86 !== null && x86 >= 424) expect([x86, null], row.name).toContain(arm64);
    }
  });

  test.each([
    ['read', 0, 63],
    ['mmap', 9, 222],
    ['rt_sigreturn', 15, 139],
    ['clone', 56, 220],
    ['execve', 59, 221],
    ['open', 2, null],
    ['futex', 202, 98],
    ['newfstatat', 262, 79],
    ['epoll_pwait', 281, 22],
    ['statx', 332, 291],
    ['clone3', 435, 435],
  ])('%s is %i on x86-64 and %s on arm64', (name, x86, arm64) => {
    expect(table.find(name)?.numbers).toEqual({ 'x86-64': x86, arm64 });
  });

  test('every refusal names a real error', () => {
    for (const row of table.rows) if (row.status === 'refused') expect(ERRNO[row.error], row.name).toBeGreaterThan(0);
  });
});

describe('the numbers', () => {
  test.each([
    ['EPERM', 1],
    ['EAGAIN', 11],
    ['ENOSYS', 38],
    ['ELOOP', 40],
    ['EOPNOTSUPP', 95],
    ['ENOTSUP', 95],
    ['EHWPOISON', 133],
  ])('%s is %i', (code, number) => expect(ERRNO[code]).toBe(number));

  test('every error has a message', () => {
    const without = Object.keys(ERRNO).filter((code) => !messageOf(code));
    expect(without).toEqual(['EWOULDBLOCK']);
  });

  test.each([
    ['SIGHUP', 1],
    ['SIGBUS', 7],
    ['SIGSEGV', 11],
    ['SIGCHLD', 17],
    ['SIGSYS', 31],
    ['SIGRT0', 32],
    ['SIGRT32', 64],
  ])('%s is %i', (name, number) => {
    expect(signalNumber(name)).toBe(number);
    expect(signalOf(number)).toBe(name);
  });

  test('neither 0 nor 65 is a signal', () =>
    expect([signalOf(0), signalOf(LAST_SIGNAL + 1)]).toEqual([undefined, undefined]));

  test('a signal set is bits from signal 1 on', () => {
    expect(bitsOf(new Set(['SIGHUP', 'SIGRT0', 'SIGRT32']))).toEqual({ low: 0x8000_0001, high: 0x8000_0000 });
    expect([...setOf(2, 1)]).toEqual(['SIGINT', 'SIGRT1']);
  });

  test('codes of user, kernel and queue', () =>
    expect(['SI_USER', 'SI_KERNEL', 'SI_QUEUE', 'SEGV_ACCERR'].map(codeNumber)).toEqual([0, 0x80, -1, 2]));
});
