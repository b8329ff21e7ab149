/** Layouts of guest structures: offsets, values there and back, text. */
import { describe, expect, test } from 'vitest';
import { AddressSpace } from '../../src/memory/address-space.ts';
import {
  array,
  big64,
  bytes,
  i32,
  i64,
  pad,
  pointer,
  struct,
  text,
  u8,
  u16,
  u32,
  u64,
} from '../../src/personality/struct.ts';

const view = () => new DataView(new ArrayBuffer(256));

function roundTrip<T>(
  field: { write(v: DataView, at: number, x: T): void; read(v: DataView, at: number): T },
  value: T,
): T {
  const v = view();
  field.write(v, 8, value);
  return field.read(v, 8);
}

describe('a field', () => {
  test.each([0, 1, -1, 2 ** 31, -(2 ** 31), 2 ** 52, -(2 ** 52), -4096])('i64 keeps %d', (n) =>
    expect(roundTrip(i64, n)).toBe(n));
  test.each([0, 1, 2 ** 32, 2 ** 47, Number.MAX_SAFE_INTEGER])('u64 keeps %d', (n) =>
    expect(roundTrip(u64, n)).toBe(n));
  test('big64 keeps all bits', () => expect(roundTrip(big64, 0xffff_ffff_ffff_fffen)).toBe(0xffff_ffff_ffff_fffen));
  test('text ends with a NUL even when it is cut', () => expect(roundTrip(text(4), 'abcdef')).toBe('abc'));
  test('bytes are filled up with zeros', () =>
    expect([...roundTrip(bytes(4), Uint8Array.of(1, 2))]).toEqual([1, 2, 0, 0]));
  test('an array keeps its order', () => expect(roundTrip(array(u16, 3), [1, 2, 3])).toEqual([1, 2, 3]));
});

describe('a layout', () => {
  const inner = struct({ a: u8, _pad: pad(3), b: i32 });
  const outer = struct({ head: u32, inner, _pad: pad(4), tail: pointer });

  test('has offsets as C has them', () => expect(outer.offsets).toEqual({ head: 0, inner: 4, _pad: 12, tail: 16 }));
  test('has size and alignment', () => expect([outer.size, outer.align]).toEqual([24, 8]));
  test('nests', () =>
    expect(roundTrip(outer, { head: 1, inner: { a: 2, b: -3 }, tail: 0x1000 })).toEqual({
      head: 1,
      inner: { a: 2, b: -3 },
      tail: 0x1000,
    }));
  test('is shown with names', () =>
    expect(outer.show({ head: 1, inner: { a: 2, b: -3 }, tail: 0 })).toBe('{head=1, inner={a=2, b=-3}, tail=NULL}'));
  test('refuses a field that C would move', () =>
    expect(() => struct({ a: u8, b: u32 }).size).toThrow(/b at 1 wants explicit padding/));
  test('refuses an end that C would pad', () => expect(() => struct({ a: u64, b: u8 }).size).toThrow(/size 9/));
  test('packs when asked', () => expect(struct({ a: u8, b: u64 }, { packed: true }).size).toBe(9));
});

test('a structure crosses pages of guest memory', () => {
  const space = new AddressSpace();
  const at = space.map({ address: 0, length: 8192, prot: 3 });
  const pair = struct({ a: u64, b: u64 });
  pair.set(space, at + 4092, { a: 0x1234_5678_9abc, b: 7 });
  expect(pair.get(space, at + 4092)).toEqual({ a: 0x1234_5678_9abc, b: 7 });
  expect(() => pair.set(space, at + 8188, { a: 0, b: 0 })).toThrow();
});
