/**
 * Random programs for the CPU and our tiers: several hundred instructions with loops, calls, switches, memory, vectors,
 * and sometimes a fault. Every flag that is read is defined, and every address lies where the case says.
 */
import { type Label, R12, R14, RAX, RBP, RBX, RCX, RDI, RDX, RSI, RSP } from './assembler.ts';
import { type Case, DATA, DATA_SIZE, READONLY } from './case.ts';
import { FIRST } from './generator.ts';
import { BOUNDARY, FREE, InstructionWriter, MIDDLE } from './program-instructions.ts';
import { fxImage, integer, Random } from './values.ts';

/** The stack grows down from here; stores of the program stay away from it. */
const STACK = DATA + 0x1f00;
/** About how many instructions a program may execute. */
const BUDGET = 60_000;
/** Longest program in bytes. */
const ROOM = 0x8000;

interface Routine {
  label: Label;
  /** Instructions that a call executes, about. */
  cost: number;
}

export function randomProgram(seed: number): Case {
  const r = new Random(seed);
  const writer = new ProgramWriter(r);
  const code = writer.write();
  const gpr = new BigUint64Array(16);
  for (const register of FREE) gpr[register] = integer(r);
  gpr[RBX] = BigInt(MIDDLE);
  gpr[RBP] = BigInt(BOUNDARY);
  gpr[RSP] = BigInt(STACK);
  return { code, address: FIRST, gpr, flags: 0x202, fx: vectors(r), patches: [], mnemonic: `program ${seed}` };
}

/** XMM registers with all kinds of contents, x87 fresh, MXCSR as after reset but for the rounding, sometimes. */
function vectors(r: Random): Uint8Array {
  const fx = fxImage(r, { x87: false, st: [], xmm: Array.from({ length: 16 }, (_, i) => i) });
  const view = new DataView(fx.buffer, fx.byteOffset);
  view.setUint32(24, 0x1f80 | (r.chance(0.15) ? r.below(4) << 13 : 0), true);
  return fx;
}

class ProgramWriter extends InstructionWriter {
  readonly #routines: Routine[] = [];
  /** How often what is being written is run. */
  #times = 1;
  #depth = 0;
  /** A fault stands somewhere. */
  #faults: boolean;
  #inMain = false;

  constructor(r: Random) {
    super(r);
    this.#faults = !r.chance(0.55);
  }

  /** Routines first, each may call those before it; the program begins with a jump to the last part. */
  write(): Uint8Array {
    const a = this.a;
    const main = a.label();
    a.jump([0xe9], main);
    const count = 1 + this.r.below(4);
    for (let i = 0; i < count; i++) {
      const label = a.label();
      a.place(label);
      this.cost = 0;
      this.#block(4 + this.r.below(10));
      a.byte(0xc3);
      this.#routines.push({ label, cost: this.cost + 2 });
    }
    a.place(main);
    this.cost = 0;
    this.#inMain = true;
    do this.#block(14 + this.r.below(30));
    while (a.length < 1200);
    if (!this.#faults) this.#fault();
    a.byte(0xcc);
    return a.finish();
  }

  #block(items: number): void {
    for (let i = 0; i < items; i++) {
      if (this.a.length > ROOM) return;
      const p = this.r.below(100);
      if (p < 76 || this.#depth > 2) this.plain();
      else if (p < 82) this.#branch();
      else if (p < 86) this.#loop();
      else if (p < 88) this.#walk();
      else if (p < 94) this.#call();
      else if (p < 96) this.#switch();
      else if (p < 98) this.#pushes();
      else this.#modify();
    }
    // In the middle of the main part, or at its end.
    if (this.#inMain && !this.#faults && this.r.chance(0.15)) this.#fault();
  }

  // ---- control flow

  #within(times: number, write: () => void): void {
    const { before, cost } = { before: this.#times, cost: this.cost };
    this.#times *= times;
    this.#depth++;
    this.cost = 0;
    write();
    this.cost = cost + this.cost * times;
    this.#depth--;
    this.#times = before;
  }

  #branch(): void {
    const { a, r } = { a: this.a, r: this.r };
    if (r.chance(0.7)) this.compare();
    const [other, end] = [a.label(), a.label()];
    a.jump([0x0f, 0x80 | r.below(16)], other);
    this.#within(1, () => this.#block(1 + r.below(5)));
    if (r.chance(0.5)) {
      a.jump([0xe9], end);
      a.place(other);
      this.#within(1, () => this.#block(1 + r.below(5)));
    } else a.place(other);
    a.place(end);
  }

  /** PUSH r12; MOV r12d, n; body; DEC r12; JNZ; POP r12. */
  #loop() {
    const { a, r } = { a: this.a, r: this.r };
    const times = Math.min(2 + r.below(r.pick([6, 40, 200])), Math.floor(BUDGET / 60 / this.#times));
    if (times < 2 || this.cost * this.#times > BUDGET) return this.plain();
    a.byte(0x41, 0x54, 0x41, 0xbc);
    a.imm(times, 4);
    const head = a.label();
    a.place(head);
    this.#within(times, () => this.#block(1 + r.below(6)));
    a.op(r.pick([32, 64]), [0xff], 1, R12);
    a.jump([0x0f, 0x85], head);
    a.byte(0x41, 0x5c);
  }

  /** PUSH r12; MOV r12d, n; pointers; loads and stores off them, sometimes a way around; pointers moved on; DEC r12; JNZ; POP r12. */
  #walk() {
    const { a, r } = { a: this.a, r: this.r };
    const times = Math.min(2 + r.below(r.pick([6, 100])), Math.floor(BUDGET / 60 / this.#times));
    if (times < 2 || this.cost * this.#times > BUDGET) return this.plain();
    const registers = [RSI, RDI].slice(0, 1 + r.below(2));
    const steps = registers.map(() => (r.below(33) - 16) * r.pick([1, 1, 2]));
    a.byte(0x41, 0x54, 0x41, 0xbc);
    a.imm(times, 4);
    for (const [i, register] of registers.entries()) {
      // The walk stays within what may be written, around the boundary of the pages where it can.
      const [low, high] = [0x80 + Math.max(0, -steps[i] * times), 0x1600 - Math.max(0, steps[i] * times)];
      if (high < low) steps[i] = 0;
      const start = steps[i] === 0 ? 0x800 : low + r.below(high - low + 1);
      a.op(64, [0x8d], register, { base: RBX, disp: start - 0x800 });
    }
    const head = a.label();
    a.place(head);
    const access = () => {
      const size = r.pick([8, 16, 32, 64]);
      const at = { base: r.pick(registers), disp: r.below(64) - 32 };
      a.op(size, this.wide(size, r.pick([0x01, 0x29, 0x89, 0x8b, 0x03])), r.pick([RAX, RCX, RDX, R14]), at);
    };
    for (let i = r.below(3); i >= 0; i--) access();
    if (r.chance(0.3)) {
      const around = a.label();
      this.compare();
      a.jump([0x0f, 0x80 | r.below(16)], around);
      access();
      a.place(around);
    }
    for (const [i, register] of registers.entries()) a.op(64, [0x8d], register, { base: register, disp: steps[i] });
    a.op(r.pick([32, 64]), [0xff], 1, R12);
    a.jump([0x0f, 0x85], head);
    a.byte(0x41, 0x5c);
    this.cost += 10 * times;
  }

  #call() {
    const { a, r } = { a: this.a, r: this.r };
    if (this.cost * this.#times > BUDGET) return this.plain();
    const affordable = this.#routines.filter(({ cost }) => (this.cost + cost) * this.#times < BUDGET);
    if (affordable.length === 0) return this.plain();
    const routine = r.pick(affordable);
    if (r.chance(0.7)) a.jump([0xe8], routine.label);
    else {
      a.address(RAX, routine.label);
      a.byte(0xff, 0xd0);
    }
    this.cost += routine.cost;
  }

  /** Four ways by two bits of a register, through a table of distances as compilers make it. */
  #switch(): void {
    const { a, r } = { a: this.a, r: this.r };
    const table = a.label();
    const end = a.label();
    const ways = Array.from({ length: 4 }, () => a.label());
    // MOV ecx, reg; AND ecx, 3; LEA rdx, table; MOVSXD rcx, [rdx + rcx*4]; ADD rcx, rdx; JMP rcx
    a.op(32, [0x89], this.reg, RCX);
    a.op(32, [0x83], 4, RCX);
    a.imm(3, 1);
    a.address(RDX, table);
    a.op(64, [0x63], RCX, { base: RDX, index: RCX, scale: 2, disp: 0 });
    a.op(64, [0x01], RDX, RCX);
    a.byte(0xff, 0xe1);
    a.place(table);
    for (const way of ways) a.entry(way, table);
    for (const way of ways) {
      a.place(way);
      this.#within(1, () => this.#block(1 + r.below(3)));
      a.jump([0xe9], end);
    }
    a.place(end);
    this.cost += 8;
  }

  #pushes(): void {
    const { a, r } = { a: this.a, r: this.r };
    const count = 1 + r.below(4);
    const low = [RAX, RCX, RDX, RSI, RDI];
    for (let i = 0; i < count; i++) a.byte(0x50 | r.pick(low));
    this.#within(1, () => this.#block(1 + r.below(3)));
    for (let i = 0; i < count; i++) a.byte(0x58 | r.pick(low));
  }

  /** A store into the constant of an instruction a little further on. */
  #modify(): void {
    const { a, r } = { a: this.a, r: this.r };
    const target = a.label();
    a.address(RAX, target);
    a.op(8, [0x88], RCX, { base: RAX, disp: 0 });
    for (let i = r.below(4); i > 0; i--) this.plain();
    a.op(32, [0x83], r.below(8), this.reg);
    a.place(target);
    a.imm(r.below(256), 1);
    this.cost += 3;
  }

  /** Something that does not go well, sometimes only in one round of a loop. */
  #fault(): void {
    const { a, r } = { a: this.a, r: this.r };
    this.#faults = true;
    const end = DATA + DATA_SIZE;
    const load = (register: number, value: number | bigint) => {
      a.byte(0x48 | (register >> 3), 0xb8 | (register & 7));
      a.imm(value, 8);
    };
    const around = a.label();
    const conditional = this.#depth > 0 && r.chance(0.7);
    if (conditional) {
      // Only when the loop's counter is 2.
      a.op(32, [0x83], 7, R12);
      a.imm(2, 1);
      a.jump([0x0f, 0x85], around);
    }
    switch (r.below(11)) {
      case 0: // past the end, or across it
        load(RSI, end - r.below(9));
        a.op(64, [0x8b], this.reg, { base: RSI, disp: 1 });
        break;
      case 1:
        load(RDI, READONLY + r.below(0x1000));
        a.op(32, [0x01], this.reg, { base: RDI, disp: 0 });
        break;
      case 2:
        a.byte(0x0f, 0x0b);
        break;
      case 3: // HLT
        a.byte(0xf4);
        break;
      case 4: // XOR ecx, ecx; DIV ecx
        a.byte(0x31, 0xc9, 0xf7, 0xf1);
        break;
      case 5: // MOVAPS off its boundary
        a.op(32, [0x0f, r.pick([0x28, 0x29])], this.xmm, { base: RBX, disp: 8 });
        break;
      case 6: // an address that is none
        load(RSI, 0x0123_4567_89ab_cdefn);
        a.op(32, [0x8b], this.reg, { base: RSI, disp: 0 });
        break;
      case 7: // a jump to data
        load(RDX, DATA + r.below(DATA_SIZE));
        a.byte(0xff, 0xe2);
        break;
      case 8: {
        // a loop of loads that walks off the end: ADD rax, [rsi]; LEA rsi, [rsi + n]
        load(RSI, end - r.below(0x400));
        const head = a.label();
        a.place(head);
        a.op(r.pick([32, 64]), [0x03], RAX, { base: RSI, disp: 0 });
        a.op(64, [0x8d], RSI, { base: RSI, disp: r.pick([1, 4, 8]) });
        a.jump([0xe9], head);
        break;
      }
      case 9: {
        // a loop of stores that walks off the beginning
        load(RDI, DATA + r.below(0x300));
        const head = a.label();
        a.place(head);
        a.op(r.pick([8, 32, 64]), [0x89], RAX, { base: RDI, disp: 0 });
        a.op(64, [0x8d], RDI, { base: RDI, disp: -r.pick([1, 3, 8]) });
        a.op(32, [0xff], 0, RAX);
        a.jump([0xe9], head);
        break;
      }
      default:
        // REP MOVS or STOS beyond the end, with what was moved before kept
        load(RSI, end - r.below(0x100));
        a.op(64, [0x8d], RDI, { base: RBX, disp: -0x400 });
        a.byte(0xb9);
        a.imm(0x300, 4);
        a.byte(0xf3, r.pick([0x48, 0x40]), r.pick([0xa4, 0xa5]));
    }
    if (conditional) a.place(around);
    else if (!this.#inMain) a.byte(0x90);
  }
}
