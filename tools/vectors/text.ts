/**
 * Vectors a person can read and write: `48 01 d8 | add rax, rbx | rax=7f rbx=1 | rax=80 AF`.
 * Bytes, the instruction as text (for the reader; its first word picks what is undefined), state before, state after. Numbers are hexadecimal.
 * State words: general registers, xmm0=… (32 digits), st0=4001:8000000000000000, mxcsr=1f80, flags by name (CF PF AF ZF SF DF OF), [10000040]=bytes.
 * After: what is not named must be unchanged, except arithmetic flags when the line says `flags=?`; `fault=10002000`, `trap=divide`.
 */
import { GPR } from '../../src/isa/x86/state.ts';
import { background, type Case, CODE, DATA, FX_BYTES, freshFx, type Patch, type Result } from './case.ts';

const FLAG: Record<string, number> = { CF: 1, PF: 4, AF: 0x10, ZF: 0x40, SF: 0x80, DF: 0x400, OF: 0x800 };
const TRAP: Record<string, number> = {
  divide: 0,
  breakpoint: 3,
  illegal: 6,
  privileged: 13,
  'floating-point': 16,
  simd: 19,
};

interface State {
  gpr: BigUint64Array;
  flags: number;
  fx: Uint8Array;
  patches: Patch[];
}

const bytesOf = (hex: string): Uint8Array => Uint8Array.from(hex.match(/../g) ?? [], (h) => Number.parseInt(h, 16));

/** Apply the words of a state to a state; answers the words it does not know. */
function apply(words: string, state: State): Map<string, string> {
  const rest = new Map<string, string>();
  for (const word of words.trim().split(/\s+/).filter(Boolean)) {
    const [name, value = ''] = word.split('=');
    const register = GPR.indexOf(name as never);
    if (register >= 0) state.gpr[register] = BigInt.asUintN(64, BigInt(`0x${value}`));
    else if (name in FLAG) state.flags |= FLAG[name];
    else if (/^xmm\d+$/.test(name)) state.fx.set(bytesOf(value).reverse(), 160 + 16 * Number(name.slice(3)));
    else if (/^st[0-7]$/.test(name)) {
      const [top, significand] = value.split(':');
      state.fx.set(bytesOf(significand).reverse(), 32 + 16 * Number(name[2]));
      state.fx.set(bytesOf(top.padStart(4, '0')).reverse(), 40 + 16 * Number(name[2]));
      state.fx[4] |= 1 << Number(name[2]);
    } else if (name === 'mxcsr') new DataView(state.fx.buffer).setUint16(24, Number.parseInt(value, 16), true);
    else if (name[0] === '[')
      state.patches.push({ offset: Number.parseInt(name.slice(1), 16) - DATA, bytes: bytesOf(value) });
    else rest.set(name, value);
  }
  return rest;
}

export interface TextVector {
  line: string;
  case: Case;
  result: Result;
  /** Arithmetic flags are not compared. */
  anyFlags: boolean;
}

export function parseLine(line: string, slot: number): TextVector {
  const [code, text, before, after] = line.split('|').map((part) => part.trim());
  if (after === undefined) throw new Error(`four parts expected: ${line}`);
  const start: State = { gpr: background(), flags: 2, fx: freshFx(), patches: [] };
  const unknown = apply(before, start);
  if (unknown.size) throw new Error(`${[...unknown.keys()]}: ${line}`);
  const usesFx = /xmm|mxcsr|st\d|f[a-z]+/.test(`${before} ${after} ${text}`);
  const end: State = { gpr: start.gpr.slice(), flags: 2, fx: start.fx.slice(), patches: [] };
  const rest = apply(after, end);
  const bytes = bytesOf(code.replaceAll(' ', ''));
  const address = CODE + 0x1000 + slot * 32;
  const fault = rest.get('fault');
  const trap = rest.get('trap');
  if (fault || trap) end.flags = start.flags;
  if (rest.has('fsw')) new DataView(end.fx.buffer).setUint16(2, Number.parseInt(rest.get('fsw')!, 16), true);
  const jump = rest.get('rip');
  const length = fault || (trap && trap !== 'breakpoint') ? 0 : bytes.length;
  return {
    line,
    anyFlags: rest.has('flags'),
    case: { code: bytes, address, gpr: start.gpr, flags: start.flags, fx: usesFx ? start.fx : undefined, patches: start.patches, mnemonic: text.split(' ')[0], repeats: text.startsWith('rep') },
    result: {
      trap: fault ? 14 : trap ? TRAP[trap] : 1,
      error: rest.get('access') === 'write' ? 2 : 0,
      fault: fault ? BigInt(`0x${fault}`) : 0n,
      gpr: end.gpr,
      rip: BigInt(address + (jump ? Number.parseInt(jump, 16) : length)),
      flags: end.flags,
      bases: [0n, 0n],
      fx: usesFx ? end.fx.slice(0, FX_BYTES) : undefined,
      changes: end.patches,
    },
  }; // biome-ignore format: record
}
