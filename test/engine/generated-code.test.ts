/**
 * Pins what the translator makes of a list of instructions and loops: operation counts of the generated wasm, so that a
 * change in code quality is a readable difference. After a wanted one: `npx vitest run test/engine/generated-code -u`.
 */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { hostNans } from '../../src/isa/x86/host-nans.ts';
import { machine } from './machine.ts';
import { operationsOf } from './wasm-operations.ts';

const DATA = 0x50_0000;
const STACK = 0x60_0000;

/** Modules that V8 is given while `run` runs. */
function modulesOf(run: () => void): Uint8Array[] {
  const seen: Uint8Array[] = [];
  const { Module } = WebAssembly;
  WebAssembly.Module = class extends Module {
    constructor(bytes: BufferSource) {
      super(bytes);
      seen.push((bytes as Uint8Array).slice());
    }
  } as never;
  try {
    run();
  } finally {
    WebAssembly.Module = Module;
  }
  return seen;
}

/** The module of the region that begins with this code, whatever the code then does. */
function translate(code: Uint8Array): Uint8Array {
  // UD2 ends each.
  const pages = [DATA, STACK].map((address) => ({ address, length: 4096 }));
  const { space, codeSpace, cpu } = machine({ mode: 'translator' }, [...code, 0x0f, 0x0b], pages);
  for (let i = 0; i < 16; i++) cpu.set(i, i === 4 ? STACK + 2048 : DATA + 64 * i);
  const [first] = modulesOf(() => codeSpace.run(cpu, 100));
  codeSpace.dispose();
  space.dispose();
  return first;
}

const total = (counts: ReadonlyMap<string, number>) => [...counts.values()].reduce((sum, one) => sum + one, 0);

/** Counts of some families, then the rest by frequency. */
function line(counts: ReadonlyMap<string, number>): string {
  const sorted = [...counts].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1));
  return sorted.map(([name, count]) => (count === 1 ? name : `${name} ×${count}`)).join(', ');
}

test('instructions and loops become the wasm that is pinned', async () => {
  // The first translation asks for it, by a module of its own.
  void hostNans.native;
  const cases = readFileSync(new URL('./generated-code.cases.txt', import.meta.url), 'utf8')
    .trim()
    .split('\n');
  const text: string[] = [
    'Operations of the generated wasm; loop: of these, inside an innermost loop. Made by generated-code.test.ts.',
  ];
  for (const one of cases) {
    const [name, bytes, assembly] = one.split(' | ');
    const code = Uint8Array.from(bytes.split(' '), (byte) => Number.parseInt(byte, 16));
    const { all, loop } = operationsOf(translate(code))[0];
    text.push('', `${name}: ${assembly}`, `  ${total(all)}: ${line(all)}`);
    if (loop.size > 0) text.push(`  loop ${total(loop)}: ${line(loop)}`);
  }
  await expect(`${text.join('\n')}\n`).toMatchFileSnapshot('generated-code.txt');
});
