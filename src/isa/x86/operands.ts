/** Operands as semantics see them: they get and set themselves. Known ones serve regions, those of slots find their registers through an interpreter record. */
import { type Builder, NO_NODES, Node } from '../../ir/builder.ts';
import { ACCESS, type Access } from '../../ir/ops.ts';
import { REC_SLOT } from '../record.ts';
import type { X86Builder } from './builder.ts';
import type { Operand as Decoded } from './decode.ts';
import { XMM_ID } from './registers.ts';
import { x87Offset } from './state.ts';

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

export class Immediate extends Operand {
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

export class Memory extends Operand {
  readonly isMemory = true;
  /** What the address must be a multiple of; 0: anything. */
  alignment = 0;
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
    return this.b.load(this.address(), access, this.alignment);
  }
  write(access: Access, v: Node): void {
    this.b.store(this.address(), access, v, this.alignment);
  }
}

/** A general register whose number is known. */
export class KnownGpr extends Operand {
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
export class SlotGpr extends Operand {
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

export const slotOffset = (slot: number): Node =>
  new Node('record', 'i32', NO_NODES, REC_SLOT + slot * 2, undefined, 'u16');
const slotRead = (b: Builder, slot: number, access: Access): Node =>
  b.effect(new Node('getslot', ACCESS[access].value, [slotOffset(slot)], 0, undefined, access));
const slotWrite = (b: Builder, slot: number, access: Access, v: Node): void => {
  b.effect(new Node('setslot', undefined, [slotOffset(slot), v], 0, undefined, access));
};

/** An XMM register whose number is known: the engine keeps it as one v128. */
export class KnownXmm extends Operand {
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
    if (access === 'f64' || access === 'f32') return b.getLow(this.#id, access);
    const v = b.getReg(this.#id, 'v128');
    switch (access) {
      case 'v128':
        return v;
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
    if (access === 'f64' || access === 'f32') {
      b.setLow(this.#id, access, v);
      return;
    }
    const old = b.getReg(this.#id, 'v128');
    b.setReg(this.#id, b.op(access === 'i64' ? 'i64x2.replace_lane' : 'i32x4.replace_lane', old, v, 0));
  }
}

/** A register of the state block that is never kept in a local (XMM of a shape, MMX, segment): read and written in place. */
export class SlotVector extends Operand {
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
export class SlotMmx extends SlotVector {
  readonly #exponent: Node;
  constructor(b: X86Builder, width: number, slot: number) {
    super(b, width, slot);
    this.#exponent = b.add(slotOffset(slot), 8);
  }
  override write(access: Access, v: Node): void {
    super.write(access, v);
    this.b.effect(new Node('setslot', undefined, [this.#exponent, this.b.i32(0xffff)], 0, undefined, 'u16'));
  }
}

/** An MMX register whose number is known: the low 8 bytes of the x87 physical register, in the state block; a write fills the exponent with ones. */
export class KnownMmx extends Operand {
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

/** An immediate as a value: clean for 8 and 16 bits. */
export function immediateNode(b: Builder, o: Decoded & { kind: 'imm' }): Node {
  const { width } = o;
  if (width === 64) return b.i64(o.value);
  const v = Number(o.value);
  return b.i32(width === 8 ? v & 0xff : width === 16 ? v & 0xffff : v);
}
