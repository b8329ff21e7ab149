/** A page check in wasm: the permission byte of an access's page decides between going on and leaving for the careful way. */
import { READ, READ_WIDE, WRITE, WRITE_WIDE } from '../../memory/page-map.ts';
import { PAGE_MAP, PAGE_SHIFT } from '../../memory/runtime-area.ts';
import type { Func } from '../wasm/encoder.ts';
import { I32_ADD, I32_AND, LOAD_U8, WRAP } from '../wasm/opcodes.ts';
import { type Check, WIDE } from './checks.ts';

/**
 * Falls through when all bytes of the check, relative to the i64 local `address`, may be accessed; else runs what `refuse` emits, which does not come back.
 * A short range is answered by its page's wide bits; at the end of a mapping the distance to the end counts. A long one looks at both its pages.
 */
export function emitCheck(f: Func, check: Check, address: number, refuse: () => void): void {
  if (check.only) {
    emitOnly(f, check, address, refuse);
    return;
  }
  const { from, to, write, low } = check;
  const bytes = to - from;
  const start = f.temp('i32');
  const narrow = write ? WRITE : READ;
  const wide = write ? WRITE_WIDE : READ_WIDE;
  const ok = f.block();
  const slow = f.block();
  const byte = f.temp('i32');
  /** Push the permissions of the page at a distance. */
  const page = (distance = 0) => {
    f.get(start);
    if (distance) {
      f.i32(distance);
      f.byte(I32_ADD);
    }
    f.i32(PAGE_SHIFT);
    f.byte(0x76); // shr_u
    f.mem(LOAD_U8, PAGE_MAP);
  };
  const and = (mask: number) => {
    f.i32(mask);
    f.byte(I32_AND);
  };
  const unless = (label: number) => {
    f.byte(0x45); // eqz
    f.brIf(label);
  };
  f.get(address);
  if (low) {
    f.byte(WRAP);
    if (from !== 0) {
      f.i32(from);
      f.byte(I32_ADD);
    }
    f.set(start);
  } else {
    // Below 4 GiB is what its lower half says as well.
    const whole = f.temp('i64');
    if (from !== 0) {
      f.i64(from);
      f.byte(0x7c); // add
    }
    f.tee(whole);
    f.byte(WRAP);
    f.tee(start);
    f.byte(0xad); // extend_i32_u
    f.get(whole);
    f.byte(0x52); // ne
    f.brIf(slow);
    f.release('i64', whole);
  }
  if (bytes > WIDE) {
    page();
    page(bytes - 1);
    f.byte(I32_AND);
    and(narrow);
    f.brIf(ok);
  } else {
    page();
    // Kept, for V8 13.6 loads a byte that it tests only once twice (matmul on Node 24: 1.8 s → 1.5 s).
    if (bytes > 1) f.tee(byte);
    and(bytes === 1 ? narrow : wide);
    f.brIf(ok);
    if (bytes > 1) {
      f.get(byte);
      and(narrow);
      unless(slow);
      f.get(start);
      f.i32(4095);
      f.byte(I32_AND);
      f.i32(4096 - bytes);
      f.byte(0x4d); // le_u
      f.brIf(ok);
    }
  }
  f.end();
  refuse();
  f.end();
  f.release('i32', start);
  f.release('i32', byte);
}

function emitOnly(f: Func, { only, from }: Check, address: number, refuse: () => void): void {
  f.get(address);
  if (only === 'below') {
    f.i64(32);
    f.byte(0x88); // shr_u
    f.i64(0);
    f.byte(0x52); // ne
  } else {
    f.byte(WRAP);
    if (from !== 0) {
      f.i32(from);
      f.byte(I32_ADD);
    }
    f.i32(15);
    f.byte(I32_AND);
  }
  f.if();
  refuse();
  f.end();
}
