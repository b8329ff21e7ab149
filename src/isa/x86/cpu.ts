/** A thread's x86-64 registers as personalities and debuggers see them: a view on its state block. */
import type { Cpu, FloatError } from '../../engine/engine.ts';
import type { AddressSpace } from '../../memory/address-space.ts';
import { STATE_SIZE } from '../../memory/runtime-area.ts';
import { ARITHMETIC_FLAGS } from './flags.ts';
import { buildFxsave, parseFxsave } from './fxsave.ts';
import { FIELDS, gprOffset } from './state.ts';

/** Evaluates lazy flags (the engine's wasm function of that name). */
export type FlagsFunction = (op: number, a: bigint, b: bigint, c: bigint) => number;

export class X86Cpu implements Cpu {
  readonly state: number;
  readonly #space: AddressSpace;
  readonly #evaluate: FlagsFunction;

  constructor(space: AddressSpace, state: number, evaluate: FlagsFunction) {
    this.#space = space;
    this.state = state;
    this.#evaluate = evaluate;
  }

  #read(offset: number): number {
    const { view } = this.#space;
    return view.getUint32(this.state + offset + 4, true) * 0x1_0000_0000 + view.getUint32(this.state + offset, true);
  }
  #write(offset: number, v: number | bigint): void {
    this.#space.view.setBigInt64(this.state + offset, BigInt.asIntN(64, BigInt(v)), true);
  }
  get pc(): number {
    return this.#read(FIELDS.pc.offset);
  }
  set pc(v: number) {
    this.#write(FIELDS.pc.offset, v);
  }
  get bigPc(): bigint {
    return this.#space.view.getBigUint64(this.state + FIELDS.pc.offset, true);
  }
  get(register: number): number {
    return this.#read(gprOffset(register));
  }
  getInt(register: number): number {
    return this.#space.view.getInt32(this.state + gprOffset(register), true);
  }
  getBig(register: number): bigint {
    return this.#space.view.getBigUint64(this.state + gprOffset(register), true);
  }
  set(register: number, value: number | bigint): void {
    if (typeof value === 'number' && value >= 0 && value <= 0xffff_ffff) {
      const at = this.state + gprOffset(register);
      this.#space.view.setUint32(at, value, true);
      this.#space.view.setUint32(at + 4, 0, true);
    } else this.#write(gprOffset(register), value);
  }
  get flags(): number {
    const { view } = this.#space;
    const s = this.state;
    const arithmetic = this.#evaluate(
      view.getInt32(s + FIELDS.ccop.offset, true),
      view.getBigInt64(s + FIELDS.cca.offset, true),
      view.getBigInt64(s + FIELDS.ccb.offset, true),
      view.getBigInt64(s + FIELDS.ccc.offset, true),
    );
    return (
      arithmetic |
      (view.getInt32(s + FIELDS.df.offset, true) << 10) |
      view.getInt32(s + FIELDS.eflags.offset, true) |
      0x202
    );
  }
  set flags(v: number) {
    const { view } = this.#space;
    const s = this.state;
    view.setInt32(s + FIELDS.ccop.offset, 0, true);
    view.setBigInt64(s + FIELDS.cca.offset, BigInt(v & ARITHMETIC_FLAGS), true);
    view.setInt32(s + FIELDS.df.offset, (v >> 10) & 1, true);
    view.setInt32(s + FIELDS.eflags.offset, v & 0x244100, true);
  }
  getBase(segment: 'fs' | 'gs'): number {
    return this.#read(FIELDS[`${segment}base`].offset);
  }
  setBase(segment: 'fs' | 'gs', value: number): void {
    this.#write(FIELDS[`${segment}base`].offset, value);
  }
  /** In the order in which Linux asks; a denormal operand counts as underflow. */
  floatError(trap: 'floating-point' | 'simd'): FloatError {
    const field = (name: 'mxcsr' | 'fsw' | 'fcw') => this.#space.view.getInt32(this.state + FIELDS[name].offset, true);
    const raised = trap === 'simd' ? field('mxcsr') & ~(field('mxcsr') >> 7) : field('fsw') & ~field('fcw');
    if (raised & 1) return 'invalid';
    if (raised & 4) return 'divide';
    if (raised & 8) return 'overflow';
    return raised & 0x12 ? 'underflow' : 'inexact';
  }
  copyFrom(other: Cpu): void {
    const from = other as X86Cpu;
    this.#space.u8.set(from.#space.u8.subarray(from.state, from.state + STATE_SIZE), this.state);
  }
  save(): Uint8Array {
    return this.#space.u8.slice(this.state, this.state + STATE_SIZE);
  }
  restore(saved: Uint8Array): void {
    this.#space.u8.set(saved, this.state);
  }
  reset(): void {
    const { u8, view } = this.#space;
    u8.fill(0, this.state, this.state + STATE_SIZE);
    view.setInt32(this.state + FIELDS.mxcsr.offset, 0x1f80, true);
    view.setInt32(this.state + FIELDS.fcw.offset, 0x37f, true);
  }
  saveVectors(): Uint8Array {
    return buildFxsave(this.#space.view, this.state);
  }
  restoreVectors(image: Uint8Array): void {
    parseFxsave(this.#space.view, this.state, image);
  }
}
