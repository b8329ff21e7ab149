/**
 * Runs damaged ELF files in sandboxes of their own and holds the promise: each ends with an error line, an exit status,
 * a guest signal or a limit; never with a crash, a hang or an exception of ours.
 *
 *   node tools/run.mjs tools/fuzz-elf.ts [--count 10000] [--seed 1] [--time 1] [--engine auto] [--workers 2]
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import type { EngineMode } from '../src/index.ts';
import { Hospes, UserError } from '../src/index.ts';
import { mutate } from './elf-mutations.ts';

interface Work {
  corpus: Uint8Array[];
  /** Seeds from `next` to `end`, each `stride` apart. */
  next: number;
  end: number;
  stride: number;
  seconds: number;
  engine: EngineMode;
}

/** What a worker says: a seed begins, or has ended so. */
type Report = { seed: number; begins: true } | { seed: number; outcome: string; failed: boolean };

/** What a hung case may take beyond its own limit before its worker is given up. */
const GRACE_MS = 20_000;

async function runOne(bytes: Uint8Array, { seconds, engine }: Work): Promise<string> {
  const limits = { time: seconds, memory: 256 << 20, instructions: 20_000_000, output: 1 << 20, processes: 16 };
  const vm = await Hospes.create({ fs: 'memory', limits, engine });
  try {
    vm.fs.writeFileSync('/damaged', bytes, { mode: 0o755 });
    const { exitCode, signal } = await vm.exec('/damaged', ['one', 'two']);
    if (vm.violation) return 'stopped at a limit';
    return signal ? `signal ${signal}` : exitCode === 0 ? 'exit 0' : 'exit other than 0';
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    if (error.message.includes('\n')) throw new Error(`an error line of several lines: ${error.message}`);
    return 'refused';
  } finally {
    await vm.dispose();
  }
}

async function work(task: Work): Promise<void> {
  const say = (report: Report) => parentPort!.postMessage(report);
  for (let seed = task.next; seed <= task.end; seed += task.stride) {
    say({ seed, begins: true });
    try {
      say({ seed, outcome: await runOne(mutate(task.corpus[seed % task.corpus.length], seed), task), failed: false });
    } catch (error) {
      say({ seed, outcome: error instanceof Error ? (error.stack ?? error.message) : String(error), failed: true });
    }
  }
}

function corpus(): Uint8Array[] {
  const guests = fileURLToPath(new URL('../guests', import.meta.url));
  return readdirSync(guests)
    .flatMap((name) => ['linux-x86-64', 'freebsd-x86-64'].map((system) => join(guests, name, system)))
    .filter((path) => existsSync(path))
    .map((path) => new Uint8Array(readFileSync(path)));
}

/** One worker, started anew behind the case that brought it down. */
function supervise(task: Work, report: (seed: number, outcome: string, failed: boolean) => void): Promise<void> {
  return new Promise((resolve) => {
    let current = task.next;
    let open = false;
    let watchdog: NodeJS.Timeout | undefined;
    const worker = new Worker(process.argv[1], { workerData: task });
    const goOn = (reason: string) => {
      clearTimeout(watchdog);
      worker.removeAllListeners();
      void worker.terminate();
      if (open) report(current, reason, true);
      const next = current + task.stride;
      if (!open || next > task.end) resolve();
      else void supervise({ ...task, next }, report).then(resolve);
    };
    worker.on('message', (message: Report) => {
      current = message.seed;
      clearTimeout(watchdog);
      if ('begins' in message) {
        open = true;
        watchdog = setTimeout(() => goOn('hangs'), task.seconds * 1000 + GRACE_MS);
      } else {
        open = false;
        report(message.seed, message.outcome, message.failed);
      }
    });
    worker.on('error', (error) => goOn(`brings the worker down: ${error.stack ?? error}`));
    worker.on('exit', (code) => goOn(`ends the worker with ${code}`));
  });
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      count: { type: 'string', default: '10000' },
      seed: { type: 'string', default: '1' },
      time: { type: 'string', default: '1' },
      engine: { type: 'string', default: 'auto' },
      workers: { type: 'string', default: String(Math.min(4, availableParallelism())) },
    },
  });
  const first = Number(values.seed);
  const count = Number(values.count);
  const stride = Number(values.workers);
  const outcomes = new Map<string, number>();
  let failures = 0;
  const started = performance.now();
  const report = (seed: number, outcome: string, failed: boolean) => {
    if (failed) {
      failures++;
      console.log(`seed ${seed}: ${outcome}`);
    } else {
      outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
    }
  };
  const base = { corpus: corpus(), end: first + count - 1, stride, seconds: Number(values.time) };
  await Promise.all(
    Array.from({ length: stride }, (_, i) =>
      supervise({ ...base, next: first + i, engine: values.engine as EngineMode }, report),
    ),
  );
  const sorted = [...outcomes].sort((a, b) => b[1] - a[1]);
  console.log(sorted.map(([outcome, times]) => `${outcome}: ${times}`).join(', '));
  console.log(`${((performance.now() - started) / 1000).toFixed(1)} s`);
  console.log(`${count - failures} passed, ${failures} failed`);
  process.exitCode = failures === 0 ? 0 : 1;
}

if (isMainThread) await main();
else await work(workerData as Work);
