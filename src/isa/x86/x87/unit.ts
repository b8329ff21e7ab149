/** The x87 unit as the wasm forms (fast.ts) see it: register stack, tags, status and control word, in the state block here; region-unit.ts keeps them in the locals of a region. */
import type { Builder, Value as Index, Node } from '../../../ir/builder.ts';
import { FIELDS, SCRATCH_OFFSET, x87Offset } from '../state.ts';
import type { Value } from './arithmetic.ts';

export const C1 = 0x200;
export const CONDITIONS = 0x4500;

export abstract class Unit {
  readonly b: Builder;
  constructor(b: Builder) {
    this.b = b;
  }
  /** Give up where one of these ST(i) is empty. */
  abstract need(...registers: Index[]): void;
  abstract read(i: Index): Value;
  abstract write(i: Index, x: Value): void;
  /** Leave the stack with `pops` (0, 1 or 2) registers fewer, after all reads and writes. `filled`: a register that is in use now. */
  abstract pop(pops: number, filled?: Index): void;
  /** Give up where a push would overflow. */
  abstract room(): void;
  abstract push(x: Value): void;
  /** Replace C1, add sticky bits; `also`: bits to clear. */
  abstract setStatus(status: Node, also?: number): void;
  /** Give up unless the control word's bits in `mask` are `wanted`. */
  abstract control(mask: number, wanted: number): void;
  readonly fcw = (): Node => this.b.getState(FIELDS.fcw.offset, 'i32');
  /** Load the control word: the exception summary follows from its masks. */
  loadControl(fcw: Node): void {
    const { b } = this;
    b.setState(FIELDS.fcw.offset, 'i32', fcw);
    const fsw = this.fsw();
    const pending = b.ne(b.and(b.and(fsw, 0x3f), b.xor(fcw, -1)), 0);
    this.setFsw(b.or(b.and(fsw, 0x7f7f), b.select(pending, b.i32(0x8080), b.i32(0))));
  }
  protected abstract fsw(): Node;
  protected abstract setFsw(v: Node): void;
  /** What a store is to write: bits (i64), and the sign and exponent of an 80-bit value. */
  abstract leave(bits: Node, se?: Node): void;
}

/** In the state block: what an instruction writes, the next one waits for. */
export class MemoryUnit extends Unit {
  readonly #top: Node;
  readonly #tags: Node;
  constructor(b: Builder) {
    super(b);
    this.#top = b.getState(FIELDS.ftop.offset, 'i32');
    this.#tags = b.getState(FIELDS.ftag.offset, 'i32');
  }
  #setTop(v: Node): void {
    this.b.setState(FIELDS.ftop.offset, 'i32', v);
  }
  #setTags(v: Node): void {
    this.b.setState(FIELDS.ftag.offset, 'i32', v);
  }
  #physical(i: Index): Node {
    const { b } = this;
    return i === 0 ? this.#top : b.and(b.add(this.#top, i), 7);
  }
  #place(i: Index): Node {
    return this.b.shl(this.#physical(i), 4);
  }
  #tag(i: Index): Node {
    return this.b.shrU(this.#tags, this.#physical(i));
  }
  need(...registers: Index[]): void {
    const { b } = this;
    const all = registers.map((i) => this.#tag(i)).reduce((x, y) => b.and(x, y));
    b.leaveIf(b.eqz(b.and(all, 1)), 'next');
  }
  read(i: Index): Value {
    const { b } = this;
    const at = this.#place(i);
    return { m: b.getSlot(x87Offset(0), at, 'i64'), se: b.getSlot(x87Offset(0) + 8, at, 'u16') };
  }
  write(i: Index, x: Value): void {
    const { b } = this;
    const at = this.#place(i);
    b.setSlot(x87Offset(0), at, 'i64', x.m);
    b.setSlot(x87Offset(0) + 8, at, 'u16', x.se);
  }
  pop(pops: number, filled?: Index): void {
    const { b } = this;
    const used = filled === undefined ? this.#tags : b.or(this.#tags, b.shl(b.i32(1), this.#physical(filled)));
    if (pops === 0) {
      if (filled !== undefined) this.#setTags(used);
      return;
    }
    const gone = b.shl(b.i32((1 << pops) - 1), this.#top);
    this.#setTags(b.and(used, b.xor(b.or(gone, b.shrU(gone, 8)), -1)));
    this.#setTop(b.and(b.add(this.#top, pops), 7));
  }
  room(): void {
    const { b } = this;
    b.leaveIf(b.and(this.#tag(7), 1), 'next');
  }
  push(x: Value): void {
    const { b } = this;
    this.write(7, x);
    const top = this.#physical(7);
    this.#setTop(top);
    this.#setTags(b.or(this.#tags, b.shl(b.i32(1), top)));
    this.setStatus(b.i32(0));
  }
  setStatus(status: Node, also = 0): void {
    const { b } = this;
    this.setFsw(b.or(b.and(this.fsw(), ~(C1 | also)), status));
  }
  control(mask: number, wanted: number): void {
    const { b } = this;
    b.leaveIf(b.ne(b.and(this.fcw(), mask), wanted), 'next');
  }
  protected fsw(): Node {
    return this.b.getState(FIELDS.fsw.offset, 'i32');
  }
  protected setFsw(v: Node): void {
    this.b.setState(FIELDS.fsw.offset, 'i32', v);
  }
  leave(bits: Node, se?: Node): void {
    this.b.setState(SCRATCH_OFFSET, 'i64', bits);
    if (se) this.b.setState(SCRATCH_OFFSET + 8, 'u16', se);
  }
}
