/** Interpreters in the guest: handlers that each end in a jump to the next one share a region, which may be entered at any of them. */
import { describe, expect, it } from 'vitest';
import { CODE, machine } from './machine.ts';

const PROGRAM = 0x50_0000;
const TABLE = 0x51_0000;
const ROUNDS = 400;
const BYTECODE = [0, 1, 2, 2, 3, 1, 0, 3, 3, 2, 1, 0, 2, 0, 3, 1, 1, 3, 0, 0, 4];

// movzx ecx, byte [rsi]; inc rsi; jmp [rdx+rcx*8]
const NEXT = [0x0f, 0xb6, 0x0e, 0x48, 0xff, 0xc6, 0xff, 0x24, 0xca];
const HANDLERS = [
  [0x83, 0xc0, 0x01, ...NEXT], // add eax, 1
  [0x83, 0xf0, 0x05, ...NEXT], // xor eax, 5
  [0xd1, 0xc0, ...NEXT], // rol eax, 1
  [0x48, 0xff, 0xc3, ...NEXT], // inc rbx
  [0xff, 0xcf, 0x74, 12, 0x4c, 0x89, 0xc6, ...NEXT, 0x0f, 0x0b], // dec edi; jz end; mov rsi, r8; …; end: ud2
];
const PLACES = HANDLERS.map((_, i) => CODE + [NEXT, ...HANDLERS].slice(0, i + 1).flat().length);

function expected(): number[] {
  let sum = 0;
  for (let round = 0; round < ROUNDS; round++)
    for (const op of BYTECODE) {
      if (op === 0) sum = (sum + 1) >>> 0;
      else if (op === 1) sum = (sum ^ 5) >>> 0;
      else if (op === 2) sum = ((sum << 1) | (sum >>> 31)) >>> 0;
    }
  return [sum, ROUNDS * BYTECODE.filter((op) => op === 3).length];
}

function start(options: Parameters<typeof machine>[0]) {
  const data = [
    { address: PROGRAM, length: 4096 },
    { address: TABLE, length: 4096 },
  ];
  const made = machine({ threshold: 16, batchSize: 1, ...options }, [...NEXT, ...HANDLERS.flat()], data);
  const { cpu, space } = made;
  space.copyOut(PROGRAM, Uint8Array.from(BYTECODE));
  const table = new DataView(new ArrayBuffer(8 * HANDLERS.length));
  PLACES.forEach((place, i) => {
    table.setUint32(i * 8, place, true);
  });
  space.copyOut(TABLE, new Uint8Array(table.buffer));
  for (const [register, value] of [
    [0, 0],
    [2, TABLE],
    [3, 0],
    [6, PROGRAM],
    [7, ROUNDS],
    [8, PROGRAM],
  ])
    cpu.set(register, value);
  return made;
}

/** Run to the end in short slices, so that the region is entered wherever one ended. */
function finish({ codeSpace, cpu }: ReturnType<typeof start>, slice: number): void {
  let exit = codeSpace.run(cpu, slice);
  while (exit.kind === 'budget') exit = codeSpace.run(cpu, slice);
  expect(exit).toMatchObject({ kind: 'trap', trap: 'illegal' });
}

describe.each([
  ['interpreter', {}],
  ['auto', {}],
  ['auto', { without: new Set(['tables'] as const) }],
  ['translator', {}],
] as const)('threaded code in tier %s', (mode, options) => {
  it.each([7, 50, 100_000])('computes the same in slices of %i instructions', (slice) => {
    const made = start({ mode, ...options });
    finish(made, slice);
    expect([0, 3].map((register) => made.cpu.get(register))).toEqual(expected());
  });
});

it('one region serves every handler', () => {
  const made = start({ mode: 'auto' });
  finish(made, 1000);
  const { blocks } = made.codeSpace;
  const indices = new Set(PLACES.map((place) => blocks.translation(place)?.index));
  expect(indices.size).toBe(1);
  expect(indices.has(undefined)).toBe(false);
});
