/** Integer instructions: arithmetic, logic, shifts, moves, bits (manual, volume 2, general-purpose instructions). Control flow and strings are in their own files. */
import { op, type Row } from '../row.ts';

/** The six classic encodings and the immediate group of an ALU operation. */
function aluFamily<const M extends string>(base: number, digit: number, mnemonic: M): Row<M>[] {
  const hex = (n: number) => n.toString(16).padStart(2, '0').toUpperCase();
  const lock = mnemonic !== 'cmp';
  return [
    op(`${hex(base)} /r`, mnemonic, 'Eb,Gb', { lock }),
    op(`${hex(base + 1)} /r`, mnemonic, 'Ev,Gv', { lock }),
    op(`${hex(base + 2)} /r`, mnemonic, 'Gb,Eb'),
    op(`${hex(base + 3)} /r`, mnemonic, 'Gv,Ev'),
    op(`${hex(base + 4)} ib`, mnemonic, 'AL,Ib'),
    op(`${hex(base + 5)} iz`, mnemonic, 'eAX,Iz'),
    op(`80 /${digit} ib`, mnemonic, 'Eb,Ib', { lock }),
    op(`81 /${digit} iz`, mnemonic, 'Ev,Iz', { lock }),
    op(`83 /${digit} ib`, mnemonic, 'Ev,Is', { lock }),
  ];
}

function shiftFamily<const M extends string>(digit: number, mnemonic: M): Row<M>[] {
  return [
    op(`C0 /${digit} ib`, mnemonic, 'Eb,Ib'),
    op(`C1 /${digit} ib`, mnemonic, 'Ev,Ib'),
    op(`D0 /${digit}`, mnemonic, 'Eb,1'),
    op(`D1 /${digit}`, mnemonic, 'Ev,1'),
    op(`D2 /${digit}`, mnemonic, 'Eb,CL'),
    op(`D3 /${digit}`, mnemonic, 'Ev,CL'),
  ];
}

/** Condition names in encoding order; the mnemonic carries the name, the shape keeps them apart. */
export const CC = ['o', 'no', 'b', 'nb', 'z', 'nz', 'be', 'nbe', 's', 'ns', 'p', 'np', 'l', 'nl', 'le', 'nle'] as const;
type Cc = (typeof CC)[number];
const byCondition = <M extends string>(make: (name: Cc, code: number) => Row<M>): Row<M>[] =>
  CC.map((name, code) => make(name, code));
const hex = (n: number) => n.toString(16).padStart(2, '0').toUpperCase();

function registers<const M extends string>(base: number, make: (opcode: string) => Row<M>, from = 0): Row<M>[] {
  return Array.from({ length: 8 - from }, (_, i) => make(hex(base + i + from)));
}

function bitFamily<const M extends string>(opcode: string, digit: number, mnemonic: M): Row<M>[] {
  const lock = mnemonic !== 'bt';
  return [op(`0F ${opcode} /r`, mnemonic, 'Ev,Gv', { lock }), op(`0F BA /${digit} ib`, mnemonic, 'Ev,Ib', { lock })];
}

export const ALU_ROWS = [
  ...aluFamily(0x00, 0, 'add'),
  ...aluFamily(0x08, 1, 'or'),
  ...aluFamily(0x10, 2, 'adc'),
  ...aluFamily(0x18, 3, 'sbb'),
  ...aluFamily(0x20, 4, 'and'),
  ...aluFamily(0x28, 5, 'sub'),
  ...aluFamily(0x30, 6, 'xor'),
  ...aluFamily(0x38, 7, 'cmp'),
  op('84 /r', 'test', 'Eb,Gb'),
  op('85 /r', 'test', 'Ev,Gv'),
  op('A8 ib', 'test', 'AL,Ib'),
  op('A9 iz', 'test', 'eAX,Iz'),
  op('F6 /0 ib', 'test', 'Eb,Ib'),
  op('F7 /0 iz', 'test', 'Ev,Iz'),
  op('F6 /1 ib', 'test', 'Eb,Ib'),
  op('F7 /1 iz', 'test', 'Ev,Iz'),
  op('FE /0', 'inc', 'Eb', { lock: true }),
  op('FF /0', 'inc', 'Ev', { lock: true }),
  op('FE /1', 'dec', 'Eb', { lock: true }),
  op('FF /1', 'dec', 'Ev', { lock: true }),
  op('F6 /2', 'not', 'Eb', { lock: true }),
  op('F7 /2', 'not', 'Ev', { lock: true }),
  op('F6 /3', 'neg', 'Eb', { lock: true }),
  op('F7 /3', 'neg', 'Ev', { lock: true }),
  op('F6 /4', 'mul', 'Eb'),
  op('F7 /4', 'mul', 'Ev'),
  op('F6 /5', 'imul1', 'Eb'),
  op('F7 /5', 'imul1', 'Ev'),
  op('0F AF /r', 'imul', 'Gv,Ev'),
  op('69 /r iz', 'imul3', 'Gv,Ev,Iz'),
  op('6B /r ib', 'imul3', 'Gv,Ev,Is'),
  op('F6 /6', 'div', 'Eb'),
  op('F7 /6', 'div', 'Ev'),
  op('F6 /7', 'idiv', 'Eb'),
  op('F7 /7', 'idiv', 'Ev'),
  ...shiftFamily(0, 'rol'),
  ...shiftFamily(1, 'ror'),
  ...shiftFamily(2, 'rcl'),
  ...shiftFamily(3, 'rcr'),
  ...shiftFamily(4, 'shl'),
  ...shiftFamily(5, 'shr'),
  ...shiftFamily(6, 'shl'),
  ...shiftFamily(7, 'sar'),
  op('0F A4 /r ib', 'shld', 'Ev,Gv,Ib'),
  op('0F A5 /r', 'shld', 'Ev,Gv,CL'),
  op('0F AC /r ib', 'shrd', 'Ev,Gv,Ib'),
  op('0F AD /r', 'shrd', 'Ev,Gv,CL'),
  op('88 /r', 'mov', 'Eb,Gb'),
  op('89 /r', 'mov', 'Ev,Gv'),
  op('8A /r', 'mov', 'Gb,Eb'),
  op('8B /r', 'mov', 'Gv,Ev'),
  op('A0', 'mov', 'AL,Ob'),
  op('A1', 'mov', 'eAX,Ov'),
  op('A2', 'mov', 'Ob,AL'),
  op('A3', 'mov', 'Ov,eAX'),
  ...registers(0xb0, (o) => op(`${o} ib`, 'mov', 'Zb,Ib')),
  ...registers(0xb8, (o) => op(`${o} iv`, 'mov', 'Zv,Iv')),
  op('C6 /0 ib', 'mov', 'Eb,Ib'),
  op('C7 /0 iz', 'mov', 'Ev,Iz'),
  op('8C /r', 'movFromSegment', 'Ev,Sw'),
  op('8E /r', 'movToSegment', 'Sw,Ew'),
  op('NP 0F C3 /r', 'movnti', 'My,Gy'),
  op('8D /r', 'lea', 'Gv,M'),
  op('0F B6 /r', 'movzx', 'Gv,Eb'),
  op('0F B7 /r', 'movzx', 'Gv,Ew'),
  op('0F BE /r', 'movsx', 'Gv,Eb'),
  op('0F BF /r', 'movsx', 'Gv,Ew'),
  op('63 /r', 'movsx', 'Gv,Ed'),
  op('86 /r', 'xchg', 'Eb,Gb', { lock: true }),
  op('87 /r', 'xchg', 'Ev,Gv', { lock: true }),
  ...registers(0x90, (o) => op(o, 'xchg', 'eAX,Zv')),
  op('0F B0 /r', 'cmpxchg', 'Eb,Gb', { lock: true }),
  op('0F B1 /r', 'cmpxchg', 'Ev,Gv', { lock: true }),
  op('0F C0 /r', 'xadd', 'Eb,Gb', { lock: true }),
  op('0F C1 /r', 'xadd', 'Ev,Gv', { lock: true }),
  op('0F C7 /1', 'cmpxchg8b', 'Mq', { lock: true }),
  op('REX.W 0F C7 /1', 'cmpxchg16b', 'Mx', { lock: true }),
  op('98', 'cbw', ''),
  op('99', 'cwd', ''),
  ...registers(0xc8, (o) => op(`0F ${o}`, 'bswap', 'Zv')),
  ...byCondition((name, code) => op(`0F ${hex(0x90 + code)} /r`, `set${name}` as const, 'Eb')),
  ...byCondition((name, code) => op(`0F ${hex(0x40 + code)} /r`, `cmov${name}` as const, 'Gv,Ev')),
  ...bitFamily('A3', 4, 'bt'),
  ...bitFamily('AB', 5, 'bts'),
  ...bitFamily('B3', 6, 'btr'),
  ...bitFamily('BB', 7, 'btc'),
  op('0F BC /r', 'bsf', 'Gv,Ev'),
  op('0F BD /r', 'bsr', 'Gv,Ev'),
  op('F3 0F BC /r', 'tzcnt', 'Gv,Ev'),
  op('F3 0F BD /r', 'lzcnt', 'Gv,Ev'),
  op('F3 0F B8 /r', 'popcnt', 'Gv,Ev', { needs: 'popcnt' }),
  op('F2 0F 38 F0 /r', 'crc32', 'Gy,Eb', { needs: 'sse4_2' }),
  op('F2 0F 38 F1 /r', 'crc32', 'Gy,Ev', { needs: 'sse4_2' }),
  op('F8', 'clc', ''),
  op('F9', 'stc', ''),
  op('F5', 'cmc', ''),
  op('FC', 'cld', ''),
  op('FD', 'std', ''),
  op('9E', 'sahf', '', { needs: 'lahf_lm' }),
  op('9F', 'lahf', '', { needs: 'lahf_lm' }),
];
