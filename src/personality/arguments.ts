/** Types of call arguments: how each is taken from a register, what the handler gets, and how a trace shows it before and after the call. */
import type { Cpu } from '../engine/engine.ts';
import type { AddressSpace } from '../memory/address-space.ts';
import type { Struct } from './struct.ts';
import type { Task } from './task.ts';
import { quote } from './text.ts';

export interface ArgumentType<T> {
  /** As documentation names the type. */
  readonly word: string;
  /** `length`: the value of the argument named by `lengthOf`. */
  decode(task: Task, cpu: Cpu, register: number, length: number): T;
  /** The name of the argument that says how long this buffer is. */
  readonly lengthOf?: string;
  /** Trace group that a call with such an argument belongs to. */
  readonly group?: string;
  /** Trace text at entry; absent for outputs. */
  before?(value: T, task: Task): string;
  /** Trace text once the result is known; called only for calls that did not fail. */
  after?(value: T, result: number, task: Task): string;
}

export const hex = (n: number): string => `0x${n.toString(16)}`;
const address = (n: number): string => (n === 0 ? 'NULL' : hex(n));

// ---- numbers

export const I32: ArgumentType<number> = {
  word: 'int',
  decode: (_t, cpu, register) => cpu.getInt(register),
  before: String,
};

export const U32: ArgumentType<number> = {
  word: 'unsigned',
  decode: (_t, cpu, register) => cpu.getInt(register) >>> 0,
  before: String,
};

/** size_t and other unsigned 64-bit numbers: exact below 2^53. */
export const Size: ArgumentType<number> = {
  word: 'size',
  decode: (_t, cpu, register) => cpu.get(register),
  before: String,
};

const signed64 = (cpu: Cpu, register: number): number => {
  const value = cpu.get(register);
  // Only the upper half is negative; its numbers need all 64 bits to come out right.
  return value < 0x8000_0000_0000_0000 ? value : Number(BigInt.asIntN(64, cpu.getBig(register)));
};

/** off_t, long and other signed 64-bit numbers. */
export const I64: ArgumentType<number> = {
  word: 'long',
  decode: (_t, cpu, register) => signed64(cpu, register),
  before: String,
};

/** 64 bits, all of them. */
export const Big: ArgumentType<bigint> = {
  word: 'u64',
  decode: (_t, cpu, register) => cpu.getBig(register),
  before: (value) => `0x${value.toString(16)}`,
};

/** A guest address that the handler deals with itself. */
export const Ptr: ArgumentType<number> = {
  word: 'pointer',
  decode: (_t, cpu, register) => cpu.get(register),
  before: address,
};

export const Mode: ArgumentType<number> = {
  word: 'mode',
  decode: (_t, cpu, register) => cpu.getInt(register) & 0o177777,
  before: (value) => (value === 0 ? '0' : `0${value.toString(8)}`),
};

/** Process, thread, user and group numbers. */
export const Pid = I32;
export const Uid: ArgumentType<number> = {
  word: 'uid',
  decode: (_t, cpu, register) => {
    const id = cpu.getInt(register);
    // All of 32 bits but the one that says "leave it".
    return id === -1 ? -1 : id >>> 0;
  },
  before: String,
};

// ---- files and names

/** A descriptor; the trace shows what it refers to. */
export const Fd: ArgumentType<number> = {
  word: 'fd',
  group: 'desc',
  decode: (_t, cpu, register) => cpu.getInt(register),
  before: String,
};

/** The directory descriptor of the …at calls, `here` being the system's number for the current directory. */
export const dirFd = (here: number, name: string): ArgumentType<number> => ({
  word: 'dirfd',
  group: 'desc',
  decode: (_t, cpu, register) => cpu.getInt(register),
  before: (value) => (value === here ? name : String(value)),
});

/** A file name, read before the handler runs. */
export const Path: ArgumentType<string> = {
  word: 'path',
  group: 'file',
  decode: (t, cpu, register) => t.space.string(cpu.get(register)),
  before: (value) => quote(value),
};

/** A file name, or nothing for a null pointer. */
export const PathOrNull: ArgumentType<string | undefined> = {
  word: 'path?',
  group: 'file',
  decode: (t, cpu, register) => {
    const at = cpu.get(register);
    return at === 0 ? undefined : t.space.string(at);
  },
  before: (value) => (value === undefined ? 'NULL' : quote(value)),
};

/** A string that is no file name. */
export const Text: ArgumentType<string> = {
  word: 'string',
  decode: (t, cpu, register) => t.space.string(cpu.get(register)),
  before: (value) => quote(value),
};

/** The address of an array of strings that ends with a null pointer (argv): the handler reads it, the trace shows it. */
export const Strings: ArgumentType<number> = {
  word: 'string[]',
  decode: (_t, cpu, register) => cpu.get(register),
  before: (value, task) => showStrings(value, task, 16),
};

/** The same, of which the trace shows only how many there are (envp). */
export const ManyStrings: ArgumentType<number> = {
  ...Strings,
  before: (value, task) => (value === 0 ? 'NULL' : `${hex(value)} /* ${countPointers(value, task)} vars */`),
};

function countPointers(at: number, task: Task): number {
  let count = 0;
  while (count < 10_000 && task.space.readU64(at + count * 8) !== 0) count++;
  return count;
}

function showStrings(at: number, task: Task, most: number): string {
  if (at === 0) return 'NULL';
  const count = countPointers(at, task);
  const shown = Array.from({ length: Math.min(count, most) }, (_, i) =>
    quote(task.space.cstring(task.space.readU64(at + i * 8))),
  );
  return `[${shown.join(', ')}${count > most ? ', ...' : ''}]`;
}

// ---- buffers

/** A range of guest memory named by two arguments; checked when it is used, not before. */
export class GuestBuffer {
  readonly space: AddressSpace;
  readonly address: number;
  readonly length: number;
  constructor(space: AddressSpace, address: number, length: number) {
    this.space = space;
    this.address = address;
    this.length = length;
  }

  /** Views to read the guest's bytes from. */
  input(length = this.length): Uint8Array[] {
    return this.space.spans(this.address, length, 'read');
  }
  /** Views to write the guest's bytes to. */
  output(length = this.length): Uint8Array[] {
    return this.space.spans(this.address, length, 'write');
  }
  /** A copy of the guest's bytes. */
  copy(length = this.length): Uint8Array {
    return this.space.copyIn(this.address, length);
  }
  fill(bytes: Uint8Array): void {
    this.space.copyOut(this.address, bytes);
  }
}

/** As many bytes of a buffer as a trace shows. */
function preview(buffer: GuestBuffer, length: number): string {
  if (buffer.address === 0) return 'NULL';
  const shown = buffer.space.accessible(buffer.address, Math.min(length, 33), 'read');
  if (shown === 0 && length > 0) return hex(buffer.address);
  return quote(buffer.space.copyIn(buffer.address, shown), shown < length);
}

/** A buffer the call reads. */
export const In = (lengthOf: string): ArgumentType<GuestBuffer> => ({
  word: 'in',
  lengthOf,
  decode: (t, cpu, register, length) => new GuestBuffer(t.space, cpu.get(register), length),
  before: (value) => preview(value, value.length),
});

/** A buffer the call fills; the result says how far. */
export const Out = (lengthOf: string): ArgumentType<GuestBuffer> => ({
  word: 'out',
  lengthOf,
  decode: (t, cpu, register, length) => new GuestBuffer(t.space, cpu.get(register), length),
  after: (value, result) => preview(value, Math.min(result, value.length)),
});

/** A buffer the call fills with records: shown as its address. */
export const OutRaw = (lengthOf: string): ArgumentType<GuestBuffer> => ({
  ...Out(lengthOf),
  after: (value) => address(value.address),
});

// ---- structures

/** Where a structure goes. */
export class Place<T> {
  readonly space: AddressSpace;
  readonly address: number;
  readonly layout: Struct<T>;
  constructor(space: AddressSpace, at: number, layout: Struct<T>) {
    this.space = space;
    this.address = at;
    this.layout = layout;
  }

  get isNull(): boolean {
    return this.address === 0;
  }
  set(value: T): void {
    this.layout.set(this.space, this.address, value);
  }
  get(): T {
    return this.layout.get(this.space, this.address);
  }
}

function showPlace<T>(place: Place<T>): string {
  if (place.isNull) return 'NULL';
  const { space, layout } = place;
  if (space.accessible(place.address, layout.size, 'read') < layout.size) return hex(place.address);
  return layout.show(place.get());
}

/** A structure the call reads; a bad address is EFAULT before the handler runs. */
export const InStruct = <T>(layout: Struct<T>): ArgumentType<T> => ({
  word: 'in struct',
  decode: (t, cpu, register) => layout.get(t.space, cpu.get(register)),
  before: (value) => layout.show(value),
});

/** A structure the call reads, or nothing for a null pointer. */
export const InStructOrNull = <T>(layout: Struct<T>): ArgumentType<T | undefined> => ({
  word: 'in struct?',
  decode: (t, cpu, register) => {
    const at = cpu.get(register);
    return at === 0 ? undefined : layout.get(t.space, at);
  },
  before: (value) => (value === undefined ? 'NULL' : layout.show(value)),
});

/** A structure the call fills in; the handler looks at `isNull` where the system allows a null pointer. */
export const OutStruct = <T>(layout: Struct<T>): ArgumentType<Place<T>> => ({
  word: 'out struct',
  decode: (t, cpu, register) => new Place(t.space, cpu.get(register), layout),
  after: (value) => showPlace(value),
});

/** A structure the call reads and writes. */
export const InOutStruct = <T>(layout: Struct<T>): ArgumentType<Place<T>> => ({
  word: 'in/out struct',
  decode: (t, cpu, register) => new Place(t.space, cpu.get(register), layout),
  before: (value) => showPlace(value),
});

/** `count` structures in a row, which the handler reads or writes itself. */
export class PlaceArray<T> {
  readonly space: AddressSpace;
  readonly address: number;
  readonly count: number;
  readonly layout: Struct<T>;
  constructor(space: AddressSpace, at: number, count: number, layout: Struct<T>) {
    this.space = space;
    this.address = at;
    this.count = count;
    this.layout = layout;
  }
  get(): T[] {
    return this.layout.getArray(this.space, this.address, this.count);
  }
  set(values: readonly T[]): void {
    this.layout.setArray(this.space, this.address, values);
  }
}

export const StructArray = <T>(layout: Struct<T>, lengthOf: string): ArgumentType<PlaceArray<T>> => ({
  word: 'struct[]',
  lengthOf,
  decode: (t, cpu, register, length) => new PlaceArray(t.space, cpu.get(register), length, layout),
  before: (value) => {
    const { count, space } = value;
    if (value.address === 0) return 'NULL';
    if (count < 0 || count > 16) return hex(value.address);
    if (space.accessible(value.address, count * layout.size, 'read') < count * layout.size) return hex(value.address);
    return `[${value.get().map((each) => layout.show(each)).join(', ')}]`; // biome-ignore format: one sentence
  },
});

// ---- flag words and choices

export type Names = Readonly<Record<string, number>>;

/** Symbolic text of a flag word: names of the bits that are set, what is left over in hex. */
export function showFlags(names: Names, value: number, zero = '0', base = 0): string {
  const parts: string[] = [];
  let rest = value;
  if (base !== 0 || zero !== '0') {
    const low = value & base;
    const name = Object.keys(names).find((each) => names[each] === low && (names[each] & ~base) === 0);
    if (name) parts.push(name);
    else if (low) parts.push(hex(low));
    rest &= ~base;
  }
  for (const [name, bits] of Object.entries(names)) {
    if (bits === 0 || (bits & ~base) === 0) continue;
    if ((rest & bits) === bits) {
      parts.push(name);
      rest &= ~bits;
    }
  }
  if (rest !== 0) parts.push(hex(rest >>> 0));
  return parts.length === 0 ? zero : parts.join('|');
}

/** A word of bits. `base`: the bits that hold a number rather than flags (O_ACCMODE, MAP_TYPE). */
export const flagSet = (names: Names, base = 0): ArgumentType<number> => ({
  word: 'flags',
  decode: (_t, cpu, register) => cpu.getInt(register),
  before: (value) =>
    showFlags(names, value, base ? (Object.keys(names).find((n) => names[n] === 0) ?? '0') : '0', base),
});

/** One of several numbers. */
export const enumeration = (names: Names): ArgumentType<number> => ({
  word: 'choice',
  decode: (_t, cpu, register) => cpu.getInt(register),
  before: (value) => Object.keys(names).find((name) => names[name] === value) ?? hex(value >>> 0),
});

/** A number shown in hex: request codes of ioctl. */
export const Hex: ArgumentType<number> = {
  word: 'unsigned',
  decode: (_t, cpu, register) => cpu.getInt(register) >>> 0,
  before: hex,
};
