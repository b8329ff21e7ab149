/** Linux's terminal settings (struct termios) and the line discipline's: bits to names and back. */
import type { SpecialCharacter, TerminalFlag, TerminalSettings } from '../../../src/kernel/line-discipline.ts';

const INPUT = { IGNBRK: 1, BRKINT: 2, IGNPAR: 4, PARMRK: 8, INPCK: 16, ISTRIP: 32, INLCR: 64, IGNCR: 128, ICRNL: 256, IUCLC: 512, IXON: 1024, IXANY: 2048, IXOFF: 4096, IMAXBEL: 8192, IUTF8: 16384 } as const; // biome-ignore format: one list
const OUTPUT = { OPOST: 1, OLCUC: 2, ONLCR: 4, OCRNL: 8, ONOCR: 16, ONLRET: 32, XTABS: 0o14000 } as const;
const CONTROL = { CREAD: 0o200, HUPCL: 0o2000, CLOCAL: 0o4000 } as const;
const LOCAL = { ISIG: 1, ICANON: 2, ECHO: 8, ECHOE: 16, ECHOK: 32, ECHONL: 64, NOFLSH: 128, TOSTOP: 256, ECHOCTL: 512, ECHOPRT: 1024, ECHOKE: 2048, IEXTEN: 32768, EXTPROC: 65536 } as const; // biome-ignore format: one list
/** Index of each special character in c_cc. */
const CHARACTERS: Readonly<Record<SpecialCharacter, number>> = { INTR: 0, QUIT: 1, ERASE: 2, KILL: 3, EOF: 4, START: 8, STOP: 9, SUSP: 10, EOL: 11, REPRINT: 12, WERASE: 14, LNEXT: 15, EOL2: 16 }; // biome-ignore format: one list
const VTIME = 5;
const VMIN = 6;

const CS8 = 0o60;
const B38400 = 0o17;

export interface TermiosValue {
  c_iflag: number;
  c_oflag: number;
  c_cflag: number;
  c_lflag: number;
  c_line: number;
  c_cc: Uint8Array;
}

const allOf = (bits: Readonly<Record<string, number>>): number =>
  Object.values(bits).reduce((all, bit) => all | bit, 0);

function word(settings: TerminalSettings, bits: Readonly<Record<string, number>>, kept: number): number {
  let value = kept & ~allOf(bits);
  for (const [name, bit] of Object.entries(bits)) if (settings.flags.has(name as TerminalFlag)) value |= bit;
  return value >>> 0;
}

export function toTermios(settings: TerminalSettings): TermiosValue {
  const { extra } = settings;
  const c_cc = new Uint8Array(19);
  for (const [name, index] of Object.entries(CHARACTERS)) c_cc[index] = settings.characters[name as SpecialCharacter];
  c_cc[VTIME] = settings.time;
  c_cc[VMIN] = settings.minimum;
  return {
    c_iflag: word(settings, INPUT, extra.c_iflag ?? 0),
    c_oflag: word(settings, OUTPUT, extra.c_oflag ?? 0),
    c_cflag: word(settings, CONTROL, extra.c_cflag ?? CS8 | B38400),
    c_lflag: word(settings, LOCAL, extra.c_lflag ?? 0),
    c_line: extra.c_line ?? 0,
    c_cc,
  };
}

/** Bits without a name of ours are kept, so that they read back as they were set. */
export function fromTermios(from: TermiosValue): TerminalSettings {
  const flags = new Set<TerminalFlag>();
  const take = (value: number, bits: Readonly<Record<string, number>>) => {
    for (const [name, bit] of Object.entries(bits)) if ((value & bit) === bit) flags.add(name as TerminalFlag);
  };
  take(from.c_iflag, INPUT);
  take(from.c_oflag, OUTPUT);
  take(from.c_cflag, CONTROL);
  take(from.c_lflag, LOCAL);
  const characters = Object.fromEntries(
    Object.entries(CHARACTERS).map(([name, index]) => [name, from.c_cc[index]]),
  ) as Record<SpecialCharacter, number>;
  const { c_iflag, c_oflag, c_cflag, c_lflag, c_line } = from;
  return {
    flags,
    characters,
    minimum: from.c_cc[VMIN],
    time: from.c_cc[VTIME],
    extra: { c_iflag, c_oflag, c_cflag, c_lflag, c_line },
  };
}
