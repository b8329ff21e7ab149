/** Exact SSE arithmetic for the rounding modes that wasm lacks: against the host's doubles where they round alike, against recorded CPU results elsewhere. */
import { describe, expect, it } from 'vitest';
import { type SoftOp, softFloat } from '../../../src/isa/x86/soft-float.ts';

const view = new DataView(new ArrayBuffer(8));
const bits = (v: number): bigint => {
  view.setFloat64(0, v);
  return view.getBigUint64(0);
};
const double = (v: bigint): number => {
  view.setBigUint64(0, BigInt.asUintN(64, v));
  return view.getFloat64(0);
};
const NEAREST = 0x1f80;
const DOWN = NEAREST | 0x2000;
const UP = NEAREST | 0x4000;
const ZERO = NEAREST | 0x6000;
const FLUSH = NEAREST | 0x8000;
const DAZ = NEAREST | 0x40;

const pd = (op: SoftOp, x: number, y: number, mxcsr: number): number =>
  double(softFloat(op, 0, bits(x), bits(y), mxcsr));
const TINY = Number.MIN_VALUE;
const NORMAL = 2 ** -1022;
const HUGE = Number.MAX_VALUE;
const ULP = 2 ** -52;

describe('rounding to nearest agrees with the host', () => {
  const values = [
    0,
    -0,
    1,
    -1,
    1 / 3,
    Math.PI,
    1e300,
    -1e-300,
    1e16 + 2,
    TINY,
    NORMAL,
    HUGE,
    0.1,
    3 * TINY,
    Infinity,
    1.5 * NORMAL,
  ];
  const host: Partial<Record<SoftOp, (x: number, y: number) => number>> = {
    addpd: (x, y) => x + y,
    subpd: (x, y) => x - y,
    mulpd: (x, y) => x * y,
    divpd: (x, y) => x / y,
    sqrtpd: (x) => Math.sqrt(x),
  };
  it.each(Object.keys(host) as SoftOp[])('%s', (op) => {
    for (const x of values)
      for (const y of values) expect([x, y, pd(op, x, y, NEAREST)]).toEqual([x, y, host[op]!(x, y)]);
  });
});

describe('directed rounding', () => {
  it.each<[string, SoftOp, number, number, number, number]>([
    ['1 + tiny upward is the next double', 'addpd', 1, TINY, UP, 1 + ULP],
    ['1 + tiny downward is 1', 'addpd', 1, TINY, DOWN, 1],
    ['1 - tiny toward zero is the double below', 'subpd', 1, TINY, ZERO, 1 - ULP / 2],
    ['1/3 upward', 'divpd', 1, 3, UP, 1 / 3 + 2 ** -54],
    ['1/3 downward is what nearest gives', 'divpd', 1, 3, DOWN, 1 / 3],
    ['x - x downward is minus zero', 'subpd', 5, 5, DOWN, -0],
    ['overflow toward zero stops at the largest double', 'mulpd', HUGE, 2, ZERO, HUGE],
    ['overflow downward of a negative is infinite', 'mulpd', -HUGE, 2, DOWN, -Infinity],
    ['underflow upward is the smallest double', 'mulpd', TINY, TINY, UP, TINY],
    ['the root of 2 upward', 'sqrtpd', 2, 0, UP, Math.SQRT2],
    ['the root of 2 downward', 'sqrtpd', 2, 0, DOWN, Math.SQRT2 - 2 ** -52],
  ])('%s', (_, op, x, y, mxcsr, want) => expect(pd(op, x, y, mxcsr)).toBe(want));
});

describe('denormals', () => {
  it.each<[string, SoftOp, number, number, number, number]>([
    ['flush-to-zero clears a denormal result and keeps its sign', 'mulpd', -NORMAL, 0.5, FLUSH, -0],
    ['flush-to-zero leaves denormal operands alone', 'addpd', TINY, NORMAL, FLUSH, NORMAL + TINY],
    ['denormals-are-zero ignores a denormal operand', 'addpd', TINY, NORMAL, DAZ, NORMAL],
    ['denormals-are-zero leaves results alone', 'mulpd', NORMAL, 0.5, DAZ, NORMAL / 2],
    ['denormals-are-zero divides by zero', 'divpd', 1, TINY, DAZ, Infinity],
  ])('%s', (_, op, x, y, mxcsr, want) => expect(pd(op, x, y, mxcsr)).toBe(want));
});

describe('NaNs', () => {
  const quiet = 0xfff8_0000_0000_0000n;
  const first = 0x7ff0_0000_0000_0007n;
  const second = 0xfff8_0000_0000_0009n;
  it.each<[string, SoftOp, bigint, bigint, bigint]>([
    ['of an invalid operation is negative and quiet', 'subpd', bits(Infinity), bits(Infinity), quiet],
    ['of two is the first, quieted', 'addpd', first, second, first | (1n << 51n)],
    ['of one is that one', 'mulpd', bits(1), second, second],
    ['does not win a minimum by being first', 'minpd', first, bits(3), bits(3)],
    ['wins a minimum unchanged by being second', 'minpd', bits(3), first, first],
  ])('%s', (_, op, x, y, want) => expect(BigInt.asUintN(64, softFloat(op, 0, x, y, UP))).toBe(want));
});

describe('conversions', () => {
  it.each<[string, SoftOp, number, bigint, number, bigint]>([
    ['1.5 to an integer downward', 'cvtsd2si', 1, bits(1.5), DOWN, 1n],
    ['1.5 to an integer upward', 'cvtsd2si', 1, bits(1.5), UP, 2n],
    ['-1.5 truncated, whatever the mode', 'cvttsd2si', 0, bits(-1.5), DOWN, 0xffff_ffffn],
    ['2^31 to 32 bits is the indefinite integer', 'cvtsd2si', 0, bits(2 ** 31), UP, 0x8000_0000n],
    ['2^53 + 1 to double upward', 'cvtsi642sd', 0, 2n ** 53n + 1n, UP, bits(2 ** 53 + 2)],
    ['a rounding whose immediate names its own mode', 'roundpd', 1, bits(2.9), UP, bits(2)],
    ['a rounding that follows MXCSR', 'roundpd', 4, bits(2.1), UP, bits(3)],
  ])('%s', (_, op, argument, x, mxcsr, want) =>
    expect(BigInt.asUintN(64, softFloat(op, argument, x, 0n, mxcsr))).toBe(want));
});
