/** Repeated string instructions move many elements at once: what that leaves in memory is what one element after the other would. */
import { describe, expect, test } from 'vitest';
import { RAX, RCX, RDI, RSI } from '../../src/isa/x86/state.ts';
import { CODE, machine } from './machine.ts';

const DATA = 0x50_0000;
const SIZE = 0x4000;
const OPCODES = { movs: 0xa4, stos: 0xaa };

let seed = 5;
const random = (n: number): number => {
  seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
  return Math.floor((seed / 2 ** 32) * n);
};
const pick = <T>(list: readonly T[]): T => list[random(list.length)];

describe.each(['interpreter', 'translator'] as const)('%s', (mode) => {
  // For each width: REP MOVS or REP STOS, UD2.
  const code = (['movs', 'stos'] as const).flatMap((name) =>
    [1, 2, 4, 8].map((bytes) => {
      const prefix = bytes === 2 ? [0x66] : bytes === 8 ? [0x48] : [];
      return { name, bytes, code: [0xf3, ...prefix, OPCODES[name] + (bytes > 1 ? 1 : 0), 0x0f, 0x0b] };
    }),
  );
  const { space, codeSpace, cpu } = machine({ mode }, [], [{ address: DATA, length: SIZE }]);
  code.forEach((c, i) => {
    space.copyOut(CODE + 16 * i, Uint8Array.from(c.code));
  });

  test.each(code.map(({ name, bytes }, i) => [name, bytes, i] as const))('rep %s of %d bytes', (name, bytes, i) => {
    for (let n = 0; n < 300; n++) {
      const before = Uint8Array.from({ length: SIZE }, () => random(256));
      const count = Math.floor(pick([random(20), random(300), random(5000)]) / bytes);
      const to = random(SIZE - count * bytes);
      const near = to + random(60) - 30;
      const far = random(SIZE - count * bytes);
      const from = near >= 0 && near + count * bytes <= SIZE && random(2) ? near : far;
      const value = BigInt.asUintN(64, pick([0n, 0x4141_4141_4141_4141n, 0x1234_5678_9abc_def0n]));
      const wanted = before.slice();
      const element = new Uint8Array(new BigUint64Array([value]).buffer);
      for (let k = 0; k < count; k++) {
        const source =
          name === 'movs' ? wanted.slice(from + k * bytes, from + (k + 1) * bytes) : element.slice(0, bytes);
        wanted.set(source, to + k * bytes);
      }
      space.copyOut(DATA, before);
      cpu.pc = CODE + 16 * i;
      cpu.set(RDI, DATA + to);
      cpu.set(RSI, DATA + from);
      cpu.set(RCX, count);
      cpu.set(RAX, value);
      let exit = codeSpace.run(cpu, 20_000);
      while (exit.kind === 'budget') exit = codeSpace.run(cpu, 20_000);
      expect(exit).toMatchObject({ kind: 'trap', trap: 'illegal' });
      const found = space.copyIn(DATA, SIZE);
      const wrong = found.findIndex((v, at) => v !== wanted[at]);
      expect(wrong, `${count} elements to ${to} from ${from}`).toBe(-1);
      expect([cpu.get(RDI), cpu.get(RCX)]).toEqual([DATA + to + count * bytes, 0]);
    }
  });
});
