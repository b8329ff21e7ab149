import { expect, test } from 'vitest';
import type { Sample } from '../../bench/measure.ts';
import { compare, type Report, table } from '../../bench/report.ts';

const sample = (user: number, rest: Partial<Sample> = {}): Sample => ({
  user,
  system: 0,
  wall: user + 0.1,
  rss: 2048,
  status: 0,
  output: 'same',
  ...rest,
});

function report(hospes: Sample[], short: Sample, first = sample(3.5)): Report {
  return {
    machine: 'a machine',
    commit: 'abc',
    date: '2026-01-01',
    rounds: hospes.length,
    load: 0.5,
    runners: ['native', 'qemu', 'hospes-20'],
    results: [
      {
        name: 'fib',
        group: 'kernels',
        time: 'user',
        samples: { native: hospes.map(() => sample(1)), qemu: hospes.map(() => sample(4)), 'hospes-20': hospes },
        first: { 'hospes-20': first },
        short: { native: [sample(0.2)], qemu: [sample(0.8)], 'hospes-20': [short] },
      },
    ],
    startUp: [
      { what: 'node -e 0', runner: 'hospes-20', wall: 40, user: 30, rss: 40_960 },
      { what: 'busybox true', runner: 'hospes-20', wall: 100, user: 90, rss: 61_440 },
    ],
  };
}

const rowOf = (text: string, name: string) =>
  text
    .split('\n')
    .find((line) => line.startsWith(`| ${name}`))
    ?.split('|')
    .map((cell) => cell.trim())
    .slice(1, -1);

test('the table gives medians with their spread, the first run, the steady state and the start-up apart', () => {
  const text = table(report([sample(2), sample(3), sample(2.2)], sample(0.6)));
  expect(rowOf(text, 'fib')).toEqual([
    'fib',
    '1.00',
    '4.00 [4.00–4.00]',
    '2.20 [2.00–3.00]',
    // The first run, before there were translations.
    '3.50',
    // (2.2 − 0.6) / (1 − 0.2)
    '2.00',
    '0.55',
    '2.30',
    '2',
    '2',
    '',
  ]);
  expect(rowOf(text, '**kernels: geometric mean**')?.slice(2, 7)).toEqual(['4.00', '2.20', '3.50', '2.00', '0.55']);
  expect(rowOf(text, 'busybox true')).toEqual(['busybox true', 'hospes-20', '100', '60', '90', '60']);
});

test('a run that fails or prints something else is named and not counted', () => {
  expect(rowOf(table(report([sample(2, { status: 139 })], sample(0.6))), 'fib')?.slice(3, 4)).toEqual(['-']);
  expect(rowOf(table(report([sample(2, { status: 139 })], sample(0.6))), 'fib')?.at(-1)).toBe('hospes-20: status 139');
  expect(rowOf(table(report([sample(2, { output: 'x' })], sample(0.6))), 'fib')?.at(-1)).toBe(
    'hospes-20: other output',
  );
  const first = report([sample(2)], sample(0.6), sample(3, { status: 'timeout' }));
  expect(rowOf(table(first), 'fib')?.slice(4, 5)).toEqual(['-']);
  expect(rowOf(table(first), 'fib')?.at(-1)).toBe('hospes-20: status timeout');
});

test('comparing two reports tells how much faster the second is', () => {
  const text = compare(report([sample(4)], sample(1)), report([sample(2)], sample(0.6)));
  expect(rowOf(text, 'fib')).toEqual(['fib', '1.00', '2.00']);
  expect(rowOf(text, 'start-up: busybox true')).toEqual(['start-up: busybox true', '-', '1.00']);
});

test('the heading tells of rounds without qemu and of short inputs', () => {
  const three = report([sample(2), sample(3), sample(2.2)], sample(0.6));
  expect(table(three).split('\n')[0]).toBe(
    'a machine; 3 rounds (qemu: the first), 2026-01-01, abc; load 0.5 at the beginning',
  );
  three.results[0].samples.qemu.length = 1;
  // 2 against the first round's 4, whatever the later ones were.
  expect(rowOf(table(three), 'fib')?.[6]).toBe('0.50');
  const one = { ...report([sample(2)], sample(0.6)), inputs: 'short' as const };
  expect(table(one).split('\n')[0]).toBe(
    'a machine; 1 round of short inputs, 2026-01-01, abc; load 0.5 at the beginning',
  );
});
