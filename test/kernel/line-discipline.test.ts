import { describe, expect, it } from 'vitest';
import { LineDiscipline, SANE, type TerminalFlag, type TerminalSettings } from '../../src/kernel/line-discipline.ts';
import { bytes, text } from './words.ts';

interface Desk {
  line: LineDiscipline;
  screen: string;
  signals: string[];
}

function desk(change: { on?: TerminalFlag[]; off?: TerminalFlag[] } & Partial<TerminalSettings> = {}): Desk {
  const { on = [], off = [], ...rest } = change;
  const flags = new Set([...SANE.flags, ...on]);
  for (const flag of off) flags.delete(flag);
  const self: Desk = {
    screen: '',
    signals: [],
    line: new LineDiscipline({
      echo: (echoed) => {
        self.screen += text(Uint8Array.from(echoed));
      },
      signal: (signal) => self.signals.push(signal),
      flow: () => {},
      flushOutput: () => {},
    }),
  };
  self.line.settings = { ...SANE, ...rest, flags };
  return self;
}

/** Every line (or chunk) that a reader gets for these keys, and what the screen shows. */
function typing(keys: string, change?: Parameters<typeof desk>[0]) {
  const self = desk(change);
  for (const key of bytes(keys)) self.line.type(key);
  const lines: string[] = [];
  while (self.line.hasInput) {
    const into = new Uint8Array(100);
    lines.push(text(into.subarray(0, self.line.take(into))));
  }
  return { lines, screen: self.screen, signals: self.signals };
}

const raw: { off: TerminalFlag[] } = { off: ['ICANON', 'ECHO', 'ISIG', 'ICRNL', 'IXON', 'OPOST', 'IEXTEN'] };

describe('canonical input', () => {
  it.each([
    ['a line', 'ls\r', ['ls\n']],
    ['two lines', 'a\rb\r', ['a\n', 'b\n']],
    ['half a line is not there yet', 'half', []],
    ['erase', 'lx\x7fs\r', ['ls\n']],
    ['erase beyond the beginning', 'a\x7f\x7f\x7fb\r', ['b\n']],
    ['erase takes a whole UTF-8 character', 'aé\x7fb\r', ['ab\n']],
    ['kill', 'wrong\x15right\r', ['right\n']],
    ['word erase', 'one two  \x17three\r', ['one three\n']],
    ['word erase stops at punctuation', 'a/b-c\x17\r', ['a/b-\n']],
    ['literal next', 'a\x16\x03b\r', ['a\x03b\n']],
    ['end of file with text ends the line', 'ab\x04', ['ab']],
    ['end of file alone is an empty read', '\x04', ['']],
  ])('%s', (_name, keys, lines) => expect(typing(keys).lines).toEqual(lines));
  it('without ICRNL a return is a return', () =>
    expect(typing('a\rb\n', { off: ['ICRNL'] }).lines).toEqual(['a\rb\n']));
  it('IGNCR drops returns', () => expect(typing('a\r\n', { on: ['IGNCR'] }).lines).toEqual(['a\n']));
  it('INLCR makes returns of newlines', () => expect(typing('a\n', { on: ['INLCR'], off: ['ICANON'] }).lines).toEqual(['a\r'])); // biome-ignore format: one line
  it('a line read in pieces', () => {
    const { line } = desk();
    for (const key of bytes('abcdef\r')) line.type(key);
    const into = new Uint8Array(4);
    expect([line.take(into), text(into), line.take(into)]).toEqual([4, 'abcd', 3]);
  });
  it('a line holds 4095 bytes and its newline', () =>
    expect(typing(`${'x'.repeat(5000)}\r`).lines.join('').length).toBe(4096));
});

describe('the screen', () => {
  it.each([
    ['shows what is typed', 'ls\r', 'ls\r\n'],
    ['rubs out', 'ab\x7f', 'ab\b \b'],
    ['rubs out both columns of a control character', '\x01\x7f', '^A\b \b\b \b'],
    ['kills by rubbing out', 'abc\x15', 'abc\b \b\b \b\b \b'],
    ['shows the interrupt', '\x03', '^C'],
    ['shows nothing for end of file', '\x04', ''],
    ['reprints', 'ab\x12', 'ab^R\r\nab'],
    ['shows literal next as a waiting caret', '\x16', '^\b'],
  ])('%s', (_name, keys, screen) => expect(typing(keys).screen).toBe(screen));
  it('is silent without ECHO', () => expect(typing('secret\r', { off: ['ECHO'] }).screen).toBe(''));
  it('but shows the newline with ECHONL', () => expect(typing('secret\r', { off: ['ECHO'], on: ['ECHONL'] }).screen).toBe('\r\n')); // biome-ignore format: one line
  it('shows control characters raw without ECHOCTL', () =>
    expect(typing('\x01', { off: ['ECHOCTL'] }).screen).toBe('\x01'));
});

describe('signals', () => {
  it.each([
    ['\x03', 'SIGINT'],
    ['\x1c', 'SIGQUIT'],
    ['\x1a', 'SIGTSTP'],
  ])('%j is %s', (key, signal) => expect(typing(key).signals).toEqual([signal]));
  it('throw typed-ahead text away', () => expect(typing('junk\x03good\r').lines).toEqual(['good\n']));
  it('not with NOFLSH', () => expect(typing('kept\r\x03', { on: ['NOFLSH'] }).lines).toEqual(['kept\n']));
  it('not without ISIG', () =>
    expect(typing('\x03\r', { off: ['ISIG'] })).toMatchObject({ lines: ['\x03\n'], signals: [] }));
  it('not while switched off', () => expect(typing('\x03\r', { characters: { ...SANE.characters, INTR: 0 } }).signals).toEqual([])); // biome-ignore format: one line
});

describe('raw input', () => {
  it('every byte at once', () =>
    expect(typing('\x03\x7f\r', raw)).toEqual({ lines: ['\x03\x7f\r'], screen: '', signals: [] }));
  it('a half-typed line comes along when the mode changes', () => {
    const { line } = desk();
    for (const key of bytes('half')) line.type(key);
    const flags = new Set(SANE.flags);
    flags.delete('ICANON');
    line.settings = { ...SANE, flags };
    expect(line.available).toBe(4);
  });
});

describe('output', () => {
  const out = (written: string, change?: Parameters<typeof desk>[0]) => text(desk(change).line.process(bytes(written)));
  it('newlines return the carriage', () => expect(out('a\nb\n')).toBe('a\r\nb\r\n'));
  it('not without OPOST', () => expect(out('a\n', { off: ['OPOST'] })).toBe('a\n'));
  it('not without ONLCR', () => expect(out('a\n', { off: ['ONLCR'] })).toBe('a\n'));
  it('OCRNL', () => expect(out('a\r', { on: ['OCRNL'] })).toBe('a\n'));
  it('ONOCR: no return at the left margin', () => expect(out('\ra\r', { on: ['ONOCR'] })).toBe('a\r'));
  it('tabs are expanded with XTABS', () => expect(out('ab\tc\n\td', { on: ['XTABS'] })).toBe('ab      c\r\n        d'));
});

describe('flow control', () => {
  it('stops and starts', () => {
    const { line } = desk();
    line.type(0x13);
    const stopped = line.stopped;
    line.type(0x11);
    expect([stopped, line.stopped]).toEqual([true, false]);
  });
  it('any key starts with IXANY', () => {
    const { line } = desk({ on: ['IXANY'] });
    line.type(0x13);
    line.type(97);
    expect(line.stopped).toBe(false);
  });
});
