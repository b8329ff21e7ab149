/** The x86-64 ISA as the engine sees it. */
import { bug } from '../../base/failures.ts';
import { EXIT_FLOATING_POINT, EXIT_ILLEGAL } from '../../engine/exits.ts';
import type { Builder } from '../../ir/builder.ts';
import type { Isa, Register } from '../isa.ts';
import type { Operand, X86Builder } from './builder.ts';
import { SYSTEM_HELPERS } from './cpuid.ts';
import { decode, type X86Instruction } from './decode.ts';
import { FUNCTIONS } from './functions.ts';
import { X86RegionBuilder } from './region-builder.ts';
import type { Mnemonic } from './rows/index.ts';
import { SEMANTICS } from './semantics/index.ts';
import { encodeOperands, X86ShapeBuilder } from './shape-builder.ts';
import { FLOAT_HELPERS, MXCSR_ASKED, MXCSR_KEPT, MXCSR_SPECIAL } from './soft-float.ts';
import { FIELDS, GPR, gprOffset, RSP, SCRATCH_OFFSET, xmmOffset } from './state.ts';
import { ES } from './x87/fpu.ts';
import { X87_HELPERS } from './x87/helpers.ts';

const registers: Register[] = [
  ...GPR.map((name, n): Register => ({ name, type: 'i64', offset: gprOffset(n) })),
  ...GPR.map((_, n): Register => ({ name: `xmm${n}`, type: 'v128', offset: xmmOffset(n) })),
  { name: 'ccop', type: 'i32', offset: FIELDS.ccop.offset },
  { name: 'cca', type: 'i64', offset: FIELDS.cca.offset },
  { name: 'ccb', type: 'i64', offset: FIELDS.ccb.offset },
  { name: 'ccc', type: 'i64', offset: FIELDS.ccc.offset },
  { name: 'mxcsr', type: 'i32', offset: FIELDS.mxcsr.offset },
];

/** Append one instruction's meaning to the builder. */
function build(b: X86Builder): void {
  const { mnemonic } = b.instruction;
  if (mnemonic === '(bad)') {
    b.stopIf(b.i32(1), EXIT_ILLEGAL);
    return;
  }
  const semantics = SEMANTICS[mnemonic as Mnemonic] as ((b: X86Builder, ...operands: Operand[]) => void) | undefined;
  if (!semantics) bug(`no semantics for ${mnemonic}`);
  // MMX instructions wait for a pending x87 exception.
  if (mnemonic === 'emms' || b.instruction.operands.some((o) => o.kind === 'mmx')) {
    b.stopIf(b.and(b.field('fsw'), ES), EXIT_FLOATING_POINT);
  }
  semantics(b, ...b.operands());
}

export const X86: Isa<X86Instruction> = {
  name: 'x86-64',
  maxLength: 15,
  registers,
  pcOffset: FIELDS.pc.offset,
  stackPointer: RSP,
  hotOffset: FIELDS.hot.offset,
  budgetOffset: FIELDS.budget.offset,
  exitOffset: FIELDS.exit.offset,
  scratchOffset: SCRATCH_OFFSET,
  modeOffset: FIELDS.mxcsr.offset,
  modeMask: MXCSR_SPECIAL,
  decode,
  encode: encodeOperands,
  askBit: MXCSR_ASKED,
  keepBit: MXCSR_KEPT,
  regionBuilder: (keep = false) => new X86RegionBuilder(build, keep),
  buildShape(instruction): Builder {
    const b = new X86ShapeBuilder(instruction);
    build(b);
    return b;
  },
  functions: FUNCTIONS,
  helpers: { ...SYSTEM_HELPERS, ...FLOAT_HELPERS, ...X87_HELPERS },
};
