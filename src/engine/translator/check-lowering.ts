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
export function emitCheck(f: Func, { from, to, write, low }: Check, address: number, refuse: () => void): void {
  const bytes = to - from;
  const start = f.temp('i32');
  const narrow = write ? WRITE : READ;
  const wide = write ? WRITE_WIDE : READ_WIDE;
  const ok = f.block();
  const slow = f.block();
  /** Push whether the page byte has the bit. */
  const bit = (mask: number, distance = 0) => {
    f.get(start);
    if (distance) {
      f.i32(distance);
      f.byte(I32_ADD);
    }
    f.i32(PAGE_SHIFT);
    f.byte(0x76); // shr_u
    f.mem(LOAD_U8, PAGE_MAP);
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
    bit(narrow);
    unless(slow);
    bit(narrow, bytes - 1);
    f.brIf(ok);
  } else {
    bit(bytes === 1 ? narrow : wide);
    f.brIf(ok);
    if (bytes > 1) {
      bit(narrow);
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
}
