/** Recorded vectors as they are committed: cases and results as differences from a fixed background, compressed. */
import { gunzipSync, gzipSync } from 'node:zlib';
import { background, type Case, FX_BYTES, freshFx, type Patch, type Result } from './case.ts';

const HAS_FX = 1;
const HAS_BASES = 2;
const REPEATS = 4;
const PUSHES_FLAGS = 8;

export interface Vector {
  case: Case;
  result: Result;
}

class Writer {
  #bytes = new Uint8Array(1 << 16);
  #view = new DataView(this.#bytes.buffer);
  #at = 0;
  #room(n: number): number {
    if (this.#at + n > this.#bytes.length) {
      const grown = new Uint8Array(this.#bytes.length * 2 + n);
      grown.set(this.#bytes);
      this.#bytes = grown;
      this.#view = new DataView(grown.buffer);
    }
    const at = this.#at;
    this.#at += n;
    return at;
  }
  u8(v: number): void {
    const at = this.#room(1);
    this.#view.setUint8(at, v);
  }
  u16(v: number): void {
    const at = this.#room(2);
    this.#view.setUint16(at, v, true);
  }
  u32(v: number): void {
    const at = this.#room(4);
    this.#view.setUint32(at, v, true);
  }
  u64(v: bigint): void {
    const at = this.#room(8);
    this.#view.setBigUint64(at, v, true);
  }
  bytes(v: Uint8Array): void {
    const at = this.#room(v.length);
    this.#bytes.set(v, at);
  }
  done(): Uint8Array {
    return this.#bytes.slice(0, this.#at);
  }
}

class Reader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #at = 0;
  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }
  get more(): boolean {
    return this.#at < this.#bytes.length;
  }
  u8(): number {
    return this.#bytes[this.#at++];
  }
  u16(): number {
    this.#at += 2;
    return this.#view.getUint16(this.#at - 2, true);
  }
  u32(): number {
    this.#at += 4;
    return this.#view.getUint32(this.#at - 4, true);
  }
  u64(): bigint {
    this.#at += 8;
    return this.#view.getBigUint64(this.#at - 8, true);
  }
  bytes(n: number): Uint8Array {
    this.#at += n;
    return this.#bytes.slice(this.#at - n, this.#at);
  }
}

/** General registers that differ from a base. */
function writeRegisters(w: Writer, gpr: BigUint64Array, base: BigUint64Array): void {
  let mask = 0;
  for (let i = 0; i < 16; i++) if (gpr[i] !== base[i]) mask |= 1 << i;
  w.u16(mask);
  for (let i = 0; i < 16; i++) if (mask & (1 << i)) w.u64(gpr[i]);
}
function readRegisters(r: Reader, base: BigUint64Array): BigUint64Array {
  const gpr = base.slice();
  const mask = r.u16();
  for (let i = 0; i < 16; i++) if (mask & (1 << i)) gpr[i] = r.u64();
  return gpr;
}

/** 16-byte rows of an FX image that differ from a base. */
function writeFx(w: Writer, fx: Uint8Array, base: Uint8Array): void {
  const differs = (row: number) => {
    for (let i = row * 16; i < row * 16 + 16; i++) if (fx[i] !== base[i]) return true;
    return false;
  };
  let mask = 0;
  for (let row = 0; row < FX_BYTES / 16; row++) if (differs(row)) mask |= 1 << row;
  w.u32(mask >>> 0);
  for (let row = 0; row < FX_BYTES / 16; row++) {
    // Of an x87 register only ten bytes count.
    if (mask & (1 << row)) w.bytes(fx.subarray(row * 16, row * 16 + (row >= 2 && row < 10 ? 10 : 16)));
  }
}
function readFx(r: Reader, base: Uint8Array): Uint8Array {
  const fx = base.slice();
  const mask = r.u32();
  for (let row = 0; row < FX_BYTES / 16; row++) {
    if (mask & (1 << row)) fx.set(r.bytes(row >= 2 && row < 10 ? 10 : 16), row * 16);
  }
  return fx;
}

function writePatches(w: Writer, patches: readonly Patch[]): void {
  w.u8(patches.length);
  for (const p of patches) {
    w.u16(p.offset);
    w.u16(p.bytes.length);
    w.bytes(p.bytes);
  }
}
function readPatches(r: Reader): Patch[] {
  return Array.from({ length: r.u8() }, () => {
    const offset = r.u16();
    return { offset, bytes: r.bytes(r.u16()) };
  });
}

/** Opcode, instruction and data pointer of the x87: nobody compares them, and they do not compress. */
function withoutPointers(fx: Uint8Array): Uint8Array {
  const copy = fx.slice();
  copy.fill(0, 6, 24);
  return copy;
}

/** Vectors of one chapter; those whose memory changes are too many to be worth keeping are left out. */
export function pack(vectors: readonly Vector[]): Uint8Array {
  const w = new Writer();
  const names = [...new Set(vectors.map((v) => v.case.mnemonic!))];
  const index = new Map(names.map((name, i) => [name, i]));
  const list = Buffer.from(names.join(' '));
  w.u32(list.length);
  w.bytes(list);
  for (const { case: c, result } of vectors) {
    if (result.changes.length > 255) continue;
    w.u16(index.get(c.mnemonic!)!);
    w.u8(
      (c.fx ? HAS_FX : 0) | (c.bases ? HAS_BASES : 0) | (c.repeats ? REPEATS : 0) | (c.pushesFlags ? PUSHES_FLAGS : 0),
    );
    w.u8(c.code.length);
    w.bytes(c.code);
    w.u32(c.address);
    writeRegisters(w, c.gpr, background());
    w.u16(c.flags);
    if (c.bases) for (const base of c.bases) w.u64(base);
    const fx = c.fx && withoutPointers(c.fx);
    if (fx) writeFx(w, fx, freshFx());
    writePatches(w, c.patches);
    w.u8(result.trap);
    if (result.trap === 14) {
      w.u8(result.error);
      w.u64(result.fault);
    }
    writeRegisters(w, result.gpr, c.gpr);
    w.u64(BigInt.asUintN(64, result.rip - BigInt(c.address)));
    w.u32(result.flags);
    if (fx) writeFx(w, withoutPointers(result.fx!), fx);
    writePatches(w, result.changes);
  }
  return gzipSync(w.done(), { level: 9 });
}

export function* unpack(packed: Uint8Array): Generator<Vector> {
  const r = new Reader(gunzipSync(packed));
  const names = Buffer.from(r.bytes(r.u32())).toString().split(' ');
  while (r.more) {
    const mnemonic = names[r.u16()];
    const options = r.u8();
    const code = r.bytes(r.u8());
    const address = r.u32();
    const gpr = readRegisters(r, background());
    const flags = r.u16();
    const bases = options & HAS_BASES ? ([r.u64(), r.u64()] as const) : undefined;
    const fx = options & HAS_FX ? readFx(r, freshFx()) : undefined;
    const patches = readPatches(r);
    const trap = r.u8();
    const [error, fault] = trap === 14 ? [r.u8(), r.u64()] : [0, 0n];
    const result: Result = {
      trap,
      error,
      fault,
      gpr: readRegisters(r, gpr),
      rip: BigInt.asUintN(64, r.u64() + BigInt(address)),
      flags: r.u32(),
      bases: [0n, 0n],
      fx: fx && readFx(r, fx),
      changes: readPatches(r),
    };
    yield {
      case: { code, address, gpr, flags, bases, fx, patches, repeats: (options & REPEATS) !== 0, pushesFlags: (options & PUSHES_FLAGS) !== 0, mnemonic },
      result,
    }; // biome-ignore format: record
  }
}
