/** Blocks of files' code are decoded once for all address spaces of an engine, and for later processes, as long as the same bytes stand there. */
import { describe, expect, it } from 'vitest';
import { KeptBlocks } from '../../src/engine/cache/kept-blocks.ts';
import type { TranslationStore } from '../../src/engine/engine.ts';
import { decodePrebuilt, encodePrebuilt, prebuild } from '../../src/engine/prebuilt.ts';
import { TranslatingEngine } from '../../src/engine/translating-engine.ts';
import { X86Cpu } from '../../src/isa/x86/cpu.ts';
import { X86 } from '../../src/isa/x86/x86.ts';
import { AddressSpace } from '../../src/memory/address-space.ts';

const CODE = 0x40_0000;

/** add rax, step; jmp over a byte; add rax, step; ud2 */
const twice = (step: number): number[] => [
  ...[0x48, 0x83, 0xc0, step, 0xeb, 0x01, 0x90],
  ...[0x48, 0x83, 0xc0, step, 0x0f, 0x0b],
];
/** xor eax, eax; mov al, ah; ud2 */
const rare = [0x31, 0xc0, 0x88, 0xe0, 0x0f, 0x0b];

/** Made at build time are the handlers for the first of them alone. */
const instructions = [0, 4, 11].map((at) => X86.decode(Uint8Array.from(twice(1)).subarray(at), CODE)!);
const prebuilt = decodePrebuilt(encodePrebuilt(prebuild(X86 as never, instructions)));

const makeEngine = () =>
  new TranslatingEngine({
    mode: 'auto',
    prebuilt,
    isa: X86 as never,
    createCpu: (space, state, flags) => new X86Cpu(space, state, flags),
  });

/** A file that is this code, and zeros. */
function fileOf(code: readonly number[]) {
  const bytes = new Uint8Array(8192);
  bytes.set(code);
  const readAt = (into: Uint8Array, position: number) => {
    const part = bytes.subarray(position, position + into.length);
    into.set(part);
    return part.length;
  };
  return { readAt, writeAt: () => 0, size: () => bytes.length, mapKey: {} };
}

/** Run code in an address space of its own to its end, from a file unless told otherwise; answers RAX and how many blocks were not decoded. */
function run(engine: TranslatingEngine, code: readonly number[], from: 'file' | 'memory' = 'file') {
  const before = engine.stats.copiedBlocks;
  const space = new AddressSpace();
  if (from === 'file') space.map({ address: CODE, length: 8192, prot: 5, fixed: true, file: fileOf(code), offset: 0 });
  else {
    space.map({ address: CODE, length: 8192, prot: 7, fixed: true });
    space.copyOut(CODE, Uint8Array.from(code));
  }
  const codeSpace = engine.attach(space);
  const cpu = codeSpace.createCpu();
  cpu.pc = CODE;
  expect(codeSpace.run(cpu, 1000)).toMatchObject({ kind: 'trap', trap: 'illegal' });
  const rax = cpu.get(0);
  codeSpace.dispose();
  space.dispose();
  return { rax, copied: engine.stats.copiedBlocks - before };
}

/** A store in memory. */
class Memory implements TranslationStore {
  parts: Uint8Array[] = [];
  read(part: number): Uint8Array | undefined {
    return this.parts[part];
  }
  write(parts: readonly (() => Uint8Array)[]): void {
    this.parts = parts.map((part) => part().slice());
  }
  close(): void {}
}

/** What an engine makes of the code that finds this store, and leaves its own there. */
function runWith(store: Memory, code: readonly number[]) {
  const engine = makeEngine();
  engine.remember(store);
  const result = run(engine, code);
  engine.keep();
  return result;
}

describe('kept blocks', () => {
  it('serve the next address space', () => {
    const engine = makeEngine();
    expect(run(engine, twice(1))).toEqual({ rax: 2, copied: 0 });
    expect(run(engine, twice(1))).toEqual({ rax: 2, copied: 2 });
  });

  it('are told apart by their bytes, whichever ran last', () => {
    const engine = makeEngine();
    for (const step of [1, 2, 3]) expect(run(engine, twice(step)).rax).toBe(2 * step);
    for (const step of [1, 3, 2, 1]) expect(run(engine, twice(step))).toEqual({ rax: 2 * step, copied: 2 });
  });

  it('are not those of memory that a program fills itself', () => {
    const engine = makeEngine();
    run(engine, twice(1), 'memory');
    expect(run(engine, twice(1), 'memory')).toEqual({ rax: 2, copied: 0 });
  });

  it('serve the next process', () => {
    const store = new Memory();
    expect(runWith(store, twice(1))).toEqual({ rax: 2, copied: 0 });
    expect(runWith(store, twice(1))).toEqual({ rax: 2, copied: 2 });
    expect(runWith(store, twice(5)).rax).toBe(10);
    expect(runWith(store, twice(1))).toEqual({ rax: 2, copied: 2 });
    expect(runWith(store, twice(5))).toEqual({ rax: 10, copied: 2 });
  });

  it('do not go to another process where a handler is this one’s own', () => {
    const store = new Memory();
    const engine = makeEngine();
    run(engine, rare);
    expect(run(engine, rare).copied).toBeGreaterThan(0);
    runWith(store, rare);
    expect(runWith(store, rare)).toEqual({ rax: 0, copied: 0 });
  });

  it('outlive what was of no use, but only while there is room', () => {
    const kept = new KeptBlocks();
    const image = new Uint8Array(64);
    // Size of what stands around the records (u16), and bytes of code.
    image.set([64, 0], 28);
    image.set([1], 12);
    const fetch = (start: number, length: number) => Uint8Array.from({ length }, (_, i) => (start + i) >> 3);
    for (let pc = 0; pc <= 880_000; pc += 8) {
      image.set([pc & 255, (pc >> 8) & 255, pc >> 16], 36);
      kept.add(kept.pageAt(pc >> 12, fetch), image, fetch(pc, 1), false);
    }
    const find = (where: KeptBlocks, pc: number) => {
      const found: Uint8Array[] = [];
      where.pageAt(pc >> 12, fetch).each(0, fetch, (at, one) => at === pc && found.push(one.slice()));
      return found;
    };
    const again = new KeptBlocks();
    again.restore(kept.storable);
    expect([8, 400_000, 880_000].map((pc) => find(again, pc).length)).toEqual([1, 1, 0]);
    expect(again.worthStoring).toBe(false);
    const third = new KeptBlocks();
    third.restore(again.storable);
    expect(find(third, 8)).toEqual([image.with(36, 8).with(37, 0).with(38, 0)]);
    expect([16, 80_000].map((pc) => find(third, pc).length)).toEqual([1, 0]);
  });
});
