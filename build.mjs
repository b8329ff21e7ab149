// Builds dist/: one bundled file each for the CLI (with its compiled code beside it, since start-up time counts), the
// library and the demonstration, and type declarations unless --no-types is given.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import * as esbuild from 'esbuild';

const root = fileURLToPath(new URL('.', import.meta.url));
const at = (path) => root + path;

/** Names these sources, for what one version leaves on disk is of no use to another. */
function digest() {
  const hash = createHash('sha256');
  for (const folder of ['src', 'syscalls'])
    for (const name of readdirSync(at(folder), { recursive: true }).sort())
      if (name.endsWith('.ts')) hash.update(`${name}\0`).update(readFileSync(at(`${folder}/${name}`)));
  return hash.digest('hex').slice(0, 32);
}

const common = {
  absWorkingDir: root,
  outdir: 'dist',
  bundle: true,
  platform: 'node',
  target: 'node20.19',
  minifySyntax: true,
  legalComments: 'none',
  define: { __BUILD__: JSON.stringify(digest()) },
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
/** Commander starts programs only for subcommands in files of their own, which we have none of; loading the module takes 3 ms. */
const withoutChildProcess = {
  name: 'without-child-process',
  setup(build) {
    build.onResolve({ filter: /^node:child_process$/ }, ({ path }) => ({ path, namespace: 'empty' }));
    build.onLoad({ filter: /./, namespace: 'empty' }, () => ({ contents: '' }));
  },
};
rmSync(at('dist'), { recursive: true, force: true });
await Promise.all([
  esbuild.build({
    ...esm,
    entryPoints: { index: 'src/index.ts', demo: 'src/cli/demo.ts' },
    outExtension: { '.js': '.mjs' },
  }),
  // The command line is CommonJS: Node's loader of ES modules would take 7 ms of every start.
  esbuild.build({ ...common, format: 'cjs', entryPoints: { cli: 'src/cli/start.ts' } }),
  // The command line proper is a function for start.ts, since a vm.Script can have cached code.
  esbuild.build({
    ...common,
    format: 'cjs',
    entryPoints: { main: 'src/cli/main.ts' },
    outExtension: { '.js': '.cjs' },
    minifyWhitespace: true,
    define: { ...common.define, 'import.meta.url': '__url' },
    plugins: [withoutChildProcess],
    banner: {
      js: "(function (require, module, exports, __filename) { var __url = require('node:url').pathToFileURL(__filename).href;",
    },
    footer: { js: '})' },
  }),
]);
writeFileSync(at('dist/package.json'), '{ "type": "commonjs" }\n');
chmodSync(at('dist/cli.js'), 0o755);
// Modules of Node as they are: esbuild would copy the hundred names of each, in every file that imports it.
const main = readFileSync(at('dist/main.cjs'), 'utf8').replace(/__toESM\((require\("node:\w+"\)),1\)/g, '$1');
// start.ts reads it a byte a character.
if (/[^\0-\x7f]/.test(main)) throw new Error('dist/main.cjs is not ASCII');
writeFileSync(at('dist/main.cjs'), main);
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
