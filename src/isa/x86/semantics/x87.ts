/** Meaning of the x87 instructions (rows/x87.ts): memory access, waiting for exceptions and flags here, the arithmetic in x87/. */
import { EXIT_PRIVILEGED } from '../../../engine/exits.ts';
import { Builder, type Node } from '../../../ir/builder.ts';
import type { Operand, X86Builder } from '../builder.ts';
import type { X87_ROWS } from '../rows/x87.ts';
import { RAX } from '../state.ts';
import { MXCSR_RESERVED, type X87_HELPERS } from '../x87/helpers.ts';
import type { Semantics } from './alu.ts';

type HelperName = keyof typeof X87_HELPERS;

const call = (b: X86Builder, name: HelperName, ...args: Node[]): void => {
  b.helper(name, undefined, ...args);
};
const ask = (b: X86Builder, name: HelperName, ...args: Node[]): Node => b.helper(name, 'i32', ...args);

/** The helper that also pops, or not. */
const popping = <const N extends string>(name: N, pops: number): N | `${N}Pop` => (pops ? `${name}Pop` : name);

/** Instructions that wait and leave their address for FNSTENV. */
const waiting =
  (body: Semantics): Semantics =>
  (b, ...operands) => {
    b.waitForX87();
    body(b, ...operands);
    b.setField('fip', b.pc());
    if (operands[0]?.isMemory) b.setField('fdp', operands[0].address());
  };

/** Significand, sign and exponent of an 80-bit memory operand. */
function load80(b: X86Builder, m: Operand): Node[] {
  const address = m.address();
  return [b.load(address, 'i64'), b.load(b.add(address, 8), 'u16')];
}

/** The bits of a 32- or 64-bit memory operand. */
const bits = (m: Operand): Node => m.read(m.width === 32 ? 'i32' : 'i64');

/** A 16- or 32-bit integer operand, sign-extended. */
const integer = (m: Operand): Node => m.read(m.width === 16 ? 's16' : 'i32');

/** The kinds of arithmetic by the digit of the encoding. */
const KINDS = ['add', 'mul', 'add', 'add', 'add', 'add', 'div', 'div'] as const;
const arithmetic = (digit: number): Semantics =>
  waiting((b, src) => {
    const name = `f${KINDS[digit]}` as const;
    if (!src.isMemory) call(b, name, b.i32(digit), b.i32(0), src.get());
    else call(b, `${name}${src.width as 32 | 64}`, b.i32(digit), bits(src));
  });
const arithmeticTo = (digit: number, pops: number): Semantics =>
  waiting((b, dst) => call(b, popping(`f${KINDS[digit]}`, pops), b.i32(digit), dst.get(), dst.get()));
const arithmeticInteger = (digit: number): Semantics =>
  waiting((b, src) => call(b, `fi${KINDS[digit]}`, b.i32(digit), integer(src)));

const compare = (pops: number): Semantics =>
  waiting((b, src) => {
    if (!src.isMemory) call(b, popping('fcom', pops), src.get(), b.i32(0));
    else call(b, popping(src.width === 32 ? 'fcom32' : 'fcom64', pops), bits(src));
  });
const compareInteger = (pops: number): Semantics => waiting((b, src) => call(b, popping('ficom', pops), integer(src)));
const unordered = (pops: number): Semantics => waiting((b, src) => call(b, popping('fcom', pops), src.get(), b.i32(1)));
const compareBoth = (quietly: number): Semantics => waiting((b) => call(b, 'fcomPop2', b.i32(1), b.i32(quietly)));
const compareFlags = (quietly: number, pops: number): Semantics =>
  waiting((b, src) => {
    b.flags.setAll(ask(b, popping('fcomi', pops), src.get(), b.i32(quietly)));
  });

const special = (code: number): Semantics => waiting((b) => call(b, 'fspecial', b.i32(code)));
const constant = (which: number): Semantics => waiting((b) => call(b, 'fldConstant', b.i32(which)));
const moveIf = (condition: string): Semantics =>
  waiting((b, src) => call(b, 'fcmov', src.get(), b.flags.get(condition)));

/** Store what a helper left, unless an unmasked exception forbids it. */
function store(b: X86Builder, dst: Operand, ok: Node): void {
  const at = dst.address();
  const value = b.scratch(0, dst.width === 16 ? 'u16' : dst.width === 32 ? 'i32' : 'i64');
  const top = dst.width === 80 ? b.scratch(8, 'u16') : undefined;
  if (Builder.constantOf(ok) !== 1) b.leaveIf(b.eqz(ok), 'next');
  b.store(at, dst.width === 16 ? 'u16' : dst.width === 32 ? 'i32' : 'i64', value);
  if (top) b.store(b.add(at, 8), 'u16', top);
}

const storeFloat = (pops: number): Semantics =>
  waiting((b, dst) => {
    if (!dst.isMemory) return call(b, popping('fstRegister', pops), dst.get());
    b.probe(dst.address(), dst.width / 8);
    store(b, dst, ask(b, popping(`fst${dst.width as 32 | 64 | 80}`, pops)));
  });
const storeInteger = (truncate: number, pops: number): Semantics =>
  waiting((b, dst) => {
    b.probe(dst.address(), dst.width / 8);
    store(b, dst, ask(b, popping('fist', pops), b.i32(dst.width), b.i32(truncate)));
  });

const isWide = (b: X86Builder): Node => b.i32(b.instruction.operandSize === 16 ? 0 : 1);

/** Fault now unless all bytes of an image can be written (`store`) or read; an image touches two pages at most. */
function reach(b: X86Builder, m: Operand, bytes: number, access: 'read' | 'write'): void {
  const at = m.address();
  if (access === 'read') {
    for (let i = 0; i < bytes - 8; i += 64) b.load(b.add(at, i), 'i64');
    b.load(b.add(at, bytes - 8), 'i64');
    return;
  }
  for (let i = 0; i + 64 < bytes; i += 64) b.probe(b.add(at, i), 64);
  b.probe(b.add(at, Math.max(0, bytes - 64)), Math.min(bytes, 64));
}

/** FNSTENV, FLDENV, FNSAVE, FRSTOR. */
const whole =
  (name: HelperName, access: 'read' | 'write', extra: number): Semantics =>
  (b, m) => {
    if (access === 'read') b.waitForX87();
    reach(b, m, (b.instruction.operandSize === 16 ? 14 : 28) + extra, access);
    call(b, name, m.address(), isWide(b));
  };

/** FXSAVE and FXRSTOR want their image on a 16-byte boundary. */
function aligned(b: X86Builder, m: Operand): void {
  b.stopIf(b.and(b.wrap(m.address()), 15), EXIT_PRIVILEGED);
}

type Mnemonic = (typeof X87_ROWS)[number]['mnemonic'];

export const x87Semantics = (): Record<Mnemonic, Semantics> => ({
  fadd: arithmetic(0),
  fmul: arithmetic(1),
  fsub: arithmetic(4),
  fsubr: arithmetic(5),
  fdiv: arithmetic(6),
  fdivr: arithmetic(7),
  faddTo: arithmeticTo(0, 0),
  fmulTo: arithmeticTo(1, 0),
  fsubTo: arithmeticTo(4, 0),
  fsubrTo: arithmeticTo(5, 0),
  fdivTo: arithmeticTo(6, 0),
  fdivrTo: arithmeticTo(7, 0),
  faddp: arithmeticTo(0, 1),
  fmulp: arithmeticTo(1, 1),
  fsubp: arithmeticTo(4, 1),
  fsubrp: arithmeticTo(5, 1),
  fdivp: arithmeticTo(6, 1),
  fdivrp: arithmeticTo(7, 1),
  ifadd: arithmeticInteger(0),
  ifmul: arithmeticInteger(1),
  ifsub: arithmeticInteger(4),
  ifsubr: arithmeticInteger(5),
  ifdiv: arithmeticInteger(6),
  ifdivr: arithmeticInteger(7),
  fcom: compare(0),
  fcomp: compare(1),
  fcompp: compareBoth(0),
  ficom: compareInteger(0),
  ficomp: compareInteger(1),
  fucom: unordered(0),
  fucomp: unordered(1),
  fucompp: compareBoth(1),
  fcomi: compareFlags(0, 0),
  fcomip: compareFlags(0, 1),
  fucomi: compareFlags(1, 0),
  fucomip: compareFlags(1, 1),
  fld: waiting((b, src) => {
    if (!src.isMemory) call(b, 'fldRegister', src.get());
    else if (src.width === 80) call(b, 'fld80', ...load80(b, src));
    else call(b, src.width === 32 ? 'fld32' : 'fld64', bits(src));
  }),
  fild: waiting((b, src) => {
    call(b, 'fild', src.width === 64 ? src.read('i64') : b.extendS(integer(src)));
  }),
  fbld: waiting((b, src) => call(b, 'fbld', ...load80(b, src))),
  fst: storeFloat(0),
  fstp: storeFloat(1),
  fstpnce: waiting((b, dst) => call(b, 'fstpnce', dst.get())),
  fist: storeInteger(0, 0),
  fistp: storeInteger(0, 1),
  fisttp: storeInteger(1, 1),
  fbstp: waiting((b, dst) => {
    b.probe(dst.address(), 10);
    store(b, dst, ask(b, 'fbstp', b.i32(1)));
  }),
  fxch: waiting((b, other) => call(b, 'fxch', other.get())),
  fcmovb: moveIf('b'),
  fcmovz: moveIf('z'),
  fcmovbe: moveIf('be'),
  fcmovp: moveIf('p'),
  fcmovnb: moveIf('nb'),
  fcmovnz: moveIf('nz'),
  fcmovnbe: moveIf('nbe'),
  fcmovnp: moveIf('np'),
  ffree: waiting((b, r) => call(b, 'ffree', r.get(), b.i32(0))),
  ffreep: waiting((b, r) => call(b, 'ffree', r.get(), b.i32(1))),
  fnop: waiting(() => {}),
  fwait: (b) => b.waitForX87(),
  fchs: waiting((b) => call(b, 'fsign', b.i32(0xffff), b.i32(0x8000))),
  fabs: waiting((b) => call(b, 'fsign', b.i32(0x7fff), b.i32(0))),
  ftst: waiting((b) => call(b, 'ftst')),
  fxam: waiting((b) => call(b, 'fxam')),
  fld1: waiting((b) => call(b, 'fld80', b.i64(-(1n << 63n)), b.i32(0x3fff))),
  fldl2t: constant(1),
  fldl2e: constant(2),
  fldpi: constant(3),
  fldlg2: constant(4),
  fldln2: constant(5),
  fldz: waiting((b) => call(b, 'fld80', b.i64(0), b.i32(0))),
  f2xm1: special(0xf0),
  fyl2x: special(0xf1),
  fptan: special(0xf2),
  fpatan: special(0xf3),
  fxtract: special(0xf4),
  fprem1: waiting((b) => call(b, 'fprem1')),
  fdecstp: special(0xf6),
  fincstp: special(0xf7),
  fprem: waiting((b) => call(b, 'fprem')),
  fyl2xp1: special(0xf9),
  fsqrt: waiting((b) => call(b, 'fsqrt')),
  fsincos: special(0xfb),
  frndint: waiting((b) => call(b, 'frndint')),
  fscale: waiting((b) => call(b, 'fscale')),
  fsin: special(0xfe),
  fcos: special(0xff),
  fldcw(b, src) {
    b.waitForX87();
    call(b, 'fldcw', src.read('u16'));
  },
  fnstcw: (b, dst) => b.store(dst.address(), 'u16', b.field('fcw')),
  fnstsw(b, dst) {
    const status = b.or(b.and(b.field('fsw'), ~0x3800), b.shl(b.and(b.field('ftop'), 7), 11));
    if (dst.isMemory) b.store(dst.address(), 'u16', status);
    else b.fixedGpr(RAX, 16).set(status);
  },
  fnclex: (b) => call(b, 'fnclex'),
  fninit: (b) => call(b, 'fninit'),
  fnop8087() {},
  fldenv: whole('fldenv', 'read', 0),
  fnstenv: whole('fnstenv', 'write', 0),
  frstor: whole('frstor', 'read', 80),
  fnsave: whole('fnsave', 'write', 80),
  fxsave(b, m) {
    aligned(b, m);
    reach(b, m, 512, 'write');
    call(b, 'fxsave', m.address(), b.i32(1));
  },
  fxrstor(b, m) {
    aligned(b, m);
    reach(b, m, 512, 'read');
    b.stopIf(b.and(b.load(b.add(m.address(), 24), 'i32'), MXCSR_RESERVED), EXIT_PRIVILEGED);
    call(b, 'fxrstor', m.address(), b.i32(1));
  },
});
