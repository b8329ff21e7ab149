/** System V segments, semaphores and message queues. */
import { describe, expect, test, vi } from 'vitest';
import { GuestError } from '../../src/base/failures.ts';
import { type IpcCaller, IpcTable, MessageQueue, Segment, SemaphoreSet } from '../../src/kernel/sysv-ipc.ts';

const root: IpcCaller = { pid: 1, uid: 0, gid: 0, groups: [], now: 100 };
const alice: IpcCaller = { pid: 2, uid: 5, gid: 5, groups: [], now: 100 };
const bob: IpcCaller = { pid: 3, uid: 6, gid: 6, groups: [5], now: 100 };
const create = { create: true, exclusive: false };

function code(act: () => unknown): string {
  try {
    act();
  } catch (error) {
    if (error instanceof GuestError) return error.code;
    throw error;
  }
  return 'fine';
}

describe('a table', () => {
  const make = () => new Segment(7, 100, 0o640, alice);

  test('finds an object by its key', () => {
    const table = new IpcTable<Segment>();
    expect(table.get(7, create, make)).toBe(table.get(7, { create: false, exclusive: false }, make));
  });
  test('makes a private one each time', () => {
    const table = new IpcTable<Segment>();
    expect(table.get(0, create, make)).not.toBe(table.get(0, create, make));
  });
  test('refuses a second one when asked for a new one', () => {
    const table = new IpcTable<Segment>();
    table.get(7, create, make);
    expect(code(() => table.get(7, { create: true, exclusive: true }, make))).toBe('EEXIST');
  });
  test('knows no key that nobody made', () =>
    expect(code(() => new IpcTable<Segment>().get(9, { create: false, exclusive: false }, make))).toBe('ENOENT'));
  test('lets only the owner remove', () => {
    const table = new IpcTable<Segment>();
    const segment = table.get(7, create, make);
    expect(code(() => table.remove(segment, bob))).toBe('EPERM');
    table.remove(segment, alice);
    expect([segment.removed, code(() => table.find(segment.id))]).toEqual([true, 'EINVAL']);
  });
});

test.each([
  ['the owner', alice, 6, 'fine'],
  ['the group for reading', bob, 4, 'fine'],
  ['the group for writing', bob, 6, 'EACCES'],
  ['others', { ...bob, groups: [] }, 4, 'EACCES'],
  ['root', root, 6, 'fine'],
] as const)('mode 0640 for %s', (_who, by, wanted, outcome) =>
  expect(code(() => new Segment(0, 1, 0o640, alice).check(by, wanted))).toBe(outcome));

test('a segment is whole pages of zeros until it is written', () => {
  const segment = new Segment(0, 5000, 0o600, root);
  const into = new Uint8Array(4).fill(9);
  expect([segment.size(), segment.readAt(into, 8188), ...into]).toEqual([8192, 4, 0, 0, 0, 0]);
  segment.writeAt(Uint8Array.of(1, 2), 8188);
  segment.readAt(into, 8188);
  expect([...into]).toEqual([1, 2, 0, 0]);
});

describe('a semaphore set', () => {
  const op = (semaphore: number, change: number, more = {}) => ({
    semaphore,
    change,
    noWait: false,
    undo: false,
    ...more,
  });
  const set = (...values: number[]) => {
    const made = new SemaphoreSet(0, values.length, 0o600, root);
    values.forEach((value, i) => {
      made.set(i, value, root);
    });
    return made;
  };

  test('does all operations or none', () => {
    const s = set(1, 0);
    expect(s.operate([op(0, -1), op(1, -1)], root, root)).toMatchObject({ semaphore: 1 });
    expect(s.values).toEqual([1, 0]);
    expect(s.operate([op(0, -1), op(1, 2)], root, root)).toBeUndefined();
    expect(s.values).toEqual([0, 2]);
  });
  test('waits for zero', () => {
    expect(set(1).operate([op(0, 0)], root, root)).toBeDefined();
    expect(set(0).operate([op(0, 0)], root, root)).toBeUndefined();
  });
  test('does not wait when asked not to', () =>
    expect(code(() => set(0).operate([op(0, -1, { noWait: true })], root, root))).toBe('EAGAIN'));
  test('refuses a semaphore past its end', () =>
    expect(code(() => set(0).operate([op(1, 1)], root, root))).toBe('EFBIG'));
  test('refuses a value past the largest', () =>
    expect(code(() => set(32767).operate([op(0, 1)], root, root))).toBe('ERANGE'));
  test('wakes those who wait when a value changes', () => {
    const s = set(0);
    const woken = vi.fn();
    s.queue.subscribe(woken);
    s.operate([op(0, 1)], root, root);
    expect(woken).toHaveBeenCalledOnce();
  });
  test('takes back what a holder that ended had asked to', () => {
    const s = set(3);
    s.operate([op(0, -2, { undo: true })], root, alice);
    expect(s.values).toEqual([1]);
    s.undo(alice);
    expect(s.values).toEqual([3]);
  });
});

describe('a message queue', () => {
  const filled = () => {
    const queue = new MessageQueue(0, 0o600, root);
    for (const [type, text] of [
      [1, 'a'],
      [3, 'c'],
      [2, 'b'],
    ] as const) {
      queue.send({ type, bytes: new TextEncoder().encode(text) }, root);
    }
    return queue;
  };
  test.each([
    ['the first', 0, false, 0],
    ['the first of a type', 3, false, 1],
    ['the first not of a type', 1, true, 1],
    ['the lowest type up to a limit', -3, false, 0],
    ['none of a type that is not there', 9, false, -1],
  ])('gives %s', (_what, type, except, index) => expect(filled().choose(type, except)).toBe(index));
  test('gives a message once', () => {
    const queue = filled();
    queue.take(1, root);
    expect(queue.messages.map(({ type }) => type)).toEqual([1, 2]);
  });
  test('is full at its capacity', () => {
    const queue = new MessageQueue(0, 0o600, root);
    queue.capacity = 4;
    expect(queue.send({ type: 1, bytes: new Uint8Array(3) }, root)).toBe(true);
    expect(queue.send({ type: 1, bytes: new Uint8Array(2) }, root)).toBe(false);
  });
});
