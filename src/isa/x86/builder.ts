/** The builder as x86 semantics see it: operands, lazy flags, the stack, fields of the state block; what operands are made of is left to its two forms (region-builder.ts, shape-builder.ts). */

import { EXIT_FLOATING_POINT } from '../../engine/exits.ts';
import { Builder, type Node } from '../../ir/builder.ts';
import type { Access } from '../../ir/ops.ts';
import type { X86Instruction } from './decode.ts';
import * as flags from './flags.ts';
import { KnownGpr, Memory, type Operand } from './operands.ts';
import { CCA_ID, CCB_ID, CCC_ID, CCOP_ID, MXCSR_ID, XMM_ID } from './registers.ts';
import { FIELDS, type FieldName, RSP, SCRATCH_OFFSET } from './state.ts';
import { ES } from './x87/fpu.ts';

export type { Operand } from './operands.ts';

/** What semantics may do with flags. */
export class Flags {
  readonly #b: X86Builder;
  /** Kind and width of the last flag-setting operation, where known at build time. */
  known: { kind: number; width: flags.Width } | undefined;
  constructor(b: X86Builder) {
    this.#b = b;
  }

  #put(kind: number, width: number, a: Node, second?: Node, third?: Node): void {
    const b = this.#b;
    const wide = (x: Node) => b.extendU(b.clean(x, width));
    const [x, y, z] = [wide(a), second && wide(second), third && b.extendU(third)];
    b.setReg(CCOP_ID, b.i32(flags.ccop(kind, width)));
    b.setReg(CCA_ID, x);
    if (y) b.setReg(CCB_ID, y);
    if (z) b.setReg(CCC_ID, z);
    this.#know(kind, width as flags.Width, z ? 3 : y ? 2 : 1);
  }
  /** The kind is known now; it needs the first `fields` of a, b, c: what set the others need not be computed, nor carried round a loop (wide: 2.1 s → 1.97 s). */
  #know(kind: number, width: flags.Width, fields: number): void {
    if (fields < 3) this.#b.forget(CCC_ID);
    if (fields < 2) this.#b.forget(CCB_ID);
    this.known = { kind, width };
  }
  add(width: number, x: Node, y: Node): void {
    this.#put(flags.ADD, width, x, y);
  }
  /** Also of CMP: x - y. */
  sub(width: number, x: Node, y: Node): void {
    this.#put(flags.SUB, width, x, y);
  }
  /** x + y + carry. */
  adc(width: number, x: Node, y: Node, carry: Node): void {
    this.#put(flags.ADC, width, x, y, carry);
  }
  sbb(width: number, x: Node, y: Node, carry: Node): void {
    this.#put(flags.SBB, width, x, y, carry);
  }
  logic(width: number, result: Node): void {
    this.#put(flags.LOGIC, width, result);
  }
  /** CF is kept. */
  inc(width: number, result: Node): void {
    this.#put(flags.INC, width, result, this.#carry());
  }
  dec(width: number, result: Node): void {
    this.#put(flags.DEC, width, result, this.#carry());
  }
  /** CF for those that keep it: where loops begin, mostly one of them or a logical operation has set the flags (copy: 2.5 s → 1.7 s). */
  #carry(): Node {
    if (this.known) return this.get('b');
    const b = this.#b;
    const [first, kept, end] = [flags.LOGIC, flags.INC, flags.DEC + 1].map((kind) => flags.ccop(kind, 8));
    const op = b.getReg(CCOP_ID, 'i32');
    const simple = b.ltU(b.sub(op, first), end - first);
    return b.ifElse(simple, b.select(b.ltU(op, kept), 0, b.wrap(b.getReg(CCB_ID, 'i64'))), this.get('b'));
  }
  /** ZF, SF, PF from the result; `bits` (i32) holds CF, OF, AF at their places in RFLAGS. */
  result(width: number, result: Node, bits: Node): void {
    const b = this.#b;
    const r = b.extendU(b.clean(result, width));
    b.setReg(CCOP_ID, b.i32(flags.ccop(flags.RES, width)));
    b.setReg(CCA_ID, r);
    b.setReg(CCB_ID, b.extendU(bits));
    this.#know(flags.RES, width as flags.Width, 2);
  }
  /** Of a product of two values of the width. */
  product(width: number, signed: boolean, x: Node, y: Node): void {
    this.#put(signed ? flags.IMUL : flags.MUL, width, x, y);
  }
  /** All six flags from an i32 with the bits as in RFLAGS. */
  setAll(bits: Node): void {
    const b = this.#b;
    b.setReg(CCOP_ID, b.i32(flags.ccop(flags.EXPLICIT, 8)));
    b.setReg(CCA_ID, b.extendU(bits));
    this.#know(flags.EXPLICIT, 8, 1);
  }
  /** Of UCOMISS and UCOMISD: an unordered comparison of two floats. */
  compare(x: Node, y: Node): void {
    const b = this.#b;
    const width = x.type === 'f64' ? 64 : 32;
    const bits = (v: Node) =>
      width === 64 ? b.op('i64.reinterpret_f64', v) : b.extendU(b.op('i32.reinterpret_f32', v));
    b.setReg(CCOP_ID, b.i32(flags.ccop(flags.COMPARE, width)));
    b.setReg(CCA_ID, bits(x));
    b.setReg(CCB_ID, bits(y));
    this.#know(flags.COMPARE, width, 2);
  }
  /** Replace some flags: `mask` says which, `bits` (i32) has them at their places. */
  update(mask: number, bits: Node): void {
    const b = this.#b;
    this.setAll(b.or(b.and(this.all(), flags.ARITHMETIC_FLAGS & ~mask), bits));
  }
  /** CF alone (i32, 0 or 1); the others are seldom asked for afterwards, and not computed then. */
  carry(bit: Node): void {
    const b = this.#b;
    const others = this.all();
    b.setReg(CCOP_ID, b.i32(flags.ccop(flags.BIT, 8)));
    b.setReg(CCA_ID, b.extendU(others));
    b.setReg(CCB_ID, b.extendU(bit));
    this.#know(flags.BIT, 8, 2);
  }
  /** As `result` but only if the condition holds (shifts by a count that may be zero); `wanted` i32. */
  resultIf(wanted: Node, width: number, result: Node, bits: Node): void {
    const b = this.#b;
    const r = b.extendU(b.clean(result, width));
    const [op, a, second] = [b.getReg(CCOP_ID, 'i32'), b.getReg(CCA_ID, 'i64'), b.getReg(CCB_ID, 'i64')];
    b.setReg(CCOP_ID, b.select(wanted, b.i32(flags.ccop(flags.RES, width)), op));
    b.setReg(CCA_ID, b.select(wanted, r, a));
    b.setReg(CCB_ID, b.select(wanted, b.extendU(bits), second));
    this.known = undefined;
  }
  #state(): { op: Node; a: Node; b: Node; c: Node } {
    const b = this.#b;
    return {
      op: b.getReg(CCOP_ID, 'i32'),
      a: b.getReg(CCA_ID, 'i64'),
      b: b.getReg(CCB_ID, 'i64'),
      c: b.getReg(CCC_ID, 'i64'),
    };
  }
  #lazy(): flags.LazyFlags | undefined {
    if (!this.known) return undefined;
    const { a, b, c } = this.#state();
    return { ...this.known, a, b, c };
  }
  /** All six flags as in RFLAGS (i32). */
  all(): Node {
    const lazy = this.#lazy();
    if (lazy) return flags.materialise(this.#b, lazy);
    const s = this.#state();
    return this.#b.call('flags', 'i32', s.op, s.a, s.b, s.c);
  }
  /** A condition by the manual's name ('b', 'nz', 'le', …) as an i32, 0 or 1. */
  get(name: string): Node {
    const b = this.#b;
    const negated = name[0] === 'n';
    const code = flags.CONDITIONS.indexOf((negated ? name.slice(1) : name) as (typeof flags.CONDITIONS)[number]);
    const lazy = this.#lazy();
    let value: Node;
    if (lazy) value = flags.condition(b, lazy, code);
    else {
      const s = this.#state();
      value = b.call(`cond${code}`, 'i32', s.op, s.a, s.b, s.c);
    }
    return negated ? b.eqz(value) : value;
  }
}

export abstract class X86Builder extends Builder {
  readonly flags: Flags = new Flags(this);
  /** The instruction being built; in a shape only what its shape key fixes may be used. */
  abstract readonly instruction: X86Instruction;

  gpr(index: number): Node {
    return this.getReg(index, 'i64');
  }
  setGpr(index: number, v: Node): void {
    this.setReg(index, v);
  }
  xmm(index: number): Node {
    return this.getReg(XMM_ID + index, 'v128');
  }
  setXmm(index: number, v: Node): void {
    this.setReg(XMM_ID + index, v);
  }
  /** A fixed general register as an operand (implicit operands: AL, EDX, …). */
  fixedGpr(index: number, width: number, high = false): Operand {
    return new KnownGpr(this, width, index, high);
  }
  field(name: FieldName): Node {
    if (name === 'mxcsr') return this.getReg(MXCSR_ID, 'i32');
    return this.getState(FIELDS[name].offset, FIELDS[name].type);
  }
  setField(name: FieldName, v: Node): void {
    if (name === 'mxcsr') this.setReg(MXCSR_ID, v);
    else this.setState(FIELDS[name].offset, FIELDS[name].type, v);
  }
  /** A pending unmasked x87 exception is raised by the next instruction that waits. */
  waitForX87(): void {
    this.stopIf(this.and(this.field('fsw'), ES), EXIT_FLOATING_POINT);
  }
  /** What an x87 store is to write: the scratch field from `at` on. */
  scratch(at: number, access: Access): Node {
    return this.getState(SCRATCH_OFFSET + at, access);
  }
  /** Push a value of 16 or 64 bits. RSP changes only after the store has succeeded. */
  push(width: number, v: Node): void {
    const top = this.sub(this.gpr(RSP), width / 8);
    this.store(top, width === 16 ? 'u16' : 'i64', v);
    this.setGpr(RSP, top);
  }
  /** Read the top of the stack; the caller sets RSP once nothing can fault any more, by `popped`. */
  top(width: number): Node {
    return this.load(this.gpr(RSP), width === 16 ? 'u16' : 'i64');
  }
  popped(bytes: number): void {
    this.setGpr(RSP, this.add(this.gpr(RSP), bytes));
  }
  /** A memory operand at a computed address. */
  memoryAt(width: number, address: Node): Operand {
    return new Memory(this, width, () => address);
  }
  /** Floating-point results may assume the default MXCSR: regions are entered under no other. */
  abstract readonly roundingIsDefault: boolean;
  /** Exception flags of SSE operations are kept where rounding is the default, too. */
  abstract readonly keepsExceptions: boolean;
  /** The host's floating point gives the NaNs that x86 does: results need no test. */
  abstract readonly nansAreNative: boolean;
  /** How far a string instruction moves its pointers (i64). */
  abstract step(bytes: number): Node;
  /** Demand that a memory operand lies at a multiple of 16. */
  abstract align(o: Memory): void;
  abstract operand(index: number): Operand;
  /** Base of the instruction's segment override (for implicit memory operands), or nothing. */
  segmentBase(): Node | undefined {
    const { segment } = this.instruction;
    return segment && this.field(segment === 'fs' ? 'fsbase' : 'gsbase');
  }
  operands(): Operand[] {
    return this.instruction.operands.map((_, i) => this.operand(i));
  }
}
