import { describe, expect, test } from 'vitest';
import { GuestError, MemoryFault } from '../../src/base/failures.ts';
import { AddressSpace, PROT_EXEC, PROT_READ, PROT_WRITE } from '../../src/memory/address-space.ts';
import { READ, WRITE } from '../../src/memory/page-map.ts';
import { PAGE_MAP, WINDOW_SIZE, WRITE_ENDS } from '../../src/memory/runtime-area.ts';
import { afterFileWrite, beforeFileAccess } from '../../src/memory/shared-objects.ts';
import { fileOf } from './files.ts';

const RW = PROT_READ | PROT_WRITE;
const RX = PROT_READ | PROT_EXEC;
const PAGE = 4096;
const BASE = 0x40_0000;

/** The symbolic error or fault reason of `act`, or 'ok'. */
function outcome(act: () => unknown): string {
  try {
    act();
    return 'ok';
  } catch (error) {
    if (error instanceof GuestError) return error.code;
    if (error instanceof MemoryFault) return `${error.reason} ${error.access} ${error.address.toString(16)}`;
    throw error;
  }
}

function mapped(pages: number, prot = RW, address = BASE): AddressSpace {
  const space = new AddressSpace();
  space.map({ address, length: pages * PAGE, prot, fixed: true });
  return space;
}

const bitsOf = (space: AddressSpace, address: number) => space.u8[PAGE_MAP + address / PAGE];
/** Bytes from a page on that may be written at once. */
const writableFrom = (space: AddressSpace, address: number) => {
  const end = space.u32[WRITE_ENDS / 4 + address / PAGE];
  return end && end - address;
};
const layout = (space: AddressSpace) =>
  space.mappings().map((m) => `${m.start.toString(16)}-${m.end.toString(16)} ${m.prot} ${m.name}`.trim());

describe('placing', () => {
  test('mappings go up from the map base and fill holes first', () => {
    const space = new AddressSpace();
    const [a, b, c] = [1, 2, 3].map((n) => space.map({ address: 0, length: n * PAGE, prot: RW }));
    expect([a, b, c]).toEqual([space.mapBase, space.mapBase + PAGE, space.mapBase + 3 * PAGE]);
    space.unmap(b, 2 * PAGE);
    expect(space.map({ address: 0, length: 3 * PAGE, prot: RW })).toBe(c + 3 * PAGE);
    expect(space.map({ address: 0, length: 2 * PAGE, prot: RW })).toBe(b);
  });
  test('a free hint is honoured, a taken or far one is not', () => {
    const space = mapped(4);
    expect(space.map({ address: BASE + 0x10_0000, length: 1, prot: RW })).toBe(BASE + 0x10_0000);
    expect(space.map({ address: BASE + PAGE, length: 1, prot: RW })).toBe(space.mapBase);
    expect(space.map({ address: 0xc0_0000_0000, length: 1, prot: RW })).toBe(space.mapBase + PAGE);
  });
  test('MAP_FIXED replaces, and with noReplace refuses', () => {
    const space = mapped(4);
    space.writeU8(BASE + PAGE, 1);
    expect(
      outcome(() => space.map({ address: BASE + PAGE, length: PAGE, prot: RW, fixed: true, noReplace: true })),
    ).toBe('EEXIST');
    space.map({ address: BASE + PAGE, length: PAGE, prot: PROT_READ, fixed: true });
    expect(layout(space)).toEqual(['400000-401000 3', '401000-402000 1', '402000-404000 3']);
    expect(space.readU8(BASE + PAGE)).toBe(0);
  });
  test('wrong requests are told apart', () => {
    const space = new AddressSpace();
    const map = (address: number, length: number, more = {}) =>
      outcome(() => space.map({ address, length, prot: RW, ...more }));
    expect(map(0, 0)).toBe('EINVAL');
    expect(map(BASE + 1, PAGE, { fixed: true })).toBe('EINVAL');
    expect(map(0, PAGE, { file: fileOf(PAGE), offset: 5 })).toBe('EINVAL');
    expect(map(0, 2 ** 48)).toBe('ENOMEM');
    expect(map(0x7fff_ffff_f000, PAGE, { fixed: true })).toBe('ENOMEM');
    expect(map(PAGE, PAGE, { fixed: true })).toBe('EPERM');
    expect(outcome(() => space.unmap(BASE + 1, PAGE))).toBe('EINVAL');
    expect(outcome(() => space.unmap(BASE, 0))).toBe('EINVAL');
  });
  test('equal neighbours become one mapping', () => {
    const space = mapped(1);
    space.map({ address: BASE + PAGE, length: PAGE, prot: RW, fixed: true });
    expect(layout(space)).toEqual(['400000-402000 3']);
    space.protect(BASE, PAGE, PROT_READ);
    space.protect(BASE, PAGE, RW);
    expect(layout(space)).toEqual(['400000-402000 3']);
  });
  test('the limit counts what is mapped, the commit limit what is accessible', () => {
    const space = mapped(4);
    space.limit = 6 * PAGE;
    expect(outcome(() => space.map({ address: 0, length: 3 * PAGE, prot: 0 }))).toBe('ENOMEM');
    space.limit = Number.POSITIVE_INFINITY;
    space.commitLimit = 6 * PAGE;
    const reserved = space.map({ address: 0, length: 2 ** 40, prot: 0 });
    expect(outcome(() => space.protect(reserved, 3 * PAGE, RW))).toBe('ENOMEM');
    expect(outcome(() => space.protect(reserved, 2 * PAGE, RW))).toBe('ok');
  });
  test('a terabyte of reservation costs nothing and is used page by page', () => {
    const space = new AddressSpace();
    const start = space.map({ address: 0, length: 2 ** 40, prot: 0 });
    const middle = start + 2 ** 39;
    space.protect(middle, 2 * PAGE, RW);
    space.writeU64(middle + PAGE - 4, 0x1122_3344_5566_7788n);
    expect(space.readBig64(middle + PAGE - 4)).toBe(0x1122_3344_5566_7788n);
    expect(space.usage().resident).toBe(2 * PAGE);
    expect(outcome(() => space.readU8(start))).toMatch(/^protected read/);
  });
  test('a mapping across the end of the window is one memory to its user', () => {
    const space = new AddressSpace();
    const edge = WINDOW_SIZE;
    space.map({ address: edge - 2 * PAGE, length: 4 * PAGE, prot: RW, fixed: true });
    space.writeU64(edge - 4, 0x0102_0304_0506_0708n);
    expect(space.readBig64(edge - 4)).toBe(0x0102_0304_0506_0708n);
    space.copyOut(edge - PAGE, new Uint8Array(2 * PAGE).fill(9));
    expect(space.copyIn(edge - PAGE, 2 * PAGE).every((b) => b === 9)).toBe(true);
    expect(writableFrom(space, edge - PAGE)).toBe(PAGE);
    space.unmap(edge - 2 * PAGE, 4 * PAGE);
    expect(space.mappings()).toEqual([]);
  });
  test('a window that starts at 0x140000000 serves images linked there', () => {
    const space = new AddressSpace({ windowBase: 0x1_4000_0000 });
    space.map({ address: 0x1_4000_0000, length: PAGE, prot: RW, fixed: true });
    space.writeU32(0x1_4000_0010, 77);
    expect(space.readU32(0x1_4000_0010)).toBe(77);
    expect(space.map({ address: 0, length: PAGE, prot: RW })).toBe(space.mapBase);
  });
});

describe('faults', () => {
  test('each reason is told apart', () => {
    const space = mapped(2, PROT_READ);
    expect(outcome(() => space.readU8(0))).toBe('unmapped read 0');
    expect(outcome(() => space.writeU8(BASE, 1))).toBe('protected write 400000');
    expect(outcome(() => space.executeFault(BASE))).toBe('protected execute 400000');
    expect(outcome(() => space.readU8(0x8000_0000_0000))).toMatch(/^noncanonical/);
    expect(outcome(() => space.readU8(0xffff_8000_0000_0000))).toMatch(/^unmapped/);
    const file = space.map({ address: 0, length: 3 * PAGE, prot: PROT_READ, file: fileOf(PAGE + 10) });
    expect(space.readU8(file + PAGE + 10)).toBe(0);
    expect(outcome(() => space.readU8(file + 2 * PAGE))).toMatch(/^beyond-file/);
  });
  test('a store across two pages changes nothing when the second refuses, and names the second', () => {
    const space = mapped(2);
    space.protect(BASE + PAGE, PAGE, PROT_READ);
    expect(outcome(() => space.writeU64(BASE + PAGE - 4, -1))).toBe('protected write 401000');
    expect(space.readU32(BASE + PAGE - 4)).toBe(0);
  });
  test('probe faults as the access would, and writes nothing', () => {
    const space = mapped(1);
    expect(outcome(() => space.probe(BASE + PAGE - 4, 8, 'write'))).toBe('unmapped write 401000');
    expect(outcome(() => space.probe(BASE, 8, 'write'))).toBe('ok');
  });
  test('accessible counts up to the first bad byte', () => {
    const space = mapped(2);
    space.protect(BASE + PAGE, PAGE, PROT_READ);
    expect(space.accessible(BASE + 10, 3 * PAGE, 'read')).toBe(2 * PAGE - 10);
    expect(space.accessible(BASE + 10, 3 * PAGE, 'write')).toBe(PAGE - 10);
    expect(space.accessible(BASE - 1, 10, 'read')).toBe(0);
  });
  test('addresses beyond what numbers resolve fault like any other', () => {
    const space = mapped(2);
    for (const address of [2 ** 64 - 4096, 0xffff_ffff_9f40_0000, 2 ** 63]) {
      expect(space.fetch(address, 128).length).toBe(0);
      expect(space.accessible(address, 128, 'read')).toBe(0);
      expect(outcome(() => space.spans(address, 16, 'write'))).not.toBe('ok');
      expect(outcome(() => space.loadSlow(address, 16))).not.toBe('ok');
      expect(outcome(() => space.probe(address, 16, 'write'))).not.toBe('ok');
    }
  });
  test('fetch gives what may be executed', () => {
    const space = mapped(2, RX);
    space.protect(BASE + PAGE, PAGE, PROT_READ);
    expect(space.fetch(BASE + PAGE - 3, 15).length).toBe(3);
    expect(space.fetch(BASE + PAGE, 15).length).toBe(0);
  });
  test('the stack grows on access within its limit, also from the kernel, and not into a neighbour', () => {
    const space = new AddressSpace();
    space.stackLimit = 1 << 20;
    const top = 0x80_0000;
    space.map({ address: top - PAGE, length: PAGE, prot: RW, fixed: true, growsDown: true, name: '[stack]' });
    space.writeU8(top - 5 * PAGE, 1);
    expect(layout(space)).toEqual(['7fb000-800000 3 [stack]']);
    space.copyOut(top - 9 * PAGE, new Uint8Array(PAGE));
    expect(space.mappingAt(top - 9 * PAGE)?.name).toBe('[stack]');
    expect(outcome(() => space.writeU8(top - (1 << 20) - 1, 1))).toMatch(/^unmapped/);
    space.mapBase = top - 3 * PAGE * 16;
    expect(space.map({ address: 0, length: PAGE, prot: RW })).toBe(top);
  });
});

describe('protection and contents', () => {
  test('mprotect over a hole does what comes before it', () => {
    const space = mapped(2);
    expect(outcome(() => space.protect(BASE, 4 * PAGE, PROT_READ))).toBe('ENOMEM');
    expect(layout(space)).toEqual(['400000-402000 1']);
    expect(outcome(() => space.protect(BASE - PAGE, 2 * PAGE, RW))).toBe('ENOMEM');
    expect(layout(space)).toEqual(['400000-402000 1']);
  });
  test('mprotect cannot exceed what the file was opened for', () => {
    const space = new AddressSpace();
    const file = fileOf(PAGE);
    const at = space.map({ address: 0, length: PAGE, prot: PROT_READ, maxProt: RX, shared: true, file });
    expect(outcome(() => space.protect(at, PAGE, RW))).toBe('EACCES');
  });
  test('memory mapped again reads zero', () => {
    const space = mapped(3);
    space.copyOut(BASE, new Uint8Array(3 * PAGE).fill(1));
    space.unmap(BASE, 3 * PAGE);
    space.map({ address: BASE, length: 3 * PAGE, prot: RW, fixed: true });
    expect(space.copyIn(BASE, 3 * PAGE).every((b) => b === 0)).toBe(true);
  });
  test('a discarded page is fresh again: zero, or the file', () => {
    const space = mapped(1);
    const file = fileOf(PAGE);
    const at = space.map({ address: 0, length: PAGE, prot: RW, file });
    for (const page of [BASE, at]) {
      space.writeU32(page, 0xdead);
      space.discard(page, PAGE);
    }
    expect(space.readU32(BASE)).toBe(0);
    expect(space.copyIn(at, PAGE)).toEqual(file.bytes);
    expect(outcome(() => space.discard(BASE, 2 * PAGE))).toBe('ENOMEM');
  });
  test('a large file is read only around what is used', () => {
    const space = new AddressSpace();
    const file = fileOf(4 << 20);
    const at = space.map({ address: 0, length: 4 << 20, prot: PROT_READ, file });
    expect(file.reads).toBe(0);
    expect(space.readU8(at + 0x12_3456)).toBe(file.bytes[0x12_3456]);
    expect(space.usage().resident).toBe(64 << 10);
  });
  test('untouched anonymous memory is not resident', () => {
    const space = mapped(10_000);
    expect(space.readU8(BASE + 5000 * PAGE)).toBe(0);
    expect(space.usage()).toEqual({ mapped: 10_000 * PAGE, resident: 0 });
  });
  test('private file pages keep their writes to themselves', () => {
    const space = new AddressSpace();
    const file = fileOf(2 * PAGE);
    const original = file.bytes.slice();
    const at = space.map({ address: 0, length: 2 * PAGE, prot: RW, file });
    space.writeU64(at + 100, -1);
    space.dispose();
    expect(file.bytes).toEqual(original);
  });
  test('strings end at their NUL, at a fault, or at the limit', () => {
    const space = mapped(2);
    space.copyOut(BASE + PAGE - 3, new TextEncoder().encode('grüße\0'));
    expect(space.string(BASE + PAGE - 3)).toBe('grüße');
    space.copyOut(BASE + 2 * PAGE - 2, new Uint8Array([65, 66]));
    expect(outcome(() => space.cstring(BASE + 2 * PAGE - 2))).toBe('unmapped read 402000');
    expect(outcome(() => space.cstring(BASE + PAGE - 3, 4))).toBe('ENAMETOOLONG');
  });
  test('numbers of every width survive the slow and the fast way', () => {
    const space = mapped(2);
    for (const at of [BASE, BASE + PAGE - 1]) {
      space.writeU16(at, 0xfffe);
      expect(space.readU16(at)).toBe(0xfffe);
      space.writeU32(at, -2);
      expect([space.readU32(at), space.readI32(at)]).toEqual([0xffff_fffe, -2]);
      space.writeU64(at, -5);
      expect(space.readBig64(at)).toBe(2n ** 64n - 5n);
      space.writeU64(at, 2 ** 40 + 3);
      expect(space.readU64(at)).toBe(2 ** 40 + 3);
    }
  });
});

describe('the break', () => {
  test('grows, shrinks, reads zero again, and stops before a neighbour', () => {
    const space = new AddressSpace();
    space.setBreakStart(0x50_0123);
    expect(space.brk(0)).toBe(0x50_1000);
    expect(space.brk(0x50_1800)).toBe(0x50_1800);
    space.writeU8(0x50_17ff, 7);
    expect(space.brk(0x50_1000)).toBe(0x50_1000);
    expect(outcome(() => space.readU8(0x50_17ff))).toMatch(/^unmapped/);
    space.brk(0x50_1800);
    expect(space.readU8(0x50_17ff)).toBe(0);
    space.map({ address: 0x50_4000, length: PAGE, prot: RW, fixed: true });
    expect(space.brk(0x50_4001)).toBe(0x50_1800);
    expect(layout(space)).toEqual(['501000-502000 3 [heap]', '504000-505000 3']);
  });
});

describe('mremap', () => {
  test('shrinks and grows in place, moves when it must and may', () => {
    const space = mapped(4);
    space.writeU8(BASE + PAGE, 5);
    expect(space.remap(BASE, 4 * PAGE, 2 * PAGE, false)).toBe(BASE);
    expect(space.remap(BASE, 2 * PAGE, 3 * PAGE, false)).toBe(BASE);
    space.map({ address: BASE + 3 * PAGE, length: PAGE, prot: PROT_READ, fixed: true });
    expect(outcome(() => space.remap(BASE, 3 * PAGE, 4 * PAGE, false))).toBe('ENOMEM');
    const moved = space.remap(BASE, 3 * PAGE, 9 * PAGE, true);
    expect([space.readU8(moved + PAGE), space.readU8(moved + 8 * PAGE)]).toEqual([5, 0]);
    expect(outcome(() => space.readU8(BASE))).toMatch(/^unmapped/);
  });
  test('goes to a fixed place and replaces what is there', () => {
    const space = mapped(4);
    space.writeU8(BASE + PAGE, 5);
    space.map({ address: 0x50_0000, length: PAGE, prot: PROT_READ, fixed: true });
    expect(space.remap(BASE + PAGE, PAGE, PAGE, true, 0x50_0000)).toBe(0x50_0000);
    expect(space.readU8(0x50_0000)).toBe(5);
    expect(layout(space)).toEqual(['400000-401000 3', '402000-404000 3', '500000-501000 3']);
    expect(outcome(() => space.remap(BASE, PAGE, PAGE, true, BASE))).toBe('EINVAL');
  });
  test('refuses what Linux refuses', () => {
    const space = mapped(2);
    expect(outcome(() => space.remap(BASE + 1, PAGE, PAGE, true))).toBe('EINVAL');
    expect(outcome(() => space.remap(BASE, PAGE, 0, true))).toBe('EINVAL');
    expect(outcome(() => space.remap(0x70_0000, PAGE, PAGE, true))).toBe('EFAULT');
    expect(outcome(() => space.remap(BASE, 3 * PAGE, 4 * PAGE, true))).toBe('EFAULT');
    expect(outcome(() => space.remap(BASE, 0, PAGE, true))).toBe('EINVAL');
  });
  test('of length zero maps a shared mapping a second time', () => {
    const space = new AddressSpace();
    const first = space.map({ address: 0, length: 2 * PAGE, prot: RW, shared: true });
    space.writeU32(first + 4, 9);
    const second = space.remap(first, 0, 2 * PAGE, true);
    expect(space.readU32(second + 4)).toBe(9);
    space.writeU32(second + PAGE, 10);
    expect(space.readU32(first + PAGE)).toBe(10);
  });
});

describe('code pages', () => {
  function withCode() {
    const space = mapped(4, RW | PROT_EXEC);
    const changes: string[] = [];
    space.onCodeChanged = (start, end) => changes.push(`${start.toString(16)}-${end.toString(16)}`);
    space.writeU8(BASE, 1);
    space.markCode(BASE + PAGE, BASE + 3 * PAGE);
    return { space, changes };
  }
  test('lose their write bits and get them back with the write that drops the code', () => {
    const { space, changes } = withCode();
    expect(writableFrom(space, BASE)).toBe(PAGE);
    expect(writableFrom(space, BASE + PAGE)).toBe(0);
    space.writeU8(BASE + PAGE + 5, 1);
    expect(changes).toEqual(['401000-402000']);
    expect(bitsOf(space, BASE + PAGE) & WRITE).toBe(WRITE);
    expect(writableFrom(space, BASE)).toBe(2 * PAGE);
  });
  test('are dropped by a kernel write, munmap, and loss of execute permission', () => {
    for (const act of [
      (s: AddressSpace) => s.spans(BASE, 4 * PAGE, 'write'),
      (s: AddressSpace) => s.unmap(BASE, 4 * PAGE),
      (s: AddressSpace) => s.protect(BASE, 4 * PAGE, RW),
      (s: AddressSpace) => s.discard(BASE, 4 * PAGE),
    ]) {
      const { space, changes } = withCode();
      act(space);
      expect(changes.join(' ')).toMatch(/^401000-(403000|402000 402000-403000)$/);
    }
  });
  test('a fork starts without code', () => {
    const { space } = withCode();
    expect(bitsOf(space.fork(), BASE + PAGE) & (WRITE | READ)).toBe(WRITE | READ);
  });
  test('written through another mapping of the same memory are dropped where they run', () => {
    const space = new AddressSpace();
    const file = fileOf(PAGE);
    const run = space.map({ address: 0, length: PAGE, prot: RX, shared: true, file });
    const edit = space.map({ address: 0, length: PAGE, prot: RW, shared: true, file });
    const changes: number[] = [];
    space.onCodeChanged = (start) => changes.push(start);
    space.markCode(run, run + PAGE);
    space.writeU8(edit, 0xc3);
    expect(changes).toEqual([run]);
    expect(space.fetch(run, 1)).toEqual(new Uint8Array([0xc3]));
  });
});

describe('shared mappings', () => {
  test('a sole one is direct and reaches its file at msync, munmap and exit', () => {
    for (const act of [
      (s: AddressSpace, at: number) => s.sync(at, 2 * PAGE),
      (s: AddressSpace, at: number) => s.unmap(at, 2 * PAGE),
      (s: AddressSpace) => s.dispose(),
    ]) {
      const space = new AddressSpace();
      const file = fileOf(PAGE + 100);
      const at = space.map({ address: 0, length: 2 * PAGE, prot: RW, shared: true, file });
      space.writeU32(at + PAGE, 0x1234);
      expect(bitsOf(space, at + PAGE) & WRITE).toBe(WRITE);
      act(space, at);
      expect([file.bytes[PAGE], file.bytes[PAGE + 1], file.bytes.length]).toEqual([0x34, 0x12, PAGE + 100]);
    }
  });
  test('read and write calls see them and are seen by them', () => {
    const space = new AddressSpace();
    const file = fileOf(PAGE);
    const at = space.map({ address: 0, length: PAGE, prot: RW, shared: true, file });
    for (let round = 0; round < 2; round++) {
      space.writeU8(at + 1, 40 + round);
      beforeFileAccess(file.mapKey);
      expect(file.bytes[1]).toBe(40 + round);
      file.bytes[2] = 50 + round;
      afterFileWrite(file.mapKey, 2, 3);
      expect([space.readU8(at + 1), space.readU8(at + 2)]).toEqual([40 + round, 50 + round]);
      // The second round does the same with the file mapped twice.
      if (round === 0) space.map({ address: 0, length: PAGE, prot: RW, shared: true, file });
    }
  });
  test('private ones follow the file on pages that were not written', () => {
    const space = new AddressSpace();
    const file = fileOf(2 * PAGE);
    const at = space.map({ address: 0, length: 2 * PAGE, prot: RW, file });
    space.writeU8(at + 1, 7);
    expect(space.readU8(at + PAGE)).toBe(file.bytes[PAGE]);
    file.bytes.fill(99);
    afterFileWrite(file.mapKey, 0, 2 * PAGE);
    expect([space.readU8(at + 1), space.readU8(at + 2), space.readU8(at + PAGE)]).toEqual([7, 2 * 7 + 101, 99]);
  });
  test('stay shared after fork, private ones part', () => {
    const parent = new AddressSpace();
    const shared = parent.map({ address: 0, length: PAGE, prot: RW, shared: true });
    const secret = parent.map({ address: 0, length: PAGE, prot: RW });
    parent.writeU32(shared, 1);
    parent.writeU32(secret, 1);
    const child = parent.fork();
    child.writeU32(shared, 2);
    child.writeU32(secret, 2);
    expect([parent.readU32(shared), parent.readU32(secret)]).toEqual([2, 1]);
    const grandchild = child.fork();
    parent.dispose();
    child.dispose();
    expect(grandchild.readU32(shared)).toBe(2);
  });
  test('of two processes on one file see each other, and pages cut off the file fault', () => {
    const [a, b] = [new AddressSpace(), new AddressSpace()];
    const file = fileOf(2 * PAGE);
    const [at, bt] = [a, b].map((space) => space.map({ address: 0, length: 2 * PAGE, prot: RW, shared: true, file }));
    a.writeU32(at + PAGE, 77);
    expect(b.readU32(bt + PAGE)).toBe(77);
    file.bytes = file.bytes.slice(0, PAGE);
    afterFileWrite(file.mapKey, PAGE, 2 * PAGE);
    expect(outcome(() => b.readU32(bt + PAGE))).toMatch(/^beyond-file/);
  });
});

test('a file that cannot be read is a bus error, one that cannot be written fails msync alone', () => {
  const refuse = () => {
    throw new GuestError('EIO');
  };
  const space = new AddressSpace();
  const unreadable = space.map({ address: 0, length: PAGE, prot: RW, file: { ...fileOf(PAGE), readAt: refuse } });
  expect(outcome(() => space.readU8(unreadable))).toMatch(/^beyond-file/);
  const full = space.map({
    address: 0,
    length: PAGE,
    prot: RW,
    shared: true,
    file: { ...fileOf(PAGE), writeAt: refuse },
  });
  space.writeU8(full, 1);
  expect(outcome(() => space.sync(full, PAGE))).toBe('EIO');
  space.writeU8(full, 2);
  expect(outcome(() => space.dispose())).toBe('ok');
});

test('a mapped file is held from the first mapping to the last, through cuts, merges, moves and forks', () => {
  let holders = 0;
  const file = { ...fileOf(8 * PAGE), retain: () => holders++, drop: () => holders-- };
  for (const shared of [false, true]) {
    const space = new AddressSpace();
    const at = space.map({ address: 0, length: 8 * PAGE, prot: RW, file, shared });
    space.unmap(at + 3 * PAGE, PAGE);
    space.protect(at, PAGE, PROT_READ);
    space.protect(at, PAGE, RW);
    space.remap(at + 4 * PAGE, 2 * PAGE, 20 * PAGE, true);
    const child = space.fork();
    space.dispose();
    expect(holders).toBeGreaterThan(0);
    child.dispose();
    expect(holders).toBe(0);
  }
});

test('a recycled memory is zero for its next user', () => {
  const first = mapped(4);
  first.copyOut(BASE, new Uint8Array(4 * PAGE).fill(1));
  first.zeroRuntimeArea = () => {};
  first.dispose();
  const second = mapped(4);
  expect(second.memory).toBe(first.memory);
  expect(second.copyIn(BASE, 4 * PAGE).every((b) => b === 0)).toBe(true);
  expect(second.usage().resident).toBe(0);
});
