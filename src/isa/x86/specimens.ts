/** One instruction of every common form of every row, for handlers made at build time; rare forms (other fixed immediates, address-size prefixes) are made when met. */
import { decode, type X86Instruction } from './decode.ts';
import type { Row } from './row.ts';
import { ROWS } from './rows/index.ts';

const upTo = (last: number) => Array.from({ length: last }, (_, i) => i + 1);

/**
 * Immediates that select the operation, as far as compilers and C libraries use them everywhere: glibc's string functions
 * alone shift vectors by every number of bytes. Each one missing costs a start 0.3 to 1 ms.
 */
const IMMEDIATES: Readonly<Record<string, readonly number[]>> = {
  palignr: upTo(15),
  pslldq: upTo(15),
  psrldq: upTo(15),
  pshufd: [0, 0x08, 0x1b, 0x4e, 0x50, 0x55, 0x78, 0x80, 0xaa, 0xb1, 0xd8, 0xe0, 0xe1, 0xe5, 0xee, 0xf5, 0xfa, 0xff],
  pshuflw: [0, 0x1b, 0xb1, 0xe0, 0xe8],
  shufps: [0, 0x44, 0x55, 0x88, 0xaa, 0xdd, 0xee, 0xff],
  shufpd: [1, 2],
  pcmpistri: [0x02, 0x12, 0x1a, 0x3a],
  roundsd: [0x09, 0x0a, 0x0b],
  cmpsd: [1, 2, 5, 6],
  pcmpestri: [0],
  pinsrw: [0, 1],
  pextrw: [0, 1],
};

/** Beside the instructions of one byte, what is often done with memory that is not named by one register alone: in the loader, in string functions, with constants. */
const OFTEN = new Set(
  [
    'movzx movsx movups movaps movdqu movdqa movd movq movss movsd movhps nop imul bsr bsf cmpxchg xadd fxsave fxrstor ldmxcsr stmxcsr',
    'cmovz cmovnz cmovs cmovns cmovb cmovnb cmovbe cmovnbe cmovl cmovnl cmovle cmovnle',
    'setz setnz sets setns setb setnb setbe setnbe setl setnl setle setnle',
    'addsd subsd mulsd divsd minsd maxsd sqrtsd comisd ucomisd addss subss mulss divss comiss ucomiss cvtsi2sd cvtsi2ss',
    'xorps xorpd andps andpd pxor por pand pandn paddd paddq pcmpistri palignr',
  ].flatMap((line) => line.split(' ')),
);

const isByte = (word: string) => /^[0-9A-F]{2}$/.test(word);

/** Encodings of a row: operand sizes by prefix, memory and register form, repetition where it has one. */
function encodings(row: Row): Uint8Array[] {
  const words = row.opcode.split(' ');
  const mandatory = ['66', 'F2', 'F3'].includes(words[0]) && words.length > 1 ? [Number.parseInt(words[0], 16)] : [];
  if (mandatory.length > 0 || words[0] === 'NP') words.shift();
  const wide = words[0] === 'REX.W';
  if (wide) words.shift();
  const bytes = words.filter(isByte).map((w) => Number.parseInt(w, 16));
  const digit = Number(words.find((w) => /^\/[0-7]$/.test(w))?.[1] ?? 0);
  const reg = digit << 3;
  // Memory by a base, by a SIB byte and relative to RIP; a register.
  const bySib = [reg | 4, 0];
  const byRip = [reg | 5, 0, 0, 0, 0];
  const other = bytes[0] !== 0x0f || OFTEN.has(row.mnemonic) ? [bySib, byRip] : [];
  const modrms = words.some((w) => w.startsWith('/')) ? [[reg], ...other, [0xc0 | reg]] : [[]];
  const immediates = row.fixed ? (IMMEDIATES[row.mnemonic] ?? []).map((value) => [value]) : [[]];
  const forms = modrms.flatMap((modrm) => immediates.map((immediate) => [...modrm, ...immediate]));
  const prefixes = row.rep ? [[], [0xf2], [0xf3]] : [mandatory];
  // What compilers do with the thread's own memory.
  if (['mov', 'add', 'sub', 'xor', 'cmp'].includes(row.mnemonic)) prefixes.push([0x64]);
  const list: Uint8Array[] = [];
  for (const prefix of prefixes) {
    for (const modrm of forms) {
      for (const size of [[], [0x66], [0x48]]) {
        if (wide && size[0] !== 0x48) continue;
        // A REX prefix comes last, the others first; zeros stand for immediates.
        const before = size[0] === 0x48 ? [...prefix, 0x48] : [...size, ...prefix];
        list.push(Uint8Array.from([...before, ...bytes, ...modrm, ...new Array<number>(10).fill(0)]).subarray(0, 15));
      }
    }
  }
  return list;
}

export function specimens(): X86Instruction[] {
  const found = new Map<string, X86Instruction>();
  for (const row of ROWS) {
    if (row.fixed && !IMMEDIATES[row.mnemonic]) continue;
    for (const bytes of encodings(row)) {
      const instruction = decode(bytes, 0x1000);
      if (instruction?.row === row) found.set(instruction.shape, instruction);
    }
  }
  // NOP has no row of its own.
  const nop = decode(Uint8Array.of(0x90), 0x1000);
  if (nop) found.set(nop.shape, nop);
  return [...found.values()];
}
