/** The start of a walk in wasm: its checks, and the parting of the budget so that the loop comes back here where they are due again. */
import type { Func } from '../wasm/encoder.ts';
import { I32_ADD, I32_AND, WRAP } from '../wasm/opcodes.ts';
import type { Walk, WalkCheck } from './walks.ts';

/** What the start of a walk needs of the region around it. */
export interface WalkSurroundings {
  /** Locals: instructions left, and what of them is held back: 0 on entry. */
  readonly budget: number;
  readonly held: number;
  /** Local of a register. */
  register(id: number): number;
  /** Falls through if the bytes relative to a local may be accessed. */
  check(check: WalkCheck, address: number): void;
}

/**
 * Makes the checks, then parts the budget: what the walk may spend before they are due again, and the rest, which is held back. So its rounds look
 * at nothing but the budget, as those of any loop do.
 */
export function emitWalk(f: Func, { instructions, checks }: Walk, around: WalkSurroundings): void {
  const { budget, held } = around;
  const rounds = f.temp('i32');
  const address = f.temp('i64');
  let limited = false;
  for (const check of checks) {
    check.terms.forEach(({ register, shift }, i) => {
      f.get(around.register(register));
      if (shift > 0) {
        f.i64(shift);
        f.byte(0x86); // shl
      }
      if (i > 0) f.byte(0x7c); // add
    });
    f.set(address);
    around.check(check, address);
    if (check.step === 0) continue;
    pushRounds(f, check, address);
    if (limited) minimum(f, rounds);
    f.set(rounds);
    limited = true;
  }
  if (limited) {
    f.get(budget);
    f.get(rounds);
    f.i32(instructions);
    f.byte(0x6c); // mul
    f.tee(rounds);
    f.byte(0x6b); // sub
    f.tee(held);
    f.i32(0);
    f.byte(0x4a); // gt_s
    f.if();
    f.get(rounds);
    f.set(budget);
    f.else();
    f.i32(0);
    f.set(held);
    f.end();
  }
  f.release('i64', address);
  f.release('i32', rounds);
}

/** Push how many rounds a check, just made, is good for: at least one. */
function pushRounds(f: Func, { from, to, step }: WalkCheck, address: number): void {
  // The bytes that it may still go until its foremost one is in a page that was not looked at.
  if (step > 0) f.i32(0);
  f.get(address);
  f.byte(WRAP);
  f.i32(step > 0 ? to : from);
  f.byte(I32_ADD);
  if (step > 0) f.byte(0x6b); // sub
  f.i32(4095);
  f.byte(I32_AND);
  f.i32(Math.abs(step));
  f.byte(0x6e); // div_u
  f.i32(1);
  f.byte(I32_ADD);
}

/** Replace the i32 on the stack by a local's, if that is less. */
function minimum(f: Func, local: number): void {
  const other = f.temp('i32');
  f.tee(other);
  f.get(local);
  f.get(other);
  f.get(local);
  f.byte(0x49); // lt_u
  f.byte(0x1b); // select
  f.release('i32', other);
}
