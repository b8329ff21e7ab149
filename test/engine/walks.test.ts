/** Loops that check once a page: they end where the interpreter ends them, with the same memory and after as many instructions, however the slices fall. */
import { expect, it } from 'vitest';
import { CODE, machine } from './machine.ts';

const DATA = 0x50_0000;
const LENGTH = 3 * 4096;
const READ_ONLY = DATA + 0x1_0000;
const [RAX, RCX, RDX, RSI, RDI] = [0, 1, 2, 6, 7];
const UD2 = [0x0f, 0x0b];

interface Walk {
  code: readonly number[];
  rcx: number;
  rsi?: number;
  rdi?: number;
  rdx?: number;
}

// L: mov al, [rsi]; mov [rdi], al; inc rsi; inc rdi; dec rcx; jnz L
const COPY = [0x8a, 0x06, 0x88, 0x07, 0x48, 0xff, 0xc6, 0x48, 0xff, 0xc7, 0x48, 0xff, 0xc9, 0x75, 0xf1];
// L: movzx eax, [rsi+rcx]; mov [rdi+rcx], al; inc rcx; cmp rcx, rdx; jne L
const INDEXED = [0x0f, 0xb6, 0x04, 0x0e, 0x88, 0x04, 0x0f, 0x48, 0xff, 0xc1, 0x48, 0x39, 0xd1, 0x75, 0xf1];
// L: add [rdi+rcx*8-8], rax; dec rcx; jnz L
const BACKWARDS = [0x48, 0x01, 0x44, 0xcf, 0xf8, 0x48, 0xff, 0xc9, 0x75, 0xf6];
// L: cmp byte [rdi], 0; je end; inc rdi; jmp L
const STRLEN = [0x80, 0x3f, 0x00, 0x74, 0x05, 0x48, 0xff, 0xc7, 0xeb, 0xf6];
// L: mov al, [rsi]; test al, al; js K; add rsi, 1; dec rcx; jnz L; ud2; K: add rsi, 3; dec rcx; jnz L
const TWO_STEPS = [
  0x8a, 0x06, 0x84, 0xc0, 0x78, 0x0b, 0x48, 0x83, 0xc6, 0x01, 0x48, 0xff, 0xc9, 0x75, 0xf1, 0x0f, 0x0b, 0x48, 0x83,
  0xc6, 0x03, 0x48, 0xff, 0xc9, 0x75, 0xe6,
];
// L: mov rax, [rsi]; add rdx, rax; add rsi, 24; dec rcx; jnz L
const STRIDE = [0x48, 0x8b, 0x06, 0x48, 0x01, 0xc2, 0x48, 0x83, 0xc6, 0x18, 0x48, 0xff, 0xc9, 0x75, 0xf1];
// L: test rcx, rcx; jz end; mov [rdi], al; add rdi, 1; dec rcx; jmp L
const TESTED_FIRST = [0x48, 0x85, 0xc9, 0x74, 0x0b, 0x88, 0x07, 0x48, 0x83, 0xc7, 0x01, 0x48, 0xff, 0xc9, 0xeb, 0xf0];
// L: movzx eax, [rsi]; shl eax, 12; mov dl, [rax+DATA-4096]; inc rsi; dec rcx; jnz L
const LOOKUP = [
  0x0f, 0xb6, 0x06, 0xc1, 0xe0, 0x0c, 0x8a, 0x90, 0x00, 0xf0, 0x4f, 0x00, 0x48, 0xff, 0xc6, 0x48, 0xff, 0xc9, 0x75,
  0xec,
];
// O: mov edx, 2; mov rdi, rsi; L: dec ecx; jz end; mov al, [rdi]; inc rdi; test al, al; jns L; 8 nops; dec edx; jz O; jmp L
const INNER = [
  0xba, 2, 0, 0, 0, 0x48, 0x89, 0xf7, 0xff, 0xc9, 0x74, 0x17, 0x8a, 0x07, 0x48, 0xff, 0xc7, 0x84, 0xc0, 0x79, 0xf3,
  0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0xff, 0xca, 0x74, 0xdf, 0xeb, 0xe5,
];

// L: mov rdx, rax; shl rdx, 40; shl rdx, 40; mov bl, [rdx+rsi]; inc rsi; dec rcx; jnz L
const SHIFTED_AWAY = [
  0x48, 0x89, 0xc2, 0x48, 0xc1, 0xe2, 40, 0x48, 0xc1, 0xe2, 40, 0x8a, 0x1c, 0x32, 0x48, 0xff, 0xc6, 0x48, 0xff, 0xc9,
  0x75, 0xea,
];
// L: mov al, [rsi+0x7fffffff]; inc rsi; dec rcx; jnz L
const FAR_AWAY = [0x8a, 0x86, 0xff, 0xff, 0xff, 0x7f, 0x48, 0xff, 0xc6, 0x48, 0xff, 0xc9, 0x75, 0xf2];
// L: mov rdx, rax; 40 times add rdx, rdx; mov bl, [rdx+rsi]; inc rsi; dec rcx; jnz L
const DOUBLED = [
  ...[0x48, 0x89, 0xc2],
  ...Array.from({ length: 40 }, () => [0x48, 0x01, 0xd2]).flat(),
  ...[0x8a, 0x1c, 0x32, 0x48, 0xff, 0xc6, 0x48, 0xff, 0xc9, 0x0f, 0x85, 0x76, 0xff, 0xff, 0xff],
];

const run = ({ code, rcx, rsi = 0, rdi = 0, rdx = 0 }: Walk, mode: 'interpreter' | 'translator', slice: number) => {
  const { space, codeSpace, cpu } = machine(
    { mode },
    [...code, ...UD2],
    [
      { address: DATA, length: LENGTH },
      { address: READ_ONLY, length: 8192 },
    ],
  );
  // Every third byte is above 127, none is zero.
  const bytes = Uint8Array.from({ length: LENGTH }, (_, i) => (i % 3 ? 1 + (i % 100) : 200));
  space.copyOut(DATA, bytes);
  space.protect(READ_ONLY + 4096, 4096, 1);
  for (const [register, value] of [
    [RAX, 7],
    [RCX, rcx],
    [RDX, rdx],
    [RSI, rsi],
    [RDI, rdi],
  ])
    cpu.set(register, value);
  let executed = 0;
  let exit = codeSpace.run(cpu, slice);
  for (executed += codeSpace.executed; exit.kind === 'budget'; executed += codeSpace.executed)
    exit = codeSpace.run(cpu, slice);
  const data = Buffer.from(space.copyIn(DATA, LENGTH));
  const registers = [RAX, RCX, RDX, RSI, RDI].map((id) => cpu.getBig(id));
  const state = { exit, pc: cpu.pc - CODE, executed, registers, data: data.toString('latin1') };
  codeSpace.dispose();
  return state;
};

const WALKS: Record<string, Walk> = {
  'a copy over pages': { code: COPY, rcx: 5000, rsi: DATA + 100, rdi: DATA + 6000 },
  'a copy onto itself': { code: COPY, rcx: 9000, rsi: DATA, rdi: DATA + 1 },
  'a copy that comes to the end': { code: COPY, rcx: 9000, rsi: DATA, rdi: DATA + LENGTH - 5000 },
  'a copy from where nothing is': { code: COPY, rcx: 9000, rsi: DATA - 1, rdi: DATA },
  'a copy into what is read-only': { code: COPY, rcx: 9000, rsi: DATA, rdi: READ_ONLY + 10 },
  'a copy over its own code': { code: COPY, rcx: 5000, rsi: DATA, rdi: CODE + 4096 - 200 },
  'an index from below': { code: INDEXED, rcx: -3000, rdx: 3000, rsi: DATA + 3000, rdi: DATA + 4000 },
  'an index beyond the end': { code: INDEXED, rcx: 0, rdx: 30_000, rsi: DATA, rdi: DATA + 100 },
  'words backwards': { code: BACKWARDS, rcx: 1500, rdi: DATA },
  'words backwards, off by three': { code: BACKWARDS, rcx: 1500, rdi: DATA + 3 },
  'words backwards out of the mapping': { code: BACKWARDS, rcx: 1000, rdi: DATA - 64 },
  'the end of a string, missing': { code: STRLEN, rcx: 0, rdi: DATA + 5 },
  'the end of a string': { code: STRLEN, rcx: 0, rdi: READ_ONLY + 4096 },
  'steps of one and three': { code: TWO_STEPS, rcx: 4000, rsi: DATA },
  'steps of one and three, too many': { code: TWO_STEPS, rcx: 40_000, rsi: DATA },
  'steps over page boundaries': { code: STRIDE, rcx: 500, rsi: DATA + 1 },
  'steps beyond the end': { code: STRIDE, rcx: 5000, rsi: DATA + 4 },
  'a loop that tests first': { code: TESTED_FIRST, rcx: 7000, rdi: DATA + 9 },
  'a loop that ends with its page': { code: TESTED_FIRST, rcx: LENGTH, rdi: DATA },
  'a loop of no rounds that begins nowhere': { code: TESTED_FIRST, rcx: 0, rdi: 0 },
  'a look elsewhere that fails': { code: LOOKUP, rcx: 100, rsi: DATA + 1 },
  'a term of which nothing is left': { code: SHIFTED_AWAY, rcx: 9000, rsi: DATA },
  'a term of which nothing is left, from nowhere': { code: SHIFTED_AWAY, rcx: 9000, rsi: DATA - 0x7_0000 },
  'a sum of more terms than there is room for': { code: DOUBLED, rcx: 100, rsi: DATA - 7 * 2 ** 40 },
  'the farthest displacement': { code: FAR_AWAY, rcx: 9000, rsi: DATA - 0x7fff_ffff },
  'addresses above 4 GiB': { code: COPY, rcx: 10, rsi: 2 ** 32 + DATA, rdi: DATA },
};

const SLICES = [1_000_000, 1009, 5];

for (const [what, walk] of Object.entries(WALKS))
  it(`${what}: the same in both tiers`, () => {
    const expected = run(walk, 'interpreter', 1_000_000);
    for (const slice of SLICES) expect(run(walk, 'translator', slice)).toEqual(expected);
  });

it('a walk inside another loop gives back once what it held', () => {
  const walk = { code: INNER, rcx: 1000, rsi: DATA + 4090 };
  const expected = run(walk, 'interpreter', 1_000_000);
  for (let slice = 30; slice < 70; slice++) expect(run(walk, 'translator', slice)).toEqual(expected);
});

it('a loop of no rounds is not refused for the pointer that it does not use', () => {
  const { engine, codeSpace, cpu } = machine({ mode: 'translator', count: true }, [...TESTED_FIRST, ...UD2]);
  codeSpace.run(cpu, 1000);
  expect(cpu.pc).toBe(CODE + TESTED_FIRST.length);
  expect(engine.counters!.events.has('restart')).toBe(false);
});
