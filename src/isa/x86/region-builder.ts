/** Builds the meaning of a run of instructions with everything known, for regions. */
import { NO_NODES, Node } from '../../ir/builder.ts';
import type { RegionBuilder } from '../isa.ts';
import { X86Builder } from './builder.ts';
import type { Operand as Decoded, X86Instruction } from './decode.ts';
import { hostNans } from './host-nans.ts';
import { Immediate, immediateNode, KnownGpr, KnownMmx, KnownXmm, Memory, type Operand } from './operands.ts';

/** Builder for a run of instructions with known operands. */
export class X86RegionBuilder extends X86Builder implements RegionBuilder<X86Instruction> {
  instruction!: X86Instruction;
  #open = false;
  readonly roundingIsDefault = true;
  readonly nansAreNative = hostNans.native;
  readonly #build: (b: X86Builder) => void;
  readonly keepsExceptions: boolean;
  constructor(build: (b: X86Builder) => void, keepsExceptions: boolean) {
    super();
    this.#build = build;
    this.keepsExceptions = keepsExceptions;
  }
  inherit(from: RegionBuilder<X86Instruction>): void {
    this.flags.known = (from as X86RegionBuilder).flags.known;
  }
  append(instruction: X86Instruction, open = false): void {
    this.instruction = instruction;
    this.#open = open && instruction.variable > 0;
    this.#build(this);
  }
  pc(): Node {
    return this.i64(this.instruction.pc);
  }
  nextPc(): Node {
    return this.i64(this.instruction.pc + this.instruction.length);
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
