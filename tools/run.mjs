// Runs a TypeScript file of the project on the Node that is there (Node 20 cannot): bundles it next to nothing else
// and starts it with the remaining arguments. `node tools/run.mjs bench/main.ts --quick`.
import { spawn } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import * as esbuild from 'esbuild';

const root = fileURLToPath(new URL('..', import.meta.url));
const [entry, ...args] = process.argv.slice(2);
if (!entry) {
  console.error('usage: node tools/run.mjs <file.ts> [arguments…]');
  process.exit(2);
}
// What a file asks about its own place is answered as if it ran where it lies.
const ownPlace = {
  name: 'own place',
  setup(build) {
    build.onLoad({ filter: /\.ts$/ }, async ({ path }) => {
      const source = await readFile(path, 'utf8');
      return { loader: 'ts', contents: source.replaceAll('import.meta.url', JSON.stringify(pathToFileURL(path).href)) };
    });
  },
};
mkdirSync(`${root}.cache/run`, { recursive: true });
const outfile = `${root}.cache/run/${entry.replaceAll('/', '-').replace(/\.ts$/, '')}-${process.pid}.mjs`;
await esbuild.build({
  absWorkingDir: root,
  entryPoints: [entry],
  outfile,
  bundle: true,
  format: 'esm',
  platform: 'node',
  target: 'node20.19',
  packages: 'external',
  sourcemap: 'inline',
  logLevel: 'warning',
  plugins: [ownPlace],
});
const child = spawn(process.execPath, ['--enable-source-maps', outfile, ...args], { stdio: 'inherit' });
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => child.kill(signal));
child.on('exit', async (code, signal) => {
  const { rmSync } = await import('node:fs');
  rmSync(outfile, { force: true });
  process.exit(signal ? 1 : (code ?? 1));
});
child.on('error', (error) => {
  console.error(`${basename(entry)}: ${error.message}`);
  process.exit(1);
});
