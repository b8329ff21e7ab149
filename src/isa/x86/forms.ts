/** The rows compiled for the decoder: what prefixes, opcode and ModRM decide about an instruction is worked out once, when first met, and found by a number from then on. */
import { Bug } from '../../base/failures.ts';
import type { Instruction } from '../isa.ts';
import type { Row } from './row.ts';
import { ROWS } from './rows/index.ts';

export type Segment = 'fs' | 'gs' | undefined;

/**
 * A form's number: the number of its opcode's slot (10 bits), a bit for each prefix that was met and, from MODRM_SHIFT
 * on, what of its ModRM byte decides.
 */
export const PREFIX_66 = 1 << 10;
export const PREFIX_67 = 1 << 11;
export const PREFIX_F2 = 1 << 12;
export const PREFIX_F3 = 1 << 13;
export const PREFIX_LOCK = 1 << 14;
export const PREFIX_FS = 1 << 15;
export const PREFIX_GS = 1 << 16;
export const REX_W = 1 << 17;
export const REX_B = 1 << 18;
export const MODRM_SHIFT = 19;

/** How the address of an operand in memory is made: base and displacement; by a SIB byte (base, index, displacement); relative to RIP; or it stands in the code. */
export type Address = 'mem' | 'sib' | 'pc' | 'absolute';
const ADDRESSES: Readonly<Record<number, Address>> = { 0: 'mem', 4: 'sib', 5: 'pc' };

/** How an operand is read from the bytes. */
export interface OperandForm {
  readonly kind: 'gpr' | 'xmm' | 'mmx' | 'st' | 'segment' | 'mem' | 'imm' | 'rel';
  readonly width: number;
  /** Where the number of a register stands, or the number itself; for an immediate without bytes its value. */
  readonly index: 'reg' | 'rm' | 'opcode' | number;
  /** Immediates, displacements and absolute addresses: as what they stand in the code. */
  readonly bytes: '' | 's8' | 's16' | 'u16' | 's32' | 's64';
  /** Of an operand in memory. */
  readonly address?: Address;
}

/** What a few hundred forms have in common with the millions of instructions that are of them. */
export interface Form {
  readonly row: Row;
  readonly operandSize: number;
  readonly addressSize: number;
  readonly repeat: number;
  readonly segment: Segment;
  readonly flow: Instruction['flow'];
  /** ModRM names memory. */
  readonly memory: boolean;
  readonly operands: readonly OperandForm[];
  /** Bytes of an immediate of four or eight at the end. */
  readonly variable: number;
  /** Without the immediates that rows with `fixed` add. */
  readonly shape: string;
}

/** A row's words taken apart. */
interface Entry {
  readonly row: Row;
  readonly id: number;
  /** 0x66, 0xF2, 0xF3; 0: none of them allowed; -1: does not matter. */
  readonly prefix: number;
  readonly rexW: boolean;
  readonly digit: number;
  /** The whole ModRM byte, or -1. */
  readonly modrm: number;
  readonly hasModrm: boolean;
  readonly operands: readonly string[];
  /** Fits only a ModRM that names memory, or only one that names a register. */
  readonly memoryOnly: boolean;
  readonly registerOnly: boolean;
}

/** The rows of one opcode byte. */
export interface Slot {
  /** Most specific first. */
  readonly entries: readonly Entry[];
  readonly hasModrm: boolean;
  /** Bits of a ModRM byte that names a register which decide about the form. */
  readonly registerBits: number;
}

/** The row begins with 66, F2 or F3: never an opcode. */
const isMandatory = (text: string) => text.startsWith('66 ') || text.startsWith('F2 ') || text.startsWith('F3 ');

/** Escape map and opcode byte of a row, without the rest of its words. */
function slotOf(text: string): number {
  let at = text.startsWith('NP') || isMandatory(text) ? 3 : 0;
  if (text.startsWith('REX.W', at)) at += 6;
  let map = 0;
  if (text.startsWith('0F', at)) {
    map = text.startsWith('38', at + 3) ? 2 : text.startsWith('3A', at + 3) ? 3 : 1;
    at += map === 1 ? 3 : 6;
  }
  return map * 256 + Number.parseInt(text.slice(at, at + 2), 16);
}

function parse(row: Row, id: number): Entry {
  const words = row.opcode.split(' ');
  let at = 0;
  let prefix = -1;
  if (words[0] === 'NP') prefix = 0;
  else if (isMandatory(row.opcode)) prefix = Number.parseInt(words[0], 16);
  if (prefix >= 0) at++;
  const rexW = words[at] === 'REX.W';
  if (rexW) at++;
  if (words[at] === '0F') at += words[at + 1] === '38' || words[at + 1] === '3A' ? 2 : 1;
  let digit = -1;
  let modrm = -1;
  let hasModrm = false;
  while (++at < words.length) {
    const word = words[at];
    if (word[0] === '/') {
      hasModrm = true;
      if (word !== '/r') digit = Number(word[1]);
    } else if (word[0] !== 'i' && word[0] !== 'c') {
      hasModrm = true;
      modrm = Number.parseInt(word, 16);
      if (word.length !== 2 || Number.isNaN(modrm)) throw new Bug(`row ${row.opcode}: word ${word}`);
    }
  }
  const operands = row.operands ? row.operands.split(',') : [];
  return {
    row,
    id,
    prefix,
    rexW,
    digit,
    modrm,
    hasModrm,
    operands,
    memoryOnly: operands.some((o) => o[0] === 'M'),
    registerOnly: operands.some((o) => 'RUNT'.includes(o[0])),
  };
}

/** Row numbers by escape map and opcode byte. */
let rowsBySlot: number[][] | undefined;
/** Made when first asked for, which most never are. */
const slots: (Slot | undefined)[] = new Array(1024);

const rank = (e: Entry) => (e.modrm >= 0 ? 0 : 100) + (e.prefix > 0 ? 0 : e.prefix === 0 ? 10 : 20) + (e.rexW ? 0 : 5);

/** The rows of an opcode: `number` is its escape map (0, 1 for 0F, 2 for 0F 38, 3 for 0F 3A) times 256 and its last byte. */
export function opcodeSlot(number: number): Slot {
  return slots[number] ?? makeSlot(number);
}

function makeSlot(number: number): Slot {
  if (!rowsBySlot) {
    rowsBySlot = Array.from({ length: 1024 }, () => []);
    for (let id = 0; id < ROWS.length; id++) rowsBySlot[slotOf(ROWS[id].opcode)].push(id);
  }
  const entries = rowsBySlot[number].map((id) => parse(ROWS[id], id)).sort((x, y) => rank(x) - rank(y));
  const hasModrm = entries.some((e) => e.hasModrm);
  if (hasModrm && !entries.every((e) => e.hasModrm))
    throw new Bug(`rows of ${entries[0].row.opcode} with and without ModRM`);
  const slot: Slot = {
    entries,
    hasModrm,
    registerBits: entries.some((e) => e.modrm >= 0) ? 0xff : 0xf8,
  };
  slots[number] = slot;
  return slot;
}

/** The first row whose prefix, REX.W, ModRM digit and memory/register form fit. */
function pick(slot: Slot, form: number, modrm: number): Entry | undefined {
  const repeat = repeatOf(form);
  for (const e of slot.entries) {
    if (e.prefix > 0) {
      if (e.prefix === 0x66 ? !(form & PREFIX_66) || repeat !== 0 : repeat !== e.prefix) continue;
    } else if (e.prefix === 0 && (form & PREFIX_66 || repeat !== 0)) continue;
    if (e.rexW && !(form & REX_W)) continue;
    // F3 90 with REX.B is XCHG with R8.
    if (e.row.mnemonic === 'pause' && form & REX_B) continue;
    if (e.hasModrm) {
      if (e.modrm >= 0 && e.modrm !== modrm) continue;
      if (e.digit >= 0 && e.digit !== ((modrm >> 3) & 7)) continue;
      const register = modrm >= 0xc0;
      if (register ? e.memoryOnly : e.registerOnly) continue;
    }
    return e;
  }
  return undefined;
}

const repeatOf = (form: number) => (form & PREFIX_F3 ? 0xf3 : form & PREFIX_F2 ? 0xf2 : 0);

/** What no row fits. */
export const UNKNOWN: Form = {
  row: { opcode: '', mnemonic: '(bad)', operands: '', ends: true },
  operandSize: 32,
  addressSize: 64,
  repeat: 0,
  segment: undefined,
  flow: 'stop',
  memory: false,
  operands: [],
  variable: 0,
  shape: '(bad)',
};
const NOP: Row = { opcode: '90', mnemonic: 'nop', operands: '' };

/** Make the form of a number. */
export function makeForm(form: number): Form {
  const slot = opcodeSlot(form & 0x3ff);
  const modrm = form >> MODRM_SHIFT;
  const entry = pick(slot, form, modrm);
  if (!entry) return UNKNOWN;
  // 90 is NOP, not XCHG EAX,EAX, which would clear the upper half.
  const nop = (form & 0x3ff) === 0x90 && entry.row.mnemonic === 'xchg' && !(form & REX_B);
  const row = nop ? NOP : entry.row;
  const operandSize = form & REX_W ? 64 : form & PREFIX_66 && entry.prefix !== 0x66 ? 16 : row.d64 ? 64 : 32;
  const memory = entry.hasModrm && modrm < 0xc0;
  // Linkers fill up indirect calls that they made direct with a 67, which means nothing there: it makes no shape of its own.
  const short = (form & PREFIX_67) !== 0 && row.mnemonic !== 'call';
  const address = memory ? ADDRESSES[modrm & 7] : 'absolute';
  const operands = nop ? [] : entry.operands.map((text) => operandForm(text, operandSize, memory, short, address));
  if (form & PREFIX_LOCK && !(row.lock && operands[0]?.kind === 'mem')) return UNKNOWN;
  const repeat = row.rep ? repeatOf(form) : 0;
  // LEA gives the offset within the segment.
  const segment = row.mnemonic === 'lea' ? undefined : form & PREFIX_FS ? 'fs' : form & PREFIX_GS ? 'gs' : undefined;
  let shape = `${entry.id}.${operandSize}`;
  if (short) shape += 'a';
  if (row.rep) shape += repeat;
  if (segment) shape += segment;
  // A high-byte register is only another offset to a handler.
  for (const o of operands) shape += o.kind === 'mmx' ? 'n' : (o.address ?? o.kind)[0];
  if (nop) shape = 'nop';
  const addressSize = short ? 32 : 64;
  const last = operands[operands.length - 1];
  const variable = last?.kind !== 'imm' ? 0 : last.bytes === 's32' ? 4 : last.bytes === 's64' ? 8 : 0;
  return { row, operandSize, addressSize, repeat, segment, flow: flowOf(row), memory, operands, variable, shape };
}

function widthOf(size: string, operandSize: number): number {
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
      return operandSize;
    case 'z':
      return Math.min(32, operandSize);
    case 'y':
      return operandSize === 64 ? 64 : 32;
    case 't':
      return 80;
    case 'x':
      return 128;
    default:
      return 0;
  }
}

function operandForm(
  text: string,
  operandSize: number,
  memory: boolean,
  shortAddress: boolean,
  address: Address,
): OperandForm {
  const gpr = (index: OperandForm['index'], width: number): OperandForm => ({ kind: 'gpr', index, width, bytes: '' });
  switch (text) {
    case 'AL':
      return gpr(0, 8);
    case 'AX':
      return gpr(0, 16);
    case 'eAX':
      return gpr(0, operandSize);
    case 'CL':
      return gpr(1, 8);
    case '1':
      return { kind: 'imm', index: 1, width: 8, bytes: '' };
  }
  const size = text.slice(1);
  const width = widthOf(size, operandSize);
  const mem: OperandForm = { kind: 'mem', index: 'rm', width, bytes: '', address };
  switch (text[0]) {
    case 'G':
      return gpr('reg', width);
    case 'Z':
      return gpr('opcode', width);
    case 'R':
      return gpr('rm', width);
    case 'E':
      return memory ? mem : gpr('rm', width);
    case 'M':
      return mem;
    case 'V':
      return { kind: 'xmm', index: 'reg', width, bytes: '' };
    case 'U':
      return { kind: 'xmm', index: 'rm', width, bytes: '' };
    case 'W':
      return memory ? mem : { kind: 'xmm', index: 'rm', width, bytes: '' };
    case 'P':
      return { kind: 'mmx', index: 'reg', width, bytes: '' };
    case 'N':
      return { kind: 'mmx', index: 'rm', width, bytes: '' };
    case 'Q':
      return memory ? mem : { kind: 'mmx', index: 'rm', width, bytes: '' };
    case 'S':
      return { kind: 'segment', index: 'reg', width, bytes: '' };
    case 'T':
      return { kind: 'st', index: 'rm', width: 80, bytes: '' };
    case 'O':
      return { kind: 'mem', index: -1, width, bytes: shortAddress ? 's32' : 's64', address };
    case 'J':
      return { kind: 'rel', index: -1, width: 64, bytes: size === 'b' ? 's8' : 's32' };
    default:
      // Is and Iz are sign-extended to the operand size; Ib and Iw stand for themselves.
      return {
        kind: 'imm',
        index: -1,
        width: size === 's' || size === 'z' ? operandSize : width,
        bytes: immediateBytes(size, operandSize),
      };
  }
}

function immediateBytes(size: string, operandSize: number): OperandForm['bytes'] {
  switch (size) {
    case 'b':
    case 's':
      return 's8';
    case 'w':
      return 'u16';
    case 'v':
      return operandSize === 64 ? 's64' : operandSize === 16 ? 'u16' : 's32';
    default:
      return operandSize === 16 ? 's16' : 's32';
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
