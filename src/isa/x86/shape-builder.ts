/** Builds the meaning of a shape, for interpreter handlers: operands come from the record, which is written here too. */
import { EXIT_PRIVILEGED } from '../../engine/exits.ts';
import { NO_NODES, Node } from '../../ir/builder.ts';
import { ACCESS } from '../../ir/ops.ts';
import {
  isFar,
  put64,
  REC_BASE,
  REC_DISP,
  REC_IMM,
  REC_IMM2,
  REC_INDEX,
  REC_NEXT,
  REC_PC,
  REC_SCALE,
  REC_SLOT,
  REC_WIDE,
} from '../record.ts';
import { X86Builder } from './builder.ts';
import type { X86Instruction } from './decode.ts';
import {
  Immediate,
  immediateNode,
  Memory,
  type Operand,
  SlotGpr,
  SlotMmx,
  SlotVector,
  slotOffset,
} from './operands.ts';
import { FIELDS, gprOffset, x87Offset, xmmOffset } from './state.ts';

/** Builder for one shape: operands come from the record. */
export class X86ShapeBuilder extends X86Builder {
  readonly roundingIsDefault = false;
  readonly keepsExceptions = true;
  readonly nansAreNative = false;
  readonly instruction: X86Instruction;
  constructor(instruction: X86Instruction) {
    super();
    this.instruction = instruction;
  }
  pc(): Node {
    return this.#recorded(REC_PC);
  }
  nextPc(): Node {
    return this.#recorded(REC_NEXT);
  }
  /** A PC of the record, with the upper half of the block's, which is that of the state. */
  #recorded(place: number): Node {
    const low = new Node('record', 'i64', NO_NODES, place, undefined, 'u32');
    return isFar(this.instruction.pc) ? this.or(this.and(this.field('pc'), this.i64(-0x1_0000_0000)), low) : low;
  }
  step(bytes: number): Node {
    return this.select(this.field('df'), this.i64(-bytes), this.i64(bytes));
  }
  align(o: Memory): void {
    this.stopIf(this.and(this.wrap(o.address()), 15), EXIT_PRIVILEGED);
  }
  operand(index: number): Operand {
    const o = this.instruction.operands[index];
    switch (o.kind) {
      case 'gpr':
        return new SlotGpr(this, o.width, index);
      case 'xmm':
        return new SlotVector(this, o.width, index);
      case 'mmx':
        return new SlotMmx(this, o.width, index);
      case 'mem':
        return new Memory(this, o.width, (step) => this.#address(index, step));
      case 'imm': {
        if (this.instruction.row.fixed) return new Immediate(this, o.width, immediateNode(this, o));
        const offset = immediateSlot(this.instruction, index);
        const access = isWide(this.instruction, index) ? 'i64' : o.width === 64 ? 's32' : 'i32';
        return new Immediate(
          this,
          o.width,
          new Node('record', ACCESS[access].value, NO_NODES, offset, undefined, access),
        );
      }
      case 'rel':
        return new Immediate(this, 64, new Node('record', 'i64', NO_NODES, REC_WIDE, undefined, 'i64'));
      default:
        return new Immediate(this, o.width, slotOffset(index));
    }
  }
  #address(index: number, step?: Node): Node {
    const { segment, addressSize, form } = this.instruction;
    const part = (at: number) =>
      this.effect(
        new Node('getslot', 'i64', [new Node('record', 'i32', NO_NODES, at, undefined, 'u16')], 0, undefined, 'i64'),
      );
    const { address } = form.operands[index];
    let sum: Node;
    if (address === 'absolute') sum = new Node('record', 'i64', NO_NODES, REC_WIDE, undefined, 'i64');
    else {
      const base = address === 'pc' ? this.nextPc() : part(REC_BASE);
      sum = this.add(base, new Node('record', 'i64', NO_NODES, REC_DISP, undefined, 's32'));
      if (address === 'sib') {
        const scale = this.extendU(new Node('record', 'i32', NO_NODES, REC_SCALE, undefined, 'u8'));
        sum = this.add(sum, this.shl(part(REC_INDEX), scale));
      }
    }
    if (step) sum = this.add(sum, step);
    if (addressSize === 32) sum = this.extendU(this.wrap(sum));
    return segment ? this.add(sum, this.field(segment === 'fs' ? 'fsbase' : 'gsbase')) : sum;
  }
}

const isWide = ({ form }: X86Instruction, index: number): boolean => form.operands[index].bytes === 's64';

function immediateSlot(instruction: X86Instruction, index: number): number {
  if (isWide(instruction, index)) return REC_WIDE;
  for (let i = 0; i < index; i++) if (instruction.operands[i].kind === 'imm') return REC_IMM2;
  return REC_IMM;
}

/** Write an instruction's operands into its record. */
export function encodeOperands(instruction: X86Instruction, view: DataView, record: number): void {
  const { operands } = instruction;
  for (let i = 0; i < operands.length; i++) {
    const o = operands[i];
    const slot = record + REC_SLOT + i * 2;
    switch (o.kind) {
      case 'gpr':
        view.setUint16(slot, gprOffset(o.index) + (o.high ? 1 : 0), true);
        break;
      case 'xmm':
        view.setUint16(slot, xmmOffset(o.index), true);
        break;
      case 'mmx':
        view.setUint16(slot, x87Offset(o.index), true);
        break;
      case 'mem':
        view.setUint16(record + REC_BASE, o.base >= 0 ? gprOffset(o.base) : ZERO, true);
        view.setUint16(record + REC_INDEX, o.index >= 0 ? gprOffset(o.index) : ZERO, true);
        view.setUint8(record + REC_SCALE, o.scale);
        if (instruction.form.operands[i].address === 'absolute') put64(view, record + REC_WIDE, o.disp);
        else {
          const from = instruction.form.operands[i].address === 'pc' ? instruction.pc + instruction.length : 0;
          view.setInt32(record + REC_DISP, Number(o.disp) - from, true);
        }
        break;
      case 'imm': {
        const { width, value } = o;
        const clean = width === 8 ? Number(value) & 0xff : width === 16 ? Number(value) & 0xffff : value;
        const at = immediateSlot(instruction, i);
        if (isWide(instruction, i)) put64(view, record + at, clean);
        else view.setInt32(record + at, Number(clean), true);
        break;
      }
      case 'rel':
        put64(view, record + REC_WIDE, o.target);
        break;
      default:
        view.setUint16(slot, o.index, true);
    }
  }
}

const ZERO = FIELDS.zero.offset;
