/** struct termios of FreeBSD: its bits and character positions against the kernel's terminal settings. */
import type { SpecialCharacter, TerminalFlag, TerminalSettings } from '../../../src/kernel/line-discipline.ts';
import { bytes, struct, u32 } from '../../../src/personality/struct.ts';

export const termios = struct({
  iflag: u32,
  oflag: u32,
  cflag: u32,
  lflag: u32,
  cc: bytes(20),
  ispeed: u32,
  ospeed: u32,
});
export type Termios = ReturnType<(typeof termios)['get']>;

type Word = 'iflag' | 'oflag' | 'cflag' | 'lflag';

// biome-ignore format: a table
const FLAGS: Readonly<Record<Word, Partial<Record<TerminalFlag, number>>>> = {
  iflag: { IGNBRK: 1, BRKINT: 2, IGNPAR: 4, PARMRK: 8, INPCK: 0x10, ISTRIP: 0x20, INLCR: 0x40, IGNCR: 0x80, ICRNL: 0x100, IXON: 0x200, IXOFF: 0x400, IXANY: 0x800, IMAXBEL: 0x2000, IUTF8: 0x4000 },
  oflag: { OPOST: 1, ONLCR: 2, XTABS: 4, OCRNL: 0x10, ONOCR: 0x20, ONLRET: 0x40 },
  cflag: { CREAD: 0x800, HUPCL: 0x4000, CLOCAL: 0x8000 },
  lflag: { ECHOKE: 1, ECHOE: 2, ECHOK: 4, ECHO: 8, ECHONL: 0x10, ECHOPRT: 0x20, ECHOCTL: 0x40, ISIG: 0x80, ICANON: 0x100, IEXTEN: 0x400, EXTPROC: 0x800, TOSTOP: 0x40_0000, NOFLSH: 0x8000_0000 },
};
/** Positions in c_cc. */
// biome-ignore format: a table
const CHARACTERS: Readonly<Record<SpecialCharacter, number>> = {
  EOF: 0, EOL: 1, EOL2: 2, ERASE: 3, WERASE: 4, KILL: 5, REPRINT: 6, INTR: 8, QUIT: 9, SUSP: 10, START: 12, STOP: 13, LNEXT: 14,
};
const VMIN = 16;
const VTIME = 17;
/** _POSIX_VDISABLE. */
const OFF = 0xff;
const CS8 = 0x300;
const SPEED = 38400;

/** Bits without a meaning here come back as they were set: they are kept under their word's name. */
function known(word: Word): number {
  return Object.values(FLAGS[word]).reduce((all, bit) => (all | bit) >>> 0, 0);
}

export function toTermios({ flags, characters, minimum, time, extra }: TerminalSettings): Termios {
  const cc = new Uint8Array(20).fill(OFF);
  for (const [name, at] of Object.entries(CHARACTERS)) cc[at] = characters[name as SpecialCharacter] || OFF;
  cc[VMIN] = minimum;
  cc[VTIME] = time;
  const word = (name: Word) =>
    Object.entries(FLAGS[name]).reduce(
      (all, [flag, bit]) => (flags.has(flag as TerminalFlag) ? (all | bit) >>> 0 : all),
      0,
    );
  return {
    iflag: word('iflag'),
    oflag: word('oflag'),
    cflag: (word('cflag') | (extra.freebsdCflag ?? CS8)) >>> 0,
    lflag: word('lflag'),
    cc,
    ispeed: extra.freebsdSpeed ?? SPEED,
    ospeed: extra.freebsdSpeed ?? SPEED,
  };
}

/** The settings that a termios asks for; flags that FreeBSD cannot express stay as they are. */
export function fromTermios(wanted: Termios, old: TerminalSettings): TerminalSettings {
  const flags = new Set(old.flags);
  for (const [word, bits] of Object.entries(FLAGS)) {
    for (const [flag, bit] of Object.entries(bits)) {
      if (wanted[word as Word] & bit) flags.add(flag as TerminalFlag);
      else flags.delete(flag as TerminalFlag);
    }
  }
  const characters = { ...old.characters };
  for (const [name, at] of Object.entries(CHARACTERS)) {
    characters[name as SpecialCharacter] = wanted.cc[at] === OFF ? 0 : wanted.cc[at];
  }
  return {
    flags,
    characters,
    minimum: wanted.cc[VMIN],
    time: wanted.cc[VTIME],
    extra: { ...old.extra, freebsdCflag: (wanted.cflag & ~known('cflag')) >>> 0, freebsdSpeed: wanted.ospeed },
  };
}
