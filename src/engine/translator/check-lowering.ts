/** A page check in wasm: the end of an access's page decides between going on and leaving for the careful way. */
import { pageCheck } from '../runtime-memory.ts';
import type { Func } from '../wasm/encoder.ts';
import { I32_ADD, I32_AND, WRAP } from '../wasm/opcodes.ts';
import type { Check } from './checks.ts';

/** Falls through when all bytes of the check, relative to the i64 local `address`, may be accessed; else runs what `refuse` emits, which does not come back. */
export function emitCheck(f: Func, check: Check, address: number, refuse: () => void): void {
  if (check.aligned) {
    f.get(address);
    f.byte(WRAP);
    f.i32(check.from);
    f.byte(I32_ADD);
    f.i32(15);
    f.byte(I32_AND);
  } else {
    pageCheck(f, address, check);
    f.byte(0x45); // eqz
  }
  f.if();
  refuse();
  f.end();
}
