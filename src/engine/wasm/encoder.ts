/** Encoder of WebAssembly modules: sections, functions, instructions as bytes. Knows wasm, knows no guest. */
import type { ValueType } from '../../isa/helper.ts';

const VALUE_TYPE: Record<ValueType, number> = { i32: 0x7f, i64: 0x7e, f32: 0x7d, f64: 0x7c, v128: 0x7b };

/** A growing byte buffer with LEB128. */
export class Bytes {
  data = new Uint8Array(256);
  length = 0;

  #room(n: number): void {
    if (this.length + n <= this.data.length) return;
    const bigger = new Uint8Array(Math.max(this.data.length * 2, this.length + n));
    bigger.set(this.data.subarray(0, this.length));
    this.data = bigger;
  }

  byte(b: number): void {
    if (this.length === this.data.length) this.#room(1);
    this.data[this.length++] = b;
  }

  bytes(list: ArrayLike<number>): void {
    this.#room(list.length);
    this.data.set(list, this.length);
    this.length += list.length;
  }

  /** Unsigned LEB128. */
  u32(v: number): void {
    v >>>= 0;
    while (v >= 0x80) {
      this.byte((v & 0x7f) | 0x80);
      v >>>= 7;
    }
    this.byte(v);
  }

  /** Signed LEB128 of 32 bits. */
  s32(v: number): void {
    v |= 0;
    for (;;) {
      const low = v & 0x7f;
      v >>= 7;
      if ((v === 0 && (low & 0x40) === 0) || (v === -1 && (low & 0x40) !== 0)) {
        this.byte(low);
        return;
      }
      this.byte(low | 0x80);
    }
  }

  /** Signed LEB128 of 64 bits; a number must be an exact integer. */
  s64(v: number | bigint): void {
    if (typeof v === 'number') {
      if (v >= -0x8000_0000 && v <= 0x7fff_ffff) {
        this.s32(v);
        return;
      }
      v = BigInt(v);
    }
    v = BigInt.asIntN(64, v);
    for (;;) {
      const low = Number(v & 0x7fn);
      v >>= 7n;
      if ((v === 0n && (low & 0x40) === 0) || (v === -1n && (low & 0x40) !== 0)) {
        this.byte(low);
        return;
      }
      this.byte(low | 0x80);
    }
  }

  name(text: string): void {
    const utf8 = new TextEncoder().encode(text);
    this.u32(utf8.length);
    this.bytes(utf8);
  }

  view(): Uint8Array<ArrayBuffer> {
    return this.data.subarray(0, this.length);
  }
}

/** One function body: locals and instructions; `depth` counts open blocks so that branches can name labels. */
export class Func extends Bytes {
  readonly #params: number;
  readonly #locals: ValueType[] = [];
  depth = 0;
  /** Where this function's own index goes. */
  readonly #own: number[] = [];
  /** Instructions in front of the body, written once the body has shown what it needs. */
  readonly prologue = new Bytes();
  readonly #free: Record<ValueType, number[]> = { i32: [], i64: [], f32: [], f64: [], v128: [] };

  constructor(params: number) {
    super();
    this.#params = params;
  }

  local(type: ValueType): number {
    this.#locals.push(type);
    return this.#params + this.#locals.length - 1;
  }
  /** A local that may be given back with `release`. */
  temp(type: ValueType): number {
    return this.#free[type].pop() ?? this.local(type);
  }
  release(type: ValueType, local: number): void {
    this.#free[type].push(local);
  }

  get(local: number): void {
    this.byte(0x20);
    this.u32(local);
  }
  set(local: number): void {
    this.byte(0x21);
    this.u32(local);
  }
  tee(local: number): void {
    this.byte(0x22);
    this.u32(local);
  }
  i32(v: number): void {
    this.byte(0x41);
    this.s32(v);
  }
  i64(v: number | bigint): void {
    this.byte(0x42);
    this.s64(v);
  }
  op(code: readonly number[]): void {
    for (const b of code) this.byte(b);
  }
  /** A load or store with its static offset; alignment hint 0 (guest accesses may be unaligned). */
  mem(code: readonly number[], offset: number): void {
    this.op(code);
    this.byte(0);
    this.u32(offset);
  }
  call(func: number): void {
    this.byte(0x10);
    this.u32(func);
  }
  /** Call the function that this is the body of. */
  callSelf(): void {
    this.byte(0x10);
    this.#own.push(this.length);
    // Five bytes, whatever the number will be.
    this.bytes([0x80, 0x80, 0x80, 0x80, 0]);
  }
  /** Call through a table in place of this function. */
  returnCallIndirect(type: number, table = 0): void {
    this.byte(0x13);
    this.u32(type);
    this.u32(table);
  }
  callIndirect(type: number, table = 0): void {
    this.byte(0x11);
    this.u32(type);
    this.u32(table);
  }
  /** Open a block/loop/if; returns its label for `br`. */
  block(type?: ValueType): number {
    return this.#open(0x02, type);
  }
  loop(type?: ValueType): number {
    return this.#open(0x03, type);
  }
  if(type?: ValueType): number {
    return this.#open(0x04, type);
  }
  #open(code: number, type?: ValueType): number {
    this.byte(code);
    this.byte(type ? VALUE_TYPE[type] : 0x40);
    return ++this.depth;
  }
  else(): void {
    this.byte(0x05);
  }
  end(): void {
    this.byte(0x0b);
    this.depth--;
  }
  br(label: number): void {
    this.byte(0x0c);
    this.u32(this.depth - label);
  }
  brIf(label: number): void {
    this.byte(0x0d);
    this.u32(this.depth - label);
  }
  brTable(labels: readonly number[], otherwise: number): void {
    this.byte(0x0e);
    this.u32(labels.length);
    for (const label of labels) this.u32(this.depth - label);
    this.u32(this.depth - otherwise);
  }
  /** Add one to a counter. */
  count(counter: number): void {
    this.i64(1);
    this.add(counter);
  }
  /** Add the i64 on the stack to a counter. */
  add(counter: number): void {
    this.byte(0x23);
    this.u32(counter);
    this.byte(0x7c);
    this.byte(0x24);
    this.u32(counter);
  }
  return(): void {
    this.byte(0x0f);
  }
  unreachable(): void {
    this.byte(0x00);
  }

  /** The encoded body of the function of this index: size, locals, code, end. */
  encode(into: Bytes, index: number): void {
    for (const at of this.#own) for (let i = 0; i < 5; i++) this.data[at + i] |= (index >>> (7 * i)) & 0x7f;
    const groups = new Bytes();
    let count = 0;
    for (let i = 0; i < this.#locals.length; ) {
      let j = i;
      while (j < this.#locals.length && this.#locals[j] === this.#locals[i]) j++;
      groups.u32(j - i);
      groups.byte(VALUE_TYPE[this.#locals[i]]);
      count++;
      i = j;
    }
    const head = new Bytes();
    head.u32(count);
    into.u32(head.length + groups.length + this.prologue.length + this.length + 1);
    into.bytes(head.view());
    into.bytes(groups.view());
    into.bytes(this.prologue.view());
    into.bytes(this.view());
    into.byte(0x0b);
  }
}

export interface Signature {
  readonly params: readonly ValueType[];
  readonly results: readonly ValueType[];
}

/** Collects imports and functions, then encodes the module. All imports come from module name 'e'. Imports must be declared before functions. */
export class ModuleBuilder {
  readonly #types = new Map<string, number>();
  readonly #typeList: Signature[] = [];
  readonly #imports: { name: string; kind: 'func' | 'memory' | 'table'; type: number }[] = [];
  #importedFunctions = 0;
  readonly #importIndex = new Map<string, number>();
  readonly #functions: { type: number; body: Func }[] = [];
  readonly #exports: { name: string; index: number }[] = [];
  #counters = 0;
  readonly #elements: { offset: number; functions: readonly number[] }[] = [];

  type(signature: Signature): number {
    const key = `${signature.params.join()}>${signature.results.join()}`;
    let index = this.#types.get(key);
    if (index === undefined) {
      index = this.#typeList.length;
      this.#typeList.push(signature);
      this.#types.set(key, index);
    }
    return index;
  }
  /** The memory, a shared one of at most so many pages. */
  importMemory(limit: number): void {
    this.#imports.push({ name: 'memory', kind: 'memory', type: limit });
  }
  /** Tables are numbered in the order of these calls; `elements` fills the first. */
  importTable(name: string): void {
    this.#imports.push({ name, kind: 'table', type: 0 });
  }
  /** Index of an imported function, declared at its first use. */
  importFunction(name: string, signature: Signature): number {
    let index = this.#importIndex.get(name);
    if (index === undefined) {
      if (this.#functions.length > 0) throw new Error(`import ${name} after functions`);
      index = this.#importedFunctions++;
      this.#importIndex.set(name, index);
      this.#imports.push({ name, kind: 'func', type: this.type(signature) });
    }
    return index;
  }
  /** Reserve the next function index; its body is added with `define` in the same order. */
  define(signature: Signature, body: Func, exportAs?: string): number {
    const index = this.#importedFunctions + this.#functions.length;
    this.#functions.push({ type: this.type(signature), body });
    if (exportAs !== undefined) this.#exports.push({ name: exportAs, index });
    return index;
  }
  /** Put functions into the imported table from `offset` on. */
  elements(offset: number, functions: readonly number[]): void {
    this.#elements.push({ offset, functions });
  }
  /** A mutable i64 global, exported as `count0`, `count1`, …; answers its index. */
  counter(): number {
    return this.#counters++;
  }
  get nextIndex(): number {
    return this.#importedFunctions + this.#functions.length;
  }

  encode(): Uint8Array<ArrayBuffer> {
    const out = new Bytes();
    out.bytes([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0]);
    const section = (id: number, count: number, fill: (s: Bytes) => void) => {
      if (count === 0) return;
      const s = new Bytes();
      s.u32(count);
      fill(s);
      out.byte(id);
      out.u32(s.length);
      out.bytes(s.view());
    };
    section(1, this.#typeList.length, (s) => {
      for (const t of this.#typeList) {
        s.byte(0x60);
        s.u32(t.params.length);
        for (const p of t.params) s.byte(VALUE_TYPE[p]);
        s.u32(t.results.length);
        for (const r of t.results) s.byte(VALUE_TYPE[r]);
      }
    });
    section(2, this.#imports.length, (s) => {
      for (const i of this.#imports) {
        s.name('e');
        s.name(i.name);
        if (i.kind === 'func') {
          s.byte(0);
          s.u32(i.type);
        } else if (i.kind === 'memory') {
          s.bytes([2, 3]);
          s.u32(0);
          s.u32(i.type);
        } else {
          s.bytes([1, 0x70, 0]);
          s.u32(0);
        }
      }
    });
    section(3, this.#functions.length, (s) => {
      for (const f of this.#functions) s.u32(f.type);
    });
    section(6, this.#counters, (s) => {
      for (let i = 0; i < this.#counters; i++) s.bytes([VALUE_TYPE.i64, 1, 0x42, 0, 0x0b]);
    });
    section(7, this.#exports.length + this.#counters, (s) => {
      for (const e of this.#exports) {
        s.name(e.name);
        s.byte(0);
        s.u32(e.index);
      }
      for (let i = 0; i < this.#counters; i++) {
        s.name(`count${i}`);
        s.byte(3);
        s.u32(i);
      }
    });
    section(9, this.#elements.length, (s) => {
      for (const e of this.#elements) {
        s.u32(0);
        s.byte(0x41);
        s.s32(e.offset);
        s.byte(0x0b);
        s.u32(e.functions.length);
        for (const f of e.functions) s.u32(f);
      }
    });
    section(10, this.#functions.length, (s) => {
      this.#functions.forEach(({ body }, i) => {
        body.encode(s, this.#importedFunctions + i);
      });
    });
    return out.view().slice();
  }
}
