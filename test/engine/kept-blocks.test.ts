/** Blocks of files' code are decoded once for all address spaces of an engine, and for later processes, as long as the same bytes stand there. */
import { describe, expect, it } from 'vitest';
import { KeptBlocks } from '../../src/engine/cache/kept-blocks.ts';
import type { TranslationStore } from '../../src/engine/engine.ts';
import { decodePrebuilt, encodePrebuilt, prebuild } from '../../src/engine/prebuilt.ts';
import { type EngineOptions, TranslatingEngine } from '../../src/engine/translating-engine.ts';
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

/** jmp to the last two bytes of the page: add rax, step; ud2 */
const across = (step: number): number[] => [
  0xe9,
  0xf9,
  0x0f,
  0,
  0,
  ...Array(4089).fill(0x90),
  0x48,
  0x83,
  0xc0,
  step,
  0x0f,
  0x0b,
];

/** Made at build time are the handlers for the first of them alone. */
const instructions = [0, 4, 11].map((at) => X86.decode(Uint8Array.from(twice(1)).subarray(at), CODE)!);
const prebuilt = decodePrebuilt(encodePrebuilt(prebuild(X86 as never, instructions)));

const makeEngine = (options: Partial<EngineOptions> = {}) =>
  new TranslatingEngine({
    mode: 'auto',
    prebuilt,
    ...options,
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

function mapped(code: readonly number[], prot: number): AddressSpace {
  const space = new AddressSpace();
  space.map({ address: CODE, length: 8192, prot, fixed: true, file: fileOf(code), offset: 0 });
  return space;
}

/** Run what is mapped at CODE to its end. */
function runIn(engine: TranslatingEngine, space: AddressSpace) {
  const codeSpace = engine.attach(space);
  const cpu = codeSpace.createCpu();
  const again = () => {
    cpu.set(0, 0);
    cpu.pc = CODE;
    expect(codeSpace.run(cpu, 1000)).toMatchObject({ kind: 'trap', trap: 'illegal' });
    return cpu.get(0);
  };
  const end = () => {
    codeSpace.dispose();
    space.dispose();
  };
  return { rax: again(), again, end };
}

/** Run code in an address space of its own to its end, from a file unless told otherwise; answers RAX and how many blocks were not decoded. */
function run(engine: TranslatingEngine, code: readonly number[], from: 'file' | 'memory' = 'file') {
  const before = engine.stats.copiedBlocks;
  let space = mapped(code, 5);
  if (from === 'memory') {
    space = new AddressSpace();
    space.map({ address: CODE, length: 8192, prot: 7, fixed: true });
    space.copyOut(CODE, Uint8Array.from(code));
  }
  const { rax, end } = runIn(engine, space);
  end();
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

  it('come by the page', () => {
    const engine = makeEngine();
    run(engine, twice(1));
    const { miss } = engine.stats.exits;
    run(engine, twice(1));
    expect(engine.stats.exits.miss - miss).toBe(1);
  });

  it('are decoded where bytes differ, though the rest of their page is the same', () => {
    const engine = makeEngine();
    run(engine, twice(1));
    const changed = twice(1).with(10, 3);
    expect(run(engine, changed)).toEqual({ rax: 4, copied: 1 });
    expect(run(engine, changed)).toEqual({ rax: 4, copied: 2 });
    expect(run(engine, twice(1))).toEqual({ rax: 2, copied: 2 });
  });

  it('that go on in the next page are those of its bytes as well', () => {
    const engine = makeEngine();

    expect(run(engine, across(1))).toEqual({ rax: 1, copied: 0 });
    expect(run(engine, across(1))).toEqual({ rax: 1, copied: 2 });
    expect(run(engine, across(2))).toEqual({ rax: 2, copied: 1 });
    expect(run(engine, across(2))).toEqual({ rax: 2, copied: 2 });
  });

  it('do not keep a region that is there from being found', () => {
    const engine = makeEngine({ threshold: 4, batchSize: 1 });
    // mov ecx, 100; add rax, 1; dec ecx; jnz back to the addition; ud2
    const loop = [0xb9, 100, 0, 0, 0, 0x48, 0x83, 0xc0, 1, 0xff, 0xc9, 0x75, 0xf8, 0x0f, 0x0b];
    expect(run(engine, loop).rax).toBe(100);
    expect(engine.stats.exits.hot).toBeGreaterThan(0);
    const { hot } = engine.stats.exits;
    for (let i = 0; i < 3; i++) expect(run(engine, loop).rax).toBe(100);
    expect(engine.stats.exits.hot).toBe(hot);
  });

  it('are not interpreted where everything is to be translated', () => {
    const engine = makeEngine({ mode: 'translator' });
    // mov eax, the next but one; jmp rax; add rax, 1; ud2
    const indirect = [0xb8, 7, 0, 0x40, 0, 0xff, 0xe0, 0x48, 0x83, 0xc0, 1, 0x0f, 0x0b];
    run(engine, indirect);
    expect(engine.stats.exits.miss).toBe(2);
    run(engine, indirect);
    expect(engine.stats.exits.miss).toBe(4);
  });

  it('are kept once, though their end came to be written', () => {
    const engine = makeEngine();
    const space = mapped(across(1), 7);
    const first = runIn(engine, space);
    space.copyOut(CODE + 4096, Uint8Array.of(0xc0));
    first.again();
    first.end();
    expect(run(engine, across(1))).toEqual({ rax: 1, copied: 2 });
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
    for (let pc = 0; pc <= 1_048_000; pc += 8) {
      image.set([pc & 255, (pc >> 8) & 255, pc >> 16], 36);
      kept.add(pc >> 12, kept.pageAt(pc >> 12, fetch), image, fetch(pc, 1));
    }
    const find = (where: KeptBlocks, pc: number) => {
      const found: Uint8Array[] = [];
      const page = where.pageAt(pc >> 12, fetch);
      if (!page) return [];
      page.used = true;
      const { images, length } = page;
      for (let at = 0; at < length; at += 64) {
        if (new DataView(images.buffer, images.byteOffset).getUint32(at + 36, true) === pc)
          found.push(images.slice(at, at + 64));
      }
      return found;
    };
    const again = new KeptBlocks();
    again.restore(kept.storable(1));
    expect([8, 400_000, 1_048_000].map((pc) => find(again, pc).length)).toEqual([1, 1, 0]);
    expect(again.worthStoring).toBe(false);
    const third = new KeptBlocks();
    third.restore(again.storable(1));
    expect(find(third, 8)).toEqual([image.with(36, 8).with(37, 0).with(38, 0)]);
    expect([16, 80_000].map((pc) => find(third, pc).length)).toEqual([1, 0]);
  });
});
