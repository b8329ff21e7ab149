/** A small x86-64 assembler for generated programs: bytes, labels, and the ModRM forms that they use. Knows no mnemonics. */

export const [RAX, RCX, RDX, RBX, RSP, RBP, RSI, RDI, R8, R9, R10, R11, R12, R13, R14, R15] = Array.from(
  { length: 16 },
  (_, i) => i,
);

export interface Memory {
  base: number;
  /** Register, not RSP; with `scale` as a shift count. */
  index?: number;
  scale?: number;
  disp: number;
}

/** A general register or a vector register by number, or memory. */
export type Rm = number | Memory;

export interface Label {
  at: number | undefined;
}

export class Assembler {
  readonly #bytes: number[] = [];
  /** Where a 32-bit distance to a label stands; it counts from `from`. */
  readonly #fixups: { at: number; from: number; label: Label }[] = [];

  get length(): number {
    return this.#bytes.length;
  }

  byte(...values: number[]): void {
    for (const value of values) this.#bytes.push(value & 0xff);
  }
  imm(value: number | bigint, bytes: number): void {
    let rest = BigInt.asUintN(64, BigInt(value));
    for (let i = 0; i < bytes; i++) {
      this.byte(Number(rest & 0xffn));
      rest >>= 8n;
    }
  }

  /**
   * An instruction with ModRM: `size` 8, 16, 32 or 64 bits (66 and REX.W come from it; 8 always has a REX, so that 4 to
   * 7 are SPL to DIL), `opcode` with its escape bytes, `reg` a register or an opcode digit. `prefix`: 66, F2 or F3.
   */
  op(size: number, opcode: readonly number[], reg: number, rm: Rm, prefix = 0): void {
    const memory = typeof rm === 'number' ? undefined : rm;
    const low = memory ? memory.base : (rm as number);
    const rex = (size === 64 ? 8 : 0) | ((reg & 8) >> 1) | (((memory?.index ?? 0) & 8) >> 2) | ((low & 8) >> 3);
    if (size === 16) this.byte(0x66);
    if (prefix) this.byte(prefix);
    if (rex || size === 8) this.byte(0x40 | rex);
    this.byte(...opcode);
    if (!memory) {
      this.byte(0xc0 | ((reg & 7) << 3) | (low & 7));
      return;
    }
    const short = memory.disp >= -128 && memory.disp < 128;
    const mod = short ? 0x40 : 0x80;
    const sib = memory.index !== undefined || (low & 7) === RSP;
    this.byte(mod | ((reg & 7) << 3) | (sib ? 4 : low & 7));
    if (sib) this.byte(((memory.scale ?? 0) << 6) | (((memory.index ?? RSP) & 7) << 3) | (low & 7));
    this.imm(memory.disp, short ? 1 : 4);
  }

  label(): Label {
    return { at: undefined };
  }
  place(label: Label): void {
    label.at = this.length;
  }
  /** A jump or call: opcode bytes, then the distance. */
  jump(opcode: readonly number[], label: Label): void {
    this.byte(...opcode);
    this.#fixups.push({ at: this.length, from: this.length + 4, label });
    this.imm(0, 4);
  }
  /** LEA reg, [RIP + label]; `plus` bytes behind it. */
  address(reg: number, label: Label): void {
    this.byte(0x48 | ((reg & 8) >> 1));
    this.jump([0x8d, 0x05 | ((reg & 7) << 3)], label);
  }
  /** An entry of a jump table: the label's distance from `base`. */
  entry(label: Label, base: Label): void {
    this.#fixups.push({ at: this.length, from: base.at!, label });
    this.imm(0, 4);
  }

  finish(): Uint8Array {
    for (const { at, from, label } of this.#fixups) {
      const distance = label.at! - from;
      for (let i = 0; i < 4; i++) this.#bytes[at + i] = (distance >> (i * 8)) & 0xff;
    }
    return Uint8Array.from(this.#bytes);
  }
}
