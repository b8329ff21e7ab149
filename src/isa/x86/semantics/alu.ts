/** Meaning of the integer instructions in rows/alu.ts, written once over operands. */

import { EXIT_DIVIDE, EXIT_PRIVILEGED } from '../../../engine/exits.ts';
import type { Node } from '../../../ir/builder.ts';
import { Builder } from '../../../ir/builder.ts';
import type { Operand, X86Builder } from '../builder.ts';
import { CF, OF, ZF } from '../flags.ts';
import { mulhs, mulhu } from '../functions.ts';
import { type ALU_ROWS, CC } from '../rows/alu.ts';
import { RAX, RBX, RCX, RDX } from '../state.ts';

export type Semantics = (b: X86Builder, ...operands: Operand[]) => void;

const bits = (b: X86Builder, flag: Node, mask: number): Node => b.shl(flag, 31 - Math.clz32(mask));
/** The most significant bit of a value of this width as an i32. */
const top = (b: X86Builder, x: Node, width: number): Node => b.wrap(b.and(b.shrU(x, width - 1), 1));

const bitwise =
  (op: 'and' | 'or' | 'xor'): Semantics =>
  (b, dst, src) => {
    const r = b[op](dst.get(), src.get());
    dst.set(r);
    b.flags.logic(dst.width, r);
  };

/** The count of a shift or rotate, masked to 5 or 6 bits (i32). */
function shiftCount(b: X86Builder, width: number, count: Operand): Node {
  const mask = width === 64 ? 63 : 31;
  const known = Builder.constantOf(count.get());
  return known !== undefined ? b.i32(Number(known) & mask) : b.and(b.wrap(count.get()), mask);
}

/** Flags of a shift: unchanged for a zero count. */
function shifted(b: X86Builder, width: number, count: Node, result: Node, cf: Node, of: Node): void {
  const known = Builder.constantOf(count);
  const extra = b.or(cf, bits(b, of, OF));
  if (known === 0) return;
  if (known !== undefined) b.flags.result(width, result, extra);
  else b.flags.resultIf(b.ne(count, 0), width, result, extra);
}

/** Work in 64 bits for narrow operands, so that counts up to 31 need no special case. */
const wide = (b: X86Builder, x: Node, width: number): Node => (width === 64 ? x : b.extendU(x));

/** Destination even of an unchanged 32-bit register: its upper half is cleared. */
const shl: Semantics = (b, dst, src) => {
  const { width } = dst;
  const count = shiftCount(b, width, src);
  const x = dst.get();
  const n = b.extendU(count);
  const v = wide(b, x, width);
  const full = b.shl(v, n);
  const r = b.toWidth(full, width);
  // The last bit shifted out; for a 64-bit operand it comes from the value itself.
  const cf = b.wrap(b.and(width === 64 ? b.shrU(v, b.sub(b.i64(64), n)) : b.shrU(full, width), 1));
  const of = b.xor(cf, top(b, b.clean(r, width), width));
  dst.set(r);
  shifted(b, width, count, r, cf, of);
};

const shr: Semantics = (b, dst, src) => {
  const { width } = dst;
  const count = shiftCount(b, width, src);
  const x = dst.get();
  const n = b.extendU(count);
  const v = wide(b, x, width);
  const r = b.toWidth(b.shrU(v, n), width);
  const cf = b.wrap(b.and(b.shrU(v, b.sub(n, 1)), 1));
  // For one-bit shifts OF is the old sign; hardware gives the xor of the result's two top bits for longer ones.
  const of = b.xor(top(b, r, width), b.wrap(b.and(b.shrU(b.clean(r, width), width - 2), 1)));
  dst.set(r);
  shifted(b, width, count, r, cf, of);
};

const sar: Semantics = (b, dst, src) => {
  const { width } = dst;
  const count = shiftCount(b, width, src);
  const n = b.extendU(count);
  const x = dst.get();
  const v = width === 64 ? x : b.extendS(b.signed(x, width));
  const r = b.toWidth(b.shrS(v, n), width);
  const cf = b.wrap(b.and(b.shrS(v, b.sub(n, 1)), 1));
  dst.set(r);
  shifted(b, width, count, r, cf, b.i32(0));
};

/** Rotates change CF and OF only, and nothing for a zero count. */
function rotated(b: X86Builder, count: Node, cf: Node, of: Node): void {
  const known = Builder.constantOf(count);
  if (known === 0) return;
  const fresh = b.or(cf, bits(b, of, OF));
  if (known !== undefined) {
    b.flags.update(CF | OF, fresh);
    return;
  }
  const old = b.flags.all();
  b.flags.setAll(b.select(b.ne(count, 0), b.or(b.and(old, ~(CF | OF)), fresh), old));
}

const rotate =
  (left: boolean): Semantics =>
  (b, dst, src) => {
    const { width } = dst;
    const count = shiftCount(b, width, src);
    const x = dst.get();
    let r: Node;
    if (width >= 32) {
      const n = b.toWidth(count, width);
      r = left ? b.rotl(x, n) : b.rotr(x, n);
    } else {
      // Fill 32 bits with copies, rotate those.
      const copies = width === 8 ? b.mul(x, 0x01010101) : b.or(x, b.shl(x, 16));
      r = b.clean(left ? b.rotl(copies, count) : b.rotr(copies, count), width);
    }
    const high = top(b, r, width);
    const low = b.wrap(b.and(r, 1));
    const next = b.wrap(b.and(b.shrU(r, width - 2), 1));
    dst.set(r);
    rotated(b, count, left ? low : high, left ? b.xor(high, low) : b.xor(high, next));
  };

/** Rotate through carry: a rotation of width + 1 bits, done on the value and CF separately. */
const rotateCarry =
  (left: boolean): Semantics =>
  (b, dst, src) => {
    const { width } = dst;
    const masked = shiftCount(b, width, src);
    const count = width >= 32 ? masked : b.remU(masked, width + 1);
    const x = dst.get();
    const carry = b.flags.get('b');
    const v = wide(b, x, width);
    const c = b.extendU(carry);
    const n = b.extendU(count);
    // Shifts by the full 64 bits cannot be written in wasm: shift by n - 1 and then by one more.
    const back = b.sub(b.i64(width), n);
    const isZero = b.eqz(count);
    let r: Node;
    let cf: Node;
    if (left) {
      const up = b.or(b.shl(v, n), b.shl(c, b.sub(n, 1)));
      const down = b.shrU(b.shrU(v, 1), back);
      r = b.or(up, down);
      cf = b.and(b.shrU(v, back), 1);
    } else {
      const down = b.or(b.shrU(v, n), b.shl(c, back));
      const up = b.shl(b.shl(v, 1), back);
      r = b.or(down, up);
      cf = b.and(b.shrU(v, b.sub(n, 1)), 1);
    }
    const result = b.select(isZero, x, b.toWidth(r, width));
    const clean = b.clean(result, width);
    const newCarry = b.select(isZero, carry, b.wrap(cf));
    const high = top(b, clean, width);
    const of = left ? b.xor(high, newCarry) : b.xor(high, b.wrap(b.and(b.shrU(clean, width - 2), 1)));
    dst.set(result);
    // The count that decides whether flags change is the masked one: a full turn of 9 or 17 still sets OF.
    rotated(b, masked, newCarry, of);
  };

const doubleShift =
  (left: boolean): Semantics =>
  (b, dst, src, countOperand) => {
    const { width } = dst;
    const count = shiftCount(b, width, countOperand);
    const [x, y] = [dst.get(), src.get()];
    const n = b.extendU(count);
    const isZero = b.eqz(count);
    let r: Node;
    let cf: Node;
    if (width === 64) {
      const back = b.sub(b.i64(63), n);
      r = left ? b.or(b.shl(x, n), b.shrU(b.shrU(y, 1), back)) : b.or(b.shrU(x, n), b.shl(b.shl(y, 1), back));
      cf = b.and(left ? b.shrU(x, b.sub(b.i64(64), n)) : b.shrU(x, b.sub(n, 1)), 1);
    } else if (width === 32) {
      const pair = left ? b.or(b.shl(b.extendU(x), 32), b.extendU(y)) : b.or(b.shl(b.extendU(y), 32), b.extendU(x));
      const moved = left ? b.shl(pair, n) : b.shrU(pair, n);
      r = left ? b.shrU(moved, 32) : moved;
      cf = b.and(left ? b.shrU(pair, b.sub(b.i64(64), n)) : b.shrU(pair, b.sub(n, 1)), 1);
    } else {
      // 16 bits with counts up to 31: hardware takes further bits from the destination again.
      const [d, s] = [b.extendU(x), b.extendU(y)];
      if (left) {
        const triple = b.or(b.or(b.shl(d, 32), b.shl(s, 16)), d);
        r = b.shrU(b.shl(triple, n), 32);
        cf = b.and(b.shrU(triple, b.sub(b.i64(48), n)), 1);
      } else {
        const triple = b.or(b.or(b.shl(d, 32), b.shl(s, 16)), d);
        r = b.shrU(triple, n);
        cf = b.and(b.shrU(triple, b.sub(n, 1)), 1);
      }
    }
    const result = b.toWidth(r, width);
    const of = b.xor(top(b, b.clean(result, width), width), top(b, x, width));
    const carry = b.wrap(cf);
    dst.set(b.select(isZero, x, result));
    shifted(b, width, count, result, carry, of);
  };

/** Product of two values of the operand width: low part to AX/rAX, high part to DX (AH for bytes). */
const widening =
  (signed: boolean): Semantics =>
  (b, src) => {
    const { width } = src;
    const [x, y] = [b.fixedGpr(RAX, width).get(), src.get()];
    let low: Node;
    let high: Node;
    if (width === 64) {
      low = b.mul(x, y);
      // In place: a wasm function of its own costs more than the arithmetic.
      high = signed ? mulhs(b, x, y) : mulhu(b, x, y);
    } else {
      const ext = (v: Node) => (signed ? b.extendS(b.signed(v, width)) : b.extendU(v));
      const product = b.mul(ext(x), ext(y));
      low = b.wrap(product);
      high = b.wrap(b.shrU(product, width));
    }
    if (width === 8) b.fixedGpr(RAX, 16).set(low);
    else {
      b.fixedGpr(RAX, width).set(low);
      b.fixedGpr(RDX, width).set(high);
    }
    // ZF, SF, AF, PF are undefined; hardware leaves them as of the low part or unchanged, so we take the low part.
    b.flags.product(width, signed, x, y);
  };

function truncatingMul(b: X86Builder, dst: Operand, x: Node, y: Node): void {
  const { width } = dst;
  dst.set(b.mul(x, y));
  b.flags.product(width, true, x, y);
}

const divide =
  (signed: boolean): Semantics =>
  (b, src) => {
    const { width } = src;
    const divisor = src.get();
    if (width === 64) {
      const [low, high] = [b.gpr(RAX), b.gpr(RDX)];
      // A quotient that does not fit is the same fault as a zero divisor.
      const plain = signed ? b.eq(high, b.shrS(low, 63)) : b.eqz(high);
      const lowest = b.i64(-(1n << 63n));
      const bad = signed
        ? b.ifElse(
            plain,
            b.or(b.eqz(divisor), b.and(b.eq(divisor, -1), b.eq(low, lowest))),
            b.call('sdivBad', 'i32', high, low, divisor),
          )
        : b.leU(divisor, high);
      b.stopIf(bad, EXIT_DIVIDE);
      const name = signed ? 'sdiv128' : 'udiv128';
      const q = b.ifElse(
        plain,
        signed ? b.divS(low, divisor) : b.divU(low, divisor),
        b.call(name, 'i64', high, low, divisor),
      );
      b.setGpr(RAX, q);
      b.setGpr(RDX, b.sub(low, b.mul(q, divisor)));
      return;
    }
    const ext = (v: Node) => (signed ? b.extendS(b.signed(v, width)) : b.extendU(v));
    let dividend: Node;
    if (width === 8) dividend = ext2(b, b.fixedGpr(RAX, 16).get(), signed);
    else {
      const pair = b.or(b.shl(b.extendU(b.fixedGpr(RDX, width).get()), width), b.extendU(b.fixedGpr(RAX, width).get()));
      dividend = width === 16 ? (signed ? b.extendS(b.wrap(pair)) : pair) : pair;
    }
    const d = ext(divisor);
    // wasm traps on a zero divisor and on the most negative value over -1: both are caught before.
    b.stopIf(b.eqz(d), EXIT_DIVIDE);
    if (signed) b.stopIf(b.and(b.eq(d, -1), b.eq(dividend, b.i64(-(1n << 63n)))), EXIT_DIVIDE);
    const q = signed ? b.divS(dividend, d) : b.divU(dividend, d);
    const r = b.sub(dividend, b.mul(q, d));
    const fits = signed ? b.eq(q, b.signed(q, width)) : b.eqz(b.shrU(q, width));
    b.stopIf(b.eqz(fits), EXIT_DIVIDE);
    const [quotient, remainder] = [b.wrap(q), b.wrap(r)];
    if (width === 8) b.fixedGpr(RAX, 16).set(b.or(b.and(quotient, 0xff), b.shl(remainder, 8)));
    else {
      b.fixedGpr(RAX, width).set(quotient);
      b.fixedGpr(RDX, width).set(remainder);
    }
  };

const ext2 = (b: X86Builder, v: Node, signed: boolean): Node => (signed ? b.extendS(b.signed(v, 16)) : b.extendU(v));

/** BT and its kin. A register bit offset reaches beyond a memory operand; an immediate one is taken modulo the width. */
const bitTest =
  (change: (b: X86Builder, x: Node, mask: Node) => Node | undefined): Semantics =>
  (b, dst, src) => {
    const { width } = dst;
    let place = dst;
    const offset = src.get();
    if (dst.isMemory && src.width > 8) {
      const index = width === 64 ? offset : b.extendS(b.signed(offset, width));
      const step = b.shl(b.shrS(index, Math.log2(width)), Math.log2(width / 8));
      place = dst.moved(b.extendS(step));
    }
    const x = place.get();
    const count = b.and(b.toWidth(offset, width), width - 1);
    const bit = b.wrap(b.and(b.shrU(x, count), 1));
    const changed = change(b, x, b.shl(b.constant(1, x.type), count));
    if (changed) place.set(changed);
    // The manual leaves the other flags undefined but ZF, which stays; hardware keeps them all.
    b.flags.carry(bit);
  };

const scan =
  (forward: boolean): Semantics =>
  (b, dst, src) => {
    const { width } = dst;
    const x = src.get();
    const zero = b.eqz(x);
    const found = forward ? b.ctz(x) : b.sub(b.constant(width === 64 ? 63 : 31, x.type), b.clz(x));
    // A zero source leaves the destination as it was (AMD documents it, Intel does it), its upper half included.
    if (width === 32) dst.write('i64', b.select(zero, dst.read('i64'), b.extendU(found)));
    else dst.set(b.select(zero, dst.get(), found));
    b.flags.result(width, b.toWidth(b.eqz(zero), width), b.i32(0));
  };

const count =
  (which: 'ctz' | 'clz'): Semantics =>
  (b, dst, src) => {
    const { width } = dst;
    const x = src.get();
    let r: Node;
    if (width === 16) r = which === 'ctz' ? b.ctz(b.or(x, 0x10000)) : b.sub(b.clz(x), 16);
    else r = b[which](x);
    dst.set(r);
    b.flags.update(CF | ZF, b.or(b.eqz(x), bits(b, b.eqz(r), ZF)));
  };

const conditional = (prefix: string, make: (name: string) => Semantics): Record<string, Semantics> =>
  Object.fromEntries(CC.map((name) => [prefix + name, make(name)]));

/** CMPXCHG8B/16B: compare rDX:rAX with memory, store rCX:rBX or what was there. */
const exchangePair =
  (width: 32 | 64): Semantics =>
  (b, dst) => {
    const address = dst.address();
    if (width === 64) b.stopIf(b.wrap(b.and(address, 15)), EXIT_PRIVILEGED); // unaligned: #GP
    const half = (i: number) => b.memoryAt(width, b.add(address, (i * width) / 8));
    b.probe(address, width / 4);
    const [low, high] = [half(0), half(1)];
    const [l, h] = [low.get(), high.get()];
    const equal = b.and(b.eq(l, b.fixedGpr(RAX, width).get()), b.eq(h, b.fixedGpr(RDX, width).get()));
    const all = b.flags.all();
    low.set(b.select(equal, b.fixedGpr(RBX, width).get(), l));
    high.set(b.select(equal, b.fixedGpr(RCX, width).get(), h));
    for (const [register, v] of [
      [RAX, l],
      [RDX, h],
    ] as const) {
      // biome-ignore format: one row
      // Equal: the registers, upper halves included, stay untouched.
      b.setGpr(register, b.select(equal, b.gpr(register), b.extendU(v)));
    }
    b.flags.setAll(b.or(b.and(all, ~ZF), bits(b, equal, ZF)));
  };

export const aluSemantics = (): Record<(typeof ALU_ROWS)[number]['mnemonic'], Semantics> => ({
  add(b, dst, src) {
    const [x, y] = [dst.get(), src.get()];
    dst.set(b.add(x, y));
    b.flags.add(dst.width, x, y);
  },
  adc(b, dst, src) {
    const [x, y, carry] = [dst.get(), src.get(), b.flags.get('b')];
    dst.set(b.add(b.add(x, y), b.toWidth(carry, dst.width)));
    b.flags.adc(dst.width, x, y, carry);
  },
  sub(b, dst, src) {
    const [x, y] = [dst.get(), src.get()];
    dst.set(b.sub(x, y));
    b.flags.sub(dst.width, x, y);
  },
  sbb(b, dst, src) {
    const [x, y, carry] = [dst.get(), src.get(), b.flags.get('b')];
    dst.set(b.sub(b.sub(x, y), b.toWidth(carry, dst.width)));
    b.flags.sbb(dst.width, x, y, carry);
  },
  cmp(b, dst, src) {
    b.flags.sub(dst.width, dst.get(), src.get());
  },
  and: bitwise('and'),
  or: bitwise('or'),
  xor: bitwise('xor'),
  test(b, dst, src) {
    b.flags.logic(dst.width, b.and(dst.get(), src.get()));
  },
  inc(b, dst) {
    const r = b.add(dst.get(), 1);
    dst.set(r);
    b.flags.inc(dst.width, r);
  },
  dec(b, dst) {
    const r = b.sub(dst.get(), 1);
    dst.set(r);
    b.flags.dec(dst.width, r);
  },
  not(b, dst) {
    dst.set(b.xor(dst.get(), -1));
  },
  neg(b, dst) {
    const x = dst.get();
    const zero = b.constant(0, x.type);
    dst.set(b.sub(zero, x));
    b.flags.sub(dst.width, zero, x);
  },
  mul: widening(false),
  imul1: widening(true),
  imul: (b, dst, src) => truncatingMul(b, dst, dst.get(), src.get()),
  imul3: (b, dst, x, y) => truncatingMul(b, dst, x.get(), y.get()),
  div: divide(false),
  idiv: divide(true),
  rol: rotate(true),
  ror: rotate(false),
  rcl: rotateCarry(true),
  rcr: rotateCarry(false),
  shl,
  shr,
  sar,
  shld: doubleShift(true),
  shrd: doubleShift(false),
  mov(_b, dst, src) {
    dst.set(src.get());
  },
  movnti(_b, dst, src) {
    dst.set(src.get());
  },
  // Selectors as Linux and FreeBSD leave them in 64-bit mode: only CS and SS are not zero. index: ES CS SS DS FS GS.
  movFromSegment(b, dst, src) {
    const index = src.get();
    const selector = b.select(b.eq(index, 1), b.i32(0x33), b.select(b.eq(index, 2), b.i32(0x2b), b.i32(0)));
    if (dst.isMemory) dst.write('u16', selector);
    else dst.set(b.toWidth(selector, dst.width));
  },
  movToSegment(_b, _dst, src) {
    src.get();
  },
  lea(b, dst, src) {
    dst.set(b.toWidth(src.address(), dst.width));
  },
  movzx(b, dst, src) {
    dst.set(b.toWidth(src.get(), dst.width));
  },
  movsx(b, dst, src) {
    // MOVSXD to 16 bits keeps the low ones, but reads four bytes (AMD; Intel reads two).
    const v = b.signed(src.get(), Math.min(src.width, dst.width));
    dst.set(dst.width === 64 ? b.extendS(v) : v);
  },
  xchg(b, dst, src) {
    const [x, y] = [dst.get(), src.get()];
    dst.set(y);
    src.set(x);
    void b;
  },
  cmpxchg(b, dst, src) {
    const accumulator = b.fixedGpr(RAX, dst.width);
    const [x, a, fresh] = [dst.get(), accumulator.get(), src.get()];
    const equal = b.eq(a, x);
    if (dst.isMemory) {
      // Memory is written in either case.
      dst.set(b.select(equal, fresh, x));
      if (dst.width === 32) b.setGpr(RAX, b.select(equal, b.gpr(RAX), b.extendU(x)));
      else accumulator.set(b.select(equal, accumulator.get(), x));
    } else if (dst.width === 32) {
      // Only the register that receives a value has its upper half cleared: the destination if equal, else the accumulator.
      const [whole, accumulated] = [dst.read('i64'), b.gpr(RAX)];
      b.setGpr(RAX, b.select(equal, accumulated, b.extendU(x)));
      dst.write('i64', b.select(equal, b.extendU(fresh), whole));
    } else {
      const kept = accumulator.get();
      accumulator.set(b.select(equal, kept, x));
      dst.set(b.select(equal, fresh, x));
    }
    b.flags.sub(dst.width, a, x);
  },
  xadd(b, dst, src) {
    const [x, y] = [dst.get(), src.get()];
    const sum = b.add(x, y);
    // With the same register twice the sum wins, so the destination is written last; with memory, first, since it may fault.
    if (dst.isMemory) {
      dst.set(sum);
      src.set(x);
    } else {
      src.set(x);
      dst.set(sum);
    }
    b.flags.add(dst.width, x, y);
  },
  cmpxchg8b: exchangePair(32),
  cmpxchg16b: exchangePair(64),
  cbw(b) {
    const width = b.instruction.operandSize;
    const half = b.signed(b.fixedGpr(RAX, width / 2).get(), width / 2);
    b.fixedGpr(RAX, width).set(width === 64 ? b.extendS(half) : half);
  },
  cwd(b) {
    const width = b.instruction.operandSize;
    const x = b.fixedGpr(RAX, width).get();
    b.fixedGpr(RDX, width).set(width === 64 ? b.shrS(x, 63) : b.shrS(b.signed(x, width), 31));
  },
  bswap(b, dst) {
    const { width } = dst;
    const x = dst.get();
    // With a 16-bit operand the manual leaves the result undefined; hardware gives zero.
    if (width === 16) return dst.set(b.i32(0));
    const swap = (v: Node, by: number, mask: number | bigint) => {
      const m = width === 64 ? b.i64(mask) : b.i32(Number(mask));
      return b.or(b.shl(b.and(v, m), by), b.and(b.shrU(v, by), m));
    };
    let r = swap(x, 8, width === 64 ? 0x00ff00ff00ff00ffn : 0x00ff00ff);
    if (width === 64) r = swap(r, 16, 0x0000ffff0000ffffn);
    dst.set(b.rotl(r, width / 2));
  },
  ...(conditional('set', (name) => (b, dst) => dst.set(b.flags.get(name))) as Record<
    `set${(typeof CC)[number]}`,
    Semantics
  >),
  ...(conditional('cmov', (name) => (b, dst, src) => {
    // The source is read, and may fault, whether or not the move happens; a 32-bit destination is cleared above in any case.
    const x = src.get();
    dst.set(b.select(b.flags.get(name), x, dst.get()));
  }) as Record<`cmov${(typeof CC)[number]}`, Semantics>),
  bt: bitTest(() => undefined),
  bts: bitTest((b, x, mask) => b.or(x, mask)),
  btr: bitTest((b, x, mask) => b.and(x, b.xor(mask, -1))),
  btc: bitTest((b, x, mask) => b.xor(x, mask)),
  bsf: scan(true),
  bsr: scan(false),
  tzcnt: count('ctz'),
  lzcnt: count('clz'),
  popcnt(b, dst, src) {
    const x = src.get();
    dst.set(b.popcnt(x));
    // ZF from the source, all others cleared.
    b.flags.setAll(bits(b, b.eqz(x), ZF));
  },
  crc32(b, dst, src) {
    const seed = b.wrap(dst.get());
    const data = b.extendU(src.get());
    const r = b.helper('crc32c', 'i32', seed, b.wrap(data), b.wrap(b.shrU(data, 32)), b.i32(src.width / 8));
    dst.set(b.toWidth(r, dst.width));
  },
  clc: (b) => b.flags.carry(b.i32(0)),
  stc: (b) => b.flags.carry(b.i32(1)),
  cmc: (b) => b.flags.setAll(b.xor(b.flags.all(), CF)),
  cld: (b) => b.setField('df', b.i32(0)),
  std: (b) => b.setField('df', b.i32(1)),
  sahf(b) {
    b.flags.update(0xd5, b.and(b.fixedGpr(RAX, 8, true).get(), 0xd5));
  },
  lahf(b) {
    b.fixedGpr(RAX, 8, true).set(b.or(b.and(b.flags.all(), 0xd5), 2));
  },
});
