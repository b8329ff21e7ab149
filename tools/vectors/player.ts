/** Plays cases in our own engine and says where the outcome differs from the recorded one. */
import type { EngineMode, Exit } from '../../src/engine/engine.ts';
import { decodePrebuilt } from '../../src/engine/prebuilt.ts';
import { type EngineOptions, TranslatingEngine } from '../../src/engine/translating-engine.ts';
import { prebuiltFile } from '../../src/host/prebuilt.ts';
import { X86Cpu } from '../../src/isa/x86/cpu.ts';
import { GPR } from '../../src/isa/x86/state.ts';
import { X86 } from '../../src/isa/x86/x86.ts';
import { AddressSpace, PROT_EXEC, PROT_READ, PROT_WRITE } from '../../src/memory/address-space.ts';
import { type Case, CODE, CODE_SIZE, DATA, DATA_SIZE, FX_BYTES, pristine, READONLY, type Result } from './case.ts';
import { SLOTS } from './generator.ts';
import { allowance } from './undefined.ts';

const CAN_WRITE = PROT_READ | PROT_WRITE;
/** Enough for the longest REP that a vector asks for, and for a random program. */
const BUDGET = 2_000_000;
/** Regions stay alive in their engine: begin a new one now and then. */
const CASES_PER_ENGINE = 4 * SLOTS;

const file = prebuiltFile();
const prebuilt = file && decodePrebuilt(file);

export class Player {
  readonly #mode: EngineMode;
  readonly #settings: Partial<EngineOptions>;
  readonly #pristine = pristine();
  #engine!: TranslatingEngine;
  #space!: AddressSpace;
  #code!: ReturnType<TranslatingEngine['attach']>;
  #cpu!: X86Cpu;
  #played = 0;
  /** Nothing is taken as undefined (hand-written vectors say themselves what holds). */
  exact = false;
  /** Leave arithmetic flags out. */
  anyFlags = false;
  /** Results are of a processor that is not AMD's. */
  otherMaker = false;

  /** `engine`: other settings, such as a threshold for mode auto, in which blocks become hot by themselves. */
  constructor(mode: 'interpreter' | 'translator' | 'auto', engine: Partial<EngineOptions> = {}) {
    this.#mode = mode;
    this.#settings = engine;
    this.#start();
  }

  #start(): void {
    this.#engine = new TranslatingEngine({
      mode: this.#mode,
      isa: X86,
      createCpu: (space, state, flags) => new X86Cpu(space, state, flags),
      batchSize: SLOTS + 1,
      cacheCapacity: Number.POSITIVE_INFINITY,
      prebuilt,
      ...this.#settings,
    });
    this.#engine.keepAll();
    const space = new AddressSpace();
    space.map({ address: DATA, length: DATA_SIZE, prot: CAN_WRITE, fixed: true });
    space.map({ address: READONLY, length: 0x1000, prot: CAN_WRITE, fixed: true });
    space.copyOut(READONLY, this.#pristine.readonly);
    space.protect(READONLY, 0x1000, PROT_READ);
    space.map({ address: CODE, length: CODE_SIZE, prot: CAN_WRITE | PROT_EXEC, fixed: true });
    this.#space = space;
    this.#code = this.#engine.attach(space);
    this.#cpu = this.#code.createCpu() as X86Cpu;
    this.#played = 0;
  }

  /** Play up to SLOTS cases at distinct addresses; one line of difference for each, or undefined. */
  play(cases: readonly Case[], results: readonly Result[]): (string | undefined)[] {
    if (this.#played > CASES_PER_ENGINE) {
      this.#space.dispose();
      this.#start();
    }
    // A program is as much code as many cases.
    for (const c of cases) this.#played += Math.ceil(c.code.length / 16);
    const code = new Uint8Array(CODE_SIZE).fill(0xcc);
    for (const c of cases) code.set(c.code, c.address - CODE);
    this.#space.copyOut(CODE, code);
    if (this.#mode === 'translator') this.#translate(cases, results);
    // A random transfer may land within another case, where nothing stops us.
    const runsOn = (r: Result) => r.trap === 1 && code[Number(r.rip) - CODE] !== undefined && code[Number(r.rip) - CODE] !== 0xcc; // biome-ignore format: condition
    return cases.map((c, i) => (runsOn(results[i]) ? undefined : this.#one(c, results[i])));
  }

  /** All cases, and the places they jump to, in one batch: a module for each alone would take far longer. */
  #translate(cases: readonly Case[], results: readonly Result[]): void {
    const code = this.#code as unknown as { queue: Set<number> };
    cases.forEach((c, i) => {
      code.queue.add(c.address);
      const next = Number(results[i].rip);
      if (next >= CODE && next < CODE + CODE_SIZE) code.queue.add(next);
    });
    // The last one is added twice, which asks for the translation at once.
    this.#engine.hot(this.#code as never, cases[0].address);
  }

  #one(c: Case, expected: Result): string | undefined {
    const space = this.#space;
    const cpu = this.#cpu;
    space.copyOut(DATA, this.#pristine.data);
    for (const p of c.patches) space.copyOut(DATA + p.offset, p.bytes);
    cpu.reset();
    cpu.flags = c.flags;
    for (let i = 0; i < 16; i++) cpu.set(i, c.gpr[i]);
    cpu.setBase('fs', Number(c.bases?.[0] ?? 0n));
    cpu.setBase('gs', Number(c.bases?.[1] ?? 0n));
    if (c.fx) {
      const image = new Uint8Array(512);
      image.set(c.fx);
      cpu.restoreVectors(image);
    }
    cpu.pc = c.address;
    let exit: Exit;
    try {
      exit = this.#code.run(cpu, BUDGET);
    } catch (e) {
      return `threw ${(e as Error).stack}`;
    }
    return this.#compare(c, expected, exit);
  }

  #compare(c: Case, expected: Result, exit: Exit): string | undefined {
    const cpu = this.#cpu;
    const allowed = allowance(c, expected, this.otherMaker);
    if (this.exact) {
      allowed.flags = this.anyFlags ? 0x8d5 : 0;
      allowed.skip = false;
    }
    if (allowed.skip) return undefined;
    const found: string[] = [];
    const differ = (what: string, theirs: unknown, ours: unknown) => found.push(`${what}: cpu ${theirs}, ours ${ours}`);
    let pc = BigInt(cpu.pc);
    let outcome = trapOf(exit);
    // Our side stops at the int3 after the instruction, or where it jumped to cannot be executed.
    if (expected.trap === 1) {
      if (outcome === 3) {
        pc -= 1n;
        outcome = 1;
      } else if (exit.kind === 'fault' && exit.access === 'execute') outcome = 1;
    }
    // #SS is #GP under another number.
    const wanted = expected.trap === 12 ? 13 : expected.trap;
    if (outcome !== wanted) differ('exception', expected.trap, `${outcome} (${describe(exit)})`);
    else if (outcome === 14) {
      const access = expected.error & 16 ? 'execute' : expected.error & 2 ? 'write' : 'read';
      if (exit.access !== access) differ('fault access', access, exit.access);
      if (BigInt(exit.address) !== expected.fault && !allowed.address && expected.fault < 1n << 53n) {
        differ('fault address', expected.fault.toString(16), exit.address.toString(16));
      }
    }
    if (pc !== BigInt.asUintN(64, expected.rip)) differ('rip', expected.rip.toString(16), pc.toString(16));
    for (let i = 0; i < 16; i++) {
      const ours = cpu.getBig(i);
      const bits = allowed.upper & (1 << i) ? 32 : 64;
      if (BigInt.asUintN(bits, ours ^ expected.gpr[i]) !== 0n && !(allowed.registers & (1 << i)))
        differ(GPR[i], expected.gpr[i].toString(16), ours.toString(16));
    }
    const mask = 0x240cd5 & ~allowed.flags;
    const flags = cpu.flags;
    if ((flags ^ expected.flags) & mask) differ('flags', flagNames(expected.flags & mask), flagNames(flags & mask));
    this.#compareMemory(c, expected, allowed.memory, differ);
    if (c.fx && expected.fx) compareFx(expected.fx, cpu.saveVectors(), allowed, differ);
    return found.length ? found.join('; ') : undefined;
  }

  #compareMemory(
    c: Case,
    expected: Result,
    ignored: [number, number][],
    differ: (what: string, a: unknown, b: unknown) => void,
  ): void {
    const wanted = this.#pristine.data.slice();
    for (const p of c.patches) wanted.set(p.bytes, p.offset);
    for (const p of expected.changes) wanted.set(p.bytes, p.offset);
    const ours = this.#space.copyIn(DATA, DATA_SIZE);
    for (const [from, to] of ignored)
      for (let i = Math.max(0, from); i < Math.min(DATA_SIZE, to); i++) wanted[i] = ours[i];
    if (Buffer.compare(wanted, ours) === 0) return;
    let first = 0;
    while (wanted[first] === ours[first]) first++;
    let last = DATA_SIZE - 1;
    while (wanted[last] === ours[last]) last--;
    const hex = (b: Uint8Array) => Buffer.from(b.subarray(first, Math.min(last + 1, first + 64))).toString('hex');
    differ(`memory ${(DATA + first).toString(16)}`, hex(wanted), hex(ours));
  }
}

/** V8 gives back what it collected of wasm modules in a task of its own, which waits for whoever plays case after case. */
export const modulesFreed = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

function trapOf(exit: Exit): number {
  if (exit.kind === 'fault') return exit.reason === 'noncanonical' || exit.reason === 'stack' ? 13 : 14;
  if (exit.kind !== 'trap') return -1;
  switch (exit.trap) {
    case 'divide':
      return 0;
    case 'breakpoint':
      return 3;
    case 'illegal':
      return 6;
    case 'privileged':
      return 13;
    case 'floating-point':
      return 16;
    case 'simd':
      return 19;
    default:
      return -2;
  }
}

const describe = (exit: Exit): string =>
  exit.kind === 'fault'
    ? `fault ${exit.access} ${exit.address.toString(16)} ${exit.reason}`
    : exit.kind === 'trap'
      ? exit.trap
      : exit.kind;

export function flagNames(flags: number): string {
  const names: [number, string][] = [[1, 'CF'], [4, 'PF'], [0x10, 'AF'], [0x40, 'ZF'], [0x80, 'SF'], [0x400, 'DF'], [0x800, 'OF'], [0x40000, 'AC'], [0x200000, 'ID']]; // biome-ignore format: table
  return names.filter(([bit]) => flags & bit).map(([, name]) => name).join(' ') || '-'; // biome-ignore format: chain
}

/** What may differ in an FX image. */
export interface FxAllowance {
  /** Bits of the status word. */
  fsw: number;
  /** Units in the last place that ST registers may be off. */
  ulps: number;
  mxcsr: number;
  /** XMM registers. */
  xmm: boolean;
  nans: boolean;
  x87: boolean;
}

/** Neighbouring values of the 80-bit format are neighbouring numbers: the integer bit is left out. */
function ordinal(hex: string): bigint {
  const v = BigInt(`0x${hex}`);
  return ((v >> 64n) << 63n) | (v & ((1n << 63n) - 1n));
}

function compareFx(
  theirs: Uint8Array,
  ours: Uint8Array,
  allowed: FxAllowance,
  differ: (what: string, a: unknown, b: unknown) => void,
): void {
  const [a, b] = [new DataView(theirs.buffer, theirs.byteOffset), new DataView(ours.buffer, ours.byteOffset)];
  const word = (at: number, name: string, mask: number) => {
    const [x, y] = [a.getUint16(at, true) & mask, b.getUint16(at, true) & mask];
    if (x !== y) differ(name, x.toString(16), y.toString(16));
  };
  word(0, 'fcw', 0xffff);
  if (!allowed.x87) {
    word(2, 'fsw', 0xffff & ~allowed.fsw);
    word(4, 'tags', 0xff);
  }
  word(24, 'mxcsr', 0xffff & ~allowed.mxcsr);
  // A copy: of a Buffer, slice would be a view.
  const hex = (v: Uint8Array, at: number, n: number) =>
    Buffer.from(v.subarray(at, at + n))
      .reverse()
      .toString('hex');
  for (let i = 0; i < 8 && !allowed.x87; i++) {
    const at = 32 + i * 16;
    const [x, y] = [hex(theirs, at, 10), hex(ours, at, 10)];
    if (x === y) continue;
    if (allowed.ulps) {
      const distance = ordinal(x) - ordinal(y);
      if (distance <= BigInt(allowed.ulps) && distance >= -BigInt(allowed.ulps)) continue;
    }
    differ(`st${i}`, x, y);
  }
  for (let at = 160, i = 0; at < FX_BYTES; at += 16, i++) {
    const [x, y] = [hex(theirs, at, 16), hex(ours, at, 16)];
    if (x !== y && !allowed.xmm && !(allowed.nans && sameButForNans(a, b, at))) differ(`xmm${i}`, x, y);
  }
}

/** Are the lanes of both XMM registers equal, of whichever width, but for those that are a NaN in both? */
function sameButForNans(a: DataView, b: DataView, at: number): boolean {
  const lanes = (size: number, lane: (view: DataView, at: number) => number) =>
    [0, 4, 8, 12].filter((i) => i % size === 0).every((i) => Object.is(lane(a, at + i), lane(b, at + i)));
  return lanes(4, (view, i) => view.getFloat32(i, true)) || lanes(8, (view, i) => view.getFloat64(i, true));
}
