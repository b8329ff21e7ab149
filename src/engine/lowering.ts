/** From builder nodes to wasm instructions: trees of pure values at their use, effects in order; where registers live and how one leaves is left to the two subclasses (interpreter handlers, regions). */
import { bug } from '../base/failures.ts';
import type { Node } from '../ir/builder.ts';
import { ACCESS } from '../ir/ops.ts';
import type { ValueType } from '../isa/helper.ts';
import type { Func } from './wasm/encoder.ts';

/** The state block's offset is parameter 0 of every generated function. */
export const STATE = 0;

/** Nodes that share the local of a register's low lane are told apart by its id and this. */
export const lowOf = (id: number): number => -1 - id;

/** Locals in use, for their release. */
export type Temps = { type: ValueType; local: number }[];

export abstract class Lowering {
  readonly f: Func;
  /** What to add to the address of the present access. */
  protected displacement = 0;
  /** Locals to give back once no node refers to them. */
  #owned: Temps = [];

  constructor(f: Func) {
    this.f = f;
  }

  /** Make a register readable: return the local that holds it, or emit code that pushes it and return -1. */
  protected abstract getRegister(id: number): number;
  /** The same, for a value that is wanted whole. */
  protected readRegister(id: number): number {
    return this.getRegister(id);
  }
  /** The low lane of a vector register: the local that holds it, or code that pushes it and -1. */
  protected getLow(_n: Node): number {
    return bug('low lane outside a region');
  }
  protected setLow(_n: Node, _value: () => void): void {
    bug('low lane outside a region');
  }
  /** Emit a register write; `value` pushes it. */
  protected abstract setRegister(id: number, value: () => void): void;
  /** Read guest memory; the address is in the i64 local `address`, plus this.displacement. Pushes the value. */
  protected abstract load(n: Node, address: number): void;
  protected abstract store(n: Node, address: number, value: () => void): void;
  protected abstract probe(n: Node, address: number): void;
  /** Leave before the present instruction; the stack is empty. */
  protected abstract leave(code: number): void;
  /** Function index of an internal function, an engine function or a helper. */
  protected abstract functionIndex(name: string): number;
  protected guard(_node: Node): void {
    bug('guard not split off');
  }

  /** Emit one statement. */
  statement(n: Node): void {
    const { f } = this;
    switch (n.kind) {
      case 'getreg': {
        this.#shareOrKeep(n, this.readRegister(Number(n.imm)), Number(n.imm));
        return;
      }
      case 'getlow':
        this.#shareOrKeep(n, this.getLow(n), lowOf(Number(n.imm)));
        return;
      case 'setlow':
        this.setLow(n, () => this.value(n.args[0]));
        return;
      case 'setreg':
        this.setRegister(Number(n.imm), () => this.value(n.args[0]));
        return;
      case 'forget':
        return;
      case 'getstate':
        f.get(STATE);
        f.mem(ACCESS[n.access!].load, Number(n.imm));
        this.#keep(n);
        return;
      case 'setstate':
        f.get(STATE);
        this.value(n.args[0]);
        f.mem(ACCESS[n.access!].store, Number(n.imm));
        return;
      case 'getslot':
        this.#slot(n);
        f.mem(ACCESS[n.access!].load, Number(n.imm));
        this.#keep(n);
        return;
      case 'setslot':
        this.#slot(n);
        this.value(n.args[1]);
        f.mem(ACCESS[n.access!].store, Number(n.imm));
        return;
      case 'load':
        this.load(n, this.#place(n.args[0]));
        this.#keep(n);
        return;
      case 'store': {
        const address = this.#place(n.args[0]);
        this.store(n, address, () => this.value(n.args[1]));
        return;
      }
      case 'probe':
        this.probe(n, this.#place(n.args[0]));
        return;
      case 'perform':
      case 'helper':
        if (n.imm === 1) {
          this.#helperIf(n);
          return;
        }
        f.get(STATE);
        for (const a of n.args) this.value(a);
        f.call(this.functionIndex(n.name));
        if (n.type) this.#keep(n);
        return;
      case 'stopif':
        this.value(n.args[0]);
        f.if();
        this.leave(Number(n.imm));
        f.end();
        return;
      case 'guard':
        this.guard(n);
        return;
      default:
        bug(`${n.kind} is not a statement`);
    }
  }

  #shareOrKeep(n: Node, local: number, what: number): void {
    if (local < 0) {
      this.#keep(n);
      return;
    }
    n.local = local;
    n.alias = true;
    if (n.uses > 0) this.aliased(what, n);
  }

  #helperIf(n: Node): void {
    const { f } = this;
    const [condition, ...args] = n.args;
    // What the call shares with others must exist before the branch.
    for (const a of args) this.settle(a);
    this.value(condition);
    f.if(n.type);
    f.get(STATE);
    for (const a of args) this.value(a);
    f.call(this.functionIndex(n.name));
    f.else();
    if (n.type === 'i64') f.i64(0);
    else f.i32(0);
    f.end();
    this.#keep(n);
  }

  /** Push a value. */
  value(n: Node): void {
    const { f } = this;
    n.uses--;
    if (n.local >= 0) {
      f.get(n.local);
      return;
    }
    this.#compute(n);
    // Wanted again: keep it.
    if (n.uses > 0 && n.kind !== 'const') {
      n.local = this.#temp(n.type!);
      f.tee(n.local);
    }
  }

  #compute(n: Node): void {
    const { f } = this;
    switch (n.kind) {
      case 'const':
        if (n.type === 'i64') f.i64(n.imm);
        else f.i32(Number(n.imm));
        return;
      case 'v128':
        f.op([0xfd, 12]);
        f.bytes(n.bytes!);
        return;
      case 'op':
        for (const a of n.args) this.value(a);
        f.op(n.row!.code);
        if (n.row!.lane) f.byte(Number(n.imm));
        return;
      case 'select':
        for (const a of n.args) this.value(a);
        if (n.type === 'v128') f.bytes([0x1c, 1, 0x7b]);
        else f.byte(0x1b);
        return;
      case 'ifelse': {
        // What both sides share must exist before the branch.
        this.settle(n.args[0]);
        this.settle(n.args[1]);
        this.value(n.args[2]);
        f.if(n.type);
        this.value(n.args[0]);
        f.else();
        this.value(n.args[1]);
        f.end();
        return;
      }
      case 'shuffle':
        for (const a of n.args) this.value(a);
        f.op([0xfd, 13]);
        f.bytes(n.bytes!);
        return;
      case 'record':
        this.record(n);
        return;
      case 'call':
        for (const a of n.args) this.value(a);
        f.call(this.functionIndex(n.name));
        return;
      default:
        bug(`value of ${n.kind} used before its statement`);
    }
  }

  /** A field of the interpreter's record. */
  protected record(_n: Node): void {
    bug('record outside a handler');
  }

  /** Compute into locals what a pure tree, about to be computed on one side of a branch only, shares with anything outside it. */
  protected settle(root: Node): void {
    const inside = new Map<Node, number>();
    const count = (n: Node): void => {
      const seen = inside.get(n);
      inside.set(n, (seen ?? 0) + 1);
      if (seen === undefined && n.local < 0) for (const a of n.args) count(a);
    };
    count(root);
    const visit = (n: Node): void => {
      if (n.local >= 0 || n.kind === 'const') return;
      if (n.uses > inside.get(n)!) {
        this.#compute(n);
        n.local = this.#temp(n.type!);
        this.f.set(n.local);
      } else for (const a of n.args) visit(a);
    };
    visit(root);
  }

  /** A statement's result, on the stack, to where its users find it. */
  #keep(n: Node): void {
    if (n.uses <= 0) {
      this.f.byte(0x1a); // drop
      return;
    }
    n.local = this.#temp(n.type!);
    this.f.set(n.local);
  }

  /** The local that an access's address is in, but for `displacement`. */
  #place(n: Node): number {
    const near = n.local < 0 ? this.nearOf(n) : 0;
    this.displacement = near;
    if (near === 0) return this.#local(n);
    const base = n.args[0];
    // The sum stays to be computed for others.
    if (--n.uses > 0) base.uses++;
    return this.#local(base);
  }

  /** The constant of a sum that an access can take care of itself. */
  protected nearOf(_address: Node): number {
    return 0;
  }

  /** The value in a local of its own or shared. */
  #local(n: Node): number {
    if (n.local >= 0) {
      n.uses--;
      return n.local;
    }
    this.value(n);
    if (n.local < 0) {
      n.local = this.#temp(n.type!);
      this.f.set(n.local);
    } else this.f.byte(0x1a);
    return n.local;
  }

  #slot(n: Node): void {
    this.f.get(STATE);
    this.value(n.args[0]);
    this.f.byte(0x6a);
  }

  /** A getreg node shares its register's local: a subclass that keeps registers in locals must copy it before the register changes. */
  protected aliased(_id: number, _n: Node): void {}

  /** Copy an aliasing node's value to a local of its own. */
  protected unalias(n: Node): void {
    const local = this.#temp(n.type!);
    this.f.get(n.local);
    this.f.set(local);
    n.local = local;
    n.alias = false;
  }

  #temp(type: ValueType): number {
    const local = this.f.temp(type);
    this.#owned.push({ type, local });
    return local;
  }
  /** What is in locals now is wanted elsewhere, where it is to be taken over. */
  protected handOverTemps(): Temps {
    const temps = this.#owned;
    this.#owned = [];
    return temps;
  }
  protected takeOverTemps(temps: Temps): void {
    this.#owned.push(...temps);
  }
  /** End of an instruction run in which nodes are shared: locals may be used again. */
  releaseTemps(): void {
    for (const t of this.#owned) this.f.release(t.type, t.local);
    this.#owned.length = 0;
  }
}
