/** Makes random cases from the rows of the x86 tables: every operand kind, prefix and addressing form, with memory operands that sometimes cross pages or fault. */
import type { Row } from '../../src/isa/x86/row.ts';
import { ALU_ROWS } from '../../src/isa/x86/rows/alu.ts';
import { CONTROL_ROWS } from '../../src/isa/x86/rows/control.ts';
import { MMX_ROWS } from '../../src/isa/x86/rows/mmx.ts';
import { SSE_FLOAT_ROWS } from '../../src/isa/x86/rows/sse-float.ts';
import { SSE_INT_ROWS } from '../../src/isa/x86/rows/sse-int.ts';
import { SSE_MOVE_ROWS } from '../../src/isa/x86/rows/sse-move.ts';
import { SSE_STRING_ROWS } from '../../src/isa/x86/rows/sse-string.ts';
import { X87_ROWS } from '../../src/isa/x86/rows/x87.ts';
import { background, type Case, CODE, DATA, DATA_SIZE, type Patch, READONLY } from './case.ts';
import { f32, f64, f80, fxImage, integer, Random, vector } from './values.ts';

/** Bytes between the instructions of a batch. */
export const SLOT = 32;
export const FIRST = CODE + 0x1000;
/** How many instructions the code area holds at once. */
export const SLOTS = 1600;

/** Rows that a vector cannot hold: they ask the machine about itself or leave the process. */
const UNTESTABLE = new Set(['cpuid', 'rdtsc', 'rdtscp', 'xgetbv', 'syscall', 'int', 'movToSegment', 'movFromSegment', 'pushSegment', 'prefetch', 'clflush', 'nop', 'hint', 'fnop8087', 'rdpmc', 'endbr']); // biome-ignore format: list

/** The files of rows; vectors are kept under the same names. */
export const CHAPTERS: Record<string, readonly Row[]> = {
  alu: ALU_ROWS,
  control: CONTROL_ROWS,
  mmx: MMX_ROWS,
  'sse-float': SSE_FLOAT_ROWS,
  'sse-int': SSE_INT_ROWS,
  'sse-move': SSE_MOVE_ROWS,
  'sse-string': SSE_STRING_ROWS,
  x87: X87_ROWS,
};

const testable = (rows: readonly Row[]): Row[] => rows.filter((row) => !UNTESTABLE.has(row.mnemonic));

const RSP = 4;
const RBP = 5;

interface Form {
  prefix: number;
  rexW: boolean;
  map: number[];
  opcode: number;
  modrm: number;
  digit: number;
  hasModrm: boolean;
  immediates: string[];
  operands: string[];
}

const forms = new Map<Row, Form>();

function form(row: Row): Form {
  const known = forms.get(row);
  if (known) return known;
  const words = row.opcode.split(' ');
  const f: Form = { prefix: 0, rexW: false, map: [], opcode: 0, modrm: -1, digit: -1, hasModrm: row.opcode.includes('/'), immediates: [], operands: row.operands ? row.operands.split(',') : [] }; // biome-ignore format: record
  if (words[0] === 'NP') words.shift();
  else if (words.length > 1 && ['66', 'F2', 'F3'].includes(words[0])) f.prefix = Number.parseInt(words.shift()!, 16);
  if (words[0] === 'REX.W') {
    f.rexW = true;
    words.shift();
  }
  if (words[0] === '0F') {
    f.map.push(0x0f);
    words.shift();
    if (/^3[8A]$/.test(words[0])) f.map.push(Number.parseInt(words.shift()!, 16));
  }
  f.opcode = Number.parseInt(words.shift()!, 16);
  for (const w of words) {
    if (/^[0-9A-F]{2}$/.test(w)) f.modrm = Number.parseInt(w, 16);
    else if (/^\/[0-7]$/.test(w)) f.digit = Number(w[1]);
    else if (w !== '/r') f.immediates.push(w);
  }
  forms.set(row, f);
  return f;
}

/** Where a memory operand of this many bytes should lie. */
function place(r: Random, bytes: number): number {
  const size = Math.max(1, bytes);
  const p = r.below(100);
  if (p < 55) return DATA + r.below(Math.floor((DATA_SIZE - size) / 16)) * 16;
  if (p < 75) return DATA + r.below(DATA_SIZE - size);
  if (p < 85) return DATA + 0x1000 - r.below(Math.min(size + 1, 64));
  if (p < 90) return DATA + DATA_SIZE - size;
  if (p < 94) return DATA + DATA_SIZE - r.below(size + 1);
  if (p < 96) return DATA - r.below(size + 2);
  if (p < 99) return READONLY + r.below(0x1000 - size);
  return READONLY + 0x1000 - r.below(size + 1);
}

const SIZES: Record<string, number> = { b: 1, w: 2, d: 4, q: 8, t: 10, x: 16 };

/** State that the maker of one case fills in. */
class Maker {
  readonly r: Random;
  readonly row: Row;
  readonly f: Form;
  readonly gpr = background();
  readonly patches: Patch[] = [];
  readonly pinned = new Set<number>();
  bases: [bigint, bigint] | undefined;
  operandSize = 32;
  /** Register in the r/m field, or -1. */
  #rm = -1;

  constructor(r: Random, row: Row) {
    this.r = r;
    this.row = row;
    this.f = form(row);
  }

  pin(register: number, value: bigint | number): void {
    this.gpr[register] = BigInt.asUintN(64, BigInt(value));
    this.pinned.add(register);
  }
  fill(register: number): void {
    if (!this.pinned.has(register) && register !== RSP) this.gpr[register] = integer(this.r);
  }
  patch(address: number, bytes: Uint8Array): void {
    const offset = address - DATA;
    const start = Math.max(0, offset);
    const end = Math.min(DATA_SIZE, offset + bytes.length);
    if (start < end) this.patches.push({ offset: start, bytes: bytes.slice(start - offset, end - offset) });
  }
  patch64(address: number, v: bigint): void {
    const bytes = new Uint8Array(8);
    new DataView(bytes.buffer).setBigUint64(0, v, true);
    this.patch(address, bytes);
  }

  bytesOf(letters: string): number {
    const size = letters.slice(1);
    if (size === 'v') return this.operandSize / 8;
    if (size === 'z') return Math.min(4, this.operandSize / 8);
    if (size === 'y') return this.operandSize === 64 ? 8 : 4;
    return SIZES[size] ?? 16;
  }

  make(address: number): Case | undefined {
    const { r, row, f } = this;
    const m = row.mnemonic;
    const isX87 = (f.map.length === 0 && f.opcode >= 0xd8 && f.opcode <= 0xdf) || m === 'fwait';
    const sized = /[vzsy]/.test(f.operands.map((o) => o.slice(1)).join('')) || f.operands.includes('eAX') || (row.rep && !m.endsWith('8')) || /^(cbw|cwd|pushf|popf|fnsave|frstor|fldenv|fnstenv)$/.test(m); // biome-ignore format: condition
    let rex = r.chance(0.5) ? 0x40 | r.below(16) : 0;
    if (f.rexW) rex |= 0x48;
    const bytes: number[] = [];
    const sizePrefix = f.prefix === 0 && !row.opcode.startsWith('NP') && sized && r.chance(0.2) && !(row.ends && /^[jcr]/.test(m)) && m !== 'enter' && m !== 'leave'; // biome-ignore format: condition
    this.operandSize = rex & 8 ? 64 : sizePrefix ? 16 : row.d64 ? 64 : 32;
    const memoryLetters = f.operands.find((o) => /^[EMWQ]/.test(o));
    const isModrm = f.hasModrm && f.modrm < 0;
    const registerOnly = f.operands.some((o) => /^[RUNT]/.test(o));
    const memoryOnly = f.operands.some((o) => /^M/.test(o));
    const memory = isModrm && (memoryOnly || (!registerOnly && memoryLetters !== undefined && r.chance(0.45)));
    const address32 = (memory || row.rep === true) && r.chance(0.08);
    const segment = (memory || row.rep || m === 'xlat') && r.chance(0.1) ? r.pick([0x64, 0x65]) : 0;
    if (sizePrefix) bytes.push(0x66);
    if (address32) bytes.push(0x67);
    if (segment) bytes.push(segment);
    const lock = row.lock === true && memory && r.chance(0.2) && memoryLetters === f.operands[0];
    if (lock) bytes.push(0xf0);
    let repeat = false;
    if (row.rep && r.chance(0.6)) {
      bytes.push(r.pick([0xf2, 0xf3]));
      repeat = true;
    }
    if (f.prefix) bytes.push(f.prefix);
    if (f.opcode === 0x90 && f.map.length === 0 && f.prefix === 0) rex &= ~1;

    let segmentBase = 0;
    if (segment) {
      const other = integer(r) & 0x7fff_ffff_f000n;
      segmentBase = r.pick([0, 0x10, 0x1000, DATA]);
      const base = BigInt(segmentBase);
      this.bases = segment === 0x64 ? [base, other] : [other, base];
    }
    const reg = r.below(8);
    const tail: number[] = [];
    let target = 0;
    let rmRegister = -1;
    let ripAt = -1;
    if (f.modrm >= 0) tail.push(f.modrm);
    else if (isModrm) {
      const field = f.digit >= 0 ? f.digit : reg;
      if (!memory) {
        const rm = r.below(8);
        tail.push(0xc0 | (field << 3) | rm);
        rmRegister = rm | ((rex & 1) << 3);
      } else {
        const size = /^f(xsave|xrstor)$/.test(m) ? 512 : /^f(nsave|rstor)$/.test(m) ? 108 : /^f(ldenv|nstenv)$/.test(m) ? 28 : this.bytesOf(memoryLetters!); // biome-ignore format: condition
        target = place(r, size);
        if (/^fx(save|rstor)$/.test(m) && r.chance(0.9)) target &= ~15;
        ripAt = this.#address(tail, field, rex, target - segmentBase, address32);
        if (ripAt === -2) return undefined;
      }
    }
    // CALL RSP would push into the code area.
    if (rmRegister === RSP && (m === 'callTo' || m === 'jmpTo')) return undefined;
    this.#rm = rmRegister;
    const code = [...bytes];
    if (rex) code.push(rex);
    code.push(...f.map, f.opcode, ...tail);
    const relocate = ripAt >= 0 ? code.length - tail.length + ripAt : -1;

    // Registers with values of interest.
    const extended = reg | (rex & 4 ? 8 : 0);
    for (const n of [0, 1, 2]) if (r.chance(0.7)) this.fill(n);
    if (isModrm && f.digit < 0) this.fill(extended);
    if (rmRegister >= 0) this.fill(rmRegister);
    if (f.operands.some((o) => o[0] === 'Z')) this.fill((f.opcode & 7) | ((rex & 1) << 3));

    this.#implicit(memory, target, extended, repeat, address32, segmentBase);
    this.#immediates(code);
    if (relocate >= 0) {
      const displacement = target - segmentBase - (address + code.length);
      for (let i = 0; i < 4; i++) code[relocate + i] = (displacement >> (i * 8)) & 0xff;
    }
    if (code.length > 15) return undefined;
    if (memory) this.#contents(target, memoryLetters!, isX87);

    const usesVectors =
      f.operands.some((o) => /^[VWUPQN]/.test(o)) || isX87 || /^(emms|fx|ldmxcsr|stmxcsr|maskmov)/.test(m);
    const fx = usesVectors
      ? fxImage(r, { x87: isX87 || /^fx|emms/.test(m) || f.operands.some((o) => /^[PQN]/.test(o)), xmm: isX87 ? [] : [...new Set([0, extended, rmRegister >= 0 ? rmRegister : 1])], st: [0, 1, (f.modrm < 0 && rmRegister >= 0 ? rmRegister : 2) & 7] })
      : undefined; // biome-ignore format: condition
    const flags = (r.u32() & 0x8d5) | (row.rep && r.chance(0.3) ? 0x400 : 0) | 2;
    return {
      code: Uint8Array.from(code),
      address,
      gpr: this.gpr,
      flags,
      bases: this.bases,
      fx,
      patches: this.patches,
      repeats: repeat,
      pushesFlags: m === 'pushf',
      mnemonic: m,
    };
  }

  /** ModRM, SIB and displacement for an address, setting the registers it is made of; answers where a RIP-relative displacement lies, -1, or -2: start again. */
  #address(tail: number[], field: number, rex: number, target: number, address32: boolean): number {
    const { r } = this;
    const push32 = (v: number) => {
      for (let i = 0; i < 4; i++) tail.push((v >> (i * 8)) & 0xff);
    };
    const kind = r.below(10);
    if (kind === 0) {
      tail.push((field << 3) | 5, 0, 0, 0, 0);
      return tail.length - 4;
    }
    if (kind === 1) {
      tail.push((field << 3) | 4, 0x25);
      push32(target);
      return -1;
    }
    const mod = r.below(3);
    const displacement = mod === 0 ? 0 : mod === 1 ? r.below(256) - 128 : (r.u32() | 0) >> r.below(24);
    let base = r.below(8);
    const baseNumber = (n: number) => n | ((rex & 1) << 3);
    // High garbage must vanish when addresses are cut to 32 bits.
    const value = (v: number): bigint =>
      address32 && r.chance(0.5) ? BigInt.asUintN(32, BigInt(v)) | (integer(r) << 32n) : BigInt(v);
    if (kind < 6) {
      if (base === 4 || (mod === 0 && base === 5)) base = 0;
      tail.push((mod << 6) | (field << 3) | base);
      this.pin(baseNumber(base), value(target - displacement));
    } else {
      if (mod === 0 && base === 5) base = 3;
      const index = r.below(8);
      const scale = r.below(4);
      const indexNumber = index | (rex & 2 ? 8 : 0);
      const hasIndex = indexNumber !== 4;
      if (hasIndex && indexNumber === baseNumber(base)) return -2;
      tail.push((mod << 6) | (field << 3) | 4, (scale << 6) | (index << 3) | base);
      let steps = 0;
      if (hasIndex) {
        steps = r.chance(0.5) ? r.below(64) : (r.u32() | 0) >> r.below(30);
        this.pin(indexNumber, steps);
      }
      this.pin(baseNumber(base), value(target - displacement - steps * 2 ** scale));
    }
    if (mod === 1) tail.push(displacement & 0xff);
    else if (mod === 2) push32(displacement);
    return -1;
  }

  /** Registers and memory that an instruction uses without naming them. */
  #implicit(
    memory: boolean,
    target: number,
    extended: number,
    repeat: boolean,
    address32: boolean,
    segmentBase: number,
  ): void {
    const { r, gpr, row } = this;
    const m = row.mnemonic;
    const inCode = CODE + r.below(0x1000);
    const stack = () => {
      if (!this.pinned.has(RSP)) this.pin(RSP, r.chance(0.85) ? DATA + 0x400 + r.below(0x1800) : place(r, 8));
      return Number(gpr[RSP]);
    };
    if (row.d64 || /^(push|pop|call|ret|leave|enter)/.test(m)) {
      const sp = stack();
      if (m === 'ret' || m === 'retPop') this.patch64(sp, BigInt(inCode));
      if (m === 'popf') this.patch64(sp, BigInt(r.u32() & 0x240cd5));
      if (m === 'leave') this.pin(RBP, DATA + 0x400 + r.below(0x1800));
      if (m === 'enter') this.pin(RBP, DATA + 0x800 + r.below(0x1000));
    }
    if (row.rep || m === 'xlat') {
      const count = r.chance(0.15) ? 0 : r.below(40);
      if (repeat) this.pin(1, address32 && r.chance(0.5) ? BigInt(count) | (integer(r) << 32n) : count);
      const down = 0;
      this.pin(6, place(r, 8) + down - segmentBase);
      this.pin(7, r.chance(0.2) ? Number(gpr[6]) + segmentBase + r.below(16) - 8 : place(r, 8));
      if (/^(cmps|scas)/.test(m) && r.chance(0.6)) {
        // Runs that agree for a while.
        const run = new Uint8Array(r.below(200)).fill(Number(gpr[0] & 0xffn));
        this.patch(Number(gpr[6]) + segmentBase, run);
        this.patch(Number(gpr[7]), run);
      }
      if (m === 'xlat') this.pin(3, place(r, 256) - segmentBase);
    }
    if (/^maskmov/.test(m)) this.pin(7, place(r, 16));
    if (/^bt[src]?$/.test(m) && memory && this.f.digit < 0 && !this.pinned.has(extended)) {
      const bit = BigInt(r.below(0x4000) - 0x2000);
      gpr[extended] = BigInt.asUintN(64, bit) ^ (this.operandSize === 64 ? 0n : integer(r) << BigInt(this.operandSize));
    }
    if (m === 'jmpTo' || m === 'callTo') {
      if (memory) this.patch64(target, BigInt(inCode));
      else {
        this.pin(this.#rm, inCode);
      }
    }
    if ((m === 'div' || m === 'idiv') && !this.pinned.has(2) && r.chance(0.7)) {
      // Mostly quotients that fit.
      if (r.chance(0.5)) this.pin(2, m === 'idiv' && r.chance(0.4) ? -1n : 0n);
      else this.pin(2, BigInt(r.below(4)));
    }
    if (/^cmpxchg/.test(m) && memory && r.chance(0.5)) {
      const v = integer(r);
      this.pin(0, v);
      const other = integer(r);
      this.pin(2, other);
      const bytes = new Uint8Array(16);
      const view = new DataView(bytes.buffer);
      view.setBigUint64(0, m === 'cmpxchg8b' ? (v & 0xffff_ffffn) | (other << 32n) & 0xffff_ffff_ffff_ffffn : v, true); // biome-ignore format: expression
      view.setBigUint64(8, other, true);
      this.patch(target, bytes);
    }
  }
  #immediates(code: number[]): void {
    const { r, f } = this;
    for (const word of f.immediates) {
      const v = integer(r);
      const size = word === 'ib' ? 1 : word === 'iw' ? 2 : word === 'iz' ? Math.min(4, this.operandSize / 8) : word === 'iv' ? this.operandSize / 8 : word === 'iq' ? 8 : word === 'cb' ? 1 : 4; // biome-ignore format: table
      // Branches go to the int3 bytes after one of the neighbouring instructions.
      let value = word[0] === 'c' ? BigInt(SLOT * (r.below(5) - 2) + 16 + r.below(16) - code.length - size) : v;
      if (this.row.mnemonic === 'enter') value = word === 'iw' ? BigInt(r.below(0x200)) : BigInt(r.below(4));
      if (this.row.mnemonic === 'retPop') value = BigInt(r.below(0x200));
      for (let i = 0; i < size; i++) code.push(Number((value >> BigInt(i * 8)) & 0xffn));
    }
    // A whole address follows the opcode of MOV AL, moffs.
    if (f.operands.some((o) => o[0] === 'O')) {
      const size = code.includes(0x67) && code[0] === 0x67 ? 4 : 8;
      const target = place(r, 8);
      for (let i = 0; i < size; i++) code.push(Math.floor(target / 2 ** (i * 8)) & 0xff);
    }
  }

  /** What the memory operand holds. */
  #contents(target: number, letters: string, isX87: boolean): void {
    const { r, row } = this;
    const m = row.mnemonic;
    if (m === 'jmpTo' || m === 'callTo' || /^cmpxchg/.test(m)) return;
    if (m === 'fxrstor') {
      const image = fxImage(r, { x87: true, st: [0, 3, 7], xmm: [0, 5, 15] });
      if (r.chance(0.1)) image[26] = 1;
      this.patch(target, image);
      return;
    }
    if (m === 'ldmxcsr') {
      this.patch(target, Uint8Array.of(r.u32(), r.u32(), r.chance(0.1) ? 1 : 0, 0));
      return;
    }
    if (m === 'frstor' || m === 'fldenv') {
      const bytes = new Uint8Array(108);
      const wide = this.operandSize !== 16;
      const view = new DataView(bytes.buffer);
      const step = wide ? 4 : 2;
      view.setUint16(0, r.chance(0.9) ? 0x37f : r.u32(), true);
      view.setUint16(step, (r.u32() & 0x7f00) | (r.chance(0.1) ? r.u32() & 0x3f : 0), true);
      view.setUint16(step * 2, r.u32(), true);
      for (let i = 0; i < 8; i++) bytes.set(f80(r), (wide ? 28 : 14) + i * 10);
      this.patch(target, bytes.subarray(0, m === 'fldenv' ? (wide ? 28 : 14) : wide ? 108 : 94));
      return;
    }
    if (isX87) {
      const bytes = new Uint8Array(10);
      const view = new DataView(bytes.buffer);
      if (/^f(i|.*i(add|sub|mul|div|com|ld|st))/.test(m) || m.startsWith('if')) view.setBigUint64(0, integer(r), true);
      else if (letters === 'Mt' && m === 'fbld')
        for (let i = 0; i < 10; i++) bytes[i] = (r.below(10) << 4) | r.below(10);
      else if (letters === 'Mt') bytes.set(f80(r));
      else if (letters === 'Mq') view.setBigUint64(0, f64(r), true);
      else if (letters === 'Md') view.setUint32(0, f32(r), true);
      else view.setUint16(0, r.u32(), true);
      if (m === 'fldcw') view.setUint16(0, r.chance(0.7) ? (r.u32() & 0xf00) | 0x7f : r.u32(), true);
      this.patch(target, bytes.subarray(0, SIZES[letters.slice(1)] ?? 10));
      return;
    }
    if (/^[WQ]/.test(letters) || letters === 'Mx' || letters === 'Mq') {
      this.patch(target, vector(r));
      return;
    }
    if (r.chance(0.8)) this.patch64(target, integer(r));
  }
}

/** A case made from a row, or nothing where the dice made no legal instruction. */
export function makeCase(r: Random, row: Row, slot: number): Case | undefined {
  return new Maker(r, row).make(FIRST + slot * SLOT);
}

/** `count` cases over all rows (of one chapter) that match, each row in turn. */
export function* makeCases(seed: number, count: number, filter?: RegExp, chapter?: string): Generator<Case> {
  const r = new Random(seed);
  const all = testable(chapter ? CHAPTERS[chapter] : Object.values(CHAPTERS).flat());
  const rows = filter ? all.filter((row) => filter.test(row.mnemonic)) : all;
  if (!rows.length) throw new Error('no row matches');
  for (let made = 0, turn = 0; made < count; turn++) {
    const c = makeCase(r, rows[turn % rows.length], made % SLOTS);
    if (!c) continue;
    made++;
    yield c;
  }
}

/** How many rows of a chapter vectors are made from. */
export const rowCount = (chapter: string): number => testable(CHAPTERS[chapter]).length;
