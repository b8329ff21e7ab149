/** Checked access to guest memory and bulk moves, as functions of the runtime module. */
import { ACCESS } from '../ir/ops.ts';
import type { Isa } from '../isa/isa.ts';
import {
  FAR_ENTRIES,
  FAR_ENTRY,
  FAR_HITS,
  FAR_READS,
  FAR_WRITES,
  PAGE_SHIFT,
  PAGE_SIZE,
  READ_ENDS,
  RUNTIME_SIZE,
  WRITE_ENDS,
} from '../memory/runtime-area.ts';
import { STATE } from './lowering.ts';
import { Func } from './wasm/encoder.ts';
import { I32_ADD, I32_AND, I64_ADD, LOAD_I32, LOAD_I64, LOAD_U32_I64, STORE_I32, WRAP } from './wasm/opcodes.ts';

/** What to look at before an access: may bytes [from, to) relative to an address be read, or written? At most PAGE_SIZE of them. */
export interface Range {
  readonly from: number;
  readonly to: number;
  readonly write: boolean;
}

/** Push the end (i64) of the page that the byte at a distance from an address (i64 local) is in. */
function pushEnd(f: Func, address: number, distance: number, write: boolean): void {
  f.get(address);
  f.byte(WRAP);
  if (distance !== 0) {
    f.i32(distance);
    f.byte(I32_ADD);
  }
  // Four bytes for each page.
  f.i32(PAGE_SHIFT - 2);
  f.byte(0x76); // shr_u
  f.i32(-4);
  f.byte(I32_AND);
  f.mem(LOAD_U32_I64, write ? WRITE_ENDS : READ_ENDS);
}

/** Push 1 if a range relative to the address (i64 local) may be accessed. */
export function pageCheck(f: Func, address: number, { from, to, write }: Range): void {
  pushEnd(f, address, from, write);
  // Not the byte behind: that of the very last one is 0, and so may the end be.
  const last = to - 1;
  f.get(address);
  if (last !== 0) {
    f.i64(last);
    f.byte(I64_ADD);
  }
  f.byte(0x56); // gt_u
}

/** Call a slow function with an address split in halves; its result stays on the stack. */
function callSlow(f: Func, func: number, address: number, bytes: number): void {
  f.get(STATE);
  f.get(address);
  f.byte(WRAP);
  f.get(address);
  f.i64(32);
  f.byte(0x88);
  f.byte(WRAP);
  f.get(bytes);
  f.call(func);
}

/** Return the place of an access outside the window if all of it is in a page that the table of far places has; `found` emits what is due before. */
function farPlace(f: Func, address: number, bytes: number, write: boolean, found = () => {}): void {
  const page = f.local('i64');
  const entry = f.local('i32');
  const inPage = f.local('i32');
  const table = write ? FAR_WRITES : FAR_READS;
  const low = (local: number, mask: number) => {
    f.get(local);
    f.byte(WRAP);
    f.i32(mask);
    f.byte(I32_AND);
  };
  f.get(address);
  f.i64(PAGE_SHIFT);
  f.byte(0x88); // shr_u
  f.set(page);
  low(page, FAR_ENTRIES - 1);
  f.i32(Math.log2(FAR_ENTRY));
  f.byte(0x74); // shl
  f.tee(entry);
  f.mem(LOAD_I64, table);
  f.get(page);
  f.i64(1);
  f.byte(I64_ADD);
  f.byte(0x51); // eq
  low(address, PAGE_SIZE - 1);
  f.tee(inPage);
  f.get(bytes);
  f.byte(I32_ADD);
  f.i32(PAGE_SIZE);
  f.byte(0x4d); // le_u
  f.byte(I32_AND);
  f.if();
  found();
  f.get(entry);
  f.mem(LOAD_I32, table + 8);
  f.get(inPage);
  f.byte(I32_ADD);
  f.return();
  f.end();
}

/** farRead and farWrite. */
export function farFunction(write: boolean): Func {
  const f = new Func(2);
  farPlace(f, 0, 1, write);
  f.i32(0);
  return f;
}

/** readPointer and writePointer: where in the wasm memory the bytes of an access are. */
export function pointerFunction(isa: Isa, slow: number, write: boolean): Func {
  const f = new Func(3);
  const [ADDRESS, BYTES] = [1, 2];
  pushEnd(f, ADDRESS, 0, write);
  f.get(ADDRESS);
  f.get(BYTES);
  f.i32(1);
  f.byte(0x6b); // sub
  f.byte(0xad); // extend_i32_u
  f.byte(I64_ADD);
  f.byte(0x56); // gt_u
  f.if('i32');
  f.get(ADDRESS);
  f.byte(WRAP);
  f.i32(RUNTIME_SIZE);
  f.byte(I32_ADD);
  f.else();
  farPlace(f, ADDRESS, BYTES, write, () => {
    f.i32(0);
    f.i32(0);
    f.mem(LOAD_I32, FAR_HITS);
    f.i32(1);
    f.byte(I32_ADD);
    f.mem(STORE_I32, FAR_HITS);
  });
  callSlow(f, slow, ADDRESS, BYTES);
  f.if('i32');
  f.get(STATE);
  f.i32(isa.scratchOffset);
  f.byte(I32_ADD);
  f.else();
  f.i32(0);
  f.end();
  f.end();
  return f;
}

/** Elements of `bytes` that fit between an address and the end of its page (i64 on the stack). */
function pageRoom(f: Func, address: number, bytes: number): void {
  f.i64(4096);
  f.get(address);
  f.i64(4095);
  f.byte(0x83);
  f.byte(0x7d); // sub
  f.get(bytes);
  f.byte(0x68); // ctz
  f.byte(0xad);
  f.byte(0x88); // shr_u
}

/** Up to here a loop beats memory.copy and memory.fill, which V8 calls out for (copy: 2.2 s → 1.9 s). */
const SHORT = 256;
/** What the loop moves at once, and then what is left over. */
const CHUNKS = ['v128', 'i64', 'i32', 'u16', 'u8'] as const;

/** bulkMove and bulkFill: up to the end of the page on both sides, forward only, and only what behaves like one element after the other. */
export function bulkFunction(move: boolean): Func {
  const f = new Func(6);
  const [TO, SOURCE, COUNT, BYTES, BACKWARD] = [1, 2, 3, 4, 5];
  const n = f.local('i64');
  const room = f.local('i64');
  const [to, from, left] = [f.local('i32'), f.local('i32'), f.local('i32')];
  const pattern = f.local('i64');
  const out = f.block();
  const leaveUnless = (check: () => void) => {
    check();
    f.byte(0x45);
    f.brIf(out);
  };
  const atMost = (address: number) => {
    pageRoom(f, address, BYTES);
    f.set(room);
    for (const v of [n, room, n, room]) f.get(v);
    f.byte(0x54); // lt_u
    f.byte(0x1b);
    f.set(n);
  };
  const place = (address: number, local: number) => {
    f.get(address);
    f.byte(WRAP);
    f.i32(RUNTIME_SIZE);
    f.byte(I32_ADD);
    f.set(local);
  };
  f.get(BACKWARD);
  f.brIf(out);
  leaveUnless(() => pageCheck(f, TO, { from: 0, to: 1, write: true }));
  if (move) leaveUnless(() => pageCheck(f, SOURCE, { from: 0, to: 1, write: false }));
  f.get(COUNT);
  f.set(n);
  atMost(TO);
  if (move) atMost(SOURCE);
  f.get(n);
  f.byte(WRAP);
  f.get(BYTES);
  f.byte(0x6c); // mul
  f.set(left);
  place(TO, to);
  if (move) {
    // A destination shortly behind the source repeats a pattern: that is left to single elements.
    f.get(TO);
    f.get(SOURCE);
    f.byte(0x7d); // sub
    f.get(left);
    f.byte(0xad);
    f.byte(0x54); // lt_u
    f.brIf(out);
    place(SOURCE, from);
  } else {
    // The element, repeated.
    const ones = () => {
      f.i64(-1);
      f.i64(64);
      f.get(BYTES);
      f.byte(0xad);
      f.i64(3);
      f.byte(0x86);
      f.byte(0x7d);
      f.byte(0x88);
    };
    f.get(SOURCE);
    ones();
    f.byte(0x83); // and
    f.i64(-1);
    ones();
    f.byte(0x80); // div_u
    f.byte(0x7e); // mul
    f.set(pattern);
  }
  f.get(left);
  f.i32(SHORT);
  f.byte(0x4b); // gt_u
  if (!move) {
    f.get(pattern);
    f.i64(8);
    f.byte(0x89); // rotl
    f.get(pattern);
    f.byte(0x51); // eq
    f.byte(I32_AND);
  }
  f.if();
  f.get(to);
  if (move) f.get(from);
  else {
    f.get(pattern);
    f.byte(WRAP);
  }
  f.get(left);
  f.bytes(move ? [0xfc, 10, 0, 0] : [0xfc, 11, 0]);
  f.else();
  moveShort(f, to, move ? { from } : { pattern }, left);
  f.end();
  f.get(n);
  f.return();
  f.end();
  f.i64(0);
  return f;
}

/** Move or fill `left` bytes from low to high addresses, as many at once as there are. */
function moveShort(f: Func, to: number, source: { from: number } | { pattern: number }, left: number): void {
  const advance = (local: number, by: number) => {
    f.get(local);
    f.i32(by);
    f.byte(I32_ADD);
    f.set(local);
  };
  const chunk = (form: (typeof CHUNKS)[number]) => {
    const { bytes, load, store } = ACCESS[form];
    f.get(to);
    if ('from' in source) {
      f.get(source.from);
      f.mem(load, 0);
    } else {
      f.get(source.pattern);
      if (form === 'v128') f.op([0xfd, 18]);
      else if (form !== 'i64') f.byte(WRAP);
    }
    f.mem(store, 0);
    advance(to, bytes);
    if ('from' in source) advance(source.from, bytes);
  };
  const done = f.block();
  const again = f.loop();
  f.get(left);
  f.i32(16);
  f.byte(0x49); // lt_u
  f.brIf(done);
  chunk('v128');
  advance(left, -16);
  f.br(again);
  f.end();
  f.end();
  for (const form of CHUNKS.slice(1)) {
    f.get(left);
    f.i32(ACCESS[form].bytes);
    f.byte(I32_AND);
    f.if();
    chunk(form);
    f.end();
  }
}
