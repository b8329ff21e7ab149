/** Runs one command and measures it: user and system time, wall time, peak memory, a digest of its output. Compares and prints nothing. */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { closeSync, existsSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface Sample {
  /** Seconds. */
  user: number;
  system: number;
  wall: number;
  /** Peak resident size in KB; 0 where /usr/bin/time is missing. */
  rss: number;
  /** Exit status, or the signal's name; `timeout` when we ended it. */
  status: number | string;
  /** First digits of the SHA-256 of standard output. */
  output: string;
}

export interface Command {
  argv: readonly string[];
  cwd?: string;
  env?: Record<string, string>;
  /** A file for standard input. */
  stdin?: string;
}

const TIME = '/usr/bin/time';
const BASH = ['/bin/bash', '/usr/bin/bash'].find((path) => existsSync(path));

/** Node tells nobody the times of its children, so bash does (to the millisecond), and time(1) the memory. */
export function measure({ argv, cwd, env, stdin }: Command, timeout: number): Sample {
  if (!BASH) throw new Error('the benchmarks need bash, which measures user time');
  const folder = mkdtempSync(join(tmpdir(), 'bench-'));
  try {
    const [out, times, memory] = ['out', 'times', 'memory'].map((name) => join(folder, name));
    const script = `TIMEFORMAT="%R %U %S"; { time "$@" >"$BENCH_OUT" 2>"$BENCH_OUT.err"; } 2>"$BENCH_TIMES"`;
    const shell = [BASH, '-c', script, 'bash', ...argv];
    const [file, ...args] = existsSync(TIME) ? [TIME, '-q', '-f', '%M', '-o', memory, ...shell] : shell;
    const input = openSync(stdin ?? '/dev/null', 'r');
    const run = spawnSync(file, args, {
      cwd,
      env: { ...(env ?? process.env), BENCH_OUT: out, BENCH_TIMES: times },
      stdio: [input, 'ignore', 'inherit'],
      timeout,
      killSignal: 'SIGKILL',
    });
    closeSync(input);
    const [wall, user, system] = existsSync(times)
      ? readFileSync(times, 'utf8').trim().split('\n').at(-1)!.split(' ').map(Number)
      : [NaN, NaN, NaN];
    return {
      user: user ?? NaN,
      system: system ?? NaN,
      wall: wall ?? NaN,
      rss: existsSync(memory) ? Number(readFileSync(memory, 'utf8').trim().split('\n').at(-1)) || 0 : 0,
      status: run.error ? 'timeout' : (run.signal ?? run.status ?? -1),
      output: existsSync(out) ? createHash('sha256').update(readFileSync(out)).digest('hex').slice(0, 12) : '',
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
