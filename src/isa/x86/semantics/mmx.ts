/** Meaning of the instructions in rows/mmx.ts. */
import type { Node } from '../../../ir/builder.ts';
import type { X86Builder } from '../builder.ts';
import type { MMX_ROWS } from '../rows/mmx.ts';
import { SOFT_HALF } from '../soft-float.ts';
import type { Semantics } from './alu.ts';
import { toInt } from './sse-float.ts';
import { maskedStore } from './sse-move.ts';
import {
  enterMmx,
  fixed,
  isMmx,
  lanes,
  low64,
  mmxSource,
  partial,
  rounded,
  roundedTo,
  setMmx,
  vector,
  zero,
} from './vector.ts';

/** Packed floats or doubles to two integers in an MMX register. */
const convert =
  (size: 32 | 64, truncate: boolean): Semantics =>
  (b, dst, src) => {
    const x = size === 32 ? partial(b, src) : vector(b, src);
    const commit = (v: Node) => dst.write('i64', v);
    const fast = low64(b, toInt(b, size, x, truncate));
    const name = `cvt${truncate ? 't' : ''}p${size === 32 ? 's' : 'd'}2dq` as const;
    // An unmasked exception of the conversion comes after the switch to MMX.
    enterMmx(b);
    rounded(b, name, size === 32 ? SOFT_HALF : 0, x, x, fast, commit, (low) => low);
  };

export const mmxSemantics = (): Record<(typeof MMX_ROWS)[number]['mnemonic'], Semantics> => ({
  emms(b) {
    b.setField('ftag', b.i32(0));
    b.setField('ftop', b.i32(0));
  },
  pshufw(b, dst, src, imm) {
    const i = fixed(imm);
    const v = mmxSource(b, src);
    setMmx(b, dst, low64(b, lanes(b, v, v, 2, [i & 3, (i >> 2) & 3, (i >> 4) & 3, i >> 6, 0, 0, 0, 0])));
  },
  movntq(b, dst, src) {
    dst.write('i64', src.read('i64'));
    enterMmx(b);
  },
  maskmovq(b, src, mask) {
    maskedStore(b, 'i64', mmxSource(b, src), mmxSource(b, mask));
    enterMmx(b);
  },
  movdq2q(b, dst, src) {
    setMmx(b, dst, src.read('i64'));
  },
  movq2dq(b, dst, src) {
    dst.write('v128', b.op('i64x2.replace_lane', zero(b), src.read('i64'), 0));
    enterMmx(b);
  },
  cvtpi2ps(b, dst, src) {
    const x = mmxSource(b, src);
    touched(b);
    const fast = b.op('f64x2.extract_lane', b.op('f32x4.convert_i32x4_s', x), 0);
    roundedTo(b, dst, 'f64', 'cvtdq2ps', x, x, fast);
  },
  cvtpi2pd(b, dst, src) {
    const x = mmxSource(b, src);
    touched(b);
    dst.write('v128', b.op('f64x2.convert_low_i32x4_s', x));
  },
  cvttps2pi: convert(32, true),
  cvttpd2pi: convert(64, true),
  cvtps2pi: convert(32, false),
  cvtpd2pi: convert(64, false),
});

/** Only a register source makes it an MMX instruction. */
function touched(b: X86Builder): void {
  if (isMmx(b, 1)) enterMmx(b);
}
