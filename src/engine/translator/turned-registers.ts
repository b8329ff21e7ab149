/** Registers of a file that is turned (x87's stack): where in the state block they are follows from how far it was turned when they were loaded. */
import type { Node } from '../../ir/builder.ts';
import { ACCESS, type Access } from '../../ir/ops.ts';
import type { Isa, Register } from '../../isa/isa.ts';
import { STATE } from '../lowering.ts';
import type { Bytes } from '../wasm/encoder.ts';
import { I32_ADD, I32_AND } from '../wasm/opcodes.ts';

const GET = 0x20;
const CONST = 0x41;
const SHL = 0x74;
const SHR_U = 0x76;
const OR = 0x72;

/** Does a statement read or write such a register? */
export function isTurned({ registers, turn }: Isa, { kind, imm }: Node): boolean {
  return (kind === 'getreg' || kind === 'setreg') && (imm === turn || registers[Number(imm)].turned !== undefined);
}

function get(into: Bytes, local: number): void {
  into.byte(GET);
  into.u32(local);
}
function constant(into: Bytes, v: number): void {
  into.byte(CONST);
  into.s32(v);
}
function access(into: Bytes, code: readonly number[], offset: number): void {
  into.bytes([...code, 0]);
  into.u32(offset);
}

/** Push (turn + what is pushed by `more`) modulo 8. */
function sum(into: Bytes, turn: number, more: () => void): void {
  get(into, turn);
  more();
  into.byte(I32_ADD);
  constant(into, 7);
  into.byte(I32_AND);
}

/** Push the address of register `n` of the file. */
function place(into: Bytes, n: number, turn: number): void {
  get(into, STATE);
  sum(into, turn, () => constant(into, n));
  constant(into, 4);
  into.bytes([SHL, I32_ADD]);
}

/** Push the register's value as the region has it. */
export function loadTurned(into: Bytes, r: Register, turn: number): void {
  const { load } = ACCESS[form(r)];
  if (r.turned === 'number') constant(into, 0);
  else if (r.turned === 'bits') {
    // Twice, one above the other: eight bits from the turn on.
    get(into, STATE);
    access(into, load, r.offset);
    constant(into, 0x101);
    into.byte(0x6c); // mul
    get(into, turn);
    into.byte(SHR_U);
    constant(into, 0xff);
    into.byte(I32_AND);
  } else {
    place(into, r.turned as number, turn);
    access(into, load, r.offset);
  }
}

export function saveTurned(into: Bytes, r: Register, local: number, turn: number): void {
  if (r.turned === 'number') {
    get(into, STATE);
    sum(into, turn, () => get(into, local));
  } else if (r.turned === 'bits') {
    const moved = () => {
      get(into, local);
      get(into, turn);
      into.byte(SHL);
    };
    get(into, STATE);
    moved();
    moved();
    constant(into, 8);
    into.bytes([SHR_U, OR]);
    constant(into, 0xff);
    into.byte(I32_AND);
  } else {
    place(into, r.turned as number, turn);
    get(into, local);
  }
  access(into, ACCESS[form(r)].store, r.offset);
}

const form = (r: Register): Access => (r.access ?? r.type) as Access;
