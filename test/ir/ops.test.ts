/** Every operation's wasm form against its reference, on edge values: one test for each operation. */
import { describe, expect, it } from 'vitest';
import { Func, ModuleBuilder } from '../../src/engine/wasm/encoder.ts';
import { ACCESS, type OpName, ops } from '../../src/ir/ops.ts';
import { REFERENCE } from '../../src/ir/reference.ts';
import type { ValueType } from '../../src/isa/helper.ts';
import { MEMORY_LIMIT } from '../../src/memory/runtime-area.ts';

const SINGLES = [
  0x00000000, 0x80000000, 0x3f800000, 0xbf800000, 0x3f000000, 0x3fc00000, 0xc0200000, 0x00000001, 0x807fffff,
  0x00800000, 0x7f7fffff, 0x7f800000, 0xff800000, 0x4effffff, 0x4f000000, 0xcf000000, 0xdf000000, 0x5effffff,
  0x4b000001, 0x7fc00000,
].map(BigInt);
const DOUBLES = [
  0x0000000000000000n, 0x8000000000000000n, 0x3ff0000000000000n, 0xbff0000000000000n, 0x3fe0000000000000n,
  0x3ff8000000000000n, 0xc004000000000000n, 0x0000000000000001n, 0x800fffffffffffffn, 0x0010000000000000n,
  0x7fefffffffffffffn, 0x7ff0000000000000n, 0xfff0000000000000n, 0x41dfffffffe00000n, 0x41e0000000000000n,
  0xc1e0000000200000n, 0x43e0000000000000n, 0xc3e0000000000000n, 0x36a0000000000001n, 0x7ff8000000000000n,
]; // biome-ignore format: table
const INTEGERS = [
  0n,
  1n,
  2n,
  7n,
  31n,
  63n,
  0x7fn,
  0x80n,
  0xffn,
  0x7fffn,
  0x8000n,
  0xffffn,
  0x7fff_ffffn,
  0x8000_0000n,
  0xffff_ffffn,
];
const WIDE = [
  ...INTEGERS,
  0x7fff_ffff_ffff_ffffn,
  0x8000_0000_0000_0000n,
  0xffff_ffff_ffff_ffffn,
  0x0123_4567_89ab_cdefn,
  0x0040_0000_4000_0001n,
];

const repeated = (list: readonly bigint[], width: number): bigint[] => {
  const n = 128 / width;
  return Array.from({ length: Math.ceil(list.length / n) * 2 }, (_, k) => {
    let v = 0n;
    for (let i = 0; i < n; i++) v |= list[(k * n + i * (k & 1 ? 3 : 1)) % list.length] << BigInt(i * width);
    return v;
  });
};
const bytes = [0x00, 0x01, 0x7f, 0x80, 0xff, 0xfe, 0x81, 0x10, 0x0f, 0x55].map(BigInt);
const words = [0x0000, 0x0001, 0x7fff, 0x8000, 0xffff, 0x8001, 0x00ff, 0x0100, 0xff80, 0x4000].map(BigInt);
const VECTORS = [
  ...repeated(bytes, 8),
  ...repeated(words, 16),
  ...repeated(SINGLES, 32),
  ...repeated(INTEGERS, 32),
  ...repeated(DOUBLES, 64),
];
const EDGES: Record<ValueType, readonly bigint[]> = {
  i32: INTEGERS,
  i64: WIDE,
  f32: SINGLES,
  f64: DOUBLES,
  v128: VECTORS,
};

const SLOT = 16;
const accessOf = (type: ValueType) => ACCESS[type];

/** All operations in one module: each reads its arguments from the memory's first slots and writes its result to slot 3. */
function build(all: readonly { name: OpName; lane: number }[]) {
  const m = new ModuleBuilder();
  m.importMemory(MEMORY_LIMIT);
  all.forEach(({ name, lane }, i) => {
    const row = ops()[name];
    const f = new Func(0);
    f.i32(0);
    row.params.forEach((type, p) => {
      f.i32(0);
      f.mem(accessOf(type).load, p * SLOT);
    });
    f.op(row.code);
    if (row.lane) f.byte(lane);
    f.mem(accessOf(row.result).store, 3 * SLOT);
    m.define({ params: [], results: [] }, f, `f${i}`);
  });
  const memory = new WebAssembly.Memory({ initial: 1, maximum: MEMORY_LIMIT, shared: true });
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(m.encode()), { e: { memory } } as never);
  const view = new DataView(memory.buffer);
  return (index: number, args: readonly bigint[], bits: number): bigint => {
    args.forEach((v, p) => {
      view.setBigUint64(p * SLOT, BigInt.asUintN(64, v), true);
      view.setBigUint64(p * SLOT + 8, v >> 64n, true);
    });
    (exports[`f${index}`] as () => void)();
    const low = view.getBigUint64(3 * SLOT, true);
    return bits === 128 ? low | (view.getBigUint64(3 * SLOT + 8, true) << 64n) : BigInt.asUintN(bits, low);
  };
}

const BITS: Record<ValueType, number> = { i32: 32, i64: 64, f32: 32, f64: 64, v128: 128 };
/** Operations that compute a float: which NaN they give is open. */
const GIVES_FLOAT = /^f(32|64)(x\d)?\.(ceil|floor|trunc|nearest|sqrt|add|sub|mul|div|min|max|demote|promote)/;

/** NaNs as one. */
function canonical(name: string, v: bigint): bigint {
  const match = GIVES_FLOAT.exec(name);
  if (!match) return v;
  const width = Number(match[1]);
  const infinite = width === 32 ? 0x7f80_0000n : 0x7ff0_0000_0000_0000n;
  let all = 0n;
  for (let i = 0; i < 128; i += width) {
    const lane = BigInt.asUintN(width, v >> BigInt(i));
    all |= (BigInt.asUintN(width - 1, lane) > infinite ? infinite + 1n : lane) << BigInt(i);
  }
  return all;
}

const traps = (name: string, [x, y]: readonly bigint[], width: number): boolean =>
  /^i(32|64)\.(div|rem)/.test(name) &&
  (y === 0n || (x === 1n << BigInt(width - 1) && y === (1n << BigInt(width)) - 1n));

const lanesOf = (name: string): number => Number(/x(\d+)/.exec(name)?.[1] ?? 1);
const all = (Object.keys(ops()) as OpName[]).flatMap((name) =>
  ops()[name].lane ? [0, lanesOf(name) - 1].map((lane) => ({ name, lane })) : [{ name, lane: 0 }],
);
const run = build(all);

describe('operations agree with their reference', () => {
  it.each(all.map((row, index) => ({ ...row, index })))('$name, lane $lane', ({ name, lane, index }) => {
    const { params, result } = ops()[name];
    const lists = params.map((type) => EDGES[type]);
    const bits = BITS[result];
    const wrong: string[] = [];
    // All pairs; a third argument (bit select) runs along.
    for (const [i, x] of lists[0].entries())
      for (const [j, y] of (lists[1] ?? [0n]).entries()) {
        const args = [x, y, lists[2]?.[(i + j) % lists[2].length] ?? 0n].slice(0, params.length);
        if (traps(name, args, bits)) continue;
        const got = canonical(name, run(index, args, bits));
        const want = canonical(name, REFERENCE[name](args, lane));
        if (got !== want)
          wrong.push(`${args.map((a) => a.toString(16))}: ${got.toString(16)}, not ${want.toString(16)}`);
      }
    expect(wrong.slice(0, 3)).toEqual([]);
  });
});
