/** The straight instructions of random programs, each with operands that lie where it may reach, and with every flag defined after it. */
import { Assembler, type Memory, R8, R9, R10, R11, R14, R15, RAX, RBP, RBX, RCX, RDI, RDX, type Rm, RSI } from './assembler.ts'; // biome-ignore format: one list
import { DATA } from './case.ts';
import { integer, type Random } from './values.ts';

/** Registers that instructions may change. RBX and RBP point into the data, R12 counts loops. */
export const FREE = [RAX, RCX, RDX, RSI, RDI, R8, R9, R10, R14, R15];
/** Scratch of addresses. */
const INDEX = R11;
/** RBX points here, RBP to the boundary of the two data pages. */
export const MIDDLE = DATA + 0x800;
export const BOUNDARY = DATA + 0x1000;
/** Stores stay below this, counted from DATA. */
const STORES = 0x1700;

export class InstructionWriter {
  protected readonly r: Random;
  protected readonly a = new Assembler();
  /** Instructions executed in what is being written, about. */
  protected cost = 0;

  constructor(r: Random) {
    this.r = r;
  }

  // ---- operands

  protected get reg(): number {
    return this.r.pick(FREE);
  }
  protected get size(): number {
    return this.r.pick([8, 16, 32, 32, 64, 64]);
  }
  protected get xmm(): number {
    return this.r.below(16);
  }

  /** Somewhere in the data pages; may cross from one to the other. Changes no flag, only INDEX. */
  protected memory(bytes: number, write: boolean, aligned = false): Memory {
    const r = this.r;
    if (aligned) return { base: RBX, disp: (r.below(0x80) - 0x40) * 16 };
    switch (r.below(5)) {
      case 0:
        return { base: RBP, disp: r.below(2 * bytes) - bytes };
      case 1:
        return { base: RBX, disp: r.below(0xe00) - 0x800 };
      case 2: {
        // MOVZX r11d, r8: up to 255 of them.
        const scale = r.below(3);
        this.a.op(8, [0x0f, 0xb6], INDEX, this.reg);
        this.cost++;
        return { base: RBX, index: INDEX, scale, disp: r.below(0x100) - 0x200 };
      }
      case 3:
        return { base: RBP, disp: -(r.below(0x800) + bytes) };
      default:
        return { base: RBX, disp: r.below(write ? 0x60 : STORES - 0x800 - bytes) };
    }
  }
  protected rm(size: number, write = false): Rm {
    return this.r.chance(0.4) ? this.memory(size / 8, write) : this.reg;
  }

  /** CMP with a constant: every flag has a value after it. */
  protected define(): void {
    this.a.op(32, [0x83], 7, this.reg);
    this.a.imm(this.r.below(256), 1);
    this.cost++;
  }

  protected wide(size: number, opcode: number): readonly number[] {
    return [size === 8 ? opcode - 1 : opcode];
  }

  // ---- straight instructions

  protected plain(): void {
    const p = this.r.below(100);
    this.cost++;
    if (p < 30) this.arithmetic();
    else if (p < 48) this.move();
    else if (p < 60) this.shiftOrMultiply();
    else if (p < 68) this.conditional();
    else if (p < 74) this.rare();
    else if (p < 77) this.string();
    else if (p < 80) this.float();
    else this.vector();
  }

  protected arithmetic() {
    const { a, r, size } = { a: this.a, r: this.r, size: this.size };
    const family = r.below(8);
    switch (r.below(5)) {
      case 0: // Ev, Gv
        return a.op(size, this.wide(size, family * 8 + 1), this.reg, this.rm(size, true));
      case 1: // Gv, Ev
        return a.op(size, this.wide(size, family * 8 + 3), this.reg, this.rm(size));
      case 2: {
        a.op(size, this.wide(size, 0x81), family, this.rm(size, true));
        return a.imm(integer(r), size === 8 ? 1 : size === 16 ? 2 : 4);
      }
      case 3: // INC, DEC
        return a.op(size, this.wide(size, 0xff), r.below(2), this.rm(size, true));
      default: // NOT, NEG, TEST
        if (r.chance(0.3)) return a.op(size, this.wide(size, 0x85), this.reg, this.rm(size));
        return a.op(size, this.wide(size, 0xf7), 2 + r.below(2), this.rm(size, true));
    }
  }

  protected move() {
    const { a, r, size } = { a: this.a, r: this.r, size: this.size };
    switch (r.below(7)) {
      case 0:
        return a.op(size, this.wide(size, 0x89), this.reg, this.rm(size, true));
      case 1:
        return a.op(size, this.wide(size, 0x8b), this.reg, this.rm(size));
      case 2: {
        const register = this.reg;
        a.byte(0x48 | (register >> 3), 0xb8 | (register & 7));
        return a.imm(integer(r), 8);
      }
      case 3: {
        // MOVZX, MOVSX of 8 and 16 bits
        const from = r.pick([8, 16]);
        const opcode = r.pick([0xb6, 0xbe]) + (from === 16 ? 1 : 0);
        const to = r.pick([32, 64]);
        const rm = this.rm(from);
        // A byte register needs the REX that only 64 bits bring: else AH to BH would be read.
        return a.op(typeof rm === 'number' && from === 8 ? 64 : to, [0x0f, opcode], this.reg, rm);
      }
      case 4:
        return a.op(64, [0x63], this.reg, this.rm(32));
      case 5:
        return a.op(r.pick([32, 64]), [0x8d], this.reg, { base: r.pick(FREE), index: r.pick(FREE), scale: r.below(4), disp: r.u32() | 0 }); // biome-ignore format: operand
      default:
        // XCHG of registers
        return a.op(r.pick([32, 64]), [0x87], this.reg, this.reg);
    }
  }

  protected shiftOrMultiply(): void {
    const { a, r } = { a: this.a, r: this.r };
    const size = this.size;
    switch (r.below(6)) {
      case 0:
      case 1: {
        // ROL ROR RCL RCR SHL SHR SAR by a constant below the width
        a.op(size, this.wide(size, 0xc1), r.pick([0, 1, 2, 3, 4, 5, 7]), this.rm(size, true));
        a.imm(r.below(size), 1);
        break;
      }
      case 2: {
        const wide = r.pick([32, 64]);
        a.op(wide, [0xd3], r.pick([0, 1, 2, 3, 4, 5, 7]), this.rm(wide, true));
        break;
      }
      case 3: {
        const wide = r.pick([16, 32, 64]);
        a.op(wide, [0x0f, 0xaf], this.reg, this.rm(wide));
        break;
      }
      case 4: {
        const wide = r.pick([32, 64]);
        if (r.chance(0.5)) a.op(wide, [0xf7], 4 + r.below(2), this.rm(wide));
        else {
          // SHLD, SHRD
          a.op(wide, [0x0f, r.pick([0xa4, 0xac])], this.reg, this.rm(wide, true));
          a.imm(1 + r.below(wide - 1), 1);
        }
        break;
      }
      default: {
        // A division that cannot fail: MOV ecx, n; CQO or XOR edx, edx; DIV or IDIV rcx.
        const wide = r.pick([32, 64]);
        const signed = r.chance(0.5);
        a.byte(0xb9);
        a.imm(2 + r.below(0x7fff_0000), 4);
        if (!signed) a.byte(0x31, 0xd2);
        else a.byte(...(wide === 64 ? [0x48, 0x99] : [0x99]));
        a.op(wide, [0xf7], signed ? 7 : 6, RCX);
        this.cost += 2;
      }
    }
    this.define();
  }

  protected conditional(): void {
    const { a, r } = { a: this.a, r: this.r };
    const condition = r.below(16);
    if (r.chance(0.5)) this.compare();
    if (r.chance(0.5)) a.op(r.pick([16, 32, 64]), [0x0f, 0x40 | condition], this.reg, this.reg);
    else a.op(8, [0x0f, 0x90 | condition], 0, this.rm(8, true));
  }

  protected compare(): void {
    const size = this.size;
    this.cost++;
    if (this.r.chance(0.2)) this.a.op(32, [0x0f, 0x2e], this.xmm, this.xmm, this.r.pick([0, 0x66]));
    else this.a.op(size, this.wide(size, this.r.pick([0x39, 0x3b, 0x85])), this.reg, this.reg);
  }

  protected rare() {
    const { a, r } = { a: this.a, r: this.r };
    const wide = r.pick([32, 64]);
    switch (r.below(12)) {
      case 0: // BSWAP
        return a.byte(0x48, 0x0f, 0xc8 | r.pick([RAX, RCX, RDX, RSI, RDI]));
      case 1: // CBW CWDE CDQE, CWD CDQ CQO
        return a.byte(...r.pick([[0x66], [], [0x48]]), r.pick([0x98, 0x99]));
      case 2: // LOCK XADD
        a.byte(0xf0);
        return this.locked(wide, [0x0f, 0xc1]);
      case 3: // LOCK CMPXCHG
        a.byte(0xf0);
        return this.locked(wide, [0x0f, 0xb1]);
      case 4: // BSF, BSR of something that is not 0
        {
          const source = this.reg;
          a.op(wide, [0x83], 1, source);
          a.imm(1, 1);
          a.op(wide, [0x0f, r.pick([0xbc, 0xbd])], this.reg, source);
        }
        return this.define();
      case 5: // POPCNT
        return a.op(wide, [0x0f, 0xb8], this.reg, this.rm(wide), 0xf3);
      case 6: // BT and its kin with a constant
        a.op(wide, [0x0f, 0xba], 4 + r.below(4), this.rm(wide, true));
        a.imm(r.below(64), 1);
        return this.define();
      case 7: // PUSHFQ; POP; AND with the arithmetic flags
        {
          const register = r.pick([RCX, RDX, RSI, RDI]);
          a.byte(0x9c, 0x58 | register);
          a.op(32, [0x81], 4, register);
          a.imm(0x8d5, 4);
        }
        return;
      case 8: // PUSH flags; POPFQ
        a.byte(0x68);
        a.imm(0x202 | (r.u32() & 0x8d5), 4);
        return a.byte(0x9d);
      case 9: // LAHF, SAHF, CMC, CLC, STC
        return a.byte(r.pick([0x9f, 0x9e, 0xf5, 0xf8, 0xf9]));
      case 10: // MOV between high and low bytes
        return a.byte(r.pick([0x88, 0x8a]), 0xc0 | (r.pick([4, 5, 6]) << 3) | r.below(3));
      default: {
        // A wide store, then a load of a part of it.
        const narrow = r.pick([8, 16, 32]);
        a.op(wide, [0x89], this.reg, { base: RBX, disp: 0x40 });
        return a.op(narrow, this.wide(narrow, 0x8b), this.reg, { base: RBX, disp: 0x40 + r.below(4) });
      }
    }
  }

  /** After a LOCK prefix there is no room for what computes an address. */
  protected locked(size: number, opcode: readonly number[]): void {
    this.a.op(size, opcode, this.reg, { base: this.r.pick([RBX, RBP]), disp: this.r.below(0x80) * 4 - 0x100 });
  }

  /** RSI and RDI point into the data, RCX counts; REP forms of every kind. */
  protected string(): void {
    const { a, r } = { a: this.a, r: this.r };
    const lea = (register: number, disp: number) => a.op(64, [0x8d], register, { base: RBX, disp });
    lea(RSI, r.below(0x800) - 0x400);
    lea(RDI, r.below(0x600) - 0x400);
    a.byte(0xb9);
    a.imm(r.below(40), 4);
    const wide = r.pick([[], [0x48], [0x66]]);
    const size66 = wide[0] === 0x66 ? [0x66] : [];
    const rex = wide[0] === 0x48 ? [0x48] : [];
    const form = r.pick([0xa4, 0xa5, 0xaa, 0xab, 0xa6, 0xae, 0xaf, 0xa7, 0xac]);
    const compares = form === 0xa6 || form === 0xa7 || form === 0xae || form === 0xaf;
    const repeat = compares ? r.pick([0xf2, 0xf3]) : 0xf3;
    a.byte(...size66, ...(r.chance(0.85) ? [repeat] : []), ...rex, form);
    this.cost += 44;
  }

  protected vector() {
    const { a, r } = { a: this.a, r: this.r };
    const x = this.xmm;
    const source = (bytes: number): Rm => (r.chance(0.3) ? this.memory(bytes, false, bytes === 16) : this.xmm);
    switch (r.below(12)) {
      case 0: // ADDPS and its kin, in four formats
      case 1: {
        const prefix = r.pick([0, 0x66, 0xf2, 0xf3]);
        const opcode = r.pick([0x58, 0x59, 0x5c, 0x5d, 0x5e, 0x5f, 0x51]);
        return a.op(32, [0x0f, opcode], x, source(prefix === 0xf2 ? 8 : prefix === 0xf3 ? 4 : 16), prefix);
      }
      case 2: // ANDPS ANDNPS ORPS XORPS UNPCKLPS UNPCKHPS
        return a.op(32, [0x0f, r.pick([0x54, 0x55, 0x56, 0x57, 0x14, 0x15])], x, source(16), r.pick([0, 0x66]));
      case 3:
      case 4: {
        // Integers: add, subtract, compare, logic, pack, unpack, multiply, average, minimum
        const opcode = r.pick([0xfc, 0xfd, 0xfe, 0xd4, 0xf8, 0xf9, 0xfa, 0xfb, 0x74, 0x75, 0x76, 0x64, 0x65, 0x66, 0xdb, 0xdf, 0xeb, 0xef, 0x60, 0x61, 0x62, 0x6c, 0x68, 0x69, 0x6a, 0x6d, 0x63, 0x67, 0x6b, 0xd5, 0xe5, 0xe4, 0xf4, 0xf5, 0xf6, 0xe0, 0xe3, 0xda, 0xde, 0xea, 0xee, 0xdc, 0xdd, 0xec, 0xed, 0xd8, 0xd9, 0xe8, 0xe9]); // biome-ignore format: opcodes
        return a.op(32, [0x0f, opcode], x, source(16), 0x66);
      }
      case 5: // PSHUFD, PSHUFLW, PSHUFHW
        a.op(32, [0x0f, 0x70], x, source(16), r.pick([0x66, 0xf2, 0xf3]));
        return a.imm(r.below(256), 1);
      case 6: // shifts by a constant
        {
          const [opcode, digit] = r.pick([[0x71, 2], [0x71, 4], [0x71, 6], [0x72, 2], [0x72, 4], [0x72, 6], [0x73, 2], [0x73, 3], [0x73, 6], [0x73, 7]]); // biome-ignore format: opcodes
          a.op(32, [0x0f, opcode], digit, x, 0x66);
        }
        return a.imm(r.below(40), 1);
      case 7: // PMOVMSKB, MOVMSKPS, MOVD and MOVQ both ways
        switch (r.below(4)) {
          case 0:
            return a.op(32, [0x0f, 0xd7], this.reg, x, 0x66);
          case 1:
            return a.op(32, [0x0f, 0x50], this.reg, x, r.pick([0, 0x66]));
          case 2:
            return this.mov66(x, 0x6e);
          default:
            return this.mov66(x, 0x7e);
        }
      case 8: // conversions
        switch (r.below(5)) {
          case 0:
            return this.convert(0x2a, x, this.reg);
          case 1:
            return this.convert(0x2c, this.reg, x);
          case 2:
            return a.op(32, [0x0f, 0x5a], x, source(16), r.pick([0, 0x66]));
          case 3:
            return a.op(32, [0x0f, 0x5a], x, this.xmm, r.pick([0xf2, 0xf3]));
          default:
            return a.op(32, [0x0f, 0x5b], x, source(16), r.pick([0, 0x66, 0xf3]));
        }
      case 9: // PSHUFB, PALIGNR, PABSD, PMULLD, PMINSD, PMAXUD, PMOVZXBW, PTEST is a comparison
        if (r.chance(0.3)) {
          a.op(32, [0x0f, 0x3a, 0x0f], x, source(16), 0x66);
          return a.imm(r.below(20), 1);
        }
        return a.op(32, [0x0f, 0x38, r.pick([0x00, 0x1e, 0x40, 0x39, 0x3f, 0x17, 0x38, 0x3d])], x, source(16), 0x66);
      case 10: // loads and stores
        if (r.chance(0.5)) return a.op(32, [0x0f, r.pick([0x28, 0x29])], x, this.memory(16, true, true), r.pick([0, 0x66])); // biome-ignore format: one line
        return a.op(32, [0x0f, r.pick([0x10, 0x11])], x, this.memory(16, true), r.pick([0, 0x66, 0xf2, 0xf3]));
      default: // moves between registers
        return a.op(32, [0x0f, r.pick([0x28, 0x6f, 0x10])], x, this.xmm, r.pick([0x66, 0x66]));
    }
  }

  /** FLD or FILD, one to three operations, FSTP or FISTP: the x87 stack is as before. */
  protected float() {
    const { a, r } = { a: this.a, r: this.r };
    const [load, digit] = r.pick([[0xd9, 0], [0xdd, 0], [0xdb, 0], [0xdf, 0], [0xdf, 5]]); // biome-ignore format: pairs
    a.op(32, [load], digit, this.memory(8, false));
    for (let i = r.below(3); i >= 0; i--) {
      // FADD FMUL FSUB FSUBR FDIV FDIVR with memory; FCHS FABS FSQRT FRNDINT FXAM
      if (r.chance(0.7))
        a.op(32, [r.pick([0xd8, 0xdc, 0xda, 0xde])], r.pick([0, 1, 4, 5, 6, 7]), this.memory(8, false));
      else a.byte(0xd9, r.pick([0xe0, 0xe1, 0xfa, 0xfc, 0xe5]));
      this.cost++;
    }
    const [store, way] = r.pick([[0xd9, 3], [0xdd, 3], [0xdb, 3], [0xdf, 3], [0xdf, 7]]); // biome-ignore format: pairs
    a.op(32, [store], way, this.memory(8, true));
  }

  protected mov66(x: number, opcode: number): void {
    // The mandatory prefix stands before REX.
    const wide = this.r.chance(0.5) ? 8 : 0;
    const register = this.reg;
    this.a.byte(0x66, 0x40 | wide | ((x & 8) >> 1) | (register >> 3), 0x0f, opcode, 0xc0 | ((x & 7) << 3) | (register & 7)); // biome-ignore format: bytes
  }
  protected convert(opcode: number, reg: number, rm: number): void {
    const wide = this.r.chance(0.5) ? 64 : 32;
    this.a.op(wide, [0x0f, opcode], reg, rm, this.r.pick([0xf2, 0xf3]));
  }
}
