/** The command behind `npm run vectors:programs`: random programs on the live CPU and in our tiers; every difference in one line with the seed that makes it again. With --save their outcomes for the test suite. */
import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { pack } from './archive.ts';
import { modulesFreed, Player } from './player.ts';
import { randomProgram } from './programs.ts';
import { otherMaker, record } from './recorder.ts';

const HELP = `usage: npm run vectors:programs -- [options]
  --seed <n>     the first program (default 1)
  --count <n>    how many (default 1000)
  --tier <list>  of interpreter, translator, auto (default all)
  --code <file>  write the code of the first program there, for objdump -D -b binary -m i386:x86-64
  --save <file>  write the outcomes on this machine's CPU instead
`;
const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: '1' },
    count: { type: 'string', default: '1000' },
    tier: { type: 'string', default: 'interpreter,translator,auto' },
    code: { type: 'string' },
    save: { type: 'string' },
    help: { type: 'boolean', short: 'h', default: false },
  },
});

/** As many programs go to the recorder at once. */
const BATCH = 50;

async function main(): Promise<void> {
  const first = Number(values.seed);
  const end = first + Number(values.count);
  if (values.code) writeFileSync(values.code, randomProgram(first).code);
  if (values.save) {
    save(values.save, first, end);
    return;
  }
  // In auto, a block is hot after 16 runs: programs go over from one tier to the other all the time.
  const tiers = (values.tier.split(',') as ('interpreter' | 'translator' | 'auto')[]).map((tier) => ({
    tier,
    player: new Player(tier, tier === 'auto' ? { threshold: 16, batchSize: 2 } : {}),
  }));
  for (const { player } of tiers) player.otherMaker = otherMaker();
  let instructions = 0;
  let failed = 0;
  const traps = new Map<number, number>();
  for (let seed = first; seed < end; seed += BATCH) {
    const cases = Array.from({ length: Math.min(BATCH, end - seed) }, (_, i) => randomProgram(seed + i));
    record(cases).forEach((result, i) => {
      traps.set(result.trap, (traps.get(result.trap) ?? 0) + 1);
      instructions += cases[i].code.length;
      for (const { tier, player } of tiers) {
        const [difference] = player.play([cases[i]], [result]);
        if (difference === undefined) continue;
        failed++;
        console.log(`seed ${seed + i}, ${tier}: ${difference.slice(0, 400)}`);
      }
    });
    await modulesFreed();
  }
  const ends = [...traps].sort((a, b) => b[1] - a[1]).map(([trap, n]) => `${n} with exception ${trap}`);
  console.log(`${end - first} programs of ${Math.round(instructions / (end - first))} bytes; ${ends.join(', ')}`);
  console.log(`${(end - first) * tiers.length} played, ${failed} differences`);
  process.exitCode = failed ? 1 : 0;
}

/** Outcomes only: the programs are made again from their seeds. */
function save(file: string, first: number, end: number): void {
  const cases = Array.from({ length: end - first }, (_, i) => randomProgram(first + i));
  const none = new Uint8Array(0);
  const packed = pack(record(cases).map((result, i) => ({ case: { ...cases[i], code: none }, result })));
  writeFileSync(file, packed);
  console.log(`${cases.length} programs from seed ${first}, ${packed.length} bytes`);
}

if (values.help) process.stdout.write(HELP);
else await main();
