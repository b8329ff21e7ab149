/** Registers without an engine, for tests of what personalities do with them. */
import type { Cpu } from '../../../src/engine/engine.ts';

export class FakeCpu implements Cpu {
  readonly state = 0;
  pc = 0;
  get bigPc(): bigint {
    return BigInt(this.pc);
  }
  flags = 0x202;
  vectors = new Uint8Array(512);
  readonly registers = new BigUint64Array(16);
  readonly bases = { fs: 0, gs: 0 };

  get(register: number): number {
    return Number(this.registers[register]);
  }
  getInt(register: number): number {
    return Number(BigInt.asIntN(32, this.registers[register]));
  }
  getBig(register: number): bigint {
    return this.registers[register];
  }
  set(register: number, value: number | bigint): void {
    this.registers[register] = BigInt.asUintN(64, BigInt(value));
  }
  floatError(): 'invalid' {
    return 'invalid';
  }
  getBase(segment: 'fs' | 'gs'): number {
    return this.bases[segment];
  }
  setBase(segment: 'fs' | 'gs', value: number): void {
    this.bases[segment] = value;
  }
  copyFrom(other: Cpu): void {
    for (let i = 0; i < 16; i++) this.registers[i] = other.getBig(i);
    this.pc = other.pc;
    this.flags = other.flags;
  }
  save(): Uint8Array {
    return new Uint8Array(this.registers.buffer.slice(0));
  }
  restore(saved: Uint8Array): void {
    this.registers.set(new BigUint64Array(saved.buffer, saved.byteOffset, 16));
  }
  reset(): void {
    this.registers.fill(0n);
  }
  saveVectors(): Uint8Array {
    return this.vectors.slice();
  }
  restoreVectors(image: Uint8Array): void {
    this.vectors = image.slice();
  }
}
