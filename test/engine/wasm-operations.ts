/** Counts the operations of a wasm module's functions by name, also those inside innermost loops. Knows the encoding (WebAssembly Core, section 5), nothing of guests. */
import { ACCESS, ops } from '../../src/ir/ops.ts';

export interface Operations {
  /** How often each operation stands in the function. */
  all: Map<string, number>;
  /** The same of what is inside a loop that has no other inside. */
  loop: Map<string, number>;
}

/** Immediates: l label or index, b block type, m memory argument, 3 and 6 signed numbers of 32 and 64 bits, n bytes as they are. */
const CONTROL: Record<number, [name: string, immediates: string]> = {
  0: ['unreachable', ''], 1: ['nop', ''], 2: ['block', 'b'], 3: ['loop', 'b'], 4: ['if', 'b'], 5: ['else', ''],
  11: ['end', ''], 12: ['br', 'l'], 13: ['br_if', 'l'], 15: ['return', ''], 16: ['call', 'l'], 17: ['call_indirect', 'll'],
  18: ['return_call', 'l'], 19: ['return_call_indirect', 'll'],
  26: ['drop', ''], 27: ['select', ''], 32: ['local.get', 'l'], 33: ['local.set', 'l'], 34: ['local.tee', 'l'],
  35: ['global.get', 'l'], 36: ['global.set', 'l'], 63: ['memory.size', '1'], 64: ['memory.grow', '1'], 65: ['i32.const', 's'], 66: ['i64.const', 's'], 67: ['f32.const', '4'], 68: ['f64.const', '8'],
}; // biome-ignore format: table

const names = new Map<string, { name: string; lane: boolean }>();
for (const row of Object.values(ops())) names.set(row.code.join(), { name: row.name, lane: row.lane });
const accesses = new Map<string, string>();
for (const [name, row] of Object.entries(ACCESS)) {
  accesses.set(row.load.join(), `load.${name}`);
  if (row.store.length > 0 && !accesses.has(row.store.join())) accesses.set(row.store.join(), `store.${name}`);
}

class Reader {
  at = 0;
  readonly #bytes: Uint8Array;
  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }
  byte(): number {
    return this.#bytes[this.at++];
  }
  /** LEB128; signed and unsigned ones end alike. */
  leb(): number {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = this.byte();
      if (shift < 28) value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
  }
}

/** The functions of a module, in order. */
export function operationsOf(module: Uint8Array): Operations[] {
  const r = new Reader(module);
  r.at = 8;
  while (r.at < module.length) {
    const id = r.byte();
    const size = r.leb();
    if (id !== 10) {
      r.at += size;
      continue;
    }
    return Array.from({ length: r.leb() }, () => {
      const end = r.leb() + r.at;
      return body(r, end);
    });
  }
  return [];
}

function body(r: Reader, end: number): Operations {
  for (let groups = r.leb(); groups > 0; groups--) {
    r.leb();
    r.byte();
  }
  const all = new Map<string, number>();
  const loop = new Map<string, number>();
  const count = (counts: Map<string, number>, name: string, n = 1) => counts.set(name, (counts.get(name) ?? 0) + n);
  const open: ({ counts: Map<string, number>; inner: boolean } | undefined)[] = [];
  while (r.at < end) {
    const name = operation(r);
    if (name === 'end') {
      const closed = open.pop();
      if (closed?.inner) for (const [inside, n] of closed.counts) count(loop, inside, n);
    }
    // Labels cost nothing.
    if (name !== 'end' && name !== 'block' && name !== 'loop' && name !== 'else') {
      count(all, name);
      const around = open.findLast((one) => one);
      if (around) count(around.counts, name);
    }
    if (name === 'loop') for (const one of open) if (one) one.inner = false;
    if (name === 'block' || name === 'loop' || name === 'if')
      open.push(name === 'loop' ? { counts: new Map(), inner: true } : undefined);
  }
  return { all, loop };
}

function operation(r: Reader): string {
  const first = r.byte();
  const control = CONTROL[first];
  if (control) {
    for (const kind of control[1]) {
      if (kind === 'b') r.byte();
      else if (kind === 'l' || kind === 's') r.leb();
      else r.at += Number(kind);
    }
    return control[0];
  }
  if (first === 0x0e) {
    for (let n = r.leb() + 1; n > 0; n--) r.leb();
    return 'br_table';
  }
  if (first === 0x1c) {
    r.leb();
    r.byte();
    return 'select';
  }
  if (first === 0xfc) return bulk(r);
  const start = r.at;
  const second = first === 0xfd ? r.leb() : 0;
  if (first === 0xfd && (second === 12 || second === 13)) {
    r.at += 16;
    return second === 12 ? 'v128.const' : 'i8x16.shuffle';
  }
  const code =
    first !== 0xfd ? `${first}` : r.at - start === 1 ? `253,${second}` : `253,${(second & 0x7f) | 0x80},${second >> 7}`;
  const access = accesses.get(code);
  if (access) {
    r.leb();
    r.leb();
    return access;
  }
  const known = names.get(code);
  if (!known) throw new Error(`unknown wasm operation ${code}`);
  if (known.lane) r.byte();
  return known.name;
}

function bulk(r: Reader): string {
  const code = r.leb();
  if (code === 10) {
    r.at += 2;
    return 'memory.copy';
  }
  if (code === 11) {
    r.at += 1;
    return 'memory.fill';
  }
  return names.get(`252,${code}`)?.name ?? `bulk ${code}`;
}
