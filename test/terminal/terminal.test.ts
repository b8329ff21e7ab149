/** The command line inside a real terminal (node-pty), its screen read by a terminal emulator (@xterm/headless). Skips, saying why, where node-pty or the program is missing. */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import xterm from '@xterm/headless';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Cli, guest } from '../cli/cli.ts';

type NodePty = typeof import('node-pty');
const nodePty = await import('node-pty').then(
  (module): NodePty | string => ((module as unknown as { default?: NodePty }).default ?? module) as NodePty,
  (error: Error) => `node-pty is not there: ${error.message.split('\n')[0]}`,
);
const busybox = ['/bin/busybox', '/usr/bin/busybox'].find((path) => existsSync(path));
const noPty = typeof nodePty === 'string' ? nodePty : undefined;
if (noPty) console.log(`terminal tests skipped: ${noPty}`);
else if (!busybox) console.log('terminal tests of busybox skipped: no busybox on this machine');

const cli = new Cli();
const folder = mkdtempSync(join(tmpdir(), 'hospes-terminal-'));
beforeAll(() => cli.build());
afterAll(() => {
  cli.dispose();
  rmSync(folder, { recursive: true, force: true });
});

/** A program of the host in a terminal of 80 by 24. */
class Screen {
  readonly terminal = new xterm.Terminal({ cols: 80, rows: 24, allowProposedApi: true });
  readonly process: import('node-pty').IPty;
  readonly exit: Promise<{ exitCode: number; signal?: number | undefined }>;
  raw = '';
  #changed: () => void = () => {};

  constructor(file: string, args: string[]) {
    this.process = (nodePty as NodePty).spawn(file, args, {
      name: 'xterm',
      cols: 80,
      rows: 24,
      cwd: folder,
      env: { PATH: process.env.PATH ?? '', TERM: 'xterm', HOME: folder, PS1: '$ ' },
    });
    this.process.onData((data) => {
      this.raw += data;
      this.terminal.write(data, () => this.#changed());
    });
    this.exit = new Promise((resolve) => this.process.onExit(resolve));
  }

  type(keys: string): void {
    this.process.write(keys);
  }

  lines(): string[] {
    const { active } = this.terminal.buffer;
    return Array.from(
      { length: 24 },
      (_, y) =>
        active
          .getLine(active.baseY + y)
          ?.translateToString(true)
          .trimEnd() ?? '',
    );
  }

  /** Until the screen satisfies `wanted`. */
  async until(wanted: (lines: string[]) => boolean): Promise<string[]> {
    const deadline = Date.now() + 25_000;
    for (;;) {
      const lines = this.lines();
      if (wanted(lines)) return lines;
      const left = deadline - Date.now();
      if (left <= 0) throw new Error(`the screen stays\n${lines.join('\n').trimEnd()}`);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, left);
        this.#changed = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }
}

const hospes = (...args: string[]) => new Screen(...cli.command('run', ...args));
const has = (text: string) => (lines: string[]) => lines.some((line) => line.includes(text));

describe.skipIf(noPty)('in a terminal', () => {
  test('output reaches the screen line by line', async () => {
    const screen = hospes(guest('hello'));
    expect((await screen.exit).exitCode).toBe(0);
    expect(screen.raw).toBe('Hello from Linux x86-64\r\n');
  });

  test('Ctrl-C ends a program that reads', async () => {
    const screen = hospes('--trace=^read', guest('cat'));
    await screen.until(has('read(0'));
    screen.type('\x03');
    expect((await screen.exit).exitCode).toBe(130);
  });

  test('Ctrl-D ends the input and editing keys edit, also when typed too early', async () => {
    const screen = hospes(guest('cat'));
    screen.type('abcd\x7f\x7fx\r');
    await screen.until((lines) => lines[0] === 'abx');
    screen.type('\x04');
    expect((await screen.exit).exitCode).toBe(0);
    await screen.until((lines) => lines[1] === 'abx');
  });

  test('the terminal is as it was afterwards', async () => {
    const [file, args] = cli.command('run', guest('exit'), 'null-read');
    const quoted = [file, ...args].map((word) => `'${word}'`).join(' ');
    const screen = new Screen('/bin/sh', ['-c', `stty -a > before; ${quoted}; stty -a > after; echo over`]);
    await screen.until(has('over'));
    expect(readFileSync(`${folder}/after`, 'utf8')).toBe(readFileSync(`${folder}/before`, 'utf8'));
  });
});

describe.skipIf(noPty || !busybox)('busybox in a terminal', () => {
  test('vi edits and saves, and shows what it shows natively', async () => {
    const session = async (screen: Screen, file: string) => {
      await screen.until((lines) => lines[0].startsWith('first'));
      screen.type('ohello from vi\x1b');
      await screen.until((lines) => lines[1] === 'hello from vi');
      screen.type('Gdd');
      await screen.until((lines) => lines[2] !== 'third' && lines[3] !== 'third');
      const shown = screen.lines();
      screen.type(':wq\r');
      expect((await screen.exit).exitCode).toBe(0);
      return { shown, saved: readFileSync(`${folder}/${file}`, 'utf8') };
    };
    const text = 'first\nsecond\nthird\n';
    writeFileSync(`${folder}/letter`, text);
    const ours = await session(hospes(busybox!, 'vi', 'letter'), 'letter');
    writeFileSync(`${folder}/letter`, text);
    const native = await session(new Screen(busybox!, ['vi', 'letter']), 'letter');
    expect(ours).toEqual(native);
    expect(ours.saved).toBe('first\nhello from vi\nsecond\n');
  });

  test('the window’s size and its changes reach the program', async () => {
    const screen = hospes(busybox!, 'sh');
    await screen.until(has('$'));
    screen.type('busybox stty size\r');
    await screen.until(has('24 80'));
    screen.process.resize(100, 30);
    screen.terminal.resize(100, 30);
    screen.type('busybox stty size\r');
    await screen.until(has('30 100'));
    screen.type('exit 5\r');
    expect((await screen.exit).exitCode).toBe(5);
  });

  test('a shell stops and continues its jobs with Ctrl-Z and fg', async () => {
    const screen = hospes(busybox!, 'sh');
    await screen.until(has('$'));
    screen.type("sh -c 'echo rea''dy; exec busybox cat'\r");
    await screen.until(has('ready'));
    screen.type('one\r');
    await screen.until((lines) => lines.filter((line) => line === 'one').length === 2);
    screen.type('\x1a');
    await screen.until(has('Stopped'));
    screen.type('fg\r');
    await screen.until((lines) => lines.filter((line) => line.startsWith('sh -c')).length === 1);
    screen.type('two\r');
    await screen.until((lines) => lines.filter((line) => line === 'two').length === 2);
    screen.type('\x03');
    await screen.until((lines) => lines.filter((line) => line === '$').length >= 1);
    screen.type('exit\r');
    await screen.exit;
  });

  test('a stopped program hands the terminal back to the shell that started us', async () => {
    // What the program itself prints tells its answer from the echo, which the outer terminal
    // does as well when a line is typed before we have made it raw again.
    const loop = 'echo rea""dy; while read line; do echo "<$line>"; done';
    const [file, args] = cli.command('run', busybox!, 'sh', '-c', loop);
    const quoted = [file, ...args].map((word) => `'${word}'`).join(' ');
    const shown = (lines: string[]) => lines.join('').split('; done').length - 1;
    const screen = new Screen('/bin/bash', ['--norc', '-i']);
    await screen.until(has('$'));
    screen.type(`${quoted}\r`);
    await screen.until(has('ready'));
    screen.type('before\r');
    await screen.until(has('<before>'));
    screen.type('\x1a');
    await screen.until(has('Stopped'));
    screen.type('fg\r');
    await screen.until((lines) => shown(lines) >= 3);
    screen.type('after\r');
    await screen.until(has('<after>'));
    screen.type('\x03');
    await screen.until((lines) => lines.some((line) => /\^C\$?$/.test(line)));
    screen.type('exit\r');
    await screen.exit;
  });
});
