/** Wide multiplication and division as internal wasm functions. */
import { once } from '../../base/once.ts';
import type { Builder, Node } from '../../ir/builder.ts';
import type { InternalFunction } from '../isa.ts';
import { flagFunctions } from './flags.ts';
import { exceptionFunctions } from './sse-exceptions.ts';
import { vectorFunctions } from './vector-functions.ts';

/** Upper half of the unsigned 64×64 product, from four 32×32 ones. */
export function mulhu(b: Builder, x: Node, y: Node): Node {
  const mask = 0xffff_ffff;
  const [xl, xh, yl, yh] = [b.and(x, mask), b.shrU(x, 32), b.and(y, mask), b.shrU(y, 32)];
  const low = b.mul(xl, yl);
  const mid = b.add(b.mul(xh, yl), b.shrU(low, 32));
  const mid2 = b.add(b.mul(xl, yh), b.and(mid, mask));
  return b.add(b.add(b.mul(xh, yh), b.shrU(mid, 32)), b.shrU(mid2, 32));
}

export function mulhs(b: Builder, x: Node, y: Node): Node {
  return b.sub(b.sub(mulhu(b, x, y), b.and(b.shrS(x, 63), y)), b.and(b.shrS(y, 63), x));
}

/** high:low / d where high < d and d's top bit is set; Knuth's algorithm D with 32-bit digits, corrections by selection. */
export function udivNormalised(b: Builder, high: Node, low: Node, d: Node): Node {
  const [dh, dl] = [b.shrU(d, 32), b.and(d, 0xffff_ffff)];
  const digit = (n: Node, next: Node): Node => {
    // n < d; estimate by the upper digit, then correct at most twice.
    let q = b.divU(n, dh);
    let r = b.sub(n, b.mul(q, dh));
    for (let i = 0; i < 2; i++) {
      const fits = b.eqz(b.shrU(r, 32));
      const tooBig = b.and(fits, b.or(b.eqz(b.eqz(b.shrU(q, 32))), b.gtU(b.mul(q, dl), b.or(b.shl(r, 32), next))));
      q = b.sub(q, b.extendU(tooBig));
      r = b.select(tooBig, b.add(r, dh), r);
    }
    return q;
  };
  const n1 = b.shrU(low, 32);
  const n0 = b.and(low, 0xffff_ffff);
  const q1 = digit(high, n1);
  const second = b.sub(b.or(b.shl(high, 32), n1), b.mul(q1, d));
  const q0 = digit(second, n0);
  return b.add(b.shl(q1, 32), q0);
}

/** high:low / divisor where high < divisor. */
function udiv128(b: Builder, high: Node, low: Node, divisor: Node): Node {
  const shift = b.clz(divisor);
  const top = b.select(b.eqz(shift), high, b.or(b.shl(high, shift), b.shrU(low, b.sub(b.i64(64), shift))));
  return udivNormalised(b, top, b.shl(low, shift), b.shl(divisor, shift));
}

const negateIf = (b: Builder, condition: Node, x: Node): Node => b.select(condition, b.sub(b.i64(0), x), x);

/** Magnitude of high:low as two halves. */
function magnitude(b: Builder, high: Node, low: Node): [Node, Node] {
  const negative = b.ltS(high, 0);
  const lowNegated = b.sub(b.i64(0), low);
  const highNegated = b.sub(b.xor(high, -1), b.i64(0));
  return [b.select(negative, b.add(highNegated, b.extendU(b.eqz(low))), high), b.select(negative, lowNegated, low)];
}

const binary = (build: (b: Builder, x: Node, y: Node) => Node): InternalFunction => ({
  params: ['i64', 'i64'],
  result: 'i64',
  build: (b, _choice, x, y) => build(b, x, y),
});
const ternary = (result: 'i32' | 'i64', build: (b: Builder, h: Node, l: Node, d: Node) => Node): InternalFunction => ({
  params: ['i64', 'i64', 'i64'],
  result,
  build: (b, _choice, h, l, d) => build(b, h, l, d),
});

export const functions = once(
  (): Record<string, InternalFunction> => ({
    // Functions call those before them.
    mulhu: binary(mulhu),
    mulhs: binary(mulhs),
    ...flagFunctions(),
    ...vectorFunctions(),
    ...exceptionFunctions(),
    udiv128: ternary('i64', udiv128),
    /** Signed quotient by magnitudes; the caller has excluded overflow with sdivBad. */
    sdiv128: ternary('i64', (b, h, l, d) => {
      const [mh, ml] = magnitude(b, h, l);
      const md = negateIf(b, b.ltS(d, 0), d);
      return negateIf(b, b.ltS(b.xor(h, d), 0), udiv128(b, mh, ml, md));
    }),
    /** Whether a signed 128/64 division raises #DE. */
    sdivBad: ternary('i32', (b, h, l, d) => {
      const [mh, ml] = magnitude(b, h, l);
      const md = negateIf(b, b.ltS(d, 0), d);
      const negative = b.ltS(b.xor(h, d), 0);
      const unsignedOverflow = b.leU(md, mh);
      // With mh < md the unsigned quotient fits 64 bits; signed it may go up to 2^63 (negative) or 2^63 - 1.
      const safe = b.select(unsignedOverflow, b.i64(1), md);
      const q = udiv128(b, b.select(unsignedOverflow, b.i64(0), mh), ml, safe);
      const limit = b.add(b.i64((1n << 63n) - 1n), b.extendU(negative));
      return b.or(unsignedOverflow, b.gtU(q, limit));
    }),
  }),
);
