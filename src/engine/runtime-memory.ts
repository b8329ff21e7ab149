/** Checked access to guest memory and bulk moves, as functions of the runtime module. */
import type { Isa } from '../isa/isa.ts';
import { READ, WRITE } from '../memory/page-map.ts';
import { PAGE_MAP, PAGE_SHIFT, RUNTIME_SIZE } from '../memory/runtime-area.ts';
import { STATE } from './lowering.ts';
import { Func } from './wasm/encoder.ts';
import { I32_ADD, I32_AND, LOAD_U8, WRAP } from './wasm/opcodes.ts';

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

/** Elements of `bytes` that fit between an address and the end of its page (i64 on the stack). */
function pageRoom(f: Func, address: number, bytes: number): void {
  f.i64(4096);
  f.get(address);
  f.i64(4095);
  f.byte(0x83);
  f.byte(0x7d); // sub
  f.get(bytes);
  f.byte(0xad);
  f.byte(0x80); // div_u
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
  const base = (a: number) => {
    f.get(a);
    f.byte(WRAP);
    f.i32(RUNTIME_SIZE);
    f.byte(I32_ADD);
  };
  base(TO);
  if (move) base(SOURCE);
  else {
    f.get(SOURCE);
    f.byte(WRAP);
  }
  f.get(n);
  f.byte(WRAP);
  f.get(BYTES);
  f.byte(0x6c);
  f.bytes(move ? [0xfc, 10, 0, 0] : [0xfc, 11, 0]);
  f.get(n);
  f.return();
  f.end();
  f.i64(0);
  return f;
}
