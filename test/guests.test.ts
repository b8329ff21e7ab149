/** Runs every guest of ours in every engine setting and compares with what the real system answered. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Case, expand, type Guest, guestsFolder, outcome, readGuests, type System } from '../guests/guests.ts';
import { type EngineMode, Hospes } from '../src/index.ts';

const MODES: readonly EngineMode[] = ['interpreter', 'translator', 'auto', 'lockstep'];
const GUESTS = '/guests';

/** Lockstep compares memory at every call, which takes these a minute together: only the long check has the patience. */
const SLOW_IN_LOCKSTEP = new Set(['faults', 'stress']);
const patient = process.env.HOSPES_VECTORS === 'all';

const guests = readGuests();

function withBinary(system: System): Guest[] {
  return guests.filter((guest) => guest.build[system]);
}

function create(engine: EngineMode): Promise<Hospes> {
  return Hospes.create({ engine, mounts: [{ host: guestsFolder, guest: GUESTS, mode: 'ro' }] });
}

let folders = 0;

/** Run a case in an empty directory of its own. */
async function run(vm: Hospes, program: string, { args, env = {}, stdin = '' }: Case) {
  const cwd = `/tmp/case${++folders}`;
  vm.fs.mkdirSync(cwd, { recursive: true });
  const { stdout, stderr, exitCode, signal } = await vm.exec(program, expand(args, GUESTS), { env, cwd, input: stdin });
  return outcome(stdout, stderr, exitCode, signal);
}

function expected({ name: _name, args: _args, env: _env, stdin: _stdin, ...rest }: Case) {
  return rest;
}

/** The guests that a setting runs, each in a machine of its own: what was translated for one is let go before the next. */
function guestsOf(mode: EngineMode, system: System): Guest[] {
  return withBinary(system).filter(({ name }) => patient || mode !== 'lockstep' || !SLOW_IN_LOCKSTEP.has(name));
}

describe.each(MODES)('%s', (mode) => {
  for (const system of ['linux-x86-64', 'freebsd-x86-64'] as const) {
    for (const { name, cases } of guestsOf(mode, system)) {
      describe(system, () => {
        let vm: Hospes;
        beforeAll(async () => {
          vm = await create(mode);
        });
        // Compiled code is the host's memory: the JavaScript heap is too small for V8 to think of collecting it.
        afterAll(async () => {
          await vm?.dispose();
          (globalThis as { gc?: () => void }).gc?.();
        });
        for (const entry of cases) {
          test(`${name}: ${entry.name}`, { timeout: 300_000 }, async () => {
            expect(await run(vm, `${GUESTS}/${name}/${system}`, entry)).toEqual(expected(entry));
          });
        }
      });
    }
  }
});

describe('two systems in one pipeline', () => {
  const stdin = 'one\ntwo\nthree\n';
  const at = (name: string, system: System) => `${GUESTS}/${name}/${system}`;

  test.each(['linux-x86-64', 'freebsd-x86-64'] as const)('started by a program of %s', async (system) => {
    await using vm = await create('auto');
    const args = [
      at('cat', 'linux-x86-64'),
      '-n',
      ',',
      at('upper', 'freebsd-x86-64'),
      ',',
      at('count', 'freebsd-x86-64'),
    ];
    expect(await run(vm, at('pipeline', system), { name: '', args, stdin, stdout: '' })).toEqual({
      stdout: '3 20\n',
      exit: 0,
    });
    const back = [at('upper', 'freebsd-x86-64'), ',', at('cat', 'linux-x86-64'), '-n'];
    expect(await run(vm, at('pipeline', system), { name: '', args: back, stdin, stdout: '' })).toEqual({
      stdout: '1\tONE\n2\tTWO\n3\tTHREE\n',
      exit: 0,
    });
  });
});
