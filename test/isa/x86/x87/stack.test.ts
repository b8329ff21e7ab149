/** The x87 stack in a region's locals: random programs that push and pop across branches, loops and calls end in the translator as in the interpreter, however they are sliced. */
import { expect, test } from 'vitest';
import { FIELDS, RBX, RCX, RSP, x87Offset } from '../../../../src/isa/x86/state.ts';
import { CODE, machine } from '../../../engine/machine.ts';

const DATA = 0x50_0000;
const STEPS = 100_000;

let seed = 1;
const random = (n: number): number => {
  seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
  return Math.floor((seed / 2 ** 32) * n);
};
const pick = <T>(list: readonly T[]): T => list[random(list.length)];

/** Instructions by how likely the stack stays within its bounds: RBX points to data. */
const PUSH = [
  () => [0xd9, 0xe8], // fld1
  () => [0xd9, 0xee], // fldz
  () => [0xd9, 0xc0 + random(4)], // fld st(i)
  () => [0xdd, 0x43, 8 * random(4)], // fld qword [rbx+n]
  () => [0xdb, 0x43, 32 + 4 * random(4)], // fild dword [rbx+n]
  () => [0xdb, 0x6b, 64], // fld tbyte [rbx+64]
];
const POP = [
  () => [0xde, 0xc1 + random(2)], // faddp
  () => [0xde, 0xc9], // fmulp
  () => [0xde, 0xe9], // fsubp
  () => [0xdd, 0xd8 + random(4)], // fstp st(i)
  () => [0xdd, 0x5b, 80], // fstp qword [rbx+80]
  () => [0xdb, 0x7b, 64], // fstp tbyte [rbx+64]
  () => [0xdf, 0xf1], // fcomip
  () => [0xdb, 0x5b, 44], // fistp dword [rbx+44]
];
const STAY = [
  () => [0xd8, 0xc0 + random(3)], // fadd
  () => [0xdc, 0xc8 + random(3)], // fmul to
  () => [0xd8, 0xf0 + random(3)], // fdiv
  () => [0xd9, 0xc8 + random(4)], // fxch
  () => [0xd9, 0xe0], // fchs
  () => [0xdb, 0xf0 + random(3)], // fcomi
  () => [0xda, 0xc0 + random(3)], // fcmovb
  () => [0xd9, 0xfa], // fsqrt
  () => [0xdf, 0xe0], // fnstsw ax
  () => [0xd9, 0x6b, 96], // fldcw [rbx+96]
  () => [0x01, 0xd8], // add eax, ebx
];
/** Those that see the whole state. */
const WHOLE = [
  () => [0xd9, 0xeb], // fldpi
  () => [0xd9, 0xf7], // fincstp
  () => [0xdd, 0xc0 + random(8)], // ffree
  () => [0xdb, 0xe3], // fninit
  () => [0x0f, 0x6f, 0x43, 8], // movq mm0, [rbx+8]
  () => [0x0f, 0x77], // emms
];

/** Blocks of a few instructions; each ends in a branch to any other, a call or nothing. All of it ends when a counter does. */
function program(whole: boolean): number[] {
  const count = 4 + random(6);
  const blocks = Array.from({ length: count }, () => {
    const body: number[] = [];
    // Mostly as high as before.
    for (let n = random(4); n >= 0; n--) {
      const kind = random(whole ? 14 : 11);
      if (kind < 5) body.push(...pick(PUSH)(), ...pick(STAY)(), ...pick(POP)());
      else if (kind < 6) body.push(...pick(PUSH)());
      else if (kind < 7) body.push(...pick(POP)());
      else if (kind < 11) body.push(...pick(STAY)());
      else body.push(...pick(WHOLE)());
    }
    return { body, end: random(5), target: random(count) };
  });
  // Every block: body, a counter that leaves at its end, six bytes.
  const length = (b: { body: number[] }) => b.body.length + 8 + 6;
  const at: number[] = [];
  blocks.reduce((sum, b) => {
    at.push(sum);
    return sum + length(b);
  }, 0);
  const all = blocks.reduce((sum, b) => sum + length(b), 0);
  return blocks.flatMap(({ body, end, target }, i) => {
    const branch = at[i] + length(blocks[i]);
    const bytes = (v: number) => [...new Uint8Array(Int32Array.of(v).buffer)];
    const relative = (from: number) => bytes(at[target] - from);
    // dec ecx, js; then jnz, jb, call, ret or nothing.
    const last = [
      [0x0f, 0x85, ...relative(branch)],
      [0x0f, 0x82, ...relative(branch)],
      [0x90, 0xe8, ...relative(branch)],
      [0xc3, 0x90, 0x90, 0x90, 0x90, 0x90],
      [0x66, 0x0f, 0x1f, 0x44, 0, 0],
    ][end];
    return [...body, 0xff, 0xc9, 0x0f, 0x88, ...bytes(all - branch + 6), ...last];
  });
}

function start(mode: 'interpreter' | 'translator', code: readonly number[], top: number) {
  const { space, codeSpace, cpu } = machine({ mode }, [...code, 0x0f, 0x0b], [{ address: DATA, length: 8192 }]);
  // Returns from the outermost function end in UD2.
  const stack = new BigUint64Array(64).fill(BigInt(CODE + code.length));
  space.copyOut(DATA + 4096, new Uint8Array(stack.buffer));
  const data = new DataView(new ArrayBuffer(128));
  [1.5, -0.1, 3e10, 7].forEach((v, i) => {
    data.setFloat64(8 * i, v, true);
    data.setInt32(32 + 4 * i, Math.trunc(v), true);
  });
  data.setBigUint64(64, 0xc000_0000_0000_0001n, true);
  data.setUint16(72, 0x4001, true);
  data.setUint16(96, 0x37f, true);
  space.copyOut(DATA, new Uint8Array(data.buffer));
  cpu.set(RBX, BigInt(DATA));
  cpu.set(RSP, BigInt(DATA + 4096 + 128));
  cpu.set(RCX, 200);
  const { view } = space;
  view.setInt32(cpu.state + FIELDS.ftop.offset, top, true);
  return { codeSpace, cpu, space };
}

/** Run a number of instructions in slices of at most so many. */
function outcome(mode: 'interpreter' | 'translator', code: readonly number[], top: number, slice: number): string {
  const { codeSpace, cpu, space } = start(mode, code, top);
  let left = STEPS;
  let exit = 'budget';
  while (left > 0 && exit === 'budget') {
    const budget = Math.min(left, slice);
    exit = codeSpace.run(cpu, budget).kind;
    left -= budget;
  }
  const hex = (offset: number, n: number) => Buffer.from(space.copyIn(DATA + offset, n)).toString('hex');
  const { view } = space;
  const lines = [exit, cpu.pc.toString(16), hex(0, 128)];
  const registers = Array.from({ length: 8 }, (_, i) => {
    const at = cpu.state + x87Offset(i);
    return `${view.getUint16(at + 8, true).toString(16)}:${view.getBigUint64(at, true).toString(16)}`;
  });
  const fields = (['fcw', 'fsw', 'ftag', 'ftop', 'fip', 'fdp'] as const).map((f) => `${f} ${view.getInt32(cpu.state + FIELDS[f].offset, true).toString(16)}`); // biome-ignore format: one row
  return [...lines, ...registers, ...fields].join('\n');
}

test.each([false, true])('programs (with instructions that see the whole state: %s)', (whole) => {
  seed = 11;
  for (let n = 0; n < 40; n++) {
    const code = program(whole);
    const top = random(8);
    const wanted = outcome('interpreter', code, top, STEPS);
    const slice = pick([STEPS, 100, 7]);
    expect(outcome('translator', code, top, slice), `program ${n} in slices of ${slice}`).toBe(wanted);
  }
});
