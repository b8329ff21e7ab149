/** What the manual leaves undefined for each mnemonic, so that a difference there says nothing. */
import { type Case, DATA_SIZE, type Result } from './case.ts';

const CF = 1;
const PF = 4;
const AF = 0x10;
const ZF = 0x40;
const SF = 0x80;
const OF = 0x800;
const ALL = CF | PF | AF | ZF | SF | OF;

/** Flags with no defined value after the instruction. */
const FLAGS: Record<string, number> = {
  and: AF, or: AF, xor: AF, test: AF,
  mul: SF | ZF | AF | PF, imul: SF | ZF | AF | PF, imul1: SF | ZF | AF | PF, imul3: SF | ZF | AF | PF,
  div: ALL, idiv: ALL,
  bsf: CF | OF | SF | AF | PF, bsr: CF | OF | SF | AF | PF,
  tzcnt: OF | SF | AF | PF, lzcnt: OF | SF | AF | PF,
  bt: OF | SF | AF | PF, bts: OF | SF | AF | PF, btr: OF | SF | AF | PF, btc: OF | SF | AF | PF,
}; // biome-ignore format: table

const SHIFTS = /^(shl|shr|sar|shld|shrd)$/;
const ROTATES = /^(rol|ror|rcl|rcr)$/;

/** Status bits C0, C2, C3 that the manual leaves undefined, and instructions that approximate. */
const TRANSCENDENTAL = /^(f2xm1|fyl2x|fyl2xp1|fsin|fcos|fsincos|fptan|fpatan)$/;
const C1 = 0x200;
const UNDERFLOW = 0x10;
const EXCEPTION_SUMMARY = 0x80;

export interface Allowance {
  /** Nothing about this case is comparable. */
  skip: boolean;
  flags: number;
  /** General registers, a bit each. */
  registers: number;
  fsw: number;
  ulps: number;
  /** Ranges of the data pages. */
  memory: [number, number][];
  /** The fault address: instructions over many bytes may notice any of them first. */
  address: boolean;
  mxcsr: number;
  xmm: boolean;
  /** Which NaN a lane of an XMM register holds. */
  nans: boolean;
  /** The x87 and MMX state. */
  x87: boolean;
  /** Upper halves of general registers, a bit each. */
  upper: number;
}

/** RCX, RSI, RDI: what string instructions count and move. */
const STRING_REGISTERS = (1 << 1) | (1 << 6) | (1 << 7);

/** What the makers' processors do differently: here, and in the recorded vectors, it is as AMD's do. */
function allowOtherMaker(c: Case, result: Result, a: Allowance): void {
  const m = c.mnemonic ?? '';
  const first = c.code.findIndex((byte) => ![0x66, 0x67, 0xf2, 0xf3, 0x64, 0x65].includes(byte));
  const prefixes = c.code.subarray(0, first);
  const opcode = (c.code[first] & 0xf0) === 0x40 ? c.code[first + 1] : c.code[first];
  const repeated = prefixes.includes(0xf2) || prefixes.includes(0xf3);
  const raised = result.fx !== undefined && (result.fx[2] & EXCEPTION_SUMMARY) !== 0;
  const faulted = result.trap >= 12 && result.trap <= 14;
  // In which order products are added decides which NaN is left.
  if (/^dpp[sd]$/.test(m)) a.nans = true;
  // Intel's put the flags back to what they were, AMD's leave those of the last comparison.
  if (/^(cmps|scas)/.test(m) && repeated && faulted) a.flags |= ALL;
  // Intel's clear the upper halves even where the count is zero from the start.
  if (repeated && prefixes.includes(0x67)) a.upper |= STRING_REGISTERS;
  // MOVSXD to 16 bits reads 16 bits on Intel's, 32 on AMD's.
  if (m === 'movsx' && opcode === 0x63 && prefixes.includes(0x66)) a.skip = true;
  // Which of its accesses is found to fault.
  if (/^(maskmovdqu|cmps8?)$/.test(m)) a.address = true;
  // Whether the smallest normal number's sine counts as an underflow.
  if (TRANSCENDENTAL.test(m)) a.fsw |= UNDERFLOW;
  // Intel's have written what lies before the page that faults.
  if (/^fb?stp$/.test(m) && faulted) a.memory.push([0, DATA_SIZE]);
  // AMD's look at the page first, Intel's at exceptions that are not masked, which keep the store from happening.
  if (/^f(i?stp?|isttp|bstp)$/.test(m) && raised) a.skip = true;
  // Intel's go over to MMX state before the access that faults.
  if (faulted) a.x87 = true;
}

function shiftCount(c: Case): { count: number; width: number } {
  // Read the form back from the bytes: prefixes, then the opcode.
  let i = 0;
  let width = 32;
  while ([0x66, 0x67, 0xf0, 0xf2, 0xf3, 0x64, 0x65].includes(c.code[i])) if (c.code[i++] === 0x66) width = 16;
  if ((c.code[i] & 0xf0) === 0x40) if (c.code[i++] & 8) width = 64;
  let opcode = c.code[i++];
  const last = c.code[c.code.length - 1];
  const cl = Number(c.gpr[1] & 0xffn);
  let count: number;
  if (opcode === 0x0f) {
    opcode = c.code[i];
    count = opcode & 1 ? cl : last;
  } else {
    if (!(opcode & 1)) width = 8;
    count = opcode < 0xd0 ? last : opcode < 0xd2 ? 1 : cl;
  }
  return { count: count & (width === 64 ? 63 : 31), width };
}

/** `otherMaker`: the result is that of a processor which is not AMD's. */
export function allowance(c: Case, result: Result, otherMaker = false): Allowance {
  const m = c.mnemonic ?? '';
  const a: Allowance = {
    skip: false,
    flags: FLAGS[m] ?? 0,
    registers: 0,
    fsw: 0,
    ulps: 0,
    memory: [],
    address: false,
    mxcsr: 0,
    xmm: false,
    nans: false,
    x87: false,
    upper: 0,
  };
  if (otherMaker) allowOtherMaker(c, result, a);
  if (SHIFTS.test(m)) {
    const { count, width } = shiftCount(c);
    a.flags |= count ? AF : 0;
    if (count > 1) a.flags |= OF;
    if (count > width || (count === width && m !== 'sar')) a.flags |= CF;
    // The destination itself is undefined then.
    if (/^sh[lr]d$/.test(m) && count > width) a.skip = true;
  } else if (ROTATES.test(m)) {
    if (shiftCount(c).count !== 1) a.flags |= OF;
  }
  if (TRANSCENDENTAL.test(m)) {
    a.ulps = 1;
    a.fsw |= C1;
  }
  // Transfers to addresses that cannot be: the CPU complains at the jump, we at its target.
  const canonical = BigInt.asUintN(64, BigInt.asIntN(48, result.rip)) === BigInt.asUintN(64, result.rip);
  if (/^(jmpTo|callTo|ret|retPop)$/.test(m) && (result.trap === 13 || !canonical)) a.skip = true;
  // ENTER that faults has pushed already, on the CPU; here it has done nothing.
  if (m === 'enter' && result.trap === 14) a.memory.push([0, DATA_SIZE]);
  // The CPU goes over to MMX state even where the store then faults.
  if (m === 'maskmovq' && result.trap === 14) a.skip = true;
  // Approximations with twelve good bits; processors differ in the rest.
  if (/^(rcp|rsqrt)[ps]s$/.test(m)) a.xmm = true;
  if (/^(fxsave|fxrstor|fnsave|frstor|fldenv|fnstenv|enter)$/.test(m)) a.address = true;
  if (result.trap === 255) a.skip = true;
  if (/^f(nstenv|nsave)$/.test(m)) {
    // The instruction and data pointers are not kept as hardware keeps them.
    const change = result.changes[0];
    if (change) a.memory.push([change.offset - 8, change.offset + 28]);
  }
  if (m === 'fxsave' && result.changes[0]) a.memory.push([result.changes[0].offset, result.changes[0].offset + 32]);
  return a;
}
