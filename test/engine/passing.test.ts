/** A region that leaves for another passes on to it: what has called the first gets the return of the second. */
import { expect, test } from 'vitest';
import { machine } from './machine.ts';

const STACK = 0x50_0000;
// mov ebx, 1000; again: call f; dec ebx; jnz again; ud2; f: lea rax, [h]; jmp rax; h: inc ecx; ret
const LOOP = [0xbb, 0xe8, 3, 0, 0, 0xe8, 6, 0, 0, 0, 0xff, 0xcb, 0x75, 0xf7, 0x0f, 0x0b];
LOOP.push(0x48, 0x8d, 0x05, 2, 0, 0, 0, 0xff, 0xe0, 0xff, 0xc1, 0xc3);

function run(...left: 'passing'[]) {
  const without = new Set(['indirect', 'inlining', ...left] as const);
  const options = { mode: 'auto', threshold: 16, batchSize: 1, count: true, without } as const;
  const { engine, codeSpace, cpu } = machine(options, LOOP, [{ address: STACK, length: 4096 }]);
  cpu.set(4, STACK + 4096);
  expect(codeSpace.run(cpu, 100_000)).toMatchObject({ kind: 'trap', trap: 'illegal' });
  expect([cpu.get(1), cpu.get(4), codeSpace.executed]).toEqual([1000, STACK + 4096, 1 + 7 * 1000]);
  const counters = engine.counters!.read();
  return (kind: 'passed' | 'return-miss') => [...(counters.get(kind)?.values() ?? [])].reduce((a, b) => a + b, 0);
}

test('a call comes back from where its function went on', () => {
  const count = run();
  expect(count('passed')).toBeGreaterThan(800);
  expect(count('return-miss')).toBeLessThan(100);
});

test('without, a nested dispatch loop follows it there', () => {
  const count = run('passing');
  expect(count('passed')).toBe(0);
  expect(count('return-miss')).toBeGreaterThan(800);
});

test('a slice ends in time', () => {
  const without = new Set(['indirect', 'inlining'] as const);
  const { codeSpace, cpu } = machine({ mode: 'translator', without }, LOOP, [{ address: STACK, length: 4096 }]);
  cpu.set(4, STACK + 4096);
  let executed = 0;
  for (let i = 0; i < 20; i++) {
    expect(codeSpace.run(cpu, 50).kind).toBe('budget');
    expect(codeSpace.executed).toBeLessThan(100);
    executed += codeSpace.executed;
  }
  expect(codeSpace.run(cpu, 100_000)).toMatchObject({ kind: 'trap', trap: 'illegal' });
  expect(executed + codeSpace.executed).toBe(1 + 7 * 1000);
});
