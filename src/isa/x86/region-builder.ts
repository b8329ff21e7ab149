/** Builds the meaning of a run of instructions with everything known, for regions. */
import { EXIT_RESTART } from '../../engine/exits.ts';
import { NO_NODES, Node } from '../../ir/builder.ts';
import { ACCESS, type Access } from '../../ir/ops.ts';
import type { ValueType } from '../helper.ts';
import type { RegionBuilder } from '../isa.ts';
import { X86Builder } from './builder.ts';
import type { Operand as Decoded, X86Instruction } from './decode.ts';
import { hostNans } from './host-nans.ts';
import { Immediate, immediateNode, KnownGpr, KnownMmx, KnownXmm, Memory, type Operand } from './operands.ts';
import type { FieldName } from './state.ts';
import { x87Forms } from './x87/fast.ts';
import { X87_HELPERS } from './x87/helpers.ts';
import { RegionUnit } from './x87/region-unit.ts';

/** Builder for a run of instructions with known operands. */
export class X86RegionBuilder extends X86Builder implements RegionBuilder<X86Instruction> {
  instruction!: X86Instruction;
  /** The present instruction's variable bytes may change. */
  #open = false;
  /** Height of the x87 stack at the start. */
  #start: number | undefined;
  readonly roundingIsDefault = true;
  readonly nansAreNative = hostNans.native;
  readonly #build: (b: X86Builder) => void;
  readonly keepsExceptions: boolean;
  /** The x87 unit, if it lives in locals, and whether one of its forms is being written down. */
  readonly #unit: RegionUnit | undefined;
  #inForm = false;
  needsPlain = false;
  constructor(build: (b: X86Builder) => void, { keep, plain }: { keep?: boolean; plain?: boolean }) {
    super();
    this.#build = build;
    this.keepsExceptions = keep === true;
    this.#unit = plain ? undefined : new RegionUnit(this);
  }
  inherit(from: RegionBuilder<X86Instruction>): void {
    const before = from as X86RegionBuilder;
    this.flags.known = before.flags.known;
    if (before.#unit) this.#unit?.follow(before.#unit, true);
  }
  follow(from: RegionBuilder<X86Instruction>): void {
    const before = (from as X86RegionBuilder).#unit;
    if (before) this.#unit?.follow(before, false);
  }
  follows(from: RegionBuilder<X86Instruction> | undefined): boolean {
    const before = from && (from as X86RegionBuilder).#unit;
    return this.#start === (before?.height ?? 0);
  }
  append(instruction: X86Instruction, open = false): void {
    this.#start ??= this.#unit?.height ?? 0;
    this.instruction = instruction;
    this.#open = open && instruction.variable > 0;
    this.#build(this);
  }

  // ---- x87

  override helper(name: string, result: ValueType | undefined, ...args: Node[]): Node {
    if (!this.#unit || !(name in X87_HELPERS)) return super.helper(name, result, ...args);
    const form = x87Forms()[name];
    if (!form) {
      this.needsPlain = true;
      return super.helper(name, result, ...args);
    }
    this.#inForm = true;
    const answer = form(this.#unit, ...args);
    this.#inForm = false;
    return answer as Node;
  }
  /** Where a form gives up, the interpreter does the work. */
  override leaveIf(condition: Node, to: 'next' | 'self'): void {
    if (this.#inForm) this.stopIf(condition, EXIT_RESTART);
    else super.leaveIf(condition, to);
  }
  override waitForX87(): void {
    if (!this.#unit?.calm()) super.waitForX87();
  }
  override scratch(at: number, access: Access): Node {
    const left = this.#unit?.left;
    if (!left) return super.scratch(at, access);
    if (at !== 0) return left.se!;
    return ACCESS[access].value === 'i64' ? left.bits : this.wrap(left.bits);
  }
  override field(name: FieldName): Node {
    if (this.#unit && name === 'fsw') return this.#unit.fsw();
    if (this.#unit && name === 'ftop') return this.#unit.top();
    return super.field(name);
  }
  override setField(name: FieldName, v: Node): void {
    // MMX turns the stack's registers into its own.
    if (name === 'ftop' || name === 'ftag') this.needsPlain = true;
    super.setField(name, v);
  }
  pc(): Node {
    return this.i64(this.instruction.pc);
  }
  nextPc(): Node {
    return this.i64(this.instruction.pc + this.instruction.length);
  }
  /** Backwards is for the interpreter, but for REP MOVS and STOS, which go by themselves. */
  step(bytes: number): Node {
    this.stopIf(this.field('df'), EXIT_RESTART);
    return this.i64(bytes);
  }
  /** With the page check, which is shared; what is not aligned the interpreter refuses. */
  align(o: Memory): void {
    o.alignment = 16;
  }
  operand(index: number): Operand {
    const o = this.instruction.operands[index];
    switch (o.kind) {
      case 'gpr':
        return new KnownGpr(this, o.width, o.index, o.high);
      case 'xmm':
        return new KnownXmm(this, o.width, o.index);
      case 'mmx':
        return new KnownMmx(this, o.width, o.index);
      case 'mem':
        return new Memory(this, o.width, (step) => this.#address(o, step));
      case 'imm':
        return new Immediate(this, o.width, this.#open ? this.#variable(o.width) : immediateNode(this, o));
      case 'rel':
        return new Immediate(this, 64, this.i64(o.target));
      default:
        return new Immediate(this, o.width, this.i32(o.index));
    }
  }
  /** The immediate at the instruction's end as it stands there when the code runs. */
  #variable(width: number): Node {
    const { pc, length, variable } = this.instruction;
    const access = variable === 8 ? 'i64' : 'i32';
    const read = new Node('record', access, NO_NODES, pc + length - variable, undefined, access);
    return width === 64 && variable === 4 ? this.op('i64.extend_i32_s', read) : read;
  }
  #address(o: Decoded & { kind: 'mem' }, step?: Node): Node {
    let sum: Node | undefined;
    if (o.base >= 0) sum = this.gpr(o.base);
    if (o.index >= 0) {
      const scaled = this.shl(this.gpr(o.index), o.scale);
      sum = sum ? this.add(sum, scaled) : scaled;
    }
    if (!sum) sum = this.i64(o.disp);
    else if (o.disp) sum = this.add(sum, Number(o.disp));
    if (step) sum = this.add(sum, step);
    // The address-size prefix cuts the offset; the segment base comes on top.
    if (this.instruction.addressSize === 32) sum = this.extendU(this.wrap(sum));
    if (o.segment) sum = this.add(sum, this.field(o.segment === 'fs' ? 'fsbase' : 'gsbase'));
    return sum;
  }
}
