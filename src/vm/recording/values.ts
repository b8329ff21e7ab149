/** Values of the host contract as bytes, and back: numbers, bigints, strings, bytes, lists, plain objects. Knows nothing of recordings. */
import { bytesOf, textOf } from '../../base/text.ts';

const [UNDEFINED, NULL, FALSE, TRUE, INTEGER, DOUBLE, BIGINT, STRING, BYTES, LIST, OBJECT] = Array.from(
  { length: 11 },
  (_, i) => i,
);

/** What the reader throws where bytes make no sense. */
export class Malformed extends Error {}

export class ValueWriter {
  #bytes = new Uint8Array(4096);
  #view = new DataView(this.#bytes.buffer);
  length = 0;

  #room(count: number): void {
    if (this.length + count <= this.#bytes.length) return;
    const bigger = new Uint8Array(Math.max(this.#bytes.length * 2, this.length + count));
    bigger.set(this.#bytes.subarray(0, this.length));
    this.#bytes = bigger;
    this.#view = new DataView(bigger.buffer);
  }

  /** All bytes so far; the writer begins anew. */
  take(): Uint8Array {
    const all = this.#bytes.slice(0, this.length);
    this.length = 0;
    return all;
  }

  byte(value: number): void {
    this.#room(1);
    this.#bytes[this.length++] = value;
  }

  bytes(from: Uint8Array): void {
    this.#count(from.length);
    this.#room(from.length);
    this.#bytes.set(from, this.length);
    this.length += from.length;
  }

  value(v: unknown): void {
    if (v === undefined) this.byte(UNDEFINED);
    else if (v === null) this.byte(NULL);
    else if (typeof v === 'boolean') this.byte(v ? TRUE : FALSE);
    else if (typeof v === 'number') this.#number(v);
    else if (typeof v === 'bigint') {
      this.#room(9);
      this.byte(BIGINT);
      this.#view.setBigInt64(this.length, v, true);
      this.length += 8;
    } else if (typeof v === 'string') {
      this.byte(STRING);
      this.bytes(bytesOf(v));
    } else if (v instanceof Uint8Array) {
      this.byte(BYTES);
      this.bytes(v);
    } else if (Array.isArray(v)) {
      this.byte(LIST);
      this.#count(v.length);
      for (const one of v) this.value(one);
    } else {
      const members = Object.entries(v);
      this.byte(OBJECT);
      this.#count(members.length);
      for (const [name, one] of members) {
        this.bytes(bytesOf(name));
        this.value(one);
      }
    }
  }

  #number(v: number): void {
    this.#room(9);
    if ((v | 0) === v && !Object.is(v, -0)) {
      this.byte(INTEGER);
      this.#view.setInt32(this.length, v, true);
      this.length += 4;
      return;
    }
    this.byte(DOUBLE);
    this.#view.setFloat64(this.length, v, true);
    this.length += 8;
  }

  /** Seven bits at a time. */
  #count(n: number): void {
    let rest = n;
    for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) this.byte((rest % 0x80) | 0x80);
    this.byte(rest);
  }
}

export class ValueReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get done(): boolean {
    return this.at >= this.#bytes.length;
  }

  byte(): number {
    return this.#bytes[this.#skip(1)];
  }

  peek(): number {
    return this.#bytes[this.at];
  }

  bytes(): Uint8Array {
    const length = this.#count();
    const from = this.#skip(length);
    return this.#bytes.subarray(from, from + length);
  }

  value(): unknown {
    const tag = this.byte();
    switch (tag) {
      case UNDEFINED:
        return undefined;
      case NULL:
        return null;
      case FALSE:
        return false;
      case TRUE:
        return true;
      case INTEGER:
        return this.#view.getInt32(this.#skip(4), true);
      case DOUBLE:
        return this.#view.getFloat64(this.#skip(8), true);
      case BIGINT:
        return this.#view.getBigInt64(this.#skip(8), true);
      case STRING:
        return textOf(this.bytes());
      case BYTES:
        return this.bytes();
      case LIST: {
        const list: unknown[] = [];
        for (let left = this.#count(); left > 0; left--) list.push(this.value());
        return list;
      }
      case OBJECT: {
        const members: [string, unknown][] = [];
        for (let left = this.#count(); left > 0; left--) members.push([textOf(this.bytes()), this.value()]);
        return Object.fromEntries(members);
      }
      default:
        throw new Malformed(`no value begins with ${tag}`);
    }
  }

  #count(): number {
    let n = 0;
    for (let scale = 1; ; scale *= 0x80) {
      const byte = this.byte();
      n += (byte & 0x7f) * scale;
      if (byte < 0x80) return n;
      if (scale > 2 ** 40) throw new Malformed('a length without end');
    }
  }

  #skip(count: number): number {
    const from = this.at;
    if (from + count > this.#bytes.length) throw new Malformed('bytes are missing');
    this.at += count;
    return from;
  }
}
