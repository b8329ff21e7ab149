/**
 * Code on open pages: those that are written again and again while code in them runs. They stay writable, so nobody tells the engine of a change; instead such
 * code is cut after everything that may write, and compares its bytes before it runs. Immediates of four bytes and more need not be the same: translated code reads
 * them where they stand, because they are what a program that makes code changes most.
 */
import type { Instruction, Isa } from '../isa/isa.ts';
import { RUNTIME_SIZE } from '../memory/runtime-area.ts';
import type { Func } from './wasm/encoder.ts';
import { LOAD_I64 } from './wasm/opcodes.ts';

/** Times that a page's code is dropped before the page is opened. A JIT compiler's page is written some dozens of times until it is full. */
export const OPENED_AFTER = 256;

/** A run up to the first instruction that may write memory, that one included. */
export function cutAfterWrite(isa: Isa, run: Instruction[]): Instruction[] {
  const at = run.findIndex((instruction) => mayWrite(isa, instruction));
  return at < 0 ? run : run.slice(0, at + 1);
}

/** Shapes that were looked at: code on open pages is decoded again and again (kernel selfmod: 3.7 s -> 2.4 s). */
const writing = new WeakMap<Isa, Map<string, boolean>>();

function mayWrite(isa: Isa, instruction: Instruction): boolean {
  const known = writing.get(isa) ?? new Map<string, boolean>();
  writing.set(isa, known);
  let writes = known.get(instruction.shape);
  if (writes === undefined) {
    const b = isa.regionBuilder({ plain: true });
    b.append(instruction);
    writes = b.body.some(({ kind }) => kind === 'store' || kind === 'probe' || kind === 'helper');
    known.set(instruction.shape, writes);
  }
  return writes;
}

/** Push an i64 that is not zero if the bytes of these instructions in guest memory are no longer what they were, immediates that may change apart. */
export function emitDifference(f: Func, instructions: readonly Instruction[], source: Uint8Array): void {
  const { pc } = instructions[0];
  // Seven bytes more, in front: the last word begins before, so that nothing behind the code is read.
  const size = source.length + 7;
  const wanted = new DataView(new ArrayBuffer(size));
  const mask = new DataView(new ArrayBuffer(size));
  new Uint8Array(wanted.buffer, 7).set(source);
  const bits = new Uint8Array(mask.buffer, 7).fill(0xff);
  for (const i of instructions) {
    const end = i.pc - pc + i.length;
    bits.fill(0, end - i.variable, end);
  }
  let words = 0;
  for (let at = 0; at < source.length; at += 8) {
    const from = Math.min(at, source.length - 8);
    const compared = mask.getBigInt64(from + 7, true);
    if (compared === 0n) continue;
    f.i32((pc + from) | 0);
    f.mem(LOAD_I64, RUNTIME_SIZE);
    f.i64(wanted.getBigInt64(from + 7, true));
    f.byte(0x85); // xor
    if (compared !== -1n) {
      f.i64(compared);
      f.byte(0x83); // and
    }
    if (words++ > 0) f.byte(0x84); // or
  }
  if (words === 0) f.i64(0);
}
