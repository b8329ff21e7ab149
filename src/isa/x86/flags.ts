/** Lazy x86 flags: the last flag-setting operation is kept as kind, width and operands; this file is the one place that says what each flag then is. */
import type { Builder, Node } from '../../ir/builder.ts';
import type { InternalFunction } from '../isa.ts';

export const CF = 1;
export const PF = 4;
export const AF = 0x10;
export const ZF = 0x40;
export const SF = 0x80;
export const OF = 0x800;
export const ARITHMETIC_FLAGS = CF | PF | AF | ZF | SF | OF;

/**
 * Kinds. EXPLICIT: a holds the six flags as in RFLAGS. ADD, SUB: a and b are the operands. ADC, SBB: also c, the carry in.
 * LOGIC: a is the result. INC, DEC: a is the result, b the preserved carry. RES: a is the result (ZF, SF, PF), b holds CF, OF, AF as in RFLAGS.
 * MUL, IMUL: a and b are the factors, unsigned or signed; CF and OF say whether the product needs more than the width.
 * BIT: b holds CF, a the other flags as in RFLAGS.
 * COMPARE: a and b are the bits of two floats of the width (32, 64): ZF, PF, CF as UCOMISD sets them, the others clear.
 * Operands are zero-extended from the width.
 */
export const EXPLICIT = 0, ADD = 1, SUB = 2, LOGIC = 3, INC = 4, DEC = 5, ADC = 6, SBB = 7, RES = 8, COMPARE = 9, MUL = 10, IMUL = 11, BIT = 12; // biome-ignore format: one row
const KINDS = 13;

export type Width = 8 | 16 | 32 | 64;
const WIDTHS: readonly Width[] = [8, 16, 32, 64];

/** The value of the `ccop` register. */
export const ccop = (kind: number, width: number): number => kind * 4 + (width === 64 ? 3 : width >> 4);

export interface LazyFlags {
  kind: number;
  width: Width;
  a: Node;
  b: Node;
  c: Node;
}

const sign = (bd: Builder, x: Node, width: number): Node =>
  width === 64 ? bd.wrap(bd.shrU(x, 63)) : bd.and(bd.shrU(x, width - 1), 1);

/** Operands in the width's own type, and the result (cleaned for 8 and 16 bits). */
function parts(bd: Builder, f: LazyFlags): { a: Node; b: Node; c: Node; r: Node } {
  const a = bd.toWidth(f.a, f.width);
  const b = bd.toWidth(f.b, f.width);
  const c = bd.toWidth(f.c, f.width);
  let r = a;
  if (f.kind === ADD) r = bd.add(a, b);
  else if (f.kind === SUB) r = bd.sub(a, b);
  else if (f.kind === ADC) r = bd.add(bd.add(a, b), c);
  else if (f.kind === SBB) r = bd.sub(bd.sub(a, b), c);
  else if (f.kind === MUL || f.kind === IMUL) r = bd.mul(a, b);
  return { a, b, c, r: bd.clean(r, f.width) };
}

/** One flag as 0 or 1 (i32). */
function flag(bd: Builder, f: LazyFlags, which: number): Node {
  const { kind, width } = f;
  const bit = (x: Node, mask: number) => bd.and(bd.shrU(bd.wrap(x), 31 - Math.clz32(mask)), 1);
  if (kind === BIT && which === CF) return bd.wrap(f.b);
  if (kind === EXPLICIT || kind === BIT) return bit(f.a, which);
  if (kind === COMPARE) return floatFlag(bd, f, which);
  if (kind === RES && (which === CF || which === OF || which === AF)) return bit(f.b, which);
  const { a, b, c, r } = parts(bd, f);
  if ((kind === MUL || kind === IMUL) && (which === CF || which === OF)) return lost(bd, kind === IMUL, width, a, b);
  switch (which) {
    case ZF:
      return kind === SUB ? bd.eq(a, b) : bd.eqz(r);
    case SF:
      return sign(bd, r, width);
    case PF:
      return bd.xor(bd.and(bd.popcnt(bd.and(bd.wrap(r), 0xff)), 1), 1);
    case CF:
      if (kind === ADD) return bd.ltU(r, a);
      if (kind === SUB) return bd.ltU(a, b);
      if (kind === INC || kind === DEC) return bd.wrap(f.b);
      // With a carry in, the sum also wraps when it comes back to a exactly.
      if (kind === ADC) return bd.select(bd.wrap(c), bd.leU(r, a), bd.ltU(r, a));
      if (kind === SBB) return bd.select(bd.wrap(c), bd.leU(a, b), bd.ltU(a, b));
      return bd.i32(0);
    case OF: {
      if (kind === ADD || kind === ADC) return sign(bd, bd.and(bd.xor(a, r), bd.xor(b, r)), width);
      if (kind === SUB || kind === SBB) return sign(bd, bd.and(bd.xor(a, b), bd.xor(a, r)), width);
      if (kind === LOGIC) return bd.i32(0);
      const top =
        width === 64
          ? bd.i64(kind === INC ? 1n << 63n : (1n << 63n) - 1n)
          : bd.i32(kind === INC ? 2 ** (width - 1) : 2 ** (width - 1) - 1);
      return bd.eq(r, top);
    }
    default: // AF; LOGIC: the manual leaves it undefined, hardware clears it
      if (kind === LOGIC || kind === MUL || kind === IMUL) return bd.i32(0);
      if (kind === INC) return bd.eqz(bd.and(bd.wrap(r), 0xf));
      if (kind === DEC) return bd.eq(bd.and(bd.wrap(r), 0xf), 0xf);
      return bd.and(bd.shrU(bd.wrap(bd.xor(bd.xor(a, b), r)), 4), 1);
  }
}

/** Whether a product needs more than the width. */
function lost(bd: Builder, signed: boolean, width: Width, a: Node, b: Node): Node {
  if (width === 64) {
    if (signed) return bd.ne(bd.call('mulhs', 'i64', a, b), bd.shrS(bd.mul(a, b), 63));
    return bd.ne(bd.call('mulhu', 'i64', a, b), 0);
  }
  const wide = (x: Node) => (signed ? bd.extendS(bd.signed(x, width)) : bd.extendU(x));
  const product = bd.mul(wide(a), wide(b));
  if (!signed) return bd.ne(bd.shrU(product, width), 0);
  return bd.ne(product, bd.extendS(bd.signed(bd.wrap(product), width)));
}

/** The operands of a float comparison. */
function floats(bd: Builder, f: LazyFlags): { t: 'f32' | 'f64'; x: Node; y: Node } {
  const of = (v: Node) => (f.width === 64 ? bd.op('f64.reinterpret_i64', v) : bd.op('f32.reinterpret_i32', bd.wrap(v)));
  return { t: f.width === 64 ? 'f64' : 'f32', x: of(f.a), y: of(f.b) };
}

/** Unordered sets all three. */
function floatFlag(bd: Builder, f: LazyFlags, which: number): Node {
  const { t, x, y } = floats(bd, f);
  if (which === CF) return bd.eqz(bd.op(`${t}.ge`, x, y));
  if (which === ZF) return bd.eqz(bd.or(bd.op(`${t}.lt`, x, y), bd.op(`${t}.gt`, x, y)));
  if (which === PF) return bd.or(bd.op(`${t}.ne`, x, x), bd.op(`${t}.ne`, y, y));
  return bd.i32(0);
}

/** The six arithmetic flags as in RFLAGS (i32). */
export function materialise(bd: Builder, f: LazyFlags): Node {
  if (f.kind === EXPLICIT) return bd.wrap(f.a);
  if (f.kind === BIT) return bd.or(bd.and(bd.wrap(f.a), ARITHMETIC_FLAGS & ~CF), bd.wrap(f.b));
  let all = flag(bd, f, CF);
  for (const [mask, shift] of [[PF, 2], [AF, 4], [ZF, 6], [SF, 7], [OF, 11]]) all = bd.or(all, bd.shl(flag(bd, f, mask), shift)); // biome-ignore format: one row
  return all;
}

/** Conditions in encoding order without the lowest bit, which negates. */
export const CONDITIONS = ['o', 'b', 'z', 'be', 's', 'p', 'l', 'le'] as const;

/** Condition 0–7 (see CONDITIONS) as an i32, 0 or 1. */
export function condition(bd: Builder, f: LazyFlags, code: number): Node {
  const { kind, width } = f;
  const name = CONDITIONS[code];
  if (kind === SUB) {
    // A comparison: compare the operands themselves.
    const { a, b } = parts(bd, f);
    const signed = (x: Node) => (width < 32 ? bd.signed(x, width) : x);
    if (name === 'be') return bd.leU(a, b);
    if (name === 'l') return bd.ltS(signed(a), signed(b));
    if (name === 'le') return bd.leS(signed(a), signed(b));
  }
  if (kind === COMPARE) {
    const { t, x, y } = floats(bd, f);
    if (name === 'be') return bd.eqz(bd.op(`${t}.gt`, x, y));
    if (name === 'l') return bd.i32(0);
    if (name === 'le') return flag(bd, f, ZF);
  }
  if (kind === LOGIC) {
    const r = bd.toWidth(f.a, width);
    const signed = width < 32 ? bd.signed(r, width) : r;
    if (name === 'be') return bd.eqz(r);
    if (name === 'l') return bd.ltS(signed, 0);
    if (name === 'le') return bd.leS(signed, 0);
  }
  switch (name) {
    case 'o':
      return flag(bd, f, OF);
    case 'b':
      return flag(bd, f, CF);
    case 'z':
      return flag(bd, f, ZF);
    case 'be':
      return bd.or(flag(bd, f, CF), flag(bd, f, ZF));
    case 's':
      return flag(bd, f, SF);
    case 'p':
      return flag(bd, f, PF);
    case 'l':
      return bd.xor(flag(bd, f, SF), flag(bd, f, OF));
    default:
      return bd.or(flag(bd, f, ZF), bd.xor(flag(bd, f, SF), flag(bd, f, OF)));
  }
}

/** A function over dynamic flags: the same formula for every kind and width, chosen at run time. */
function dynamic(formula: (bd: Builder, f: LazyFlags) => Node): InternalFunction {
  return {
    params: ['i32', 'i64', 'i64', 'i64'],
    result: 'i32',
    switch: KINDS * 4,
    build: (bd, choice, _op, a, b, c) => formula(bd, { kind: choice >> 2, width: WIDTHS[choice & 3], a, b, c }),
  };
}

/** Wasm functions for flags whose kind is not known at translation time: `flags` gives all six, `cond0` … `cond7` one condition. */
export const flagFunctions = (): Record<string, InternalFunction> => ({
  flags: dynamic(materialise),
  ...Object.fromEntries(CONDITIONS.map((_, code) => [`cond${code}`, dynamic((bd, f) => condition(bd, f, code))])),
});
