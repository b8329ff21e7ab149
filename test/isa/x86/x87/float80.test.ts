import { describe, expect, test } from 'vitest';
import * as f from '../../../../src/isa/x86/x87/float80.ts';
import { Env, type Ext } from '../../../../src/isa/x86/x87/float80.ts';
import * as t from '../../../../src/isa/x86/x87/transcendental.ts';

const bitsOf = (v: number): bigint => {
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, v);
  return view.getBigUint64(0);
};
const ext = (v: number): Ext => f.widen(bitsOf(v), f.DOUBLE);
const number = (x: Ext): number => {
  const view = new DataView(new ArrayBuffer(8));
  view.setBigUint64(0, f.toBits(new Env(), x, f.DOUBLE));
  return view.getFloat64(0);
};
const hex = (x: Ext): string => `${((x.s << 15) | x.e).toString(16)}:${x.m.toString(16)}`;
const env = (fcw = 0x37f): Env => Object.assign(new Env(), { fcw });
const flags = (e: Env): string => ['IE', 'DE', 'ZE', 'OE', 'UE', 'PE'].filter((_, i) => e.flags & (1 << i)).join(' ');

describe('80-bit arithmetic', () => {
  test.each<[string, number, string, string]>([
    ['to nearest', 0x37f, '3ffd:aaaaaaaaaaaaaaab', 'PE'],
    ['down', 0x77f, '3ffd:aaaaaaaaaaaaaaaa', 'PE'],
    ['at double precision', 0x27f, '3ffd:aaaaaaaaaaaaa800', 'PE'],
    ['at single precision', 0x07f, '3ffd:aaaaab0000000000', 'PE'],
  ])('one third %s', (_, fcw, wanted, raised) => {
    const e = env(fcw);
    expect(hex(f.div(e, ext(1), ext(3)))).toBe(wanted);
    expect(flags(e)).toBe(raised);
  });

  test.each<[string, (e: Env) => Ext, string, string]>([
    ['1 / 0 is infinite', (e) => f.div(e, ext(1), ext(0)), '7fff:8000000000000000', 'ZE'],
    ['0 / 0 is the indefinite NaN', (e) => f.div(e, ext(0), ext(0)), 'ffff:c000000000000000', 'IE'],
    ['inf - inf is the indefinite NaN', (e) => f.sub(e, f.infinity(0), f.infinity(0)), 'ffff:c000000000000000', 'IE'],
    ['x - x is +0', (e) => f.sub(e, ext(5), ext(5)), '0:0', ''],
    ['the largest value doubled overflows', (e) => f.add(e, f.ext(0, 0x7ffe, (1n << 64n) - 1n), f.ext(0, 0x7ffe, (1n << 64n) - 1n)), '7fff:8000000000000000', 'OE PE'],
    ['the smallest value halved underflows', (e) => f.mul(e, f.ext(0, 0, 1n), ext(0.5)), '0:0', 'DE UE PE'],
    ['an unnormal is invalid', (e) => f.add(e, f.ext(0, 16383, 1n << 62n), ext(1)), 'ffff:c000000000000000', 'IE'],
    ['of two NaNs the larger significand wins', (e) => f.add(e, f.ext(0, 0x7fff, 0xc000000000000001n), f.ext(1, 0x7fff, 0xc000000000000002n)), 'ffff:c000000000000002', ''],
    ['the root of 2', (e) => f.sqrt(e, ext(2)), '3fff:b504f333f9de6484', 'PE'],
  ])('%s', (_, run, wanted, raised) => {
    const e = env();
    expect(hex(run(e))).toBe(wanted);
    expect(flags(e)).toBe(raised);
  }); // biome-ignore format: rows

  test.each([
    [5, 3, false, 2, 1],
    [5, 3, true, -1, 2],
    [-5, 3, false, -2, 1],
    [1e15, 7, false, 1e15 % 7, Math.floor(1e15 / 7) % 8],
  ])('remainder of %d by %d (nearest: %s) is %d', (x, y, nearest, wanted, quotient) => {
    const r = f.remainder(env(), ext(x), ext(y), nearest);
    expect([number(r.value), r.quotient, r.partial]).toEqual([wanted, quotient, false]);
  });

  test.each([
    [2.5, 0x37f, 2n],
    [2.5, 0xb7f, 3n],
    [-2.5, 0x77f, -3n],
    [-2.5, 0xf7f, -2n],
  ])('%d to an integer with control word %d', (v, fcw, wanted) => {
    const e = env(fcw);
    expect(f.toInteger(e, ext(v), 32, e.rc)).toBe(wanted);
  });

  test('what does not fit an integer is invalid', () => {
    const e = env();
    expect(f.toInteger(e, ext(2 ** 31), 32, 0)).toBeUndefined();
    expect(flags(e)).toBe('IE');
  });

  test('packed decimals there and back', () => {
    const packed = f.toBcd(env(), ext(-1234567890))!;
    expect(packed.toString(16)).toBe('80000000001234567890');
    expect(number(f.fromBcd(packed & ((1n << 64n) - 1n), Number(packed >> 64n)))).toBe(-1234567890);
  });

  test.each<[string, Ext, number]>([
    ['sin 1', t.fsin(env(), ext(1)), Math.sin(1)],
    ['cos 1e10', t.fcos(env(), ext(1e10)), Math.cos(1e10)],
    ['tan 0.5', t.fptan(env(), ext(0.5)), Math.tan(0.5)],
    ['atan2(1, 1)', t.fpatan(env(), ext(1), ext(1)), Math.PI / 4],
    ['atan2(-3, 2.99)', t.fpatan(env(), ext(2.99), ext(-3)), Math.atan2(-3, 2.99)],
    ['atan2(1, -2)', t.fpatan(env(), ext(-2), ext(1)), Math.atan2(1, -2)],
    ['2^0.3 - 1', t.f2xm1(env(), ext(0.3)), Math.expm1(0.3 * Math.LN2)],
    ['3 log2 10', t.fyl2x(env(), ext(10), ext(3)), 3 * Math.log2(10)],
    ['log2(1 + 1e-20)', t.fyl2xp1(env(), ext(1e-20), ext(1)), Math.log1p(1e-20) / Math.LN2],
  ])('%s', (_, x, wanted) => {
    expect(Math.abs(number(x) / wanted - 1)).toBeLessThan(1e-9);
  }); // biome-ignore format: rows
});
