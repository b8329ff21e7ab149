/** The x86-64 ISA as the engine sees it. */
import { bug } from '../../base/failures.ts';
import { EXIT_ILLEGAL } from '../../engine/exits.ts';
import type { Builder } from '../../ir/builder.ts';
import type { Isa } from '../isa.ts';
import type { Operand, X86Builder } from './builder.ts';
import { commonInstructions, commonPairs } from './common.ts';
import { SYSTEM_HELPERS } from './cpuid.ts';
import { decode, type X86Instruction } from './decode.ts';
import { functions } from './functions.ts';
import { X86RegionBuilder } from './region-builder.ts';
import { REGISTERS, X87_TURN_ID } from './registers.ts';
import type { Mnemonic } from './rows/index.ts';
import { semantics } from './semantics/index.ts';
import { encodeOperands, X86ShapeBuilder } from './shape-builder.ts';
import { FLOAT_HELPERS, MXCSR_ASKED, MXCSR_KEPT, MXCSR_SPECIAL } from './soft-float.ts';
import { FIELDS, RBP, RSP, SCRATCH_OFFSET } from './state.ts';
import { X87_HELPERS } from './x87/helpers.ts';

/** Instructions that use the stack without naming it, and how. */
const STACK_ACCESS: Readonly<Record<string, 'read' | 'write'>> = {
  push: 'write',
  pushf: 'write',
  call: 'write',
  enter: 'write',
  pop: 'read',
  popf: 'read',
  ret: 'read',
  retPop: 'read',
  leave: 'read',
};

/** Append one instruction's meaning to the builder. */
function build(b: X86Builder): void {
  const { mnemonic } = b.instruction;
  if (mnemonic === '(bad)') {
    b.stopIf(b.i32(1), EXIT_ILLEGAL);
    return;
  }
  const meaning = semantics()[mnemonic as Mnemonic] as ((b: X86Builder, ...operands: Operand[]) => void) | undefined;
  if (!meaning) bug(`no semantics for ${mnemonic}`);
  // MMX instructions wait for a pending x87 exception.
  if (mnemonic === 'emms' || b.instruction.operands.some((o) => o.kind === 'mmx')) {
    b.waitForX87();
  }
  meaning(b, ...b.operands());
}

export const X86: Isa<X86Instruction> = {
  name: 'x86-64',
  maxLength: 15,
  registers: REGISTERS,
  turn: X87_TURN_ID,
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
  usesStack({ mnemonic, operands, segment }, access) {
    const explicit = operands.find((o) => o.kind === 'mem');
    // PUSH, CALL and POP may have an operand in memory besides the stack: what they do to it is the opposite.
    if (STACK_ACCESS[mnemonic] === access || (STACK_ACCESS[mnemonic] && !explicit)) return true;
    return explicit !== undefined && !segment && (explicit.base === RSP || explicit.base === RBP);
  },
  askBit: MXCSR_ASKED,
  keepBit: MXCSR_KEPT,
  regionBuilder: (options) => new X86RegionBuilder(build, options),
  buildShape(instruction, before): Builder {
    const b = new X86ShapeBuilder(instruction);
    if (before instanceof X86ShapeBuilder) b.flags.known = before.flags.known;
    build(b);
    return b;
  },
  common: commonInstructions,
  commonPairs,
  get functions() {
    return functions();
  },
  helpers: { ...SYSTEM_HELPERS, ...FLOAT_HELPERS, ...X87_HELPERS },
};
