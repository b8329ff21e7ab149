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

const tiers =
  values.tier === 'both' ? (['interpreter', 'translator'] as const) : [values.tier as 'interpreter' | 'translator'];
const players = tiers.map((tier) => ({ tier, player: new Player(tier) }));
const show = Number(values.show);
const perMnemonic = new Map<string, number>();
let played = 0;
let failed = 0;

function line(c: Case): string {
  const hex = Buffer.from(c.code).toString('hex');
  const set = [...c.gpr].map((v, i) => `${i}=${v.toString(16)}`).filter((_, i) => c.gpr[i] !== 0x0101_0101_0101_0101n * BigInt(i + 0x30)); // biome-ignore format: chain
  const fx = c.fx ? ` ${fxText(c)}` : '';
  const memory = c.patches.map(
    (p) => `[${p.offset.toString(16)}]=${Buffer.from(p.bytes.subarray(0, 16)).toString('hex')}`,
  );
  return `${hex} ${c.mnemonic} | ${set.join(' ')} flags=${c.flags.toString(16)} ${memory.join(' ')}${fx}`;
}

/** The x87 state if it is not fresh, MXCSR, and the XMM registers that are not zero. */
function fxText(c: Case): string {
  const view = new DataView(c.fx!.buffer, c.fx!.byteOffset);
  const big = (at: number, n: number) => Buffer.from(c.fx!.slice(at, at + n).reverse()).toString('hex');
  const words = [`mxcsr=${view.getUint32(24, true).toString(16)}`];
  if (c.fx![4]) {
    words.push(
      `fcw=${view.getUint16(0, true).toString(16)} fsw=${view.getUint16(2, true).toString(16)} tags=${c.fx![4].toString(16)}`,
    );
    for (let i = 0; i < 8; i++) words.push(`st${i}=${big(32 + i * 16, 10)}`);
  }
  for (let i = 0; i < 16; i++) {
    const v = big(160 + i * 16, 16);
    if (!/^0+$/.test(v)) words.push(`xmm${i}=${v}`);
  }
  return words.join(' ');
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
for (const c of makeCases(
  Number(values.seed),
  Number(values.count),
  values.only ? new RegExp(values.only) : undefined,
)) {
  pending.push(c);
  if (pending.length === SLOTS) {
    batch(pending);
    pending = [];
  }
}
if (pending.length) batch(pending);
if (perMnemonic.size)
  console.log(
    `differences: ${[...perMnemonic]
      .sort((a, b) => b[1] - a[1])
      .map(([m, n]) => `${m} ${n}`)
      .join(', ')}`,
  );
console.log(`${played} played, ${failed} differences`);
process.exitCode = failed ? 1 : 0;
