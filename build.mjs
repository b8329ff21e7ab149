// Builds dist/: one bundled ESM file each for the CLI, the library and the demonstration (start-up time counts), and
// type declarations unless --no-types is given.
import { spawnSync } from 'node:child_process';
import { chmodSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import * as esbuild from 'esbuild';

const root = fileURLToPath(new URL('.', import.meta.url));
const at = (path) => root + path;

await esbuild.build({
  absWorkingDir: root,
  entryPoints: { cli: 'src/cli/main.ts', index: 'src/index.ts', demo: 'src/cli/demo.ts' },
  outdir: 'dist',
  bundle: true,
  format: 'esm',
  platform: 'node',
  target: 'node20.19',
  minifySyntax: true,
  minifyWhitespace: true,
  // Names stay: they appear in crash reports.
  keepNames: false,
  legalComments: 'none',
  sourcemap: false,
  logLevel: 'warning',
  banner: {
    // memfs and commander are CommonJS inside and ask for node: modules with require.
    js: "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);",
  },
});
chmodSync(at('dist/cli.js'), 0o755);

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

if (!process.argv.includes('--no-types')) {
  const tsc = createRequire(import.meta.url).resolve('typescript/bin/tsc');
  const { status } = spawnSync(process.execPath, [tsc, '-p', at('tsconfig.build.json')], { stdio: 'inherit' });
  process.exitCode = status ?? 1;
}
