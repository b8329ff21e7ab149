/** The x86-64 decoder: compiles the rows into a look-up by opcode and turns bytes into instructions. What they mean is in semantics/. */
import { Bug } from '../../base/failures.ts';
import type { Instruction } from '../isa.ts';
import type { Row } from './row.ts';
import { ROWS } from './rows/index.ts';

export type Segment = 'fs' | 'gs' | undefined;

export type Operand =
  | { kind: 'gpr'; index: number; width: number; high: boolean }
  | { kind: 'xmm' | 'mmx' | 'st' | 'segment'; index: number; width: number }
  | { kind: 'mem'; width: number; base: number; index: number; scale: number; disp: number | bigint; segment: Segment }
  | { kind: 'imm'; width: number; value: number | bigint }
  | { kind: 'rel'; width: number; target: number };

export interface X86Instruction extends Instruction {
  readonly row: Row;
  /** 16, 32 or 64. */
  readonly operandSize: number;
  /** 32 with an address-size prefix, else 64. */
  readonly addressSize: number;
  /** 0, 0xF2 or 0xF3 on string instructions. */
  readonly repeat: number;
  readonly lock: boolean;
  /** Segment override, for implicit memory operands. */
  readonly segment: Segment;
  readonly operands: readonly Operand[];
}

interface Entry {
  row: Row;
  id: number;
  /** 0x66, 0xF2, 0xF3; 0: none of them allowed; -1: does not matter. */
  prefix: number;
  rexW: boolean;
  digit: number;
  /** The whole ModRM byte, or -1. */
  modrm: number;
  hasModrm: boolean;
  operands: OperandSpec[];
  /** Fits only a ModRM that names memory, or only one that names a register. */
  memoryOnly: boolean;
  registerOnly: boolean;
}

/** An operand's letters, taken apart. */
interface OperandSpec {
  text: string;
  letter: string;
  size: string;
}

const spec = (text: string): OperandSpec => ({ text, letter: text[0], size: text.slice(1) });

/** Escape map and opcode byte of a row, without the rest of its words. */
function slotOf(row: Row): number {
  const text = row.opcode;
  let at = text.startsWith('NP') || isMandatory(text) ? 3 : 0;
  if (text.startsWith('REX.W', at)) at += 6;
  let map = 0;
  if (text.startsWith('0F', at)) {
    map = text.startsWith('38', at + 3) ? 2 : text.startsWith('3A', at + 3) ? 3 : 1;
    at += map === 1 ? 3 : 6;
  }
  return map * 256 + Number.parseInt(text.slice(at, at + 2), 16);
}

/** The row begins with 66, F2 or F3 as a prefix, not as its opcode. */
function isMandatory(text: string): boolean {
  return /^(66|F2|F3) (REX|[0-9A-F]{2}( |$))/.test(text);
}

function parse(row: Row, id: number): Entry {
  const words = row.opcode.split(' ');
  const operands = row.operands ? row.operands.split(',').map(spec) : [];
  const entry: Entry = {
    row,
    id,
    prefix: -1,
    rexW: false,
    digit: -1,
    modrm: -1,
    hasModrm: false,
    operands,
    memoryOnly: operands.some((o) => o.letter === 'M'),
    registerOnly: operands.some((o) => 'RUNT'.includes(o.letter)),
  };
  if (words[0] === 'NP') entry.prefix = 0;
  else if (isMandatory(row.opcode)) entry.prefix = Number.parseInt(words[0], 16);
  if (entry.prefix >= 0) words.shift();
  if (words[0] === 'REX.W') {
    entry.rexW = true;
    words.shift();
  }
  if (words[0] === '0F') words.splice(0, words[1] === '38' || words[1] === '3A' ? 2 : 1);
  words.shift();
  for (const word of words) {
    if (/^[0-9A-F]{2}$/.test(word)) entry.modrm = Number.parseInt(word, 16);
    else if (/^\/[0-7]$/.test(word)) entry.digit = Number(word[1]);
    else if (!/^(\/r|i[bwvz]|c[bz])$/.test(word)) throw new Bug(`row ${row.opcode}: word ${word}`);
  }
  entry.hasModrm = row.opcode.includes('/') || entry.modrm >= 0;
  return entry;
}

/** Row numbers by escape map and opcode byte; their entries are made when first asked for, which most never are. */
let rowsBySlot: number[][] | undefined;
const entries: (Entry[] | undefined)[] = new Array(1024);

/** The entries of a slot, most specific first. */
function candidatesOf(slot: number): Entry[] {
  let list = entries[slot];
  if (!list) {
    if (!rowsBySlot) {
      rowsBySlot = Array.from({ length: 1024 }, () => []);
      for (let id = 0; id < ROWS.length; id++) rowsBySlot[slotOf(ROWS[id])].push(id);
    }
    const rank = (e: Entry) =>
      (e.modrm >= 0 ? 0 : 100) + (e.prefix > 0 ? 0 : e.prefix === 0 ? 10 : 20) + (e.rexW ? 0 : 5);
    list = rowsBySlot[slot].map((id) => parse(ROWS[id], id)).sort((x, y) => rank(x) - rank(y));
    entries[slot] = list;
  }
  return list;
}

const UNKNOWN: Row = { opcode: '', mnemonic: '(bad)', operands: '', ends: true };
/** Signals that the bytes at hand end before the instruction does. */
const SHORT = Symbol('short');

/** Decode the instruction at `pc`; undefined when `bytes` ends within it (and is shorter than 15). */
export function decode(bytes: Uint8Array, pc: number): X86Instruction | undefined {
  try {
    return DECODER.run(bytes, pc);
  } catch (e) {
    if (e === SHORT) return undefined;
    throw e;
  }
}

interface ModrmMemory {
  base: number;
  index: number;
  scale: number;
  disp: number;
  rip: boolean;
}

class Decoder {
  #bytes: Uint8Array = new Uint8Array(0);
  #pc = 0;
  #at = 0;
  #rex = 0;
  #prefix66 = false;
  #addr32 = false;
  #repeat = 0;
  #lock = false;
  #segment: Segment;
  #modrm = 0;
  #memory: ModrmMemory | undefined;
  #operandSize = 32;
  #opcode = 0;

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
    return this.#u16() | (this.#u16() << 16);
  }
  #s64(): number | bigint {
    const low = this.#s32() >>> 0;
    const high = this.#s32();
    const small = high * 0x1_0000_0000 + low;
    return Number.isSafeInteger(small) ? small : (BigInt(high) << 32n) | BigInt(low);
  }

  #prefixes(): number {
    for (;;) {
      const b = this.#u8();
      if (b >= 0x40 && b <= 0x4f) {
        const next = this.#bytes[this.#at];
        this.#rex = b;
        if (next === undefined) throw SHORT;
        continue;
      }
      if (b === 0x66) this.#prefix66 = true;
      else if (b === 0x67) this.#addr32 = true;
      else if (b === 0xf0) this.#lock = true;
      else if (b === 0xf2 || b === 0xf3) this.#repeat = b;
      else if (b === 0x64) this.#segment = 'fs';
      else if (b === 0x65) this.#segment = 'gs';
      else if (b !== 0x2e && b !== 0x36 && b !== 0x3e && b !== 0x26) return b;
      // A REX that does not directly precede the opcode has no effect.
      this.#rex = 0;
      if (this.#at > 15) throw SHORT;
    }
  }

  run(bytes: Uint8Array, pc: number): X86Instruction {
    this.#bytes = bytes;
    this.#pc = pc;
    this.#at = 0;
    this.#rex = 0;
    this.#prefix66 = false;
    this.#addr32 = false;
    this.#repeat = 0;
    this.#lock = false;
    this.#segment = undefined;
    this.#memory = undefined;
    this.#operandSize = 32;
    let opcode = this.#prefixes();
    let map = 0;
    if (opcode === 0x0f) {
      opcode = this.#u8();
      map = 1;
      if (opcode === 0x38 || opcode === 0x3a) {
        map = opcode === 0x38 ? 2 : 3;
        opcode = this.#u8();
      }
    }
    this.#opcode = opcode;
    const candidates = candidatesOf(map * 256 + opcode);
    const entry = this.#pick(candidates);
    if (!entry) return this.#unknown();
    const { row } = entry;
    // LEA gives the offset within the segment.
    if (row.mnemonic === 'lea') this.#segment = undefined;
    const rexW = (this.#rex & 8) !== 0;
    const opsize16 = this.#prefix66 && entry.prefix !== 0x66;
    this.#operandSize = rexW ? 64 : opsize16 ? 16 : row.d64 ? 64 : 32;
    if (entry.hasModrm) this.#readModrm();
    const operands = entry.operands.map((o) => this.#operand(o));
    const length = this.#at;
    if (length > 15) return this.#unknown();
    // RIP-relative displacements count from the end of the instruction, which is known only now.
    if ((this.#memory as ModrmMemory | undefined)?.rip)
      for (const o of operands) if (o.kind === 'mem') o.disp = Number(o.disp) + this.#pc + length;
    for (const o of operands) if (o.kind === 'rel') o.target += this.#pc + length;
    if (this.#lock && !(row.lock && operands[0]?.kind === 'mem')) return this.#unknown();
    // 90 is NOP, not XCHG EAX,EAX, which would clear the upper half.
    if (opcode === 0x90 && map === 0 && row.mnemonic === 'xchg' && (this.#rex & 1) === 0)
      return this.#finish(NOP, [], 'nop', length);
    return this.#finish(row, operands, this.#shape(entry, operands), length);
  }

  #finish(row: Row, operands: Operand[], shape: string, length: number): X86Instruction {
    return {
      pc: this.#pc,
      length,
      mnemonic: row.mnemonic,
      shape,
      alone: row.alone ?? false,
      ends: row.ends ?? false,
      loops: (row.rep ?? false) && this.#repeat !== 0,
      flow: flowOf(row),
      target: operands[0]?.kind === 'rel' ? operands[0].target : 0,
      row,
      operandSize: this.#operandSize,
      addressSize: this.#addr32 ? 32 : 64,
      repeat: row.rep ? this.#repeat : 0,
      lock: this.#lock,
      segment: this.#segment,
      operands,
    };
  }

  #unknown(): X86Instruction {
    return this.#finish(UNKNOWN, [], '(bad)', Math.max(1, Math.min(this.#at, 15)));
  }

  /** The first row whose prefix, REX.W, ModRM digit and memory/register form fit. */
  #pick(candidates: Entry[]): Entry | undefined {
    const modrm = this.#bytes[this.#at];
    for (const e of candidates) {
      if (e.prefix > 0) {
        if (e.prefix === 0x66 ? !this.#prefix66 || this.#repeat !== 0 : this.#repeat !== e.prefix) continue;
      } else if (e.prefix === 0 && (this.#prefix66 || this.#repeat !== 0)) continue;
      if (e.rexW && (this.#rex & 8) === 0) continue;
      // F3 90 with REX.B is XCHG with R8.
      if (e.row.mnemonic === 'pause' && this.#rex & 1) continue;
      if (e.hasModrm) {
        if (modrm === undefined) throw SHORT;
        if (e.modrm >= 0 && e.modrm !== modrm) continue;
        if (e.digit >= 0 && e.digit !== ((modrm >> 3) & 7)) continue;
        const register = modrm >= 0xc0;
        if (register ? e.memoryOnly : e.registerOnly) continue;
        if (e.modrm >= 0 && modrm < 0xc0) continue;
      }
      return e;
    }
    return undefined;
  }

  #readModrm(): void {
    this.#modrm = this.#u8();
    const mod = this.#modrm >> 6;
    if (mod === 3) return;
    const rm = this.#modrm & 7;
    const m = { base: rm | ((this.#rex & 1) << 3), index: -1, scale: 0, disp: 0, rip: false };
    if (rm === 4) {
      const sib = this.#u8();
      const index = ((sib >> 3) & 7) | ((this.#rex & 2) << 2);
      m.index = index === 4 ? -1 : index;
      m.scale = m.index < 0 ? 0 : sib >> 6;
      m.base = (sib & 7) | ((this.#rex & 1) << 3);
      if ((sib & 7) === 5 && mod === 0) {
        m.base = -1;
        m.disp = this.#s32();
      }
    } else if (rm === 5 && mod === 0) {
      m.base = -1;
      m.rip = true;
      m.disp = this.#s32();
    }
    if (mod === 1) m.disp = this.#s8();
    else if (mod === 2) m.disp = this.#s32();
    this.#memory = m;
  }

  #gpr(index: number, width: number): Operand {
    const high = width === 8 && this.#rex === 0 && index >= 4 && index < 8;
    return { kind: 'gpr', index: high ? index - 4 : index, width, high };
  }

  #width(size: string): number {
    switch (size) {
      case 'b':
        return 8;
      case 'w':
        return 16;
      case 'd':
        return 32;
      case 'q':
        return 64;
      case 'v':
        return this.#operandSize;
      case 'z':
        return Math.min(32, this.#operandSize);
      case 'y':
        return this.#operandSize === 64 ? 64 : 32;
      case 't':
        return 80;
      case 'x':
        return 128;
      default:
        return 0;
    }
  }

  #operand({ text, letter, size }: OperandSpec): Operand {
    switch (text) {
      case 'AL':
        return this.#gpr(0, 8);
      case 'AX':
        return this.#gpr(0, 16);
      case 'eAX':
        return this.#gpr(0, this.#operandSize);
      case 'CL':
        return this.#gpr(1, 8);
      case '1':
        return { kind: 'imm', width: 8, value: 1 };
    }
    const width = this.#width(size);
    const reg = ((this.#modrm >> 3) & 7) | ((this.#rex & 4) << 1);
    const rm = (this.#modrm & 7) | ((this.#rex & 1) << 3);
    switch (letter) {
      case 'G':
        return this.#gpr(reg, width);
      case 'Z':
        return this.#gpr((this.#opcode & 7) | ((this.#rex & 1) << 3), width);
      case 'R':
        return this.#gpr(rm, width);
      case 'E':
        return this.#memory ? this.#mem(width) : this.#gpr(rm, width);
      case 'M':
        return this.#mem(width);
      case 'V':
        return { kind: 'xmm', index: reg, width };
      case 'U':
        return { kind: 'xmm', index: rm, width };
      case 'W':
        return this.#memory ? this.#mem(width) : { kind: 'xmm', index: rm, width };
      case 'P':
        return { kind: 'mmx', index: reg & 7, width };
      case 'N':
        return { kind: 'mmx', index: rm & 7, width };
      case 'Q':
        return this.#memory ? this.#mem(width) : { kind: 'mmx', index: rm & 7, width };
      case 'S':
        return { kind: 'segment', index: reg & 7, width };
      case 'T':
        return { kind: 'st', index: rm & 7, width: 80 };
      case 'O': {
        const disp = this.#addr32 ? this.#s32() >>> 0 : this.#s64();
        return { kind: 'mem', width, base: -1, index: -1, scale: 0, disp, segment: this.#segment };
      }
      case 'J':
        return { kind: 'rel', width: 64, target: size === 'b' ? this.#s8() : this.#s32() };
      default:
        // Is and Iz are sign-extended to the operand size; Ib and Iw stand for themselves.
        return {
          kind: 'imm',
          width: size === 's' || size === 'z' ? this.#operandSize : width,
          value: this.#immediate(size),
        };
    }
  }

  #mem(width: number): Operand {
    const m = this.#memory!;
    return { kind: 'mem', width, base: m.base, index: m.index, scale: m.scale, disp: m.disp, segment: this.#segment };
  }

  #immediate(size: string): number | bigint {
    switch (size) {
      case 'b':
      case 's':
        return this.#s8();
      case 'w':
        return this.#u16();
      case 'v':
        return this.#operandSize === 64 ? this.#s64() : this.#operandSize === 16 ? this.#u16() : this.#s32();
      default:
        return this.#operandSize === 16 ? (this.#u16() << 16) >> 16 : this.#s32();
    }
  }

  #shape(entry: Entry, operands: readonly Operand[]): string {
    let key = `${entry.id}.${this.#operandSize}`;
    if (this.#addr32) key += 'a';
    if (entry.row.rep) key += this.#repeat;
    // Implicit memory operands take the segment from the shape, explicit ones from the record.
    if (this.#segment && !this.#memory) key += this.#segment;
    for (const o of operands) {
      key += o.kind === 'mmx' ? 'n' : o.kind[0];
      if (o.kind === 'imm' && entry.row.fixed) key += o.value;
      // A high-byte register is only another offset to a handler.
    }
    return key;
  }
}

function flowOf(row: Row): Instruction['flow'] {
  if (!row.ends) return 'next';
  switch (row.mnemonic) {
    case 'jmp':
      return 'jump';
    case 'call':
      return 'call';
    case 'jmpTo':
      return 'indirect';
    case 'callTo':
      return 'indirect-call';
    case 'ret':
    case 'retPop':
      return 'return';
    default:
      return row.operands.startsWith('J') ? 'branch' : 'stop';
  }
}

const NOP: Row = { opcode: '90', mnemonic: 'nop', operands: '' };

/** One for all: decoding is not re-entered, and thousands of short-lived decoders cost more than the decoding. */
const DECODER = new Decoder();
