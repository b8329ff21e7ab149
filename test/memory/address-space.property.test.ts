import fc from 'fast-check';
import { expect, test } from 'vitest';
import { GuestError, MemoryFault } from '../../src/base/failures.ts';
import { AddressSpace } from '../../src/memory/address-space.ts';
import { EXECUTE, HAS_CODE, READ, WRITE } from '../../src/memory/page-map.ts';
import {
  FAR_ENTRIES,
  FAR_ENTRY,
  FAR_READS,
  FAR_WRITES,
  PAGE_MAP,
  READ_ENDS,
  RUNTIME_SIZE,
  WINDOW_SIZE,
  WRITE_ENDS,
} from '../../src/memory/runtime-area.ts';
import { afterFileWrite, beforeFileAccess } from '../../src/memory/shared-objects.ts';
import { fileOf, type TestFile } from './files.ts';
import { Model, type Outcome, PAGE } from './model.ts';

/** Pages the sequences play with, in the window or far outside. */
const ARENA = 24;
const BASES = [0x40_0000, 0x1234_5678_0000];

const offset = fc.nat(ARENA - 1);
const count = fc.integer({ min: 1, max: 10 });
const prot = fc.constantFrom(0, 1, 3, 3, 3, 5, 7);
const byteOffset = fc.oneof(
  fc.nat(ARENA * PAGE - 1),
  fc.nat(ARENA - 1).chain((page) => fc.integer({ min: -8, max: 8 }).map((d) => Math.max(0, page * PAGE + d))),
);
const operation = fc.oneof(
  fc.record({
    op: fc.constant('map' as const),
    offset,
    count,
    prot,
    kind: fc.constantFrom('anon', 'file', 'shared', 'shared file'),
  }),
  fc.record({ op: fc.constant('unmap' as const), offset, count }),
  fc.record({ op: fc.constant('protect' as const), offset, count, prot }),
  fc.record({ op: fc.constant('discard' as const), offset, count }),
  fc.record({ op: fc.constant('read' as const), at: byteOffset, size: fc.integer({ min: 1, max: 64 }) }),
  fc.record({
    op: fc.constant('write' as const),
    at: byteOffset,
    bytes: fc.uint8Array({ minLength: 1, maxLength: 64 }),
  }),
  fc.record({
    op: fc.constant('write' as const),
    at: byteOffset,
    bytes: fc.uint8Array({ minLength: 1, maxLength: 64 }),
  }),
  fc.record({ op: fc.constant('copy' as const), at: byteOffset, size: fc.nat(3 * PAGE) }),
  fc.record({ op: fc.constant('code' as const), offset }),
  fc.record({ op: fc.constant('fork' as const) }),
  fc.record({
    op: fc.constant('mirror' as const),
    at: byteOffset,
    bytes: fc.uint8Array({ minLength: 1, maxLength: 64 }),
  }),
  fc.record({ op: fc.constant('read call' as const) }),
  fc.record({
    op: fc.constant('write call' as const),
    at: fc.nat(12 * PAGE - 64),
    bytes: fc.uint8Array({ minLength: 1, maxLength: 64 }),
  }),
);
type Operation = typeof operation extends fc.Arbitrary<infer T> ? T : never;

function outcome(act: () => void): Outcome {
  try {
    act();
    return 'ok';
  } catch (error) {
    if (error instanceof MemoryFault) return error.reason;
    throw error;
  }
}

function enomem(act: () => void): boolean {
  try {
    act();
    return false;
  } catch (error) {
    expect(error).toBeInstanceOf(GuestError);
    return (error as GuestError).code === 'ENOMEM';
  }
}

/** Code pages the engine was told about and not yet told to drop. */
function watchCode(space: AddressSpace): Set<number> {
  const code = new Set<number>();
  space.onCodeChanged = (start, end) => {
    for (let at = start; at < end; at += PAGE) code.delete(at / PAGE);
  };
  return code;
}

/** Pages of the file that is mapped shared here and there, and read and written by calls. */
const FILE_PAGES = 12;

let fileNumber = 0;

interface One {
  space: AddressSpace;
  model: Model;
  code: Set<number>;
  mirror?: AddressSpace;
}

interface SharedFile {
  file: TestFile;
  /** What its pages should be, seen through mappings and calls alike. */
  pages: Uint8Array[];
}

function sharedFile(): SharedFile {
  const file = fileOf(FILE_PAGES * PAGE, ++fileNumber);
  return { file, pages: Array.from({ length: FILE_PAGES }, (_, i) => file.bytes.slice(i * PAGE, (i + 1) * PAGE)) };
}

function map({ space, model }: One, start: number, action: Extract<Operation, { op: 'map' }>, disk: SharedFile): void {
  const length = action.count * PAGE;
  const request = { address: start, length, prot: action.prot, fixed: true };
  if (action.kind === 'shared file') {
    const first = action.offset % 3;
    space.map({ ...request, shared: true, file: disk.file, offset: first * PAGE });
    model.map(start, action.count, action.prot, (i) => disk.pages[first + i], true);
    return;
  }
  const shared = action.kind === 'shared';
  const file = action.kind === 'file' ? fileOf(length, ++fileNumber) : undefined;
  space.map({ ...request, shared, file });
  const content = (i: number) => file?.bytes.slice(i * PAGE, (i + 1) * PAGE) ?? new Uint8Array(PAGE);
  model.map(start, action.count, action.prot, content, shared);
}

function step(one: One, base: number, action: Operation, disk: SharedFile): void {
  const { space, model, code } = one;
  switch (action.op) {
    case 'map':
      map(one, base + action.offset * PAGE, action, disk);
      break;
    case 'unmap':
      space.unmap(base + action.offset * PAGE, action.count * PAGE);
      model.unmap(base + action.offset * PAGE, action.count);
      break;
    case 'protect': {
      const start = base + action.offset * PAGE;
      const refused = enomem(() => space.protect(start, action.count * PAGE, action.prot));
      expect(refused).toBe(!model.protect(start, action.count, action.prot));
      break;
    }
    case 'discard': {
      const start = base + action.offset * PAGE;
      expect(enomem(() => space.discard(start, action.count * PAGE))).toBe(!model.discard(start, action.count));
      break;
    }
    case 'read': {
      const at = base + action.at;
      const expected = model.check(at, action.size, false);
      expect(outcome(() => space.loadSlow(at, action.size))).toBe(expected);
      if (expected === 'ok') expect([...space.scratch.subarray(0, action.size)]).toEqual(model.read(at, action.size));
      break;
    }
    case 'write': {
      const at = base + action.at;
      const expected = model.check(at, action.bytes.length, true);
      space.scratch.set(action.bytes);
      expect(outcome(() => space.storeSlow(at, action.bytes.length))).toBe(expected);
      if (expected === 'ok') {
        model.write(at, action.bytes);
        const written = model.pages.get(Math.floor(at / PAGE))!.bytes;
        for (const [page, { bytes }] of model.pages) if (bytes === written) expect(code.has(page)).toBe(false);
      }
      break;
    }
    case 'copy': {
      const at = base + action.at;
      if (model.check(at, action.size, false) === 'ok')
        expect([...space.copyIn(at, action.size)]).toEqual(model.read(at, action.size));
      else expect(outcome(() => space.copyIn(at, action.size))).not.toBe('ok');
      break;
    }
    case 'code': {
      const page = base / PAGE + action.offset;
      if ((model.pages.get(page)?.prot ?? 0) & 4) {
        space.markCode(page * PAGE, page * PAGE + 1);
        code.add(page);
      }
      break;
    }
    case 'read call':
      beforeFileAccess(disk.file.mapKey);
      disk.pages.forEach((page, i) => {
        expect(Buffer.compare(disk.file.bytes.subarray(i * PAGE, (i + 1) * PAGE), page)).toBe(0);
      });
      break;
    case 'write call':
      beforeFileAccess(disk.file.mapKey);
      disk.file.bytes.set(action.bytes, action.at);
      afterFileWrite(disk.file.mapKey, action.at, action.at + action.bytes.length);
      action.bytes.forEach((byte, i) => {
        disk.pages[Math.floor((action.at + i) / PAGE)][(action.at + i) % PAGE] = byte;
      });
      break;
    case 'mirror':
      checkMirror(one, base + action.at, action.bytes);
      break;
    case 'fork':
  }
}

/** A mirror shows what the space does; what is written in it stays there, and is found. */
function checkMirror(one: One, at: number, bytes: Uint8Array): void {
  const { space, model } = one;
  one.mirror ??= space.mirror();
  const { mirror } = one;
  mirror.follow(space);
  expect(mirror.differenceFrom(space)).toBeUndefined();
  for (const [page, { prot, bytes: expected }] of model.pages) {
    if (prot !== 0) expect(Buffer.compare(mirror.copyIn(page * PAGE, PAGE), expected)).toBe(0);
  }
  if (model.check(at, bytes.length, true) !== 'ok') return;
  const before = space.copyIn(at, bytes.length);
  mirror.copyOut(at, bytes);
  const found = mirror.differenceFrom(space);
  expect(found !== undefined).toBe(bytes.some((byte, i) => byte !== before[i]));
  if (found) expect([before.includes(found.theirs), bytes.includes(found.ours)]).toEqual([true, true]);
}

/** Where code finds a page outside the window, 0: it has to ask. */
function farPlace({ u32 }: AddressSpace, table: number, page: number): number {
  const at = (table + (page % FAR_ENTRIES) * FAR_ENTRY) >> 2;
  return u32[at] + u32[at + 1] * 2 ** 32 === page + 1 ? u32[at + 2] : 0;
}

/** Whatever the page map lets translated code do must be right; what it refuses is only slow. */
function checkPageMap({ space, model, code }: One, base: number): void {
  const map = space.u8;
  const first = base / PAGE;
  if (base >= WINDOW_SIZE) {
    for (let i = first - 1; i <= first + ARENA + 10; i++) {
      const page = model.pages.get(i);
      const [read, write] = [FAR_READS, FAR_WRITES].map((table) => farPlace(space, table, i));
      for (const at of [read, write]) {
        if (at > 0) expect(Buffer.compare(map.subarray(at, at + PAGE), page!.bytes)).toBe(0);
      }
      if (read > 0) expect(page!.prot).not.toBe(0);
      if (write > 0) expect(page!.prot & 2 && !code.has(i)).toBeTruthy();
    }
    return;
  }
  for (let i = first - 1; i <= first + ARENA + 10; i++) {
    const bits = map[PAGE_MAP + i];
    const next = map[PAGE_MAP + i + 1];
    const page = model.pages.get(i);
    if (bits & READ) {
      expect(page && page.prot !== 0).toBeTruthy();
      const at = RUNTIME_SIZE + i * PAGE;
      expect(Buffer.compare(map.subarray(at, at + PAGE), page!.bytes)).toBe(0);
    }
    if (bits & WRITE) expect(page!.prot & 2 && !code.has(i)).toBeTruthy();
    expect(Boolean(bits & EXECUTE)).toBe(Boolean((page?.prot ?? 0) & 4));
    expect(Boolean(bits & HAS_CODE)).toBe(code.has(i));
    for (const [ends, bit] of [
      [READ_ENDS, READ],
      [WRITE_ENDS, WRITE],
    ]) {
      const pages = bits & bit ? (next & bit ? 2 : 1) : 0;
      expect(space.u32[ends / 4 + i]).toBe(pages && (i + pages) * PAGE);
    }
  }
}

for (const base of BASES) {
  const where = base < WINDOW_SIZE ? 'inside the window' : 'far outside the window';
  test(`any sequence of memory operations ${where} does what a naive model does, in parent and child`, () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.boolean(), operation), { minLength: 5, maxLength: 40 }), (steps) => {
        const disk = sharedFile();
        const grown = (space: AddressSpace, model: Model): One => ({ space, model, code: watchCode(space) });
        const all = [grown(new AddressSpace(), new Model())];
        for (const [inChild, action] of steps) {
          if (action.op === 'fork') {
            all[1]?.mirror?.dispose();
            all[1]?.space.dispose();
            all[1] = grown(all[0].space.fork(), all[0].model.fork());
          } else {
            step(inChild && all[1] ? all[1] : all[0], base, action, disk);
          }
          for (const one of all) checkPageMap(one, base);
        }
        for (const one of all) {
          one.mirror?.dispose();
          one.space.zeroRuntimeArea = () => {};
          one.space.dispose();
        }
        disk.pages.forEach((page, i) => {
          expect(Buffer.compare(disk.file.bytes.subarray(i * PAGE, (i + 1) * PAGE), page)).toBe(0);
        });
      }),
      { numRuns: 100 },
    );
  });
}
