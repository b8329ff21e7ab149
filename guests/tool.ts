/** Builds the guests and records their transcripts on the real system: `node tools/run.mjs guests/tool.ts build|record|verify [name…]`. */
import { execFileSync } from 'node:child_process';
import { statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { type Guest, guestsFolder, readGuests, runNatively } from './guests.ts';

const actions: Record<string, (guest: Guest) => void> = {
  build({ name, build }) {
    for (const [system, line] of Object.entries(build)) {
      execFileSync('sh', ['-ec', line], { cwd: join(guestsFolder, name), stdio: 'inherit' });
      console.log(`${name}/${system}: ${statSync(join(guestsFolder, name, system)).size} bytes`);
    }
  },
  /** Cases of guests that have no Linux form keep what was written by hand. */
  record(guest) {
    if (!guest.build['linux-x86-64']) return;
    const { name, ...file } = guest;
    file.cases = file.cases.map(({ stdout, stderr, exit, signal, ...entry }) => ({
      ...entry,
      ...runNatively(guest, { ...entry, stdout }),
    }));
    writeFileSync(join(guestsFolder, name, 'guest.json'), `${JSON.stringify(file, null, 2)}\n`);
  },
  verify(guest) {
    if (!guest.build['linux-x86-64']) return;
    for (const entry of guest.cases) {
      const { name, args, env, stdin, ...expected } = entry;
      const got = runNatively(guest, entry);
      if (isDeepStrictEqual(got, expected)) continue;
      process.exitCode = 1;
      const show = (what: object) => JSON.stringify(what).slice(0, 2000);
      console.log(`${guest.name}, ${name}: differs\n  got      ${show(got)}\n  expected ${show(expected)}`);
    }
  },
};

const action = actions[process.argv[2]];
if (action) for (const guest of readGuests(process.argv.slice(3))) action(guest);
else {
  console.error('usage: tool.ts build|record|verify [name…]');
  process.exitCode = 2;
}
