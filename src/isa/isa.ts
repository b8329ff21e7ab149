/** What an instruction set supplies to the engine: decoding, meaning, register table, internal functions and helpers. Knows no OS. */
import type { Builder, Node } from '../ir/builder.ts';
import type { Access } from '../ir/ops.ts';
import type { Helper, ValueType } from './helper.ts';

/** A register that regions keep in a wasm local; its id is its index in `Isa.registers`. */
export interface Register {
  readonly name: string;
  readonly type: ValueType;
  /** Offset in the state block. */
  readonly offset: number;
  /** How it is read and written there, if not as a whole of its type. */
  readonly access?: Access;
  /**
   * It belongs to a file of eight registers that is turned (a stack with a top): locals go by the distance from `Isa.turn`'s value when they were loaded. The number of one of
   * the file's registers, which are 16 bytes apart; 'bits': a byte with one bit for each; 'number': the new value of the turn itself.
   */
  readonly turned?: number | 'bits' | 'number';
}

/** A decoded instruction; ISAs extend it. */
export interface Instruction {
  readonly pc: number;
  readonly length: number;
  readonly mnemonic: string;
  /** Instructions with equal shape keys share an interpreter handler: they differ only in what the record holds. */
  readonly shape: string;
  /** Must run in the interpreter alone (reads or writes the whole register file). */
  readonly alone: boolean;
  /** Ends a block. */
  readonly ends: boolean;
  /** Repeats itself (REP): jumps to its own PC until done. */
  readonly loops: boolean;
  /** Where control goes: straight on, to `target`, to either, somewhere not known before, or out of the engine. Calls and returns are jumps that say so. */
  readonly flow: 'next' | 'jump' | 'branch' | 'call' | 'indirect' | 'indirect-call' | 'return' | 'stop';
  readonly target: number;
  /** Bytes at its end that are no more than a number to it: built as open, its meaning reads them where they stand. */
  readonly variable: number;
}

/** A wasm function without effects, written with the builder and called from semantics with `b.call`. With `switch`, one body for each value 0 … switch-1 of the first parameter. */
export interface InternalFunction {
  readonly params: readonly ValueType[];
  readonly result: ValueType;
  readonly switch?: number;
  /** `choice`: the value of the first parameter that this body serves (0 without `switch`). */
  build(b: Builder, choice: number, ...params: Node[]): Node;
}

export interface Isa<I extends Instruction = Instruction> {
  readonly name: string;
  readonly maxLength: number;
  readonly registers: readonly Register[];
  readonly pcOffset: number;
  /** Id of the register in which calls keep their return addresses' place. */
  readonly stackPointer: number;
  /** Id of the register that says how far the file of turned registers is turned; it is loaded with any of these and never set. */
  readonly turn: number;
  /** Offset of the always-present engine fields: instructions left (i32), hot mask (a block is reported whenever its count has none of these bits set), exit code (i32), 64 bytes for slow accesses. */
  readonly budgetOffset: number;
  readonly hotOffset: number;
  readonly exitOffset: number;
  readonly scratchOffset: number;
  /** Regions are compiled for the state in which these bits of an i32 field are clear (rounding and flush modes); otherwise the interpreter runs. */
  readonly modeOffset: number;
  readonly modeMask: number;
  /** A program that sets `askBit` in that field wants regions to keep what they leave out by default (exception flags); `keepBit` is the engine's answer. */
  readonly askBit: number;
  readonly keepBit: number;
  /** Decode at pc from the bytes at hand, of which `start` (default 0) is the first. undefined: more bytes are needed than there are. An unknown instruction is one whose meaning is an illegal-instruction exit. */
  decode(bytes: Uint8Array, pc: number, start?: number): I | undefined;
  /** Does this access of the instruction go through the stack segment, whose faults are their own? */
  usesStack(instruction: I, access: 'read' | 'write'): boolean;
  /** Bytes of an instruction that are part of a block's meaning, in a record: written by `encode`. */
  encode(instruction: I, view: DataView, record: number): void;
  /** Build the meaning of instructions with their operands known, a run of them for each builder. `keep`: exception flags too; `plain`: turned registers stay in the state block. */
  regionBuilder(options: { readonly keep?: boolean; readonly plain?: boolean }): RegionBuilder<I>;
  /** Build the meaning of a shape with its operands read from the record (interpreter handlers). `before`: what always comes before it, and ends by going on to it. */
  buildShape(instruction: I, before?: Builder): Builder;
  /** Instructions of the shapes that run most, each with a meaning of its own: the interpreter's loop has their handlers in itself. */
  common(): readonly I[];
  /** Pairs of these that mostly follow each other: it has them as one. */
  commonPairs(): readonly (readonly [I, I])[];
  readonly functions: Readonly<Record<string, InternalFunction>>;
  readonly helpers: Readonly<Record<string, Helper>>;
}

export interface RegionBuilder<I extends Instruction = Instruction> extends Builder {
  /** What is known at build time at the end of another run (flags) holds at the start of this one. */
  inherit(from: RegionBuilder<I>): void;
  /** This run follows another one, among others perhaps. */
  follow(from: RegionBuilder<I>): void;
  /** Turned registers are at this run's start where they are at another one's end; or behind a callee, from which they come as they are loaded. */
  follows(from: RegionBuilder<I> | undefined): boolean;
  /** An instruction sees turned registers in the state block: the region must be built with them there. */
  readonly needsPlain: boolean;
  /** Append the meaning of the next instruction. `open`: its variable bytes may change. */
  append(instruction: I, open?: boolean): void;
}
