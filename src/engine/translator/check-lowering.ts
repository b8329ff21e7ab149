/** A page check in wasm: the end of an access's page decides between going on and leaving for the careful way. */
import { pageCheck } from '../runtime-memory.ts';
import type { Func } from '../wasm/encoder.ts';
import { I32_ADD, I32_AND, WRAP } from '../wasm/opcodes.ts';
import type { Check } from './checks.ts';

/** Falls through when all bytes of the check, relative to the i64 local `address`, may be accessed; else runs what `refuse` emits, which does not come back. */
export function emitCheck(f: Func, check: Check, address: number, refuse: () => void): void {
  if (check.only) pushOnly(f, check, address);
  else {
    pageCheck(f, address, check);
    f.byte(0x45); // eqz
  }
  f.if();
  refuse();
  f.end();
}

/** Push 1 if the address is not what a check asks instead. */
function pushOnly(f: Func, { only, from }: Check, address: number): void {
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
}
