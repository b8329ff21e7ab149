/** Advisory locks on byte ranges: conflicts, splitting, waiting. */
import { describe, expect, test, vi } from 'vitest';
import { FileLocks, LockTable, takeOrWait } from '../../src/kernel/record-locks.ts';
import { Wait } from '../../src/kernel/wait.ts';

const a = {};
const b = {};
const lock = (owner: object, start: number, end: number, exclusive = true) => ({
  owner,
  pid: 1,
  start,
  end,
  exclusive,
});

describe('the locks of a file', () => {
  test('of one owner never conflict', () => {
    const locks = new FileLocks();
    expect([locks.take(lock(a, 0, 10)), locks.take(lock(a, 5, 15, false))]).toEqual([true, true]);
  });
  test('for reading are shared', () => {
    const locks = new FileLocks();
    expect([locks.take(lock(a, 0, 10, false)), locks.take(lock(b, 0, 10, false))]).toEqual([true, true]);
    expect(locks.take(lock(b, 0, 10))).toBe(false);
  });
  test('for writing exclude others where they overlap', () => {
    const locks = new FileLocks();
    locks.take(lock(a, 0, 10));
    expect([locks.take(lock(b, 10, 20)), locks.take(lock(b, 9, 10))]).toEqual([true, false]);
  });
  test('reach to the end of the file for ever', () => {
    const locks = new FileLocks();
    locks.take(lock(a, 5, Number.POSITIVE_INFINITY));
    expect(locks.conflict(lock(b, 1e12, 1e12 + 1))?.owner).toBe(a);
  });
  test('are split by what is given back in the middle', () => {
    const locks = new FileLocks();
    locks.take(lock(a, 0, 30));
    locks.release(a, 10, 20);
    expect([0, 10, 20].map((at) => locks.conflict(lock(b, at, at + 1)) !== undefined)).toEqual([true, false, true]);
  });
  test('change kind in place', () => {
    const locks = new FileLocks();
    locks.take(lock(a, 0, 30));
    locks.take(lock(a, 10, 20, false));
    expect(locks.take(lock(b, 10, 20, false))).toBe(true);
    expect(locks.take(lock(b, 5, 6, false))).toBe(false);
  });
  test('are waited for, and the waiters are woken', () => {
    const locks = new FileLocks();
    locks.take(lock(a, 0, 1));
    const wait = takeOrWait(locks, lock(b, 0, 1));
    expect(wait).toBeInstanceOf(Wait);
    const woken = vi.fn();
    wait?.queues[0].subscribe(woken);
    locks.release(a);
    expect(woken).toHaveBeenCalledOnce();
    expect(takeOrWait(locks, lock(b, 0, 1))).toBeUndefined();
  });
});

test('a table knows files by object and by name, and forgets those without locks', () => {
  const table = new LockTable();
  expect(table.of(a)).toBe(table.of(a));
  expect(table.of('1:2')).toBe(table.of('1:2'));
  table.prune('1:2');
  expect(table.find('1:2')).toBeUndefined();
});
