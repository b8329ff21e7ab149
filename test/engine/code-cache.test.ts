/** The code cache stays within its bound, and a program notices nothing of its being emptied. */
import { describe, expect, it } from 'vitest';
import { machine } from './machine.ts';

/** A chain of `links` loops, each adding 1 a hundred times to RAX, then UD2. */
function loops(links: number): number[] {
  const code: number[] = [];
  for (let i = 0; i < links; i++) {
    // mov ecx, 100; again: inc rax; dec ecx; jnz again; jmp next (to start a new block)
    code.push(0xb9, 100, 0, 0, 0, 0x48, 0xff, 0xc0, 0xff, 0xc9, 0x75, 0xf9, 0xeb, 0);
  }
  return [...code, 0x0f, 0x0b];
}

function run(code: readonly number[], cacheCapacity: number) {
  const { engine, cpu, codeSpace } = machine({ mode: 'translator', cacheCapacity }, code);
  const exit = codeSpace.run(cpu, 1_000_000);
  return { engine, cpu, exit };
}

describe('code cache', () => {
  it('is emptied when full, in the middle of a run, without a difference to the program', () => {
    const code = loops(200);
    const { engine, cpu, exit } = run(code, 200);
    expect([exit.kind, exit.trap]).toEqual(['trap', 'illegal']);
    expect(cpu.get(0)).toBe(200 * 100);
    expect(engine.cache.generation).toBeGreaterThan(3);
  });
});
