/** The wasm forms of x87 operations against the plain ones, over random stacks: results, tags, status and scratch field alike. */
import { describe, expect, test } from 'vitest';
import { runtimeModule } from '../../../../src/engine/runtime-module.ts';
import { FIELDS, SCRATCH_OFFSET, x87Offset } from '../../../../src/isa/x86/state.ts';
import { X86 } from '../../../../src/isa/x86/x86.ts';
import { fastForms } from '../../../../src/isa/x86/x87/fast.ts';
import { PLAIN_X87_HELPERS } from '../../../../src/isa/x86/x87/helpers.ts';
import { MEMORY_LIMIT } from '../../../../src/memory/runtime-area.ts';

type Argument = number | bigint;
type Callable = (state: number, ...args: Argument[]) => unknown;

const STATE = 0x1000;
const SIZE = 0x400;
const memory = new WebAssembly.Memory({ initial: 1024, maximum: MEMORY_LIMIT, shared: true });
const view = new DataView(memory.buffer);
const bytes = new Uint8Array(memory.buffer);

/** How often a form left the work to the plain version. */
let gaveUp = 0;
const plain: Record<string, Callable> = {};
for (const [name, row] of Object.entries(PLAIN_X87_HELPERS)) plain[name] = row.make({ view } as never) as Callable;
const module = new WebAssembly.Module(runtimeModule(X86) as never);
const imports: Record<string, WebAssembly.ImportValue> = { memory };
for (const { name, kind } of WebAssembly.Module.imports(module)) {
  if (kind === 'table') imports[name] = new WebAssembly.Table({ element: 'anyfunc', initial: 1 });
  if (kind !== 'function') continue;
  imports[name] = (...args: unknown[]) => {
    gaveUp++;
    return plain[name](...(args as [number]));
  };
}
const runtime = new WebAssembly.Instance(module, { e: imports });
const fast = runtime.exports as unknown as Record<string, Callable>;

let seed = 1;
const random = (n: number): number => {
  seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
  return Math.floor((seed / 2 ** 32) * n);
};
const pick = <T>(list: readonly T[]): T => list[random(list.length)];
const word = (): bigint => (BigInt(random(2 ** 32)) << 32n) | BigInt(random(2 ** 32));

/** Significands at the edges and in between; exponents near each other, so that sums cancel. */
function significand(): bigint {
  const top = 1n << 63n;
  switch (random(7)) {
    case 0:
      return top;
    case 1:
      return (1n << 64n) - 1n;
    case 2:
      return top | 1n;
    case 3:
      return top | (word() & (word() << BigInt(random(64))) & (top - 1n));
    case 4:
      return top | (1n << BigInt(random(63)));
    default:
      return top | word();
  }
}
const exponent = (): number =>
  random(20) === 0
    ? pick([1, 2, 0x7ffe, 0x7ffd, 0x3c01, 0x43fe, 0x3f81, 0x407e])
    : 16383 + (random(3) ? random(70) - 5 : random(400) - 200);

function register(at: number): void {
  const s = random(2) << 15;
  switch (random(12)) {
    case 0:
      view.setBigUint64(at, 0n, true);
      view.setUint16(at + 8, s, true);
      return;
    case 1:
      view.setBigUint64(at, pick([0n, 1n << 63n, 3n << 62n, (1n << 63n) | 1n, word()]), true);
      view.setUint16(at + 8, s | pick([0, 0x7fff, exponent()]), true);
      return;
    default:
      view.setBigUint64(at, BigInt.asUintN(64, significand()), true);
      view.setUint16(at + 8, s | exponent(), true);
  }
}

function state(): void {
  bytes.fill(0, STATE, STATE + SIZE);
  for (let i = 0; i < 8; i++) register(STATE + x87Offset(i));
  const put = (name: 'fcw' | 'fsw' | 'ftag' | 'ftop', v: number) => view.setInt32(STATE + FIELDS[name].offset, v, true);
  const fcw = random(8) ? 0x37f : pick([0x77f, 0xb7f, 0xf7f, 0x27f, 0x37e, 0x35f, 0x340]);
  put('fcw', fcw);
  // An exception that is pending would have been raised before the operation.
  put('fsw', random(2) ? 0 : pick([0x4700, 0x200, ...(fcw & 0x20 ? [0x20, 0x220] : [])]));
  const top = random(8);
  put('ftop', top);
  // Mostly all registers in use but the one that a push takes.
  put('ftag', random(6) ? 0xff & ~(random(4) ? 1 << ((top + 7) & 7) : 0) : random(256));
}

const DOUBLES = [
  0n,
  1n << 63n,
  0x3ff0_0000_0000_0000n,
  0x7ff0_0000_0000_0000n,
  1n,
  0x7fef_ffff_ffff_ffffn,
  0xfff8_0000_0000_0000n,
];
const doubleBits = (): bigint =>
  random(4) ? (word() & 0x801f_ffff_ffff_ffffn) + 0x3fa0_0000_0000_0000n : random(2) ? pick(DOUBLES) : word();
const singleBits = (): number =>
  (random(4)
    ? (random(2 ** 32) & 0x81ff_ffff) + 0x3e80_0000
    : pick([0, 0x8000_0000, 0x3f80_0000, 0x7f80_0000, 1, random(2 ** 32)])) | 0;
const integerBits = (): number => pick([0, 1, -1, 0x7fff_ffff, -0x8000_0000, random(2 ** 32)]) | 0;
const longBits = (): bigint =>
  BigInt.asIntN(64, pick([0n, 1n, -1n, 1n << 63n, (1n << 63n) - 1n, word(), word() >> BigInt(random(64))]));
const digit = (name: string): number =>
  name.includes('mul') ? 1 : name.includes('div') ? pick([6, 7]) : pick([0, 4, 5]);

function argumentsOf(form: string): Argument[] {
  const name = form.replace(/Pop2?$/, '');
  if (/^f(add|mul|div)$/.test(name)) {
    const i = random(8);
    return [digit(name), pick([0, i]), i];
  }
  if (/^f(add|mul|div)32$/.test(name)) return [digit(name), singleBits()];
  if (/^f(add|mul|div)64$/.test(name)) return [digit(name), BigInt.asIntN(64, doubleBits())];
  if (/^fi(add|mul|div)$/.test(name)) return [digit(name), integerBits()];
  switch (name) {
    case 'fld32':
      return [singleBits()];
    case 'fld64':
      return [BigInt.asIntN(64, doubleBits())];
    case 'fld80':
      return [longBits(), random(0x10000)];
    case 'fild':
      return [longBits()];
    case 'fcom':
    case 'fcomi':
      return [random(8), random(2)];
    case 'fcom32':
      return [singleBits()];
    case 'fcom64':
      return [BigInt.asIntN(64, doubleBits())];
    case 'ficom':
      return [integerBits()];
    case 'fldRegister':
    case 'fxch':
    case 'fstRegister':
      return [random(8)];
    case 'fcmov':
      return [random(8), random(2)];
    case 'fsign':
      return pick([
        [0xffff, 0x8000],
        [0x7fff, 0],
      ]);
    case 'fsqrt':
    case 'frndint':
    case 'fscale':
    case 'fprem':
    case 'fprem1':
    case 'fxam':
    case 'ftst':
      return [];
    case 'fst32':
    case 'fst64':
    case 'fst80':
      return [];
    case 'fist':
      return [pick([16, 32, 64]), random(2)];
    case 'fldcw':
      return [random(0x10000)];
  }
  throw new Error(`no arguments for ${name}`);
}

/** Registers (ten bytes each), control fields, and of the scratch field what a store would write. */
function snapshot(name: string, args: Argument[], answer: unknown): string {
  const hex = (at: number, n: number) =>
    Buffer.from(bytes.slice(STATE + at, STATE + at + n))
      .reverse()
      .toString('hex');
  const lines = [`${name}(${args.join()}) = ${answer}`];
  for (let i = 0; i < 8; i++) lines.push(`r${i} ${hex(x87Offset(i), 10)}`);
  for (const field of ['fcw', 'fsw', 'ftag', 'ftop'] as const) lines.push(`${field} ${hex(FIELDS[field].offset, 4)}`);
  const stored = name.startsWith('fist') ? Number(args[0]) / 8 : Number(/^fst(\d+)/.exec(name)?.[1] ?? 0) / 8;
  if (stored && answer) lines.push(`stored ${hex(SCRATCH_OFFSET, stored)}`);
  return lines.join('\n');
}

describe('wasm forms of x87 operations do what the plain ones do', () => {
  test.each(Object.keys(fastForms()))('%s', (name) => {
    seed = 7;
    gaveUp = 0;
    const count = 3000;
    for (let n = 0; n < count; n++) {
      state();
      const before = bytes.slice(STATE, STATE + SIZE);
      const args = argumentsOf(name);
      const wanted = snapshot(name, args, plain[name](STATE, ...args));
      bytes.set(before, STATE);
      const found = snapshot(name, args, fast[name](STATE, ...args));
      if (found !== wanted) {
        bytes.set(before, STATE);
        expect(`${snapshot(name, args, '')}\n${found}`).toBe(`${snapshot(name, args, '')}\n${wanted}`);
      }
    }
    // A form that gives up always would pass as well.
    expect(gaveUp).toBeLessThan(0.75 * count);
  });
});
