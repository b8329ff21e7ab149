/**
 * Many children, threads, signals and connections under Hospes: `node tools/run.mjs tools/stress.ts [--share N] [--only KIND]`.
 * Says how long one took and what memory stayed behind; closes with "N passed, N failed".
 */
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { Hospes } from '../src/index.ts';

interface Load {
  kind: string;
  count: number;
  /** What one may take, in milliseconds; only printed, since a busy machine proves nothing. */
  wanted?: number;
}

const LOADS: readonly Load[] = [
  { kind: 'vforks', count: 20_000, wanted: 8 },
  { kind: 'forks', count: 20_000, wanted: 6 },
  { kind: 'threads', count: 2_000 },
  { kind: 'signals', count: 10_000 },
  { kind: 'connections', count: 1_000 },
];

/** Of what the process held before. */
const MAY_STAY = 1.1;

const { values: flags } = parseArgs({
  options: { share: { type: 'string', default: '1' }, only: { type: 'string', default: '' } },
});
setFlagsFromString('--expose-gc');
const collect: () => void = runInNewContext('gc');
const vm = await Hospes.create({
  net: 'loopback',
  mounts: [{ host: fileURLToPath(new URL('../guests', import.meta.url)), guest: '/guests', mode: 'ro' }],
});
const child = vm.spawn('/guests/stress/linux-x86-64');
const answers = createInterface({ input: child.stdout! })[Symbol.asyncIterator]();

async function ask(kind: string, count: number): Promise<boolean> {
  child.stdin!.write(`${kind} ${count}\n`);
  const { value } = await answers.next();
  return value === `${kind}: ${count} of ${count}`;
}

/** What the process holds once everything unused is given back, in megabytes: V8 lets go of its own pages when it likes. */
async function resident(): Promise<number> {
  let least = Number.POSITIVE_INFINITY;
  for (let look = 0; look < 15; look++) {
    collect();
    await new Promise((resolve) => setTimeout(resolve, 200));
    least = Math.min(least, process.memoryUsage.rss() / 2 ** 20);
  }
  return least;
}

let passed = 0;
let failed = 0;
function check(good: boolean, text: string): void {
  if (good) passed++;
  else failed++;
  console.log(`${good ? 'ok  ' : 'FAIL'}  ${text}`);
}

const loads = LOADS.filter(({ kind }) => kind.includes(flags.only)).map((load) => ({
  ...load,
  count: Math.ceil(load.count * Number(flags.share)),
}));
// The start is taken after two rounds: what was translated stays, and a page of WebAssembly memory once touched is kept
// for the next who wants one. What further rounds leave behind would be a leak.
for (let round = 0; round < 2; round++) for (const { kind, count } of loads) await ask(kind, count);
const start = await resident();
for (const { kind, count, wanted } of loads) {
  const before = performance.now();
  const good = await ask(kind, count);
  const each = (performance.now() - before) / count;
  check(good, `${count} ${kind}: none lost, ${each.toFixed(2)} ms each${wanted ? ` (${wanted} wanted)` : ''}`);
}
const end = await resident();
check(end <= start * MAY_STAY, `memory: ${start.toFixed(0)} MB before, ${end.toFixed(0)} MB after`);
child.stdin!.end();
console.log(`${passed} passed, ${failed} failed`);
await vm.dispose();
process.exitCode = failed > 0 ? 1 : 0;
