/** The x86-64 decoder: turns bytes into instructions. Which forms there are is in forms.ts, what they mean in semantics/. */
import type { Instruction } from '../isa.ts';
import { isFar } from '../record.ts';
import {
  type Form,
  MODRM_SHIFT,
  makeForm,
  type OperandForm,
  opcodeSlot,
  PREFIX_66,
  PREFIX_67,
  PREFIX_F2,
  PREFIX_F3,
  PREFIX_FS,
  PREFIX_GS,
  PREFIX_LOCK,
  REX_B,
  REX_W,
  type Segment,
  UNKNOWN,
} from './forms.ts';
import type { Row } from './row.ts';

export type Operand =
  | { kind: 'gpr'; index: number; width: number; high: boolean }
  | { kind: 'xmm' | 'mmx' | 'st' | 'segment'; index: number; width: number }
  | { kind: 'mem'; width: number; base: number; index: number; scale: number; disp: number | bigint; segment: Segment }
  | { kind: 'imm'; width: number; value: number | bigint }
  | { kind: 'rel'; width: number; target: number };

export class X86Instruction implements Instruction {
  readonly pc: number;
  readonly length: number;
  readonly form: Form;
  readonly operands: readonly Operand[];

  constructor(pc: number, length: number, form: Form, operands: readonly Operand[]) {
    this.pc = pc;
    this.length = length;
    this.form = form;
    this.operands = operands;
  }
  get row(): Row {
    return this.form.row;
  }
  get mnemonic(): string {
    return this.form.row.mnemonic;
  }
  get shape(): string {
    const { row } = this.form;
    const shape = isFar(this.pc) ? `${this.form.shape}@` : this.form.shape;
    return row.fixed ? shape + this.operands.map((o) => (o.kind === 'imm' ? `,${o.value}` : '')).join('') : shape;
  }
  get alone(): boolean {
    return this.form.row.alone ?? false;
  }
  get ends(): boolean {
    return this.form.row.ends ?? false;
  }
  get loops(): boolean {
    return this.form.repeat !== 0;
  }
  get flow(): Instruction['flow'] {
    return this.form.flow;
  }
  get target(): number {
    const [first] = this.operands;
    return first?.kind === 'rel' ? first.target : 0;
  }
  get variable(): number {
    return this.form.row.fixed ? 0 : this.form.variable;
  }
  /** 16, 32 or 64. */
  get operandSize(): number {
    return this.form.operandSize;
  }
  /** 32 with an address-size prefix, else 64. */
  get addressSize(): number {
    return this.form.addressSize;
  }
  /** 0, 0xF2 or 0xF3 on string instructions. */
  get repeat(): number {
    return this.form.repeat;
  }
  /** Segment override, for implicit memory operands. */
  get segment(): Segment {
    return this.form.segment;
  }
}

/** Signals that the bytes at hand end before the instruction does. */
const SHORT = Symbol('short');
const MAX_LENGTH = 15;

/** Decode the instruction at `pc`, whose bytes begin at `start`; undefined when `bytes` ends within it. */
export function decode(bytes: Uint8Array, pc: number, start = 0): X86Instruction | undefined {
  try {
    return DECODER.decode(bytes, pc, start);
  } catch (e) {
    if (e === SHORT) return undefined;
    throw e;
  }
}

/** What ModRM says about how an address is made: 4 by a SIB byte, 5 relative to RIP, else 0. */
function addressing(modrm: number): number {
  const rm = modrm & 7;
  return rm === 4 || (rm === 5 && modrm < 0x40) ? rm : 0;
}

type Memory = Extract<Operand, { kind: 'mem' }>;

class Decoder {
  readonly #forms = new Map<number, Form>();
  #bytes: Uint8Array = new Uint8Array(0);
  #at = 0;
  #rex = 0;
  #opcode = 0;
  #modrm = 0;
  #ripRelative = false;

  #u8(): number {
    if (this.#at >= this.#bytes.length) throw SHORT;
    return this.#bytes[this.#at++];
  }
  #s8(): number {
    return (this.#u8() << 24) >> 24;
  }
  #u16(): number {
    return this.#u8() | (this.#u8() << 8);
  }
  #s32(): number {
    const at = this.#at;
    const bytes = this.#bytes;
    if (at + 4 > bytes.length) throw SHORT;
    this.#at = at + 4;
    return bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16) | (bytes[at + 3] << 24);
  }
  #s64(): number | bigint {
    const low = this.#s32() >>> 0;
    const high = this.#s32();
    const small = high * 0x1_0000_0000 + low;
    return Number.isSafeInteger(small) ? small : (BigInt(high) << 32n) | BigInt(low);
  }

  decode(bytes: Uint8Array, pc: number, start: number): X86Instruction {
    this.#bytes = bytes;
    this.#at = start;
    const form = this.#form(start);
    const memory = form.memory ? this.#memory(form.segment) : undefined;
    const operands: Operand[] = [];
    for (const o of form.operands) operands.push(this.#operand(o, memory, form.segment));
    const length = this.#at - start;
    if (length > MAX_LENGTH) return new X86Instruction(pc, MAX_LENGTH, UNKNOWN, []);
    // Relative addresses count from the end of the instruction, which is known only now.
    if (memory && this.#ripRelative) memory.disp = Number(memory.disp) + pc + length;
    const first = operands[0];
    if (first?.kind === 'rel') first.target += pc + length;
    return new X86Instruction(pc, length, form, operands);
  }

  /** Read prefixes, opcode and ModRM byte, which decide about the form. */
  #form(start: number): Form {
    let number = 0;
    let rex = 0;
    let b = this.#u8();
    for (; ; b = this.#u8()) {
      if ((b & 0xf0) === 0x40) {
        rex = b;
        continue;
      }
      const prefix = PREFIX_OF[b];
      if (prefix === 0) break;
      // Of prefixes that exclude each other the last one counts.
      number = (number & ~(prefix & REPEATS ? REPEATS : prefix & SEGMENTS ? SEGMENTS : 0)) | prefix;
      // A REX that does not directly precede the opcode has no effect.
      rex = 0;
      if (this.#at - start > MAX_LENGTH) throw SHORT;
    }
    let map = 0;
    if (b === 0x0f) {
      b = this.#u8();
      map = 0x100;
      if (b === 0x38 || b === 0x3a) {
        map = b === 0x38 ? 0x200 : 0x300;
        b = this.#u8();
      }
    }
    this.#rex = rex;
    this.#opcode = b;
    const slot = opcodeSlot(map | b);
    number = (number & ~IGNORED) | map | b;
    if (rex & 8) number |= REX_W;
    if (rex & 1 && b === 0x90) number |= REX_B;
    if (slot.hasModrm) {
      const modrm = this.#u8();
      this.#modrm = modrm;
      number |= (modrm < 0xc0 ? (modrm & 0x38) | addressing(modrm) : modrm & slot.registerBits) << MODRM_SHIFT;
    }
    let form = this.#forms.get(number);
    if (!form) {
      form = makeForm(number);
      this.#forms.set(number, form);
    }
    return form;
  }

  /** The memory operand that ModRM names; its width is the form's. */
  #memory(segment: Segment): Memory {
    const mod = this.#modrm >> 6;
    const rm = this.#modrm & 7;
    let base = rm | ((this.#rex & 1) << 3);
    let index = -1;
    let scale = 0;
    let disp = 0;
    this.#ripRelative = false;
    if (rm === 4) {
      const sib = this.#u8();
      index = ((sib >> 3) & 7) | ((this.#rex & 2) << 2);
      if (index === 4) index = -1;
      else scale = sib >> 6;
      base = (sib & 7) | ((this.#rex & 1) << 3);
      if ((sib & 7) === 5 && mod === 0) {
        base = -1;
        disp = this.#s32();
      }
    } else if (rm === 5 && mod === 0) {
      base = -1;
      this.#ripRelative = true;
      disp = this.#s32();
    }
    if (mod === 1) disp = this.#s8();
    else if (mod === 2) disp = this.#s32();
    return { kind: 'mem', width: 0, base, index, scale, disp, segment };
  }

  #operand(o: OperandForm, memory: Memory | undefined, segment: Segment): Operand {
    const { kind, width } = o;
    switch (kind) {
      case 'gpr': {
        const index = this.#register(o);
        const high = width === 8 && this.#rex === 0 && index >= 4 && index < 8;
        return { kind, index: high ? index - 4 : index, width, high };
      }
      case 'xmm':
        return { kind, index: this.#register(o), width };
      case 'mem':
        // Without ModRM the address stands in the code.
        if (!memory) {
          const disp = o.bytes === 's64' ? this.#s64() : this.#s32() >>> 0;
          return { kind, width, base: -1, index: -1, scale: 0, disp, segment };
        }
        memory.width = width;
        return memory;
      case 'imm':
        return { kind, width, value: o.bytes ? this.#value(o.bytes) : (o.index as number) };
      case 'rel':
        return { kind, width, target: o.bytes === 's8' ? this.#s8() : this.#s32() };
      default:
        return { kind, index: this.#register(o) & 7, width };
    }
  }

  #register({ index }: OperandForm): number {
    switch (index) {
      case 'reg':
        return ((this.#modrm >> 3) & 7) | ((this.#rex & 4) << 1);
      case 'rm':
        return (this.#modrm & 7) | ((this.#rex & 1) << 3);
      case 'opcode':
        return (this.#opcode & 7) | ((this.#rex & 1) << 3);
      default:
        return index;
    }
  }

  #value(bytes: OperandForm['bytes']): number | bigint {
    switch (bytes) {
      case 's8':
        return this.#s8();
      case 'u16':
        return this.#u16();
      case 's16':
        return (this.#u16() << 16) >> 16;
      case 's64':
        return this.#s64();
      default:
        return this.#s32();
    }
  }
}

const REPEATS = PREFIX_F2 | PREFIX_F3;
const SEGMENTS = PREFIX_FS | PREFIX_GS;
/** A prefix that means nothing in 64-bit mode. */
const IGNORED = 1 << 30;
const PREFIX_OF = new Int32Array(256);
PREFIX_OF[0x66] = PREFIX_66;
PREFIX_OF[0x67] = PREFIX_67;
PREFIX_OF[0xf0] = PREFIX_LOCK;
PREFIX_OF[0xf2] = PREFIX_F2;
PREFIX_OF[0xf3] = PREFIX_F3;
PREFIX_OF[0x64] = PREFIX_FS;
PREFIX_OF[0x65] = PREFIX_GS;
for (const segment of [0x2e, 0x36, 0x3e, 0x26]) PREFIX_OF[segment] = IGNORED;

/** One for all: decoding is not re-entered, and thousands of short-lived decoders cost more than the decoding. */
const DECODER = new Decoder();
