import { expect, test } from 'vitest';
import { createEngine } from '../../src/engine/create.ts';
import type { CodeSpace } from '../../src/engine/engine.ts';
import { LockstepCodeSpace } from '../../src/engine/lockstep.ts';
import { AddressSpace } from '../../src/memory/address-space.ts';

const CODE = 0x40_0000;
const DATA = 0x50_0000;
/** mov edi, DATA; mov eax, 5; lock xadd [rdi], eax; syscall */
const PROGRAM = [0xbf, 0, 0, 0x50, 0, 0xb8, 5, 0, 0, 0, 0xf0, 0x0f, 0xc1, 0x07, 0x0f, 0x05];

function spaceWith(shared: boolean): AddressSpace {
  const space = new AddressSpace();
  space.map({ address: CODE, length: 4096, prot: 7, fixed: true });
  space.copyOut(CODE, Uint8Array.from(PROGRAM));
  space.map({ address: DATA, length: 4096, prot: 3, fixed: true, shared });
  return space;
}

function run(code: CodeSpace): string {
  const cpu = code.createCpu();
  cpu.pc = CODE;
  return code.run(cpu, 1000).kind;
}

test('memory that processes share is written once, by the real process', () => {
  const space = spaceWith(true);
  const other = space.fork();
  const code = createEngine('lockstep').attach(space);
  expect([run(code), run(code)]).toEqual(['call', 'call']);
  expect([space.readU32(DATA), other.readU32(DATA)]).toEqual([10, 10]);
  code.dispose();
});

test('what calls write between two slices is in the mirror', () => {
  const space = spaceWith(false);
  const code = createEngine('lockstep').attach(space);
  run(code);
  space.writeU32(DATA, 100);
  space.map({ address: DATA + 8192, length: 4096, prot: 3, fixed: true });
  space.writeU32(CODE + 6, 7);
  expect([run(code), space.readU32(DATA)]).toEqual(['call', 107]);
  code.dispose();
});

test('the first difference stops the program, with its place', () => {
  const space = spaceWith(false);
  const right = createEngine('interpreter');
  const wrong = createEngine('interpreter');
  const code = new LockstepCodeSpace(space, {
    // One that adds in the wrong place as well.
    translator(s) {
      const inner = wrong.attach(s);
      const outer: CodeSpace = {
        createCpu: () => inner.createCpu(),
        releaseCpu: (cpu) => inner.releaseCpu(cpu),
        run(cpu, budget) {
          const exit = inner.run(cpu, budget);
          if (inner.executed > 2) s.writeU8(DATA + 64, 9);
          return exit;
        },
        get executed() {
          return inner.executed;
        },
        dispose: () => inner.dispose(),
      };
      return outer;
    },
    interpreter: (s) => right.attach(s),
    registerNames: [],
  });
  expect(() => run(code)).toThrow(
    /after guest PC 0x40000a, within 1 instructions\n {2}memory at 0x500040: translator 9, interpreter 0/,
  );
  code.dispose();
});
