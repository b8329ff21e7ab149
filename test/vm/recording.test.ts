/** Recordings: what was taken is given back in order, damage and divergence are named, programs run again to the same end. */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { GuestError } from '../../src/base/failures.ts';
import { Player, Recorder, type Tape } from '../../src/vm/recording/tape.ts';
import { Malformed, ValueReader, ValueWriter } from '../../src/vm/recording/values.ts';
import { Hospes } from '../../src/vm.ts';

/** A recorder and the file it has written so far. */
function recording(head: unknown = 'head') {
  const parts: Uint8Array[] = [];
  const recorder = new Recorder((bytes) => parts.push(bytes.slice()), head);
  return { recorder, file: () => new Uint8Array(Buffer.concat(parts)) };
}

test('values come back as they were', () => {
  const writer = new ValueWriter();
  const values = [
    ...[undefined, null, true, false, 0, -0, 1, -1, 2 ** 31, 0.1, Number.POSITIVE_INFINITY, 10n, -(2n ** 63n)],
    ...['', 'naïve ☃', Uint8Array.of(1, 2, 255), [], [1, ['x']], {}, { a: 1n, b: { c: undefined } }],
  ];
  for (const value of values) writer.value(value);
  const bytes = writer.take();
  const reader = new ValueReader(bytes);
  for (const value of values) expect(reader.value()).toStrictEqual(value);
  expect(reader.done).toBe(true);
  // Any cut is noticed.
  for (let length = 0; length < bytes.length; length++) {
    const cut = new ValueReader(bytes.subarray(0, length));
    expect(() => values.map(() => cut.value())).toThrow(Malformed);
  }
});

describe('a tape', () => {
  test('gives results, failures and events back in their order', () => {
    const { recorder, file } = recording({ program: 'x' });
    const play = (tape: Tape) => {
      const log: unknown[] = [];
      tape.onEvent('key', (data) => log.push(`key ${data}`));
      log.push(tape.take(() => 42));
      // While replaying it comes by itself, before what was taken next.
      tape.event('key', 'a');
      try {
        tape.take(() => {
          throw new GuestError('ENOENT');
        });
      } catch (error) {
        log.push((error as GuestError).code);
      }
      tape.slice(1000, 0x401000);
      log.push(tape.take(() => Uint8Array.of(1, 2)));
      tape.end('status 0');
      return log;
    };
    const first = play(recorder);
    expect(first).toEqual([42, 'key a', 'ENOENT', Uint8Array.of(1, 2)]);
    const player = new Player(file(), 'f');
    expect(player.head).toEqual({ program: 'x' });
    expect(play(player)).toEqual(first);
  });

  test('that is damaged, cut or of another format says so', () => {
    const { recorder, file } = recording();
    for (let i = 0; i < 20_000; i++) recorder.take(() => i * 1.5);
    recorder.end('status 0');
    const whole = file();
    const message = (bytes: Uint8Array) => {
      try {
        new Player(bytes, 'f');
        return 'fine';
      } catch (error) {
        return (error as Error).message;
      }
    };
    expect(message(whole)).toBe('fine');
    expect(message(whole.subarray(0, whole.length - 1))).toMatch(
      /^f: the recording is damaged: it was cut at byte \d+$/,
    );
    for (const at of [30, 1000, whole.length >> 1, whole.length - 1]) {
      const flipped = whole.slice();
      flipped[at] ^= 0x10;
      expect(message(flipped)).toMatch(
        /^f: the recording is damaged: (the checksum at byte \d+ is wrong|it was cut at)/,
      );
    }
    expect(message(new TextEncoder().encode('hospes recording 99\n'))).toBe(
      'f: a recording of format 99; this hospes plays format 1',
    );
    expect(message(Uint8Array.of(1, 2, 3))).toBe('f: not a recording of hospes');
    expect(message(new Uint8Array(0))).toBe('f: not a recording of hospes');
    expect(message(new TextEncoder().encode('hospes recording 1\n'))).toMatch(/it has no head$/);
  });

  test('names where a program goes another way', () => {
    const { recorder, file } = recording();
    recorder.slice(500, 0x1000);
    recorder.take(() => 1);
    recorder.end('status 0');
    const other = new Player(file(), 'f');
    expect(() => other.slice(501, 0x1004)).toThrow(
      /after 0 instructions: 501 instructions up to 0x1004 instead of 500 up to 0x1000$/,
    );
    const early = new Player(file(), 'f');
    early.slice(500, 0x1000);
    expect(() => early.end('status 0')).toThrow(/after 500 instructions: it asks for something else$/);
    const late = new Player(file(), 'f');
    late.slice(500, 0x1000);
    late.take();
    expect(() => late.end('SIGSEGV')).toThrow(/it ended with SIGSEGV instead of status 0$/);
  });
});

describe('programs run again to the same end', () => {
  const guest = (name: string) => readFileSync(new URL(`../../guests/${name}/linux-x86-64`, import.meta.url));

  const runIn = async (name: string, args: string[], tape: Tape) => {
    await using vm = await Hospes.create({ files: { '/bin/guest': guest(name) }, tape });
    const { stdout, stderr, exitCode, signal, stats } = await vm.exec('/bin/guest', args);
    tape.end(`${signal ?? exitCode}`);
    return { stdout, stderr, exitCode, signal, instructions: stats.instructions };
  };

  test.each(['random', 'threads', 'timers', 'fork', 'signals', 'proc', 'selfmod'])('%s', async (name) => {
    const { recorder, file } = recording();
    const first = await runIn(name, [], recorder);
    expect(first.instructions).toBeGreaterThan(0);
    expect(await runIn(name, [], new Player(file(), 'f'))).toEqual(first);
  });

  test('a signal from outside arrives where it arrived', async () => {
    const sleeper = async (tape: Tape, disturb: (vm: Hospes) => void) => {
      await using vm = await Hospes.create({ files: { '/bin/guest': guest('cat') }, tape });
      const child = vm.spawn('/bin/guest', [], { stdio: ['pipe', 'ignore', 'ignore'] });
      disturb(vm);
      const ending = await vm.wait(child);
      tape.end(`${ending.signal}`);
      return { ...ending, instructions: vm.stats.instructions };
    };
    const { recorder, file } = recording();
    // It waits for input that does not come.
    const first = await sleeper(recorder, (vm) => setImmediate(() => vm.signal('SIGTERM')));
    expect(first.signal).toBe('SIGTERM');
    expect(await sleeper(new Player(file(), 'f'), () => {})).toEqual(first);
  });

  test('but not with the network of the host or a profile', async () => {
    const { recorder } = recording();
    await expect(Hospes.create({ tape: recorder, net: 'host' })).rejects.toThrow(/network cannot be recorded/);
    await expect(Hospes.create({ tape: recorder, profile: true })).rejects.toThrow(/exclude each other/);
  });
});
