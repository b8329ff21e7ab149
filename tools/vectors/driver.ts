/** The command behind `npm run vectors`: random cases on the live CPU and in our tiers, every difference in one readable line. */
import { parseArgs } from 'node:util';
import type { Case } from './case.ts';
import { makeCases, SLOTS } from './generator.ts';
import { Player } from './player.ts';
import { record } from './recorder.ts';

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: '1' },
    count: { type: 'string', default: '20000' },
    only: { type: 'string' },
    tier: { type: 'string', default: 'both' },
    show: { type: 'string', default: '3' },
  },
});

const tiers = values.tier === 'both' ? (['interpreter', 'translator'] as const) : [values.tier as 'interpreter' | 'translator'];
const players = tiers.map((tier) => ({ tier, player: new Player(tier) }));
const show = Number(values.show);
const perMnemonic = new Map<string, number>();
let played = 0;
let failed = 0;

function line(c: Case): string {
  const hex = Buffer.from(c.code).toString('hex');
  const set = [...c.gpr].map((v, i) => `${i}=${v.toString(16)}`).filter((_, i) => c.gpr[i] !== 0x0101_0101_0101_0101n * BigInt(i + 0x30)); // biome-ignore format: chain
  const fx = c.fx ? ` fx ${Buffer.from(c.fx.subarray(0, 28)).toString('hex')}` : '';
  const memory = c.patches.map((p) => `[${p.offset.toString(16)}]=${Buffer.from(p.bytes.subarray(0, 16)).toString('hex')}`);
  return `${hex} ${c.mnemonic} | ${set.join(' ')} flags=${c.flags.toString(16)} ${memory.join(' ')}${fx}`;
}

function batch(cases: Case[]): void {
  const results = record(cases);
  for (const { tier, player } of players) {
    for (const [i, difference] of player.play(cases, results).entries()) {
      played++;
      if (difference === undefined) continue;
      failed++;
      const m = cases[i].mnemonic!;
      const before = perMnemonic.get(m) ?? 0;
      perMnemonic.set(m, before + 1);
      if (before < show) console.log(`${tier}: ${line(cases[i])}\n    ${difference}`);
    }
  }
}

let pending: Case[] = [];
for (const c of makeCases(Number(values.seed), Number(values.count), values.only ? new RegExp(values.only) : undefined)) {
  pending.push(c);
  if (pending.length === SLOTS) {
    batch(pending);
    pending = [];
  }
}
if (pending.length) batch(pending);
if (perMnemonic.size) console.log(`differences: ${[...perMnemonic].sort((a, b) => b[1] - a[1]).map(([m, n]) => `${m} ${n}`).join(', ')}`);
console.log(`${played} played, ${failed} differences`);
process.exitCode = failed ? 1 : 0;
