/** The x87 register stack of one thread and its instructions on registers and operand bits; memory and decoding are left to the semantics. */
import { FIELDS, SCRATCH_OFFSET, x87Offset } from '../state.ts';
import * as f from './float80.ts';
import { Env, type Ext } from './float80.ts';
import * as t from './transcendental.ts';

/** Stack fault. */
export const SF = 0x40;
/** Exception summary, and the busy bit that mirrors it. */
export const ES = 0x80;
const BUSY = 0x8000;
export const C0 = 0x100;
export const C1 = 0x200;
export const C2 = 0x400;
export const C3 = 0x4000;
const CONDITIONS = C0 | C2 | C3;

/** Exceptions found before the operation is carried out: unmasked, they leave everything as it was. */
const BEFORE = f.IE | f.DE | f.ZE;

/** What FXAM says of each class, in the order of float80's: zero, normal, denormal, infinity, quiet and signalling NaN, unsupported. */
const EXAMINED = [C3, C2, C3 | C2, C2 | C0, C0, C0, 0];

/** Constants of FLD1 … FLDZ: exponent, significand rounded to nearest, down, up, towards zero. */
const pair = (e: number, low: bigint, nearestIsUp: boolean): Ext[] => {
  const [down, up] = [f.ext(0, e, low), f.ext(0, e, low + 1n)];
  return [nearestIsUp ? up : down, down, up, down];
};
const same = (x: Ext): Ext[] => [x, x, x, x];
const CONSTANTS: Ext[][] = [
  same(f.ONE),
  pair(0x4000, 0xd49a784bcd1b8afen, false),
  pair(0x3fff, 0xb8aa3b295c17f0bbn, true),
  pair(0x4000, 0xc90fdaa22168c234n, true),
  pair(0x3ffd, 0x9a209a84fbcff798n, true),
  pair(0x3ffe, 0xb17217f7d1cf79abn, true),
  same(f.zero(0)),
];

/** The seven register operations of D9 F0–FF that push nothing and take ST(0) alone. */
const UNARY: Record<number, (env: Env, x: Ext) => Ext> = {
  240: t.f2xm1,
  250: f.sqrt,
  252: f.roundToIntegral,
  254: t.fsin,
  255: t.fcos,
};

/** One operation's view of a thread's FPU; `open` before, `close` after. */
export class Fpu {
  readonly #env = new Env();
  #view!: DataView;
  #state = 0;
  #top = 0;
  #tags = 0;
  #fsw = 0;
  /** Conditions the instruction sets; undefined bits stay as they were. */
  #stackFault = 0;

  open(view: DataView, state: number): Env {
    this.#view = view;
    this.#state = state;
    this.#top = view.getInt32(state + FIELDS.ftop.offset, true);
    this.#tags = view.getInt32(state + FIELDS.ftag.offset, true);
    this.#fsw = view.getInt32(state + FIELDS.fsw.offset, true);
    const env = this.#env;
    env.fcw = view.getInt32(state + FIELDS.fcw.offset, true);
    env.flags = 0;
    env.c1 = 0;
    this.#stackFault = 0;
    return env;
  }

  /** Write status and stack back. */
  close(): void {
    const { flags, fcw, c1 } = this.#env;
    let fsw = (this.#fsw & ~C1) | flags | this.#stackFault | (c1 << 9);
    if (fsw & ~fcw & 0x3f) fsw |= ES | BUSY;
    this.#view.setInt32(this.#state + FIELDS.fsw.offset, fsw, true);
    this.#view.setInt32(this.#state + FIELDS.ftop.offset, this.#top, true);
    this.#view.setInt32(this.#state + FIELDS.ftag.offset, this.#tags, true);
  }

  #physical(i: number): number {
    return (this.#top + i) & 7;
  }
  #empty(i: number): boolean {
    return ((this.#tags >> this.#physical(i)) & 1) === 0;
  }
  #read(i: number): Ext {
    const at = this.#state + x87Offset(this.#physical(i));
    const se = this.#view.getUint16(at + 8, true);
    return f.ext(se >> 15, se & 0x7fff, this.#view.getBigUint64(at, true));
  }
  #write(i: number, x: Ext): void {
    const at = this.#state + x87Offset(this.#physical(i));
    this.#view.setBigUint64(at, x.m, true);
    this.#view.setUint16(at + 8, (x.s << 15) | x.e, true);
    this.#tags |= 1 << this.#physical(i);
  }
  #pop(): void {
    this.#tags &= ~(1 << this.#top);
    this.#top = (this.#top + 1) & 7;
  }
  /** Whether an exception found before the operation is unmasked: then no result is written and nothing popped. */
  #stopped(): boolean {
    const env = this.#env;
    if ((env.flags & BEFORE & ~env.fcw) === 0) return false;
    env.flags &= BEFORE;
    env.c1 = this.#stackFault ? env.c1 : 0;
    return true;
  }
  #stack(overflow: number): void {
    this.#env.flags |= f.IE;
    this.#stackFault = SF;
    this.#env.c1 = overflow;
  }
  #result(i: number, x: Ext, pops: number): void {
    if (this.#stopped()) return;
    this.#write(i, x);
    for (let k = 0; k < pops; k++) this.#pop();
  }
  #codes(bits: number): void {
    this.#fsw = (this.#fsw & ~CONDITIONS) | bits;
  }

  /** Push a value, whose loading may have raised exceptions. */
  push(x: Ext): void {
    if (!this.#empty(7)) {
      this.#env.flags = 0;
      this.#stack(1);
      if (this.#stopped()) return;
      this.#top = (this.#top - 1) & 7;
      this.#write(0, f.INDEFINITE);
      return;
    }
    // A denormal is loaded even where its exception is unmasked, a signalling NaN is not.
    if (this.#env.flags & ~this.#env.fcw & f.IE) return;
    this.#top = (this.#top - 1) & 7;
    this.#write(0, x);
  }
  pushRegister(i: number): void {
    if (this.#empty(i)) {
      this.#stack(0);
      if (this.#stopped()) return;
      this.#top = (this.#top - 1) & 7;
      this.#write(0, f.INDEFINITE);
      return;
    }
    if (!this.#empty(7)) {
      this.push(f.INDEFINITE);
      return;
    }
    this.push(this.#read(i));
  }
  pushConstant(which: number): void {
    this.push(CONSTANTS[which][this.#env.rc]);
  }

  /** Two-operand arithmetic by the digit of its encoding: 0 add, 1 mul, 4 sub, 5 subr, 6 div, 7 divr. */
  #compute(op: number, x: Ext, y: Ext): Ext {
    const env = this.#env;
    switch (op) {
      case 0:
        return f.add(env, x, y);
      case 1:
        return f.mul(env, x, y);
      case 4:
        return f.sub(env, x, y);
      case 5:
        return f.sub(env, y, x);
      case 6:
        return f.div(env, x, y);
      default:
        return f.div(env, y, x);
    }
  }

  /** ST(to) = ST(0) op ST(i), where `to` is 0 or i. */
  arithmetic(op: number, to: number, i: number, pops: number): void {
    if (this.#empty(0) || this.#empty(i)) {
      this.#stack(0);
      this.#result(to, f.INDEFINITE, pops);
      return;
    }
    this.#result(to, this.#compute(op, this.#read(0), this.#read(i)), pops);
  }

  /** ST(0) = ST(0) op value; a denormal operand in memory became normal when widened, so it is told apart. */
  arithmeticValue(op: number, y: Ext, wasDenormal: boolean): void {
    const env = this.#env;
    if (this.#empty(0)) {
      this.#stack(0);
      this.#result(0, f.INDEFINITE, 0);
      return;
    }
    const x = this.#read(0);
    const r = this.#compute(op, x, y);
    if (wasDenormal && !f.isNan(f.classify(x)) && !(env.flags & (f.IE | f.ZE))) env.flags |= f.DE;
    this.#result(0, r, 0);
  }

  #compareCodes(order: number): number {
    return order === f.UNORDERED ? CONDITIONS : order < 0 ? C0 : order === 0 ? C3 : 0;
  }
  /** ST(0) against ST(i). */
  #order(i: number, quietly: boolean): number {
    return f.compare(this.#env, this.#read(0), this.#read(i), quietly);
  }
  compare(i: number, quietly: boolean, pops: number): void {
    if (this.#empty(0) || this.#empty(i)) {
      this.#stack(0);
      this.#codes(CONDITIONS);
    } else this.#codes(this.#compareCodes(this.#order(i, quietly)));
    if (this.#stopped()) return;
    for (let k = 0; k < pops; k++) this.#pop();
  }
  compareValue(y: Ext, wasDenormal: boolean, pops: number): void {
    const env = this.#env;
    if (this.#empty(0)) {
      this.#stack(0);
      this.#codes(CONDITIONS);
    } else {
      const x = this.#read(0);
      const order = f.compare(env, x, y, false);
      if (wasDenormal && order !== f.UNORDERED) env.flags |= f.DE;
      this.#codes(this.#compareCodes(order));
    }
    if (this.#stopped()) return;
    for (let k = 0; k < pops; k++) this.#pop();
  }
  /** FCOMI and its kin: the arithmetic flags. */
  compareFlags(i: number, quietly: boolean, pops: number): number {
    let order = f.UNORDERED;
    if (this.#empty(0) || this.#empty(i)) this.#stack(0);
    else {
      this.#keepC1();
      order = this.#order(i, quietly);
    }
    // The flags are set even where an unmasked exception stops the pop.
    const { c1 } = this.#env;
    if (!this.#stopped()) for (let k = 0; k < pops; k++) this.#pop();
    this.#env.c1 = c1;
    return order === f.UNORDERED ? 0x45 : order < 0 ? 1 : order === 0 ? 0x40 : 0;
  }

  exchange(i: number): void {
    if (this.#empty(0) || this.#empty(i)) {
      this.#stack(0);
      if (this.#stopped()) return;
    }
    const x = this.#empty(0) ? f.INDEFINITE : this.#read(0);
    const y = this.#empty(i) ? f.INDEFINITE : this.#read(i);
    this.#write(0, y);
    this.#write(i, x);
  }
  copyTo(i: number, pops: number): void {
    if (this.#empty(0)) {
      this.#stack(0);
      this.#result(i, f.INDEFINITE, pops);
      return;
    }
    this.#write(i, this.#read(0));
    for (let k = 0; k < pops; k++) this.#pop();
  }
  moveIf(i: number, condition: number): void {
    if (this.#empty(0) || this.#empty(i)) {
      this.#stack(0);
      this.#result(0, f.INDEFINITE, 0);
    } else {
      this.#keepC1();
      if (condition) this.#write(0, this.#read(i));
    }
  }
  free(i: number, pops: number): void {
    this.#tags &= ~(1 << this.#physical(i));
    for (let k = 0; k < pops; k++) this.#pop();
  }
  /** FSTPNCE: a plain pop and copy that notices nothing. */
  moveAndPop(i: number): void {
    if (!this.#empty(0)) this.#write(i, this.#read(0));
    this.#pop();
  }
  #keepC1(): void {
    this.#env.c1 = (this.#fsw >> 9) & 1;
  }
  rotate(by: number): void {
    this.#top = (this.#top + by) & 7;
  }

  /** FCHS, FABS: what becomes of the sign and exponent. */
  changeSign(keep: number, toggle: number): void {
    const x = this.#operand();
    if (x) this.#write(0, f.ext(((((x.s << 15) & keep) ^ toggle) >> 15) & 1, x.e, x.m));
  }

  /** D9 E4 … FF without the constants, by the second byte. */
  special(code: number): void {
    switch (code) {
      case 0xe4:
        this.compareValue(f.zero(0), false, 0);
        return;
      case 0xe5:
        this.#examine();
        return;
      case 0xf1:
        this.#binary(t.fyl2x, 1);
        return;
      case 0xf9:
        this.#binary(t.fyl2xp1, 1);
        return;
      case 0xf3:
        this.#binary((env, x, y) => t.fpatan(env, x, y), 1);
        return;
      case 0xf2:
        this.#tangent();
        return;
      case 0xfb:
        this.#sinCos();
        return;
      case 0xf4:
        this.#extract();
        return;
      case 0xf5:
      case 0xf8:
        this.#remainder(code === 0xf5);
        return;
      case 0xf6:
        this.rotate(-1);
        return;
      case 0xf7:
        this.rotate(1);
        return;
      case 0xfd:
        this.#scale();
        return;
    }
    if (code === 0xfe || code === 0xff) this.#fsw &= ~C2;
    const x = this.#operand();
    if (!x) return;
    if ((code === 0xfe || code === 0xff) && this.#tooLarge(x)) return;
    this.#result(0, UNARY[code](this.#env, x), 0);
  }

  /** ST(0), or nothing after the response to an empty one. */
  #operand(): Ext | undefined {
    if (!this.#empty(0)) return this.#read(0);
    this.#stack(0);
    this.#result(0, f.INDEFINITE, 0);
    return undefined;
  }
  /** ST(1) = op(ST(0), ST(1)), pop. */
  #binary(op: (env: Env, x: Ext, y: Ext) => Ext, to: number): void {
    if (this.#empty(0) || this.#empty(1)) {
      this.#stack(0);
      this.#result(to, f.INDEFINITE, to);
      return;
    }
    this.#result(to, op(this.#env, this.#read(0), this.#read(1)), to);
  }
  #examine(): void {
    const x = this.#read(0);
    this.#env.c1 = x.s;
    this.#codes(this.#empty(0) ? C3 | C0 : EXAMINED[f.classify(x)]);
  }
  #tooLarge(x: Ext): boolean {
    this.#fsw &= ~C2;
    if (!t.outOfRange(x)) return false;
    this.#fsw |= C2;
    return true;
  }
  /** Two results: the first replaces ST(0), the second is pushed. */
  #two(first: Ext, second: Ext): void {
    if (this.#stopped()) return;
    this.#write(0, first);
    this.#top = (this.#top - 1) & 7;
    this.#write(0, second);
  }
  #room(): boolean {
    if (!this.#empty(0) && this.#empty(7)) return true;
    this.#stack(this.#empty(0) ? 0 : 1);
    this.#two(f.INDEFINITE, f.INDEFINITE);
    return false;
  }
  #tangent(): void {
    if (!this.#room()) {
      this.#fsw &= ~C2;
      return;
    }
    const x = this.#read(0);
    if (this.#tooLarge(x)) return;
    const r = t.fptan(this.#env, x);
    this.#two(r, f.isNan(f.classify(r)) ? r : f.ONE);
  }
  #sinCos(): void {
    if (!this.#room()) {
      this.#fsw &= ~C2;
      return;
    }
    const x = this.#read(0);
    if (this.#tooLarge(x)) return;
    const cos = t.fcos(this.#env, x);
    this.#two(t.fsin(this.#env, x), cos);
  }
  #extract(): void {
    if (!this.#room()) return;
    const { exponent, significand } = f.extract(this.#env, this.#read(0));
    this.#two(exponent, significand);
  }
  #scale(): void {
    this.#binary(f.scale, 0);
  }
  #remainder(nearest: boolean): void {
    if (this.#empty(0) || this.#empty(1)) {
      this.#stack(0);
      this.#fsw &= ~C2;
      this.#result(0, f.INDEFINITE, 0);
      return;
    }
    const { value, partial, quotient } = f.remainder(this.#env, this.#read(0), this.#read(1), nearest);
    this.#result(0, value, 0);
    // Without a quotient C0 and C3 stay.
    if (quotient < 0 || this.#env.flags & BEFORE & ~this.#env.fcw) {
      this.#fsw &= ~C2;
      return;
    }
    this.#env.c1 = quotient & 1;
    this.#codes((partial ? C2 : 0) | (quotient & 4 ? C0 : 0) | (quotient & 2 ? C3 : 0));
  }

  /** Put a result of up to 10 bytes where the semantics read it. */
  #scratch(low: bigint, high = 0): void {
    this.#view.setBigUint64(this.#state + SCRATCH_OFFSET, BigInt.asUintN(64, low), true);
    this.#view.setUint16(this.#state + SCRATCH_OFFSET + 8, high, true);
  }
  /** Unmasked exceptions keep a store from happening; of a memory destination also overflow and underflow. */
  #stored(pops: number, before: number): number {
    const env = this.#env;
    if (env.flags & ~env.fcw & before) {
      env.flags &= ~f.PE;
      if (env.flags & ~env.fcw & BEFORE) env.flags &= BEFORE;
      env.c1 = 0;
      return 0;
    }
    for (let k = 0; k < pops; k++) this.#pop();
    return 1;
  }
  /** ST(0) as single or double bits into the scratch field; 1 if the store may happen. */
  storeFloat(format: f.Format, pops: number): number {
    const bits = format === f.SINGLE ? 32n : 64n;
    if (this.#empty(0)) {
      this.#stack(0);
      this.#scratch(format === f.SINGLE ? 0xffc00000n : 0xfff8000000000000n);
    } else {
      this.#scratch(BigInt.asUintN(Number(bits), f.toBits(this.#env, this.#read(0), format)));
    }
    return this.#stored(pops, BEFORE | f.OE | f.UE);
  }
  storeExtended(pops: number): number {
    if (this.#empty(0)) {
      this.#stack(0);
      this.#scratch(f.INDEFINITE.m, 0xffff);
    } else {
      const x = this.#read(0);
      this.#scratch(x.m, (x.s << 15) | x.e);
    }
    return this.#stored(pops, BEFORE);
  }
  storeInteger(bits: number, truncate: boolean, pops: number): number {
    const env = this.#env;
    let v: bigint | undefined;
    if (this.#empty(0)) this.#stack(0);
    else v = f.toInteger(env, this.#read(0), bits, truncate ? f.TRUNCATE : env.rc);
    this.#scratch(v ?? 1n << BigInt(bits - 1));
    return this.#stored(pops, BEFORE);
  }
  storeBcd(pops: number): number {
    let v: bigint | undefined;
    if (this.#empty(0)) this.#stack(0);
    else v = f.toBcd(this.#env, this.#read(0));
    v ??= 0xffffc000000000000000n;
    this.#scratch(v, Number(v >> 64n));
    return this.#stored(pops, BEFORE);
  }

  /** The status word as software sees it. */
  status(): number {
    return (this.#fsw & ~0x3800) | (this.#top << 11);
  }
}
