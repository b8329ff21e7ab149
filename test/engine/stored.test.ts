/** Translations that one engine leaves in a store serve the next, as long as the guest's bytes are the same; what is damaged or no longer right is made anew. */
import { describe, expect, it } from 'vitest';
import type { MachineCode, TranslationStore } from '../../src/engine/engine.ts';
import { CODE, machine } from './machine.ts';

/** A store in memory; parts may be damaged in between. */
class Memory implements TranslationStore {
  parts: (Uint8Array | undefined)[] = [];
  writes = 0;
  closed = false;
  machineCode: MachineCode | undefined;
  read(part: number): Uint8Array | undefined {
    return this.parts[part];
  }
  write(parts: readonly (() => Uint8Array)[]): void {
    this.parts = parts.map((part) => part().slice());
    this.writes++;
  }
  close(): void {
    this.closed = true;
  }
}

/** mov ecx, count; again: add rax, step; dec ecx; jnz again; ud2 */
const loop = (count: number, step: number): number[] => [
  ...[0xb9, count & 255, (count >> 8) & 255, count >> 16, 0],
  ...[0x48, 0x83, 0xc0, step, 0xff, 0xc9, 0x75, 0xf8, 0x0f, 0x0b],
];

/** xor ebx, ebx; again: a call through a table of two functions in turn, which add 1 and 2 to RAX, `count` times; ud2 */
const indirect = (count: number): number[] => [
  ...[0x31, 0xdb, 0xb9, count & 255, (count >> 8) & 255, count >> 16, 0],
  // again: mov edx, ecx; and edx, 1; imul edx, edx, 8; add edx, functions; call rdx; dec ecx; jnz again; ud2
  ...[0x89, 0xca, 0x83, 0xe2, 1, 0x6b, 0xd2, 8, 0x81, 0xc2, 0x40, 0, 0x40, 0, 0xff, 0xd2, 0xff, 0xc9, 0x75, 0xec],
  ...[0x0f, 0x0b],
  ...Array.from({ length: 0x40 - 29 }, () => 0x90),
  // add rax, 1; ret; nop × 3; add rax, 2; ret
  ...[0x48, 0x83, 0xc0, 1, 0xc3, 0x90, 0x90, 0x90, 0x48, 0x83, 0xc0, 2, 0xc3],
];

function run(code: readonly number[], store: Memory, keep = true) {
  const { engine, cpu, codeSpace } = machine({ mode: 'auto', batchSize: 1, threshold: 1024 }, code, [
    { address: 0x50_0000, length: 4096 },
  ]);
  engine.remember(store);
  cpu.set(4, 0x50_0800);
  let exit = codeSpace.run(cpu, 100_000);
  while (exit.kind === 'budget') exit = codeSpace.run(cpu, 100_000);
  expect([exit.kind, exit.trap]).toEqual(['trap', 'illegal']);
  if (keep) engine.keep();
  const { translatedRegions, restoredRegions } = engine.stats;
  return { sum: cpu.get(0), translatedRegions, restoredRegions };
}

describe('stored translations', () => {
  it('serve the next engine, which translates nothing', () => {
    const store = new Memory();
    expect(run(loop(50_000, 1), store)).toMatchObject({ sum: 50_000, restoredRegions: 0 });
    expect(run(loop(50_000, 1), store)).toEqual({ sum: 50_000, translatedRegions: 0, restoredRegions: 1 });
    expect(store.writes).toBe(1);
  });

  it('are left alone where the code is another', () => {
    const store = new Memory();
    run(loop(50_000, 1), store);
    expect(run(loop(50_000, 3), store)).toMatchObject({ sum: 150_000, restoredRegions: 0 });
    // Both programs' are there now.
    expect(run(loop(50_000, 1), store)).toMatchObject({ sum: 50_000, translatedRegions: 0, restoredRegions: 1 });
    expect(run(loop(50_000, 3), store)).toMatchObject({ sum: 150_000, translatedRegions: 0, restoredRegions: 1 });
  });

  it('tell where indirect calls go, so that what is made later includes the callees', () => {
    const store = new Memory();
    expect(run(indirect(50_000), store).sum).toBe(75_000);
    expect(run(indirect(50_000), store)).toMatchObject({ sum: 75_000, translatedRegions: 0 });
    const index = JSON.parse(new TextDecoder().decode(store.parts[0]));
    const targets = index.regions.flatMap((one: { targets: [number, number[]][] }) => one.targets);
    expect(targets.map(([, to]: [number, number[]]) => to.sort())).toContainEqual([CODE + 0x40, CODE + 0x48]);
  });

  it('are made anew where their module is gone', () => {
    const store = new Memory();
    run(loop(50_000, 1), store);
    store.parts = store.parts.slice(0, 2);
    expect(run(loop(50_000, 1), store)).toMatchObject({ sum: 50_000, restoredRegions: 0 });
    expect(run(loop(50_000, 1), new Memory()).translatedRegions).toBeGreaterThan(0);
  });

  it('stay where an engine that keeps exception flags finds them', () => {
    const store = new Memory();
    run(loop(50_000, 1), store);
    const { engine } = machine({ mode: 'auto' }, loop(1, 1));
    engine.remember(store);
    engine.keepAll();
    engine.keep();
    expect(store.writes).toBe(1);
  });

  it('are forgotten where numbers of regions have become many', () => {
    const store = new Memory();
    run(loop(50_000, 1), store);
    const index = JSON.parse(new TextDecoder().decode(store.parts[0]));
    store.parts[0] = new TextEncoder().encode(JSON.stringify({ ...index, next: 2 ** 14 + 1 }));
    expect(run(loop(50_000, 1), store)).toMatchObject({ sum: 50_000, restoredRegions: 0 });
    expect(JSON.parse(new TextDecoder().decode(store.parts[0])).next).toBe(index.next);
  });

  it('are neither read nor written by the interpreter alone', () => {
    const store = new Memory();
    const { engine } = machine({ mode: 'interpreter' }, loop(1, 1));
    engine.remember(store);
    engine.keep();
    expect(store.writes).toBe(0);
  });

  it('come with machine code, of modules of which some is optimised', () => {
    const store = new Memory();
    const loaded: Uint8Array[] = [];
    store.machineCode = {
      optimised: (functions) => functions.length,
      save: () => Uint8Array.of(1, 2, 3),
      load(code, bytes) {
        loaded.push(code);
        return new WebAssembly.Module(bytes as never);
      },
    };
    run(loop(50_000, 1), store);
    expect(run(loop(50_000, 1), store, false).restoredRegions).toBe(1);
    // The region's; the runtime's own was compiled before the store was known.
    expect(loaded).toContainEqual(Uint8Array.of(1, 2, 3));
    // V8 may refuse: then it compiles.
    store.machineCode = { ...store.machineCode, load: () => undefined };
    expect(run(loop(50_000, 1), store)).toMatchObject({ sum: 50_000, restoredRegions: 1 });
  });
});
