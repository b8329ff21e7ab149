// Builds the guests and records their transcripts: `node guests/tool.mjs build|record|verify [name…]`.
// Each folder has a guest.json: what it proves, a build line per system, and its cases with what the real system answered.
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const guestsFolder = dirname(fileURLToPath(import.meta.url));

/** Every guest with its folder name, in alphabetical order. */
export function readGuests(names = []) {
  return readdirSync(guestsFolder)
    .filter((name) => existsSync(join(guestsFolder, name, 'guest.json')) && (names.length === 0 || names.includes(name)))
    .map((name) => ({ name, ...JSON.parse(readFileSync(join(guestsFolder, name, 'guest.json'), 'utf8')) }));
}

/** Run one case natively in an empty directory; `$GUESTS` in an argument is the folder of all guests. */
export function runNatively(guest, entry) {
  const cwd = mkdtempSync(join(tmpdir(), 'guest-'));
  try {
    const run = spawnSync(join(guestsFolder, guest.name, 'linux-x86-64'), expand(entry.args, guestsFolder), {
      cwd,
      argv0: join(guestsFolder, guest.name, 'linux-x86-64'),
      env: entry.env ?? {},
      input: entry.stdin ?? '',
      timeout: 20_000,
    });
    return outcome(String(run.stdout), String(run.stderr), run.status, run.signal);
  } finally {
    rmSync(cwd, { recursive: true, force: true });
  }
}

export function expand(args, folder) {
  return (args ?? []).map((argument) => argument.replace('$GUESTS', folder));
}

export function outcome(stdout, stderr, exit, signal) {
  return { stdout, ...(stderr && { stderr }), ...(signal ? { signal } : { exit }) };
}

function build(guest) {
  for (const [system, line] of Object.entries(guest.build)) {
    execFileSync('sh', ['-ec', line], { cwd: join(guestsFolder, guest.name), stdio: 'inherit' });
    console.log(`${guest.name}/${system}: ${statSync(join(guestsFolder, guest.name, system)).size} bytes`);
  }
}

function record(guest) {
  if (!guest.build['linux-x86-64']) return;
  const { name, ...file } = guest;
  file.cases = file.cases.map(({ stdout, stderr, exit, signal, ...entry }) => ({ ...entry, ...runNatively(guest, entry) }));
  writeFileSync(join(guestsFolder, name, 'guest.json'), `${JSON.stringify(file, null, 2)}\n`);
}

function verify(guest) {
  if (!guest.build['linux-x86-64']) return;
  for (const { name, args, env, stdin, ...expected } of guest.cases) {
    const got = runNatively(guest, { args, env, stdin });
    if (JSON.stringify(got) === JSON.stringify(expected)) continue;
    process.exitCode = 1;
    console.log(`${guest.name}, ${name}: differs\n${JSON.stringify(got).slice(0, 2000)}\n${JSON.stringify(expected).slice(0, 2000)}`);
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const action = { build, record, verify }[process.argv[2]];
  if (!action) throw new Error('usage: node guests/tool.mjs build|record|verify [name…]');
  for (const guest of readGuests(process.argv.slice(3))) action(guest);
}
