// Builds dist/: one bundled file each for the CLI (with its compiled code beside it, since start-up time counts), the
// library and the demonstration, and type declarations unless --no-types is given.
import { spawnSync } from 'node:child_process';
import { chmodSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import * as esbuild from 'esbuild';

const root = fileURLToPath(new URL('.', import.meta.url));
const at = (path) => root + path;

const common = {
  absWorkingDir: root,
  outdir: 'dist',
  bundle: true,
  platform: 'node',
  target: 'node20.19',
  minifySyntax: true,
  legalComments: 'none',
  logLevel: 'warning',
};
const esm = {
  ...common,
  format: 'esm',
  banner: {
    // memfs and commander are CommonJS inside and ask for node: modules with require.
    js: "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);",
  },
};
await Promise.all([
  esbuild.build({ ...esm, entryPoints: { index: 'src/index.ts', demo: 'src/cli/demo.ts' } }),
  esbuild.build({ ...common, format: 'esm', entryPoints: { cli: 'src/cli/start.ts' } }),
  // The command line proper is CommonJS, so that a vm.Script with cached code can hold it.
  esbuild.build({
    ...common,
    format: 'cjs',
    entryPoints: { main: 'src/cli/main.ts' },
    outExtension: { '.js': '.cjs' },
    minifyWhitespace: true,
    define: { 'import.meta.url': '__url' },
    banner: { js: "var __url = require('node:url').pathToFileURL(__filename).href;" },
  }),
]);
chmodSync(at('dist/cli.js'), 0o755);
// start.ts reads it a byte a character.
if (/[^\0-\x7f]/.test(readFileSync(at('dist/main.cjs'), 'utf8'))) throw new Error('dist/main.cjs is not ASCII');
for (const name of readdirSync(at('dist'))) if (name.endsWith('.cache')) rmSync(at(`dist/${name}`));
// The interpreter's handlers as one module beside the bundles.
await esbuild.build({
  absWorkingDir: root,
  entryPoints: ['tools/prebuild.ts'],
  outfile: '.cache/prebuild.mjs',
  bundle: true,
  format: 'esm',
  platform: 'node',
  logLevel: 'warning',
});
const made = spawnSync(process.execPath, [at('.cache/prebuild.mjs'), at('dist/engine.bin')], { stdio: 'inherit' });
if (made.status !== 0) process.exit(made.status ?? 1);

// Code as V8 compiles it for a first run, by this version of Node: others start without.
spawnSync(process.execPath, [at('dist/cli.js'), 'run', at('guests/hello/linux-x86-64')], {
  stdio: 'ignore',
  env: { ...process.env, HOSPES_MAKE_CODE_CACHE: '1' },
});

if (!process.argv.includes('--no-types')) {
  const tsc = createRequire(import.meta.url).resolve('typescript/bin/tsc');
  const { status } = spawnSync(process.execPath, [tsc, '-p', at('tsconfig.build.json')], { stdio: 'inherit' });
  process.exitCode = status ?? 1;
}
