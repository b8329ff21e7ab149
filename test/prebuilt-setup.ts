/** Before all tests: makes the engine's prebuilt modules from the sources as they are. Without them every shape of instruction is a module of its own, and the suite takes half as long again. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, renameSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));

export default function setup(): void {
  const file = `${root}.cache/test/engine.bin`;
  const work = `${file}.${process.pid}`;
  mkdirSync(`${root}.cache/test`, { recursive: true });
  const { status } = spawnSync(process.execPath, [`${root}tools/run.mjs`, 'tools/prebuild.ts', work], {
    stdio: 'inherit',
  });
  if (status !== 0) throw new Error('the prebuilt modules could not be made');
  renameSync(work, file);
}
