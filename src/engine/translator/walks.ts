/** Walks: accesses of a loop whose address moves on by a constant in each round, checked for all rounds that stay within a page. Decides; walk-lowering.ts emits. */
import type { Affine, AffineValues } from './affine.ts';
import type { Check } from './checks.ts';
import type { Piece } from './pieces.ts';
import type { Loop } from './structure.ts';

/** A check at the start of a round; its range is relative to the sum of the terms. */
export interface WalkCheck extends Check {
  readonly terms: readonly { readonly register: number; readonly shift: number }[];
  /** Bytes by which the address moves in a round, at most. */
  readonly step: number;
}

/**
 * A loop that looks at its checks only when the counter of instructions has run out, which is set so that it does at the end of a page (Node 24, times
 * native: matmul 4.2 → 2.6, packed 1.8 → 1.2, strings 2.3 → 1.8).
 */
export interface Walk {
  readonly header: number;
  /** Instructions of a round, at least. */
  readonly instructions: number;
  readonly checks: WalkCheck[];
}

/** Larger steps leave the page too soon. */
const MAX_STEP = 512;
/** Distances and moves beyond this are none that a walk has: what is computed here is exact, and fits an i32. */
const FAR = 2 ** 30;
/** Bytes that checks off the same registers have in common, at most. */
const SPAN = 256;

/** What a loop does to the registers that hold something at its start. */
export interface LoopRegisters {
  /** A register that holds something off this base there, and what. */
  at(base: number): readonly [register: number, value: Affine] | undefined;
  /** What is added to it in a round, for each way back to the start. */
  steps(register: number): readonly number[] | undefined;
}

/** The walk that a loop may become: an innermost one of nothing but branches, none of them a call. */
export function walkOf(
  { header, body }: Loop,
  pieces: readonly Piece[],
  successors: readonly (readonly number[])[],
  { order, loopHeader }: { readonly order: Int32Array; readonly loopHeader: readonly boolean[] },
): Walk | undefined {
  if (!pieces[header].begins) return undefined;
  const inOrder = [...body].sort((a, b) => order[a] - order[b]);
  if (inOrder.some((n) => (loopHeader[n] && n !== header) || !['edge', 'branch'].includes(pieces[n].end.kind)))
    return undefined;
  // The shortest way round.
  const distance = new Map([[header, 0]]);
  let instructions = Infinity;
  for (const n of inOrder) {
    const before = distance.get(n)!;
    successors[n].forEach((to, way) => {
      if (!body.has(to)) return;
      const length = before + countOf(pieces[n], way);
      if (to === header) instructions = Math.min(instructions, length);
      else distance.set(to, Math.min(distance.get(to) ?? Infinity, length));
    });
  }
  return instructions > 0 ? { header, instructions, checks: [] } : undefined;
}

/** Instructions done when a piece is left by one of its ways. */
function countOf({ end }: Piece, way: number): number {
  if (end.kind === 'branch') return (way === 0 ? end.taken : end.otherwise).count;
  return end.kind === 'edge' ? end.to.count : 0;
}

/** Let a walk see to a check relative to a base; tells whether it does. */
export function addToWalk(
  walk: Walk,
  { from, to, write, base }: Check & { readonly base: number },
  registers: LoopRegisters,
  values: AffineValues,
): boolean {
  if (to - from > SPAN) return false;
  const terms: { register: number; shift: number }[] = [];
  let distance = 0;
  let steps: number[] = [];
  for (const { base: leaf, shift } of values.termsOf(base)) {
    const one = registers.at(leaf);
    const moves = one && registers.steps(one[0]);
    if (!moves || [one[1].offset, ...moves].some(isFar)) return false;
    terms.push({ register: one[0], shift });
    distance += one[1].offset * 2 ** shift;
    steps = moves.map((move, latch) => (steps[latch] ?? 0) + move * 2 ** shift);
  }
  const largest = Math.max(...steps);
  const smallest = Math.min(...steps);
  if (largest > MAX_STEP || smallest < -MAX_STEP || (largest > 0 && smallest < 0)) return false;
  const step = largest > 0 ? largest : smallest;
  const check = { terms, from: from - distance, to: to - distance, write, step };
  if (isFar(check.from) || isFar(check.to)) return false;
  const near = walk.checks.find(
    (c) => sameTerms(c, check) && Math.max(c.to, check.to) - Math.min(c.from, check.from) <= SPAN,
  );
  if (near) {
    near.from = Math.min(near.from, check.from);
    near.to = Math.max(near.to, check.to);
    near.write ||= write;
  } else walk.checks.push(check);
  return true;
}

const isFar = (n: number): boolean => Math.abs(n) > FAR;

const sameTerms = (a: WalkCheck, b: WalkCheck): boolean =>
  a.terms.length === b.terms.length &&
  a.terms.every(({ register, shift }, i) => register === b.terms[i].register && shift === b.terms[i].shift);
