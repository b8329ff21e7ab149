/** System calls answered while the engine waits: once each, counted in the slice, and handed on when nobody answers. */
import { describe, expect, it } from 'vitest';
import type { Exit } from '../../src/engine/engine.ts';
import { CODE, machine } from './machine.ts';

const STACK = 0x50_0000;
const CALLS = 10;
/** Of one turn of the loop below. */
const INSTRUCTIONS = 7;

// mov ebx, 10; again: call f; dec ebx; jnz again; ud2; f: lea rax, [h]; jmp rax; h: syscall; ret
const LOOP = [0xbb, CALLS, 0, 0, 0, 0xe8, 6, 0, 0, 0, 0xff, 0xcb, 0x75, 0xf7, 0x0f, 0x0b];
LOOP.push(0x48, 0x8d, 0x05, 2, 0, 0, 0, 0xff, 0xe0, 0x0f, 0x05, 0xc3);

function start(mode: 'interpreter' | 'translator', code = LOOP) {
  // The function is a wasm call, and its jump leaves its region: what follows runs in a dispatch loop below the caller's region.
  const without = new Set(['indirect', 'inlining', 'passing'] as const);
  const made = machine({ mode, without }, code, [{ address: STACK, length: 4096 }]);
  made.cpu.set(4, STACK + 4096);
  return made;
}

describe.each(['interpreter', 'translator'] as const)('calls in the %s', (mode) => {
  it('are answered without coming back', () => {
    const { codeSpace, cpu, engine } = start(mode);
    let asked = 0;
    const answer = ({ kind, gate }: Exit) => {
      expect([kind, gate, cpu.pc]).toEqual(['call', 'syscall', CODE + LOOP.length - 1]);
      expect(codeSpace.executed).toBe(5 + INSTRUCTIONS * asked++);
      return 100;
    };
    expect(codeSpace.run(cpu, 10_000, answer)).toMatchObject({ kind: 'trap', trap: 'illegal' });
    expect(asked).toBe(CALLS);
    expect(codeSpace.executed).toBe(1 + INSTRUCTIONS * CALLS);
    expect(engine.stats.exits.syscall).toBe(CALLS);
  });

  it('count for what the answer says', () => {
    const { codeSpace, cpu } = start(mode);
    let asked = 0;
    const answer = () => {
      asked++;
      return 1000;
    };
    expect(codeSpace.run(cpu, 3000, answer).kind).toBe('budget');
    expect(asked).toBe(3);
    expect(codeSpace.executed).toBeLessThanOrEqual(1 + INSTRUCTIONS * 3);
  });

  it.each([
    ['the answer wants to', () => -1],
    ['nobody answers', undefined],
  ])('come back where %s', (_why, refuse) => {
    const { codeSpace, cpu } = start(mode);
    let asked = 0;
    const answer =
      refuse &&
      (() => {
        asked++;
        return refuse();
      });
    for (let i = 1; i <= CALLS; i++) {
      expect(codeSpace.run(cpu, 10_000, answer)).toMatchObject({ kind: 'call', gate: 'syscall' });
      expect(cpu.pc).toBe(CODE + LOOP.length - 1);
      expect(codeSpace.executed).toBe(i === 1 ? 5 : INSTRUCTIONS);
      if (answer) expect(asked).toBe(i);
    }
    expect(codeSpace.run(cpu, 10_000, answer)).toMatchObject({ kind: 'trap', trap: 'illegal' });
  });

  it('may take away what their callers were allowed', () => {
    // again: push rax; call f; mov [rsp], rax; pop rax; jmp again; f: lea rax, [h]; jmp rax; h: syscall; ret
    const code = [0x50, 0xe8, 7, 0, 0, 0, 0x48, 0x89, 0x04, 0x24, 0x58, 0xeb, 0xf3];
    code.push(0x48, 0x8d, 0x05, 2, 0, 0, 0, 0xff, 0xe0, 0x0f, 0x05, 0xc3);
    const { space, codeSpace, cpu } = start(mode, code);
    let asked = 0;
    const answer = () => {
      // Once the function is known, it is called from the region.
      if (++asked === 3) space.protect(STACK, 4096, 1);
      return 0;
    };
    const exit = codeSpace.run(cpu, 10_000, answer);
    expect(exit).toMatchObject({ kind: 'fault', access: 'write', address: STACK + 4088 });
  });

  it('change code that their callers go on in', () => {
    // mov ebx, 10; again: call f; mov eax, 1; add esi, eax; dec ebx; jnz again; ud2
    const code = [0xbb, CALLS, 0, 0, 0, 0xe8, 0xf6, 0x0f, 0, 0, 0xb8, 1, 0, 0, 0, 0x01, 0xc6, 0xff, 0xcb, 0x75, 0xf0];
    code.push(0x0f, 0x0b);
    // In another page, f: lea rax, [h]; jmp rax; h: cmp ebx, 7; ja end; mov [the 1 above], bl; end: ret
    while (code.length < 4096) code.push(0xcc);
    code.push(0x48, 0x8d, 0x05, 2, 0, 0, 0, 0xff, 0xe0, 0x83, 0xfb, 7, 0x77, 7);
    code.push(0x88, 0x1c, 0x25, 11, 0, 0x40, 0, 0xc3);
    const { codeSpace, cpu } = start(mode, code);
    expect(codeSpace.run(cpu, 10_000)).toMatchObject({ kind: 'trap', trap: 'illegal' });
    expect(cpu.get(6)).toBe(1 + 1 + 1 + 7 + 6 + 5 + 4 + 3 + 2 + 1);
  });
});
