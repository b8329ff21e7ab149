/** Checked access to guest memory and bulk moves, as functions of the runtime module. */
import type { Isa } from '../isa/isa.ts';
import { READ, WRITE } from '../memory/page-map.ts';
import { PAGE_MAP, PAGE_SHIFT, RUNTIME_SIZE } from '../memory/runtime-area.ts';
import { STATE } from './lowering.ts';
import { Func } from './wasm/encoder.ts';
import { I32_ADD, I32_AND, LOAD_I64, LOAD_U8, STORE_I64, STORE_U8, WRAP } from './wasm/opcodes.ts';

/** Push 1 if the address (i64 local) is in the window and its page has the permission bit. */
function pageCheck(f: Func, address: number, bit: number): void {
  f.get(address);
  f.byte(WRAP);
  f.i32(PAGE_SHIFT);
  f.byte(0x76);
  f.mem(LOAD_U8, PAGE_MAP);
  f.i32(bit);
  f.byte(I32_AND);
  f.i32(0);
  f.byte(0x47); // ne
  f.get(address);
  f.i64(32);
  f.byte(0x88);
  f.byte(0x50); // eqz
  f.byte(I32_AND);
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

export function pointerFunction(isa: Isa, slow: number, wideBit: number, byteBit: number): Func {
  const f = new Func(3);
  const [ADDRESS, BYTES] = [1, 2];
  pageCheck(f, ADDRESS, wideBit);
  f.if('i32');
  f.get(ADDRESS);
  f.byte(WRAP);
  f.i32(RUNTIME_SIZE);
  f.byte(I32_ADD);
  f.else();
  // The last page of a range: fine as long as the access stays within the page.
  pageCheck(f, ADDRESS, byteBit);
  f.get(ADDRESS);
  f.byte(WRAP);
  f.i32(4095);
  f.byte(I32_AND);
  f.get(BYTES);
  f.byte(I32_ADD);
  f.i32(4096);
  f.byte(0x4d); // le_u
  f.byte(I32_AND);
  f.if('i32');
  f.get(ADDRESS);
  f.byte(WRAP);
  f.i32(RUNTIME_SIZE);
  f.byte(I32_ADD);
  f.else();
  callSlow(f, slow, ADDRESS, BYTES);
  f.if('i32');
  f.get(STATE);
  f.i32(isa.scratchOffset);
  f.byte(I32_ADD);
  f.else();
  f.i32(0);
  f.end();
  f.end();
  f.end();
  return f;
}

/** Elements of `bytes`, a power of two, that fit between an address and the end of its page (i64 on the stack). */
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

/** Bytes from which on memory.copy, a call of C in V8, beats a loop: kernel copy 4.0 -> 3.7 times native. */
const LONG_MOVE = 128;

/** Move `left` bytes, which becomes 0, word after word from what one local points to, to what another does. */
function shortMove(f: Func, to: number, from: number, left: number): void {
  for (const [load, store, bytes] of [
    [LOAD_I64, STORE_I64, 8],
    [LOAD_U8, STORE_U8, 1],
  ] as const) {
    const done = f.block();
    const loop = f.loop();
    f.get(left);
    f.i32(bytes);
    f.byte(0x48); // lt_s
    f.brIf(done);
    f.get(to);
    f.get(from);
    f.mem(load, RUNTIME_SIZE);
    f.mem(store, RUNTIME_SIZE);
    for (const [local, step] of [
      [to, bytes],
      [from, bytes],
      [left, -bytes],
    ]) {
      f.get(local);
      f.i32(step);
      f.byte(I32_ADD);
      f.set(local);
    }
    f.br(loop);
    f.end();
    f.end();
  }
}

/** bulkMove and bulkFill: up to the end of the page on both sides, forward only, and only what behaves like one element after the other. */
export function bulkFunction(move: boolean): Func {
  const f = new Func(6);
  const [TO, SOURCE, COUNT, BYTES, BACKWARD] = [1, 2, 3, 4, 5];
  const n = f.local('i64');
  const out = f.block();
  f.get(BACKWARD);
  f.brIf(out);
  pageCheck(f, TO, WRITE);
  f.byte(0x45);
  f.brIf(out);
  if (move) {
    pageCheck(f, SOURCE, READ);
    f.byte(0x45);
    f.brIf(out);
    // A destination shortly after the source would repeat a pattern: leave that to single elements.
    f.get(TO);
    f.get(SOURCE);
    f.byte(0x7d);
    f.i64(4096);
    f.byte(0x54);
    f.brIf(out);
  } else {
    // memory.fill repeats one byte: the value must.
    f.get(BYTES);
    f.i32(1);
    f.byte(0x47);
    f.get(SOURCE);
    f.get(SOURCE);
    f.i64(0xff);
    f.byte(0x83);
    f.i64(0x0101010101010101n);
    f.byte(0x7e);
    f.i64(-1);
    f.i64(64);
    f.get(BYTES);
    f.byte(0xad);
    f.i64(3);
    f.byte(0x86);
    f.byte(0x7d);
    f.byte(0x88);
    f.byte(0x83);
    f.byte(0x52); // i64.ne
    f.byte(I32_AND);
    f.brIf(out);
  }
  const min = (push: () => void) => {
    push();
    f.set(room);
    f.get(n);
    f.get(room);
    f.get(n);
    f.get(room);
    f.byte(0x54);
    f.byte(0x1b);
    f.set(n);
  };
  const room = f.local('i64');
  f.get(COUNT);
  f.set(n);
  min(() => pageRoom(f, TO, BYTES));
  if (move) min(() => pageRoom(f, SOURCE, BYTES));
  const [to, from, length] = [f.local('i32'), f.local('i32'), f.local('i32')];
  for (const [address, local] of [
    [TO, to],
    [SOURCE, from],
  ]) {
    f.get(address);
    f.byte(WRAP);
    f.set(local);
  }
  f.get(n);
  f.byte(WRAP);
  f.get(BYTES);
  f.byte(0x6c);
  f.set(length);
  if (move) {
    f.get(length);
    f.i32(LONG_MOVE);
    f.byte(0x48); // lt_s
    f.if();
    shortMove(f, to, from, length);
    f.else();
  }
  const base = (local: number) => {
    f.get(local);
    f.i32(RUNTIME_SIZE);
    f.byte(I32_ADD);
  };
  base(to);
  if (move) base(from);
  else f.get(from);
  f.get(length);
  f.bytes(move ? [0xfc, 10, 0, 0] : [0xfc, 11, 0]);
  if (move) f.end();
  f.get(n);
  f.return();
  f.end();
  f.i64(0);
  return f;
}
