/** The interpreter goes from block to block by itself, and stops doing so where a region takes over or code changes. */
import { expect, test } from 'vitest';
import { CODE, machine } from './machine.ts';

const TURNS = 1000;
// mov ecx, 1000; again: jmp on; on: inc rax; dec ecx; jnz again; ud2
const code = [0xb9, 0xe8, 3, 0, 0, 0xeb, 0, 0x48, 0xff, 0xc0, 0xff, 0xc9, 0x75, 0xf7, 0x0f, 0x0b];

function start(mode: 'interpreter' | 'auto') {
  const { engine, space, codeSpace, cpu } = machine({ mode, threshold: 16, batchSize: 1, count: true }, code);
  const interpreted = () =>
    [...(engine.counters?.read().get('interpreted')?.values() ?? [])].reduce((a, b) => a + b, 0);
  return { engine, space, codeSpace, cpu, interpreted };
}

test('every run of a block is counted', () => {
  const { codeSpace, cpu } = start('interpreter');
  expect(codeSpace.run(cpu, 100_000)).toMatchObject({ kind: 'trap', trap: 'illegal' });
  expect(cpu.get(0)).toBe(TURNS);
  expect(codeSpace.blocks.count(CODE + 5)).toBe(TURNS - 1);
  expect(codeSpace.blocks.count(CODE + 7)).toBe(TURNS);
});

test('a region takes over', () => {
  const { codeSpace, cpu, engine, interpreted } = start('auto');
  codeSpace.run(cpu, 100_000);
  expect(cpu.get(0)).toBe(TURNS);
  expect(engine.stats.translatedRegions).toBeGreaterThan(0);
  expect(interpreted()).toBeLessThan(200);
});

test('the interpreter has it back when translations are dropped', () => {
  const { codeSpace, cpu } = start('auto');
  codeSpace.run(cpu, 2000);
  codeSpace.dropTranslations();
  codeSpace.run(cpu, 100_000);
  expect(cpu.get(0)).toBe(TURNS);
});

test('code that changes behind a block is found changed', () => {
  const { codeSpace, cpu, space } = start('interpreter');
  codeSpace.run(cpu, 2000);
  const before = cpu.get(0);
  // inc rax becomes dec rax
  space.copyOut(CODE + 9, Uint8Array.of(0xc8));
  codeSpace.run(cpu, 100_000);
  expect(cpu.get(0)).toBe(before - (TURNS - before));
});
