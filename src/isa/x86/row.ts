/** The form of an x86 row: the manual's opcode string, mnemonic and operand letters, checked by the compiler where it can. */

/** Addressing letters of the manual's appendix A: E r/m, G reg, Z opcode register, I immediate, J relative, M memory only, O absolute memory, R register only (r/m); V xmm reg, W xmm/m, U xmm only (r/m); P mmx reg, Q mmx/m, N mmx only (r/m); S segment register; T x87 register (r/m, register form only). */
type Letter = 'E' | 'G' | 'Z' | 'I' | 'J' | 'M' | 'O' | 'R' | 'V' | 'W' | 'U' | 'P' | 'Q' | 'N' | 'S' | 'T';
/** b 8, w 16, d 32, q 64, v operand size, z operand size but at most 32 (immediates: sign-extended), s an immediate byte sign-extended to the operand size, y 32 or 64, t 80 bits, x 128; none: no size of its own (LEA, INVLPG). */
type Size = 'b' | 'w' | 'd' | 'q' | 'v' | 'z' | 's' | 'y' | 't' | 'x' | '';
/** Named registers: accumulator and counter by width. */
type Named = 'AL' | 'AX' | 'eAX' | 'CL' | '1';
type Operand = `${Letter}${Size}` | Named;
export type Operands = '' | Operand | `${Operand},${Operand}` | `${Operand},${Operand},${string}`;

export interface RowOptions {
  /** Operand size defaults to 64 (stack and branch instructions). */
  d64?: boolean;
  /** LOCK is legal with a memory destination. */
  lock?: boolean;
  /** String instruction: F3/F2 repeat it. */
  rep?: boolean;
  /** The immediate selects what the instruction does (shuffles): it is part of the shape. */
  fixed?: boolean;
  /** Runs in the interpreter alone: reads or writes the register file as a whole. */
  alone?: boolean;
  /** Ends a block. */
  ends?: boolean;
  /** CPUID feature that announces it. */
  needs?: string;
}

export interface Row<M extends string = string> extends RowOptions {
  readonly opcode: string;
  readonly mnemonic: M;
  readonly operands: string;
}

/** One row: `op('F3 0F B8 /r', 'popcnt', 'Gv,Ev', { needs: 'popcnt' })`. Opcode words: NP/66/F2/F3 mandatory prefix, REX.W, opcode bytes (after the escape and one opcode byte a further byte is a whole ModRM), /r, /0–/7, ib iw iz cb cz iq. */
export function op<const M extends string, const O extends Operands>(
  opcode: string,
  mnemonic: M,
  operands: O,
  options: RowOptions = {},
): Row<M> {
  return { opcode, mnemonic, operands, ...options };
}
