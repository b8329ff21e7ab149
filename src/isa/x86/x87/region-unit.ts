/**
 * The x87 unit in a region: registers in locals, by their distance from where the stack's top was when the region was entered or last came back from a call,
 * so that pushing and popping moves nothing; what is known of them while the code is built spares tests. The engine turns them into place (`Register.turned`).
 */
import { Builder, type Value as Index, type Node } from '../../../ir/builder.ts';
import {
  X87_EXPONENT_ID,
  X87_SIGNIFICAND_ID,
  X87_STATUS_ID,
  X87_TAGS_ID,
  X87_TOP_ID,
  X87_TURN_ID,
} from '../registers.ts';
import type { Value } from './arithmetic.ts';
import { C1, Unit } from './unit.ts';

export class RegionUnit extends Unit {
  /** Where the top is now. */
  #top = 0;
  /** Registers known to be in use and known to be empty, a bit each. */
  #used = 0;
  #empty = 0;
  /** What is known of values: copies, the nodes belong to one instruction. */
  #values: (Value | undefined)[] = [];
  /** Bits of the control word known to be as wanted, no pending exception, C1 clear. */
  #controlled = 0;
  #calm = false;
  #plainC1 = false;
  /** What the present instruction is to store. */
  left: { bits: Node; se: Node | undefined } | undefined;

  /** The same stack as at the end of another run. `certain`: nothing else leads here. */
  follow(before: RegionUnit, certain: boolean): void {
    this.#top = before.#top;
    if (!certain) return;
    this.#used = before.#used;
    this.#empty = before.#empty;
    this.#values = before.#values.map((v) => v && { ...v });
    this.#controlled = before.#controlled;
    this.#calm = before.#calm;
    this.#plainC1 = before.#plainC1;
  }
  get height(): number {
    return this.#top;
  }
  /** TOP as the guest sees it. */
  top(): Node {
    const { b } = this;
    return b.and(b.add(b.getReg(X87_TURN_ID, 'i32'), this.#top), 7);
  }

  #at(i: Index): number {
    return (this.#top + (Builder.constantOf(i) as number)) & 7;
  }
  #tags(): Node {
    return this.b.getReg(X87_TAGS_ID, 'i32');
  }
  need(...registers: Index[]): void {
    const { b } = this;
    const mask = registers.reduce<number>((m, i) => m | (1 << this.#at(i)), 0) & ~this.#used;
    if (mask === 0) return;
    b.leaveIf(b.ne(b.and(this.#tags(), mask), mask), 'next');
    this.#used |= mask;
    this.#empty &= ~mask;
  }
  room(): void {
    const { b } = this;
    const mask = (1 << this.#at(7)) & ~this.#empty;
    if (mask === 0) return;
    b.leaveIf(b.and(this.#tags(), mask), 'next');
    this.#empty |= mask;
    this.#used &= ~mask;
  }
  read(i: Index): Value {
    const { b } = this;
    const r = this.#at(i);
    const v: Value = {
      m: b.getReg(X87_SIGNIFICAND_ID + r, 'i64'),
      se: b.getReg(X87_EXPONENT_ID + r, 'i32'),
      ordinary: this.#values[r]?.ordinary,
    };
    this.#values[r] = v;
    return v;
  }
  write(i: Index, x: Value): void {
    const { b } = this;
    const r = this.#at(i);
    b.setReg(X87_SIGNIFICAND_ID + r, x.m);
    b.setReg(X87_EXPONENT_ID + r, x.se);
    this.#values[r] = x;
  }
  /** These registers are in use now, those are empty. */
  #mark(used: number, empty: number): void {
    const { b } = this;
    const [set, clear] = [used & ~empty & ~this.#used, empty & ~this.#empty];
    if (set || clear) {
      const kept = clear ? b.and(this.#tags(), ~clear & 0xff) : this.#tags();
      b.setReg(X87_TAGS_ID, set ? b.or(kept, set) : kept);
    }
    this.#used = (this.#used | used) & ~empty;
    this.#empty = (this.#empty & ~used) | empty;
  }
  #moveTop(by: number): void {
    this.#top = (this.#top + by) & 7;
    this.b.setReg(X87_TOP_ID, this.b.i32(this.#top));
  }
  pop(pops: number, filled?: Index): void {
    let empty = 0;
    for (let i = 0; i < pops; i++) empty |= 1 << this.#at(i);
    this.#mark(filled === undefined ? 0 : 1 << this.#at(filled), empty);
    if (pops > 0) this.#moveTop(pops);
  }
  push(x: Value): void {
    this.write(7, x);
    this.#mark(1 << this.#at(7), 0);
    this.#moveTop(7);
    this.setStatus(this.b.i32(0));
  }
  setStatus(status: Node, also = 0): void {
    const { b } = this;
    const clears = Builder.constantOf(status) === 0;
    if (clears && also === 0 && this.#plainC1) return;
    const kept = b.and(this.fsw(), ~(C1 | also));
    this.setFsw(clears ? kept : b.or(kept, status));
    this.#plainC1 = clears;
  }
  control(mask: number, wanted: number): void {
    const { b } = this;
    if ((mask & ~this.#controlled) === 0) return;
    b.leaveIf(b.ne(b.and(this.fcw(), mask), wanted), 'next');
    this.#controlled |= mask;
  }
  override loadControl(fcw: Node): void {
    super.loadControl(fcw);
    this.#controlled = 0;
    this.#calm = false;
  }
  /** Is a test for pending exceptions in vain? Forms raise none that is not masked. */
  calm(): boolean {
    const before = this.#calm;
    this.#calm = true;
    return before;
  }
  fsw(): Node {
    return this.b.getReg(X87_STATUS_ID, 'i32');
  }
  protected setFsw(v: Node): void {
    this.b.setReg(X87_STATUS_ID, v);
  }
  leave(bits: Node, se?: Node): void {
    this.left = { bits, se };
  }
}
