/** A page check in wasm: the permission byte of an access's page decides between going on and leaving for the careful way. */
import { READ, READ_WIDE, WRITE, WRITE_WIDE } from '../../memory/page-map.ts';
import { PAGE_MAP, PAGE_SHIFT } from '../../memory/runtime-area.ts';
import type { Func } from '../wasm/encoder.ts';
import type { Check } from './checks.ts';

/**
 * Falls through when all bytes of the check, relative to the i64 local `address`, may be accessed; else runs what `refuse` emits, which does not come back.
 * A short range is answered by its page's wide bits; at the end of a mapping the distance to the end counts. A long one looks at both its pages.
 */
export function emitCheck(f: Func, { from, to, read, write }: Check, address: number, refuse: () => void): void {
  const bytes = to - from;
  let start = address;
  if (from !== 0) {
    start = f.temp('i64');
    f.get(address);
    f.i64(from);
    f.byte(0x7c);
    f.set(start);
  }
  const narrow = (read ? READ : 0) | (write ? WRITE : 0);
  const wide = (read ? READ_WIDE : 0) | (write ? WRITE_WIDE : 0);
  const both = read && write;
  /** Push the page byte's bits in question, so that 0 means allowed (two bits) or refused (one bit). */
  const bits = (mask: number, distance = 0) => {
    f.get(start);
    f.byte(0xa7);
    if (distance) {
      f.i32(distance);
      f.byte(0x6a);
    }
    f.i32(PAGE_SHIFT);
    f.byte(0x76);
    f.mem([0x2d], PAGE_MAP);
    f.i32(mask);
    f.byte(0x71);
    if (both) {
      f.i32(mask);
      f.byte(0x73);
    }
  };
  const ifAllowed = (label: number) => {
    if (both) f.byte(0x45);
    f.brIf(label);
  };
  const ifRefused = (label: number) => {
    if (!both) f.byte(0x45);
    f.brIf(label);
  };
  const ok = f.block();
  const slow = f.block();
  f.get(start);
  f.i64(32);
  f.byte(0x88);
  f.byte(0xa7);
  f.brIf(slow);
  if (bytes > 64) {
    bits(narrow);
    ifRefused(slow);
    bits(narrow, bytes - 1);
    ifAllowed(ok);
  } else {
    bits(bytes === 1 ? narrow : wide);
    ifAllowed(ok);
    if (bytes > 1) {
      bits(narrow);
      ifRefused(slow);
      f.get(start);
      f.byte(0xa7);
      f.i32(4095);
      f.byte(0x71);
      f.i32(4096 - bytes);
      f.byte(0x4d);
      f.brIf(ok);
    }
  }
  f.end();
  refuse();
  f.end();
  if (from !== 0) f.release('i64', start);
}
