/** The builder as x86 semantics see it: operands that get and set themselves, lazy flags, the stack; once for known operands (regions) and once for operands read from a record (shapes). */
import { Builder, Node } from '../../ir/builder.ts';
import { ACCESS, type Access } from '../../ir/ops.ts';
import type { RegionBuilder } from '../isa.ts';
import {
  put64,
  REC_BASE,
  REC_DISP,
  REC_IMM,
  REC_IMM2,
  REC_INDEX,
  REC_NEXT,
  REC_PC,
  REC_SCALE,
  REC_SEGMENT,
  REC_SLOT,
} from '../record.ts';
import type { Operand as Decoded, X86Instruction } from './decode.ts';
import * as flags from './flags.ts';
import { hostNans } from './host-nans.ts';
import { FIELDS, type FieldName, gprOffset, RSP, x87Offset, xmmOffset } from './state.ts';

/** Register ids of the engine (index in the register table of x86.ts). */
export const XMM_ID = 16;
export const CCOP_ID = 32;
export const CCA_ID = 33;
export const CCB_ID = 34;
export const CCC_ID = 35;
export const MXCSR_ID = 36;

const intAccess = (width: number): Access => (width === 8 ? 'u8' : width === 16 ? 'u16' : width === 32 ? 'i32' : 'i64');

/**
 * One operand. Integer forms: `get` gives a clean value (i64 for 64 bits, else i32 zero-extended from the width), `set` takes a value of that
 * type whose upper bits may be dirty. Vector forms work alike on XMM registers and memory (MMX: 64-bit forms only).
 */
export abstract class Operand {
  protected readonly b: X86Builder;
  readonly width: number;
  abstract readonly isMemory: boolean;
  constructor(b: X86Builder, width: number) {
    this.b = b;
    this.width = width;
  }
  abstract get(): Node;
  abstract set(v: Node): void;
  /** The operand read as another width or type from its low end: 'f64', 'v128', 'i64', … */
  abstract read(access: Access): Node;
  /** Write the low part, leaving the rest of a register alone (memory: just those bytes). */
  abstract write(access: Access, v: Node): void;
  /** Effective address (i64); memory only. */
  address(): Node {
    throw new Error('operand has no address');
  }
  /** The operand `step` (i64) bytes further on, within the address size; memory only. */
  moved(_step: Node): Operand {
    throw new Error('operand has no address');
  }
}

class Immediate extends Operand {
  readonly isMemory = false;
  readonly #value: Node;
  constructor(b: X86Builder, width: number, value: Node) {
    super(b, width);
    this.#value = value;
  }
  get(): Node {
    return this.#value;
  }
  set(): void {
    throw new Error('immediate written');
  }
  read(): Node {
    return this.#value;
  }
  write(): void {
    throw new Error('immediate written');
  }
}

class Memory extends Operand {
  readonly isMemory = true;
  #address: Node | undefined;
  readonly #make: (step?: Node) => Node;
  constructor(b: X86Builder, width: number, make: (step?: Node) => Node) {
    super(b, width);
    this.#make = make;
  }
  override moved(step: Node): Operand {
    return this.b.memoryAt(this.width, this.#make(step));
  }
  override address(): Node {
    this.#address ??= this.#make();
    return this.#address;
  }
  get(): Node {
    return this.b.load(this.address(), intAccess(this.width));
  }
  set(v: Node): void {
    this.b.store(this.address(), intAccess(this.width), v);
  }
  read(access: Access): Node {
    return this.b.load(this.address(), access);
  }
  write(access: Access, v: Node): void {
    this.b.store(this.address(), access, v);
  }
}

/** A general register whose number is known. */
class KnownGpr extends Operand {
  readonly isMemory = false;
  readonly #index: number;
  readonly #high: boolean;
  constructor(b: X86Builder, width: number, index: number, high: boolean) {
    super(b, width);
    this.#index = index;
    this.#high = high;
  }
  get(): Node {
    const { b } = this;
    const whole = b.getReg(this.#index, 'i64');
    if (this.width === 64) return whole;
    const low = b.wrap(whole);
    return b.clean(this.#high ? b.shrU(low, 8) : low, this.width);
  }
  set(v: Node): void {
    const { b } = this;
    if (this.width >= 32) {
      b.setReg(this.#index, b.extendU(v));
      return;
    }
    const mask = this.width === 16 ? 0xffff : 0xff;
    const shift = this.#high ? 8 : 0;
    const kept = b.and(b.getReg(this.#index, 'i64'), -1 - mask * 2 ** shift);
    b.setReg(this.#index, b.or(kept, b.extendU(b.shl(b.and(v, mask), shift))));
  }
  read(access: Access): Node {
    const { b } = this;
    const whole = b.getReg(this.#index, 'i64');
    return access === 'i64' ? whole : b.clean(b.wrap(whole), ACCESS[access].bytes * 8);
  }
  write(access: Access, v: Node): void {
    if (access !== 'i64') throw new Error('partial write of a general register');
    this.b.setReg(this.#index, v);
  }
}

/** A general register whose state-block offset is in the record; a high byte is just the next offset. */
class SlotGpr extends Operand {
  readonly isMemory = false;
  readonly #slot: number;
  constructor(b: X86Builder, width: number, slot: number) {
    super(b, width);
    this.#slot = slot;
  }
  get(): Node {
    return this.read(intAccess(this.width));
  }
  set(v: Node): void {
    // A 32-bit result clears the upper half.
    if (this.width === 32) slotWrite(this.b, this.#slot, 'i64', this.b.extendU(v));
    else this.write(intAccess(this.width), v);
  }
  read(access: Access): Node {
    return slotRead(this.b, this.#slot, access);
  }
  write(access: Access, v: Node): void {
    slotWrite(this.b, this.#slot, access, v);
  }
}

const slotOffset = (slot: number): Node => new Node('record', 'i32', [], { imm: REC_SLOT + slot * 2, access: 'u16' });
const slotRead = (b: Builder, slot: number, access: Access): Node =>
  b.effect(new Node('getslot', ACCESS[access].value, [slotOffset(slot)], { access }));
const slotWrite = (b: Builder, slot: number, access: Access, v: Node): void => {
  b.effect(new Node('setslot', undefined, [slotOffset(slot), v], { access }));
};

/** An XMM register whose number is known: the engine keeps it as one v128. */
class KnownXmm extends Operand {
  readonly isMemory = false;
  readonly #id: number;
  constructor(b: X86Builder, width: number, index: number) {
    super(b, width);
    this.#id = XMM_ID + index;
  }
  get(): Node {
    return this.read(this.width === 64 ? 'i64' : this.width === 32 ? 'i32' : 'v128');
  }
  set(v: Node): void {
    this.b.setReg(this.#id, v);
  }
  read(access: Access): Node {
    const { b } = this;
    const v = b.getReg(this.#id, 'v128');
    switch (access) {
      case 'v128':
        return v;
      case 'f64':
        return b.op('f64x2.extract_lane', v, 0);
      case 'f32':
        return b.op('f32x4.extract_lane', v, 0);
      case 'i64':
        return b.op('i64x2.extract_lane', v, 0);
      case 'i32':
        return b.op('i32x4.extract_lane', v, 0);
      case 'u16':
        return b.op('i16x8.extract_lane_u', v, 0);
      default:
        return b.op('i8x16.extract_lane_u', v, 0);
    }
  }
  write(access: Access, v: Node): void {
    const { b } = this;
    if (access === 'v128') {
      b.setReg(this.#id, v);
      return;
    }
    const old = b.getReg(this.#id, 'v128');
    const lane = (
      {
        f64: 'f64x2.replace_lane',
        f32: 'f32x4.replace_lane',
        i64: 'i64x2.replace_lane',
        i32: 'i32x4.replace_lane',
      } as const
    )[access as 'f64' | 'f32' | 'i64' | 'i32'];
    b.setReg(this.#id, b.op(lane, old, v, 0));
  }
}

/** A register of the state block that is never kept in a local (XMM of a shape, MMX, segment): read and written in place. */
class SlotVector extends Operand {
  readonly isMemory = false;
  readonly #slot: number;
  constructor(b: X86Builder, width: number, slot: number) {
    super(b, width);
    this.#slot = slot;
  }
  get(): Node {
    return this.read(this.width === 64 ? 'i64' : this.width === 32 ? 'i32' : 'v128');
  }
  set(v: Node): void {
    this.write(v.type === 'i64' ? 'i64' : 'v128', v);
  }
  read(access: Access): Node {
    return slotRead(this.b, this.#slot, access);
  }
  write(access: Access, v: Node): void {
    slotWrite(this.b, this.#slot, access, v);
  }
}

/** An MMX register of a shape: a write fills the exponent of the x87 register with ones. */
class SlotMmx extends SlotVector {
  readonly #exponent: Node;
  constructor(b: X86Builder, width: number, slot: number) {
    super(b, width, slot);
    this.#exponent = b.add(slotOffset(slot), 8);
  }
  override write(access: Access, v: Node): void {
    super.write(access, v);
    this.b.effect(new Node('setslot', undefined, [this.#exponent, this.b.i32(0xffff)], { access: 'u16' }));
  }
}

/** An MMX register whose number is known: the low 8 bytes of the x87 physical register, in the state block; a write fills the exponent with ones. */
class KnownMmx extends Operand {
  readonly isMemory = false;
  readonly #offset: number;
  constructor(b: X86Builder, width: number, index: number) {
    super(b, width);
    this.#offset = x87Offset(index);
  }
  get(): Node {
    return this.read(this.width === 32 ? 'i32' : 'i64');
  }
  set(v: Node): void {
    this.write('i64', v);
  }
  read(access: Access): Node {
    return this.b.getState(this.#offset, access);
  }
  write(access: Access, v: Node): void {
    this.b.setState(this.#offset, access, v);
    this.b.setState(this.#offset + 8, 'u16', this.b.i32(0xffff));
  }
}

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
    this.known = { kind, width: width as flags.Width };
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
    const carry = this.get('b');
    this.#put(flags.INC, width, result, carry);
  }
  dec(width: number, result: Node): void {
    const carry = this.get('b');
    this.#put(flags.DEC, width, result, carry);
  }
  /** ZF, SF, PF from the result; `bits` (i32) holds CF, OF, AF at their places in RFLAGS. */
  result(width: number, result: Node, bits: Node): void {
    const b = this.#b;
    const r = b.extendU(b.clean(result, width));
    b.setReg(CCOP_ID, b.i32(flags.ccop(flags.RES, width)));
    b.setReg(CCA_ID, r);
    b.setReg(CCB_ID, b.extendU(bits));
    this.known = { kind: flags.RES, width: width as flags.Width };
  }
  /** All six flags from an i32 with the bits as in RFLAGS. */
  setAll(bits: Node): void {
    const b = this.#b;
    b.setReg(CCOP_ID, b.i32(flags.ccop(flags.EXPLICIT, 8)));
    b.setReg(CCA_ID, b.extendU(bits));
    this.known = { kind: flags.EXPLICIT, width: 8 };
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
    this.known = { kind: flags.COMPARE, width };
  }
  /** Replace some flags: `mask` says which, `bits` (i32) has them at their places. */
  update(mask: number, bits: Node): void {
    const b = this.#b;
    this.setAll(b.or(b.and(this.all(), flags.ARITHMETIC_FLAGS & ~mask), bits));
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

/** Builder for a run of instructions with known operands. */
export class X86RegionBuilder extends X86Builder implements RegionBuilder<X86Instruction> {
  instruction!: X86Instruction;
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
  append(instruction: X86Instruction): void {
    this.instruction = instruction;
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
        return new Immediate(this, o.width, immediateNode(this, o));
      case 'rel':
        return new Immediate(this, 64, this.i64(o.target));
      default:
        return new Immediate(this, o.width, this.i32(o.index));
    }
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

/** An immediate as a value: clean for 8 and 16 bits. */
function immediateNode(b: Builder, o: Decoded & { kind: 'imm' }): Node {
  const { width } = o;
  if (width === 64) return b.i64(o.value);
  const v = Number(o.value);
  return b.i32(width === 8 ? v & 0xff : width === 16 ? v & 0xffff : v);
}

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
    return new Node('record', 'i64', [], { imm: REC_PC, access: 'i64' });
  }
  nextPc(): Node {
    return new Node('record', 'i64', [], { imm: REC_NEXT, access: 'i64' });
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
        return new Memory(this, o.width, (step) => this.#address(step));
      case 'imm': {
        if (this.instruction.row.fixed) return new Immediate(this, o.width, immediateNode(this, o));
        const offset = immediateSlot(this.instruction, index);
        const access = o.width === 64 ? 'i64' : 'i32';
        return new Immediate(this, o.width, new Node('record', access, [], { imm: offset, access }));
      }
      case 'rel':
        return new Immediate(this, 64, new Node('record', 'i64', [], { imm: REC_IMM, access: 'i64' }));
      default:
        return new Immediate(this, o.width, slotOffset(index));
    }
  }
  #address(step?: Node): Node {
    const part = (at: number) =>
      this.effect(
        new Node('getslot', 'i64', [new Node('record', 'i32', [], { imm: at, access: 'u16' })], { access: 'i64' }),
      );
    const scale = this.extendU(new Node('record', 'i32', [], { imm: REC_SCALE, access: 'u8' }));
    const disp = new Node('record', 'i64', [], { imm: REC_DISP, access: 'i64' });
    let sum = this.add(this.add(part(REC_BASE), this.shl(part(REC_INDEX), scale)), disp);
    if (step) sum = this.add(sum, step);
    if (this.instruction.addressSize === 32) sum = this.extendU(this.wrap(sum));
    return this.add(sum, part(REC_SEGMENT));
  }
}

function immediateSlot(instruction: X86Instruction, index: number): number {
  const first = instruction.operands.findIndex((o) => o.kind === 'imm');
  return index === first ? REC_IMM : REC_IMM2;
}

/** Write an instruction's operands into its record. */
export function encodeOperands(instruction: X86Instruction, view: DataView, record: number): void {
  instruction.operands.forEach((o, i) => {
    switch (o.kind) {
      case 'gpr':
        view.setUint16(record + REC_SLOT + i * 2, gprOffset(o.index) + (o.high ? 1 : 0), true);
        break;
      case 'xmm':
        view.setUint16(record + REC_SLOT + i * 2, xmmOffset(o.index), true);
        break;
      case 'mmx':
        view.setUint16(record + REC_SLOT + i * 2, x87Offset(o.index), true);
        break;
      case 'mem': {
        const zero = FIELDS.zero.offset;
        view.setUint16(record + REC_BASE, o.base >= 0 ? gprOffset(o.base) : zero, true);
        view.setUint16(record + REC_INDEX, o.index >= 0 ? gprOffset(o.index) : zero, true);
        view.setUint16(
          record + REC_SEGMENT,
          o.segment ? FIELDS[o.segment === 'fs' ? 'fsbase' : 'gsbase'].offset : zero,
          true,
        );
        view.setUint8(record + REC_SCALE, o.scale);
        put64(view, record + REC_DISP, o.disp);
        break;
      }
      case 'imm': {
        const { width } = o;
        const { value } = o;
        const clean = width === 8 ? Number(value) & 0xff : width === 16 ? Number(value) & 0xffff : value;
        put64(view, record + immediateSlot(instruction, i), clean);
        break;
      }
      case 'rel':
        put64(view, record + REC_IMM, o.target);
        break;
      default:
        view.setUint16(record + REC_SLOT + i * 2, o.index, true);
    }
  });
}
