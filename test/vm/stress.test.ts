/** What many children, threads, signals and connections leave behind: tools/stress.ts is the long form of it. */
import { createInterface } from 'node:readline';
import { expect, test } from 'vitest';
import { guestsFolder } from '../../guests/guests.ts';
import { Hospes } from '../../src/index.ts';

const collect = (globalThis as { gc?: () => void }).gc;
const ROUND = ['vforks 200', 'forks 200', 'threads 200', 'signals 1000', 'connections 100'];

test.runIf(collect)('a process that had hundreds of each holds no more than before', { timeout: 120_000 }, async () => {
  await using vm = await Hospes.create({
    net: 'loopback',
    mounts: [{ host: guestsFolder, guest: '/guests', mode: 'ro' }],
  });
  const child = vm.spawn('/guests/stress/linux-x86-64');
  const answers = createInterface({ input: child.stdout! })[Symbol.asyncIterator]();
  async function round(): Promise<number> {
    for (const line of ROUND) {
      const [kind, count] = line.split(' ');
      child.stdin!.write(`${line}\n`);
      expect((await answers.next()).value).toBe(`${kind}: ${count} of ${count}`);
    }
    collect?.();
    return process.memoryUsage().heapUsed;
  }
  await round();
  const start = await round();
  for (let i = 0; i < 3; i++) await round();
  expect(await round()).toBeLessThan(start * 1.1);
});
