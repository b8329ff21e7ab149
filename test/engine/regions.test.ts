/** Which regions are made of what became hot. */
import { expect, it } from 'vitest';
import { machine } from './machine.ts';

// mov ecx, 200; again: dec ecx; jz end; test cl, 1; jz even; inc eax; even: jmp again; end: ud2
const LOOP = [0xb9, 200, 0, 0, 0, 0xff, 0xc9, 0x74, 9, 0xf6, 0xc1, 1, 0x74, 2, 0xff, 0xc0, 0xeb, 0xf3, 0x0f, 0x0b];

it('blocks that become hot together, one inside the other’s region, make one', () => {
  const { engine, codeSpace, cpu } = machine({ mode: 'auto', threshold: 16, batchSize: 2 }, LOOP);
  expect(codeSpace.run(cpu, 100_000).kind).toBe('trap');
  expect(cpu.get(0)).toBe(100);
  expect(engine.stats.translatedRegions).toBe(1);
});

it('a block that its region took in is hot when it was entered from outside as often as any other', () => {
  const { engine, codeSpace, cpu } = machine({ mode: 'auto', threshold: 16, batchSize: 1 }, LOOP);
  const again = cpu.pc + 5;
  expect(codeSpace.run(cpu, 100_000).kind).toBe('trap');
  expect(engine.stats.translatedRegions).toBe(1);
  const enter = () => {
    cpu.pc = again;
    cpu.set(1, 2);
    codeSpace.run(cpu, 100);
    return codeSpace.blocks.translation(again) !== undefined;
  };
  for (let i = 1; i < 16; i++) expect(enter()).toBe(false);
  expect(enter()).toBe(true);
});
