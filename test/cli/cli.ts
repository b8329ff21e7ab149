/** Builds the command line once for a test file and runs it as a user's shell would: a process with pipes, files or nothing at its descriptors. */
import { type StdioOptions, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as esbuild from 'esbuild';

export const project = fileURLToPath(new URL('../..', import.meta.url));
export const guests = `${project}guests`;

/** A prebuilt guest of ours. */
export const guest = (name: string, system = 'linux-x86-64') => `${guests}/${name}/${system}`;

export interface Outcome {
  stdout: string;
  stderr: string;
  status: number | null;
  signal: NodeJS.Signals | null;
}

export class Cli {
  readonly folder = mkdtempSync(join(tmpdir(), 'hospes-cli-'));
  readonly file = `${this.folder}/cli.mjs`;

  /** `build`: the name of the sources, as a built command has one. */
  async build(build?: string): Promise<void> {
    await esbuild.build({
      absWorkingDir: project,
      entryPoints: ['src/cli/main.ts'],
      outfile: this.file,
      bundle: true,
      format: 'esm',
      platform: 'node',
      target: 'node20.19',
      ...(build === undefined ? {} : { define: { __BUILD__: JSON.stringify(build) } }),
      banner: {
        js: "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);",
      },
      logLevel: 'silent',
    });
  }

  dispose(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** The command line `hospes …args`. */
  command(...args: string[]): [string, string[]] {
    return [process.execPath, [this.file, ...args]];
  }

  run(args: readonly string[], options: { input?: string; stdio?: StdioOptions; cwd?: string } = {}): Promise<Outcome> {
    return this.#outcome(...this.command(...args), options);
  }

  /** A line of the host's shell in which `hospes` is our command. */
  shell(script: string, options: { input?: string; cwd?: string } = {}): Promise<Outcome> {
    const define = `hospes() { '${process.execPath}' '${this.file}' "$@"; }; `;
    return this.#outcome('/bin/bash', ['-c', define + script], options);
  }

  #outcome(
    file: string,
    args: string[],
    { input = '', stdio = 'pipe', cwd = this.folder }: { input?: string; stdio?: StdioOptions; cwd?: string },
  ): Promise<Outcome> {
    return new Promise((resolve, reject) => {
      const child = spawn(file, args, { stdio, cwd });
      const out: Buffer[] = [];
      const err: Buffer[] = [];
      child.stdout?.on('data', (chunk: Buffer) => out.push(chunk));
      child.stderr?.on('data', (chunk: Buffer) => err.push(chunk));
      child.stdin?.on('error', () => {}).end(input);
      child.on('error', reject);
      child.on('close', (status, signal) => {
        resolve({ stdout: Buffer.concat(out).toString(), stderr: Buffer.concat(err).toString(), status, signal });
      });
    });
  }
}
