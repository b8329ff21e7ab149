/** Accesses at the ends of pages: one more byte than may be accessed is refused, whether the rest is unmapped or may only be read. */
import { expect, test } from 'vitest';
import { CODE, machine } from './machine.ts';

const DATA = 0x50_0000;
const PAGE = 4096;
const RDI = 7;

/** What it does off rdi, and how many bytes it accesses. */
const INSTRUCTIONS = [
  { what: 'reads a byte', code: [0x8a, 0x07], size: 1, write: false },
  { what: 'reads a word', code: [0x66, 0x8b, 0x07], size: 2, write: false },
  { what: 'reads a doubleword', code: [0x8b, 0x07], size: 4, write: false },
  { what: 'reads a quadword', code: [0x48, 0x8b, 0x07], size: 8, write: false },
  { what: 'reads an octoword', code: [0x0f, 0x10, 0x07], size: 16, write: false },
  { what: 'writes a byte', code: [0x88, 0x07], size: 1, write: true },
  { what: 'writes a word', code: [0x66, 0x89, 0x07], size: 2, write: true },
  { what: 'writes a doubleword', code: [0x89, 0x07], size: 4, write: true },
  { what: 'writes a quadword', code: [0x48, 0x89, 0x07], size: 8, write: true },
  { what: 'writes an octoword', code: [0x0f, 0x11, 0x07], size: 16, write: true },
  { what: 'adds to a quadword', code: [0x48, 0x01, 0x07], size: 8, write: true },
];

for (const { what, code, size, write } of INSTRUCTIONS)
  for (const mode of ['interpreter', 'translator'] as const)
    test(`what ${what} does so up to the last byte that it may, and faults at the next: ${mode}`, () => {
      // Two pages to write and one to read; what follows is not mapped.
      const { codeSpace, cpu, space } = machine(
        { mode },
        [...code, 0x0f, 0x0b],
        [
          { address: DATA, length: 2 * PAGE },
          { address: DATA + 2 * PAGE, length: PAGE, prot: 1 },
        ],
      );
      // Used before, so that nothing waits to be brought in.
      for (let page = DATA; page < DATA + 2 * PAGE; page += PAGE) space.writeU8(page, 1);
      space.readU8(DATA + 2 * PAGE);
      const runAt = (address: number) => {
        cpu.pc = CODE;
        cpu.set(RDI, BigInt(address));
        const exit = codeSpace.run(cpu, 1000);
        return exit.kind === 'fault' ? exit.address : exit.kind;
      };
      const end = DATA + (write ? 2 : 3) * PAGE;
      const outcomes = (around: number) => [0, 1].map((more) => runAt(around - size + more));
      expect(outcomes(DATA + PAGE)).toEqual(['trap', 'trap']);
      expect(outcomes(end)).toEqual(['trap', end]);
      expect(runAt(end - 1)).toBe(size === 1 ? 'trap' : end);
      expect(runAt(DATA - 1)).toBe(DATA - 1);
      codeSpace.dispose();
    });
