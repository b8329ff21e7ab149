/** The guests of our own: reads their guest.json files and runs a case natively; building and comparing are the callers' business. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** How a program ended and what it wrote. */
export interface Outcome {
  stdout: string;
  stderr?: string;
  exit?: number | null;
  signal?: string;
}

export interface Case extends Outcome {
  name: string;
  /** `$GUESTS` stands for the folder of all guests, wherever the guest sees it. */
  args?: string[];
  env?: Record<string, string>;
  stdin?: string;
}

export type System = 'linux-x86-64' | 'freebsd-x86-64';

export interface Guest {
  name: string;
  proves: string;
  /** For each system the command that makes the binary of that name, run in the guest's folder. */
  build: Partial<Record<System, string>>;
  cases: Case[];
}

export const guestsFolder = dirname(fileURLToPath(import.meta.url));

/** Every guest, or those named, in alphabetical order. */
export function readGuests(names: readonly string[] = []): Guest[] {
  return readdirSync(guestsFolder)
    .filter((name) => existsSync(join(guestsFolder, name, 'guest.json')))
    .filter((name) => names.length === 0 || names.includes(name))
    .map((name) => ({ name, ...JSON.parse(readFileSync(join(guestsFolder, name, 'guest.json'), 'utf8')) }));
}

export function expand(args: readonly string[] | undefined, folder: string): string[] {
  return (args ?? []).map((argument) => argument.replace('$GUESTS', folder));
}

export function outcome(stdout: string, stderr: string, exit: number | null, signal: string | null): Outcome {
  return { stdout, ...(stderr && { stderr }), ...(signal ? { signal } : { exit }) };
}

/** Run one case on the real system, in an empty directory. */
export function runNatively(guest: Guest, { args, env, stdin }: Case): Outcome {
  const cwd = mkdtempSync(join(tmpdir(), 'guest-'));
  try {
    const run = spawnSync(join(guestsFolder, guest.name, 'linux-x86-64'), expand(args, guestsFolder), {
      cwd,
      env: env ?? {},
      input: stdin ?? '',
      timeout: 20_000,
    });
    return outcome(String(run.stdout), String(run.stderr), run.status, run.signal);
  } finally {
    rmSync(cwd, { recursive: true, force: true });
  }
}
