/** Layouts of guest structures as rows: one `struct({ sec: i64, nsec: i64 })` gives size, read, write and trace text; which structures there are belongs to each OS's abi/. */
import { once } from '../base/once.ts';
import { bytesOf, textOf } from '../base/text.ts';
import type { AddressSpace } from '../memory/address-space.ts';

/** A piece of a layout: how many bytes it takes and how its value is read, written and shown. */
export interface Field<T> {
  readonly size: number;
  readonly align: number;
  read(view: DataView, at: number): T;
  write(view: DataView, at: number, value: T): void;
  show(value: T): string;
}

/** Bytes without a meaning: written as zero, absent from the value. */
export interface Padding extends Field<never> {
  readonly padding: true;
}

const TWO_32 = 0x1_0000_0000;

function number(
  size: number,
  read: (view: DataView, at: number) => number,
  write: (view: DataView, at: number, value: number) => void,
  show: (value: number) => string = String,
): Field<number> {
  return { size, align: size, read, write, show };
}

const readU64 = (view: DataView, at: number) => view.getUint32(at, true) + view.getUint32(at + 4, true) * TWO_32;
const readI64 = (view: DataView, at: number) => view.getUint32(at, true) + view.getInt32(at + 4, true) * TWO_32;

/** Accepts negative numbers (two's complement). */
function writeI64(view: DataView, at: number, value: number): void {
  const low = value % TWO_32;
  view.setUint32(at, low, true);
  view.setInt32(at + 4, Math.floor(value / TWO_32), true);
}

export const i8 = number(1, (v, a) => v.getInt8(a), (v, a, x) => v.setInt8(a, x)); // biome-ignore format: rows
export const u8 = number(1, (v, a) => v.getUint8(a), (v, a, x) => v.setUint8(a, x)); // biome-ignore format: rows
export const i16 = number(2, (v, a) => v.getInt16(a, true), (v, a, x) => v.setInt16(a, x, true)); // biome-ignore format: rows
export const u16 = number(2, (v, a) => v.getUint16(a, true), (v, a, x) => v.setUint16(a, x, true)); // biome-ignore format: rows
export const i32 = number(4, (v, a) => v.getInt32(a, true), (v, a, x) => v.setInt32(a, x, true)); // biome-ignore format: rows
export const u32 = number(4, (v, a) => v.getUint32(a, true), (v, a, x) => v.setUint32(a, x, true)); // biome-ignore format: rows
/** 64 bits as a number: exact below 2^53. */
export const i64 = number(8, readI64, writeI64);
export const u64 = number(8, readU64, writeI64);
/** A guest address. */
export const pointer = number(8, readU64, writeI64, (x) => (x === 0 ? 'NULL' : `0x${x.toString(16)}`));
/** 64 bits, all of them. */
export const big64: Field<bigint> = {
  size: 8,
  align: 8,
  read: (view, at) => view.getBigUint64(at, true),
  write: (view, at, value) => view.setBigUint64(at, BigInt.asUintN(64, value), true),
  show: (value) => `0x${value.toString(16)}`,
};

export function pad(size: number): Padding {
  return {
    padding: true,
    size,
    align: 1,
    read: () => undefined as never,
    write: (view, at) => {
      for (let i = 0; i < size; i++) view.setUint8(at + i, 0);
    },
    show: () => '',
  };
}

/** A fixed number of raw bytes; shorter values are filled up with zeros. */
export function bytes(size: number): Field<Uint8Array> {
  return {
    size,
    align: 1,
    read: (view, at) => new Uint8Array(view.buffer, view.byteOffset + at, size).slice(),
    write: (view, at, value) => {
      const place = new Uint8Array(view.buffer, view.byteOffset + at, size).fill(0);
      place.set(value.subarray(0, size));
    },
    show: (value) => `<${value.length} bytes>`,
  };
}

/** A NUL-padded string in a fixed field, always terminated. */
export function text(size: number): Field<string> {
  const raw = bytes(size);
  return {
    size,
    align: 1,
    read: (view, at) => {
      const all = raw.read(view, at);
      const end = all.indexOf(0);
      return textOf(end < 0 ? all : all.subarray(0, end));
    },
    write: (view, at, value) => raw.write(view, at, bytesOf(value).subarray(0, size - 1)),
    show: (value) => JSON.stringify(value),
  };
}

export function array<T>(field: Field<T>, count: number): Field<T[]> {
  return {
    size: field.size * count,
    align: field.align,
    read: (view, at) => Array.from({ length: count }, (_, i) => field.read(view, at + i * field.size)),
    write: (view, at, value) => {
      for (let i = 0; i < count; i++) field.write(view, at + i * field.size, value[i]);
    },
    show: (value) => `[${value.map((each) => field.show(each)).join(', ')}]`,
  };
}

/** The same field with another way to be shown: flag words, octal modes. */
export function shown<T>(field: Field<T>, show: (value: T) => string): Field<T> {
  return { ...field, show };
}

type Fields = Record<string, Field<never> | Field<number> | Field<bigint> | Field<string> | AnyField>;
// biome-ignore lint/suspicious/noExplicitAny: a row of a layout may hold any value
type AnyField = Field<any>;

/** The value of a layout: one member for each field that is not padding. */
export type ValueOf<F> = {
  [K in keyof F as F[K] extends Padding ? never : K]: F[K] extends Field<infer T> ? T : never;
};

// The one buffer through which structures pass on their way from or to the guest.
const scratch = new Uint8Array(4096);
const scratchView = new DataView(scratch.buffer);

interface Layout {
  readonly size: number;
  readonly align: number;
  readonly offsets: Readonly<Record<string, number>>;
  readonly fields: readonly { name: string; field: AnyField; at: number; padding: boolean }[];
}

function layOut(all: Fields, packed: boolean): Layout {
  let at = 0;
  let align = 1;
  const offsets: Record<string, number> = {};
  const fields = Object.entries(all).map(([name, field]) => {
    if (!packed && at % field.align !== 0) throw new RangeError(`struct: ${name} at ${at} wants explicit padding`);
    const entry = { name, field, at, padding: 'padding' in field };
    offsets[name] = at;
    at += field.size;
    if (!packed) align = Math.max(align, field.align);
    return entry;
  });
  if (at % align !== 0) throw new RangeError(`struct: size ${at} wants explicit padding to ${align}`);
  return { size: at, align, offsets, fields };
}

/** A layout: itself a field, so structures nest. It is worked out when it is first used: most programs use few of them. */
export class Struct<T> implements Field<T> {
  readonly #layout: () => Layout;

  constructor(fields: Fields, packed: boolean) {
    this.#layout = once(() => layOut(fields, packed));
  }

  get size(): number {
    return this.#layout().size;
  }
  get align(): number {
    return this.#layout().align;
  }
  get offsets(): Readonly<Record<string, number>> {
    return this.#layout().offsets;
  }

  read(view: DataView, at: number): T {
    const value: Record<string, unknown> = {};
    for (const { name, field, at: offset, padding } of this.#layout().fields) {
      if (!padding) value[name] = field.read(view, at + offset);
    }
    return value as T;
  }

  write(view: DataView, at: number, value: T): void {
    const members = value as Record<string, unknown>;
    for (const { name, field, at: offset } of this.#layout().fields) field.write(view, at + offset, members[name]);
  }

  show(value: T): string {
    const members = value as Record<string, unknown>;
    const parts: string[] = [];
    for (const { name, field, padding } of this.#layout().fields) {
      if (!padding) parts.push(`${name}=${field.show(members[name])}`);
    }
    // A lone value behind a pointer is shown as an array of one.
    if (this.#layout().fields.length === 1 && 'value' in members) return `[${parts[0].slice('value='.length)}]`;
    return `{${parts.join(', ')}}`;
  }

  /** The structure at a guest address; throws MemoryFault. */
  get(space: AddressSpace, address: number): T {
    const at = space.placeOf(address, this.size, 'read');
    if (at >= 0) return this.read(space.view, at);
    let done = 0;
    for (const span of space.spans(address, this.size, 'read')) {
      scratch.set(span, done);
      done += span.length;
    }
    return this.read(scratchView, 0);
  }

  set(space: AddressSpace, address: number, value: T): void {
    const at = space.placeOf(address, this.size, 'write');
    if (at >= 0) {
      this.write(space.view, at, value);
      return;
    }
    // The guest's page is checked first: nothing is converted for an address that faults.
    const spans = space.spans(address, this.size, 'write');
    this.write(scratchView, 0, value);
    let done = 0;
    for (const span of spans) {
      span.set(scratch.subarray(done, done + span.length));
      done += span.length;
    }
  }

  /** `count` structures in a row. */
  getArray(space: AddressSpace, address: number, count: number): T[] {
    const raw = space.copyIn(address, count * this.size);
    const view = new DataView(raw.buffer, raw.byteOffset, raw.byteLength);
    return Array.from({ length: count }, (_, i) => this.read(view, i * this.size));
  }

  setArray(space: AddressSpace, address: number, values: readonly T[]): void {
    space.copyOut(address, this.encode(values));
  }

  /** The bytes of some structures in a row. */
  encode(values: readonly T[]): Uint8Array {
    const raw = new Uint8Array(values.length * this.size);
    const view = new DataView(raw.buffer);
    values.forEach((value, i) => {
      this.write(view, i * this.size, value);
    });
    return raw;
  }
}

/** A layout whose fields follow each other; alignment must come out naturally, with `pad` where the compiler would insert it. */
export function struct<const F extends Fields>(fields: F, options: { packed?: boolean } = {}): Struct<ValueOf<F>> {
  return new Struct<ValueOf<F>>(fields, options.packed ?? false);
}
