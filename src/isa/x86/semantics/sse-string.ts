/** Meaning of the string comparisons in rows/sse-string.ts; the comparison itself is an internal function (vector-functions.ts). */
import type { Node } from '../../../ir/builder.ts';
import type { Operand, X86Builder } from '../builder.ts';
import { CF, OF, SF, ZF } from '../flags.ts';
import type { SSE_STRING_ROWS } from '../rows/sse-string.ts';
import { RAX, RCX, RDX } from '../state.ts';
import { AGGREGATIONS, compareName } from '../vector-functions.ts';
import type { Semantics } from './alu.ts';
import { fixed, zero } from './vector.ts';

/** Elements before the first zero. */
function implicitLength(b: X86Builder, v: Node, wide: boolean): Node {
  const zeros = wide
    ? b.op('i16x8.bitmask', b.op('i16x8.eq', v, zero(b)))
    : b.op('i8x16.bitmask', b.op('i8x16.eq', v, zero(b)));
  return b.ctz(b.or(zeros, wide ? 0x100 : 0x10000));
}
/** |register|, at most the number of elements. */
function explicitLength(b: X86Builder, register: number, wide: boolean): Node {
  const width = b.instruction.operandSize === 64 ? 64 : 32;
  const x = b.fixedGpr(register, width).get();
  const size = b.select(b.ltS(x, 0), b.sub(b.constant(0, x.type), x), x);
  const most = wide ? 8 : 16;
  return b.wrap(b.select(b.gtU(size, most), b.constant(most, x.type), size));
}

function strings(explicit: boolean, mask: boolean): Semantics {
  return (b: X86Builder, first: Operand, second: Operand, imm: Operand) => {
    const i = fixed(imm);
    const [wide, signed] = [(i & 1) !== 0, (i & 2) !== 0];
    const n = wide ? 8 : 16;
    const all = (1 << n) - 1;
    // No alignment is asked of the memory operand.
    const [x, y] = [first.read('v128'), second.read('v128')];
    const nx = explicit ? explicitLength(b, RAX, wide) : implicitLength(b, x, wide);
    const ny = explicit ? explicitLength(b, RDX, wide) : implicitLength(b, y, wide);
    let r = b.call(compareName(AGGREGATIONS[(i >> 2) & 3], wide, signed), 'i32', x, y, nx, ny);
    if (i & 0x10) r = b.xor(r, i & 0x20 ? b.sub(b.shl(b.i32(1), ny), 1) : all);
    const place = (flag: Node, at: number) => b.shl(flag, 31 - Math.clz32(at));
    const carry = b.eqz(b.eqz(r));
    const ended = (length: Node) => b.ltU(length, n);
    const flags = b.or(
      b.or(place(carry, CF), place(ended(ny), ZF)),
      b.or(place(ended(nx), SF), place(b.and(r, 1), OF)),
    );
    if (mask) b.setXmm(0, i & 0x40 ? spread(b, r, wide) : b.op('i32x4.replace_lane', zero(b), r, 0));
    else
      b.fixedGpr(RCX, 32).set(
        i & 0x40 ? b.select(carry, b.sub(b.i32(31), b.clz(r)), b.i32(n)) : b.ctz(b.or(r, 1 << n)),
      );
    b.flags.setAll(flags);
  };
}

/** A bit for each element as all ones or zeros. */
function spread(b: X86Builder, r: Node, wide: boolean): Node {
  const copies = b.op('i16x8.splat', r);
  if (wide) {
    const bit = b.v128(Array.from({ length: 16 }, (_, k) => (k & 1 ? 0 : 1 << (k >> 1))));
    return b.op('i16x8.eq', b.op('v128.and', copies, bit), bit);
  }
  const bit = b.v128(Array.from({ length: 16 }, (_, k) => 1 << (k & 7)));
  const halves = b.shuffle(
    copies,
    copies,
    Array.from({ length: 16 }, (_, k) => k >> 3),
  );
  return b.op('i8x16.eq', b.op('v128.and', halves, bit), bit);
}

export const sseStringSemantics = (): Record<(typeof SSE_STRING_ROWS)[number]['mnemonic'], Semantics> => ({
  pcmpestrm: strings(true, true),
  pcmpestri: strings(true, false),
  pcmpistrm: strings(false, true),
  pcmpistri: strings(false, false),
});
