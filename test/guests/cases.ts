/** The tests of our own guests in one engine setting: every case ends as it did on the real system. A setting a file, so that two workers share them. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Case, expand, type Guest, guestsFolder, outcome, readGuests, type System } from '../../guests/guests.ts';
import { type EngineMode, Hospes } from '../../src/index.ts';

const GUESTS = '/guests';

/** The long check has more patience. */
const patient = process.env.HOSPES_VECTORS === 'all';

/** Guests that show something of the processor, of memory, signals and threads. The rest make calls, for which a minute of translating cold code proves nothing new. */
const PROCESSOR = new Set(
  (
    'bsd calls cpuid exceptions exit floats fork futexes hello integer longjmp memory pie random recursion selfmod ' +
    'sigfpe signals simd strings threads unaligned x87'
  ).split(' '),
);

const guests = readGuests();

/** Where a guest's program lies in a machine that `create` made. */
export function at(name: string, system: System): string {
  return `${GUESTS}/${name}/${system}`;
}

/** A machine that has the guests. */
export function create(engine: EngineMode): Promise<Hospes> {
  return Hospes.create({ engine, mounts: [{ host: guestsFolder, guest: GUESTS, mode: 'ro' }] });
}

let folders = 0;

/** Run a case in an empty directory of its own. */
export async function run(vm: Hospes, program: string, { args, env = {}, stdin = '' }: Case) {
  const cwd = `/tmp/case${++folders}`;
  vm.fs.mkdirSync(cwd, { recursive: true });
  const { stdout, stderr, exitCode, signal } = await vm.exec(program, expand(args, GUESTS), { env, cwd, input: stdin });
  return outcome(stdout, stderr, exitCode, signal);
}

function expected({ name: _name, args: _args, env: _env, stdin: _stdin, ...rest }: Case) {
  return rest;
}

/** The guests that a setting runs: all of them in those that start at once, and in the long check. */
function guestsOf(mode: EngineMode, system: System): Guest[] {
  return guests.filter(
    ({ name, build }) => build[system] && (patient || mode === 'interpreter' || mode === 'auto' || PROCESSOR.has(name)),
  );
}

/** Each guest runs in a machine of its own: what was translated for one is let go before the next. */
export function testGuests(mode: EngineMode): void {
  for (const system of ['linux-x86-64', 'freebsd-x86-64'] as const) {
    for (const { name, cases } of guestsOf(mode, system)) {
      describe(`${mode} ${system}`, () => {
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
            expect(await run(vm, at(name, system), entry)).toEqual(expected(entry));
          });
        }
      });
    }
  }
}
