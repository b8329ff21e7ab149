/** Meaning of the moves, shuffles and blends in rows/sse-move.ts. */
import { EXIT_PRIVILEGED, EXIT_RESTART } from '../../../engine/exits.ts';
import type { Node } from '../../../ir/builder.ts';
import type { Access } from '../../../ir/ops.ts';
import type { Operand, X86Builder } from '../builder.ts';
import type { SSE_MOVE_ROWS } from '../rows/sse-move.ts';
import { MXCSR_ASKED, MXCSR_KEPT, MXCSR_UNMASKED } from '../soft-float.ts';
import { RDI } from '../state.ts';
import type { Semantics } from './alu.ts';
import { aligned, enterMmx, fixed, isMmx, lanes, packed, setMmx, vector, zero } from './vector.ts';

const move =
  (strict: boolean): Semantics =>
  (b, dst, src) => {
    const v = strict ? vector(b, src) : src.read('v128');
    (strict ? aligned(b, dst) : dst).write('v128', v);
  };
const aligning = move(true);
const free = move(false);

/** MOVSS, MOVSD: a load clears the rest of the register, a move between registers keeps it. */
const scalar =
  (access: 'f32' | 'f64'): Semantics =>
  (_b, dst, src) => {
    if (src.isMemory) dst.write('v128', src.read(access === 'f32' ? 'v32' : 'v64'));
    else dst.write(access, src.read(access));
  };

const half =
  (lane: 0 | 1): Semantics =>
  (b, dst, src) => {
    if (src.isMemory) dst.write('v128', b.op('f64x2.replace_lane', dst.read('v128'), src.read('f64'), lane));
    else dst.write('f64', b.op('f64x2.extract_lane', src.read('v128'), lane));
  };

/** dst ← lanes picked from dst and src. */
const pick =
  (bytes: number, picks: readonly number[]): Semantics =>
  (b, dst, src) =>
    dst.write('v128', lanes(b, dst.read('v128'), vector(b, src), bytes, picks));
/** dst ← lanes picked from src alone. */
const pickSource =
  (bytes: number, picks: readonly number[]): Semantics =>
  (b, dst, src) => {
    const v = vector(b, src);
    dst.write('v128', lanes(b, v, v, bytes, picks));
  };

const blend =
  (bytes: number): Semantics =>
  (b, dst, src, imm) => {
    const count = 16 / bytes;
    const mask = fixed(imm);
    pick(
      bytes,
      Array.from({ length: count }, (_, i) => (mask & (1 << i) ? count + i : i)),
    )(b, dst, src);
  };

/** BLENDVPS/PD: the sign bits of XMM0's lanes choose. */
const blendBySign = (spread: (b: X86Builder, mask: Node) => Node): Semantics =>
  packed((b, x, y) => b.op('v128.bitselect', y, x, spread(b, b.xmm(0))));

/** Value and zeros above. */
function setLow(b: X86Builder, dst: Operand, v: Node): void {
  dst.write('v128', b.op(v.type === 'i64' ? 'i64x2.replace_lane' : 'i32x4.replace_lane', zero(b), v, 0));
}

const intAccess = (o: Operand): Access => (o.width === 64 ? 'i64' : 'i32');

/** Store the bytes of `v` whose mask byte has its sign set, at (R/E)DI: read, blend, write, as one unit. */
export function maskedStore(b: X86Builder, access: 'i64' | 'v128', v: Node, signs: Node): void {
  const base = b.segmentBase();
  let address = b.extendU(b.fixedGpr(RDI, b.instruction.addressSize).get());
  if (base) address = b.add(address, base);
  const place = b.memoryAt(access === 'i64' ? 64 : 128, address);
  const old = place.read(access);
  const mask = b.op('i8x16.lt_s', signs, zero(b));
  if (access === 'v128') place.write(access, b.op('v128.bitselect', v, old, mask));
  else place.write(access, b.op('i64x2.extract_lane', b.op('v128.bitselect', v, b.op('i64x2.splat', old), mask), 0));
}

export const sseMoveSemantics = (): Record<(typeof SSE_MOVE_ROWS)[number]['mnemonic'], Semantics> => ({
  movups: free,
  movupd: free,
  movdqu: free,
  lddqu: free,
  movaps: aligning,
  movapd: aligning,
  movdqa: aligning,
  movntps: aligning,
  movntpd: aligning,
  movntdq: aligning,
  movntdqa: aligning,
  movss: scalar('f32'),
  movsd: scalar('f64'),
  movlps: half(0),
  movlpd: half(0),
  movhps: half(1),
  movhpd: half(1),
  movhlps: pick(8, [3, 1]),
  movlhps: pick(8, [0, 2]),
  movsldup: pickSource(4, [0, 0, 2, 2]),
  movshdup: pickSource(4, [1, 1, 3, 3]),
  movddup(b, dst, src) {
    dst.write('v128', b.op('f64x2.splat', src.read('f64')));
  },
  movmskps(b, dst, src) {
    dst.set(b.op('i32x4.bitmask', src.read('v128')));
  },
  movmskpd(b, dst, src) {
    dst.set(b.op('i64x2.bitmask', src.read('v128')));
  },
  maskmovdqu(b, src, mask) {
    maskedStore(b, 'v128', src.read('v128'), mask.read('v128'));
  },
  movd(b, dst, src) {
    if (isMmx(b, 0)) setMmx(b, dst, b.extendU(src.get()));
    else if (b.instruction.operands[0].kind === 'xmm') {
      if (src.isMemory) dst.write('v128', src.read(src.width === 64 ? 'v64' : 'v32'));
      else setLow(b, dst, src.get());
    } else {
      dst.set(src.read(intAccess(dst)));
      if (isMmx(b, 1)) enterMmx(b);
    }
  },
  movq(b, dst, src) {
    if (isMmx(b, 0)) setMmx(b, dst, src.read('i64'));
    else if (dst.isMemory) {
      dst.write('i64', src.read('i64'));
      if (isMmx(b, 1)) enterMmx(b);
    } else if (src.isMemory) scalar('f64')(b, dst, src);
    else dst.write('v128', lanes(b, src.read('v128'), zero(b), 8, [0, 2]));
  },
  unpcklps: pick(4, [0, 4, 1, 5]),
  unpckhps: pick(4, [2, 6, 3, 7]),
  unpcklpd: pick(8, [0, 2]),
  unpckhpd: pick(8, [1, 3]),
  shufps(b, dst, src, imm) {
    const i = fixed(imm);
    pick(4, [i & 3, (i >> 2) & 3, 4 + ((i >> 4) & 3), 4 + (i >> 6)])(b, dst, src);
  },
  shufpd(b, dst, src, imm) {
    const i = fixed(imm);
    pick(8, [i & 1, 2 + ((i >> 1) & 1)])(b, dst, src);
  },
  blendps: blend(4),
  blendpd: blend(8),
  blendvps: blendBySign((b, mask) => b.op('i32x4.shr_s', mask, 31)),
  blendvpd: blendBySign((b, mask) => b.op('i64x2.lt_s', mask, zero(b))),
  insertps(b, dst, src, imm) {
    const i = fixed(imm);
    // Memory gives one value, a register the lane that bits 7:6 name.
    const from = src.isMemory ? b.op('f32x4.splat', src.read('f32')) : src.read('v128');
    const to = (i >> 4) & 3;
    const x = dst.read('v128');
    const inserted = lanes(
      b,
      x,
      from,
      4,
      [0, 1, 2, 3].map((n) => (n === to ? 4 + (i >> 6) : n)),
    );
    dst.write(
      'v128',
      lanes(
        b,
        inserted,
        zero(b),
        4,
        [0, 1, 2, 3].map((n) => (i & (1 << n) ? 4 : n)),
      ),
    );
  },
  extractps(b, dst, src, imm) {
    dst.set(b.op('i32x4.extract_lane', src.read('v128'), fixed(imm) & 3));
  },
  ldmxcsr(b, src) {
    const v = src.get();
    // Bits without a meaning: #GP.
    b.stopIf(b.and(v, ~0xffff), EXIT_PRIVILEGED);
    const masked = b.eq(b.and(v, 0x1f80), 0x1f80);
    b.setField('mxcsr', b.or(b.or(v, b.select(masked, b.i32(0), b.i32(MXCSR_UNMASKED))), asked(b)));
  },
  stmxcsr(b, dst) {
    // Regions that do not keep exception flags leave this to the interpreter, which asks for those that do.
    if (b.roundingIsDefault && !b.keepsExceptions) {
      b.stopIf(b.i32(1), EXIT_RESTART);
      return;
    }
    const mxcsr = b.field('mxcsr');
    dst.set(b.and(mxcsr, 0xffff));
    if (!b.roundingIsDefault) b.setField('mxcsr', b.or(b.and(mxcsr, 0xffff | MXCSR_UNMASKED), asked(b)));
  },
});

/** Who reads or sets MXCSR wants its exception flags: if regions do not keep them, ask for it. */
function asked(b: X86Builder): Node {
  const kept = b.and(b.field('mxcsr'), MXCSR_KEPT);
  return b.select(kept, b.i32(MXCSR_KEPT), b.i32(MXCSR_ASKED));
}
