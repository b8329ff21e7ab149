/** One jump for many targets: a hash of the PC that gives nearly each of them a place of its own in a `br_table`. Decides; the lowering emits. */

export interface PcTable {
  /** A PC's place is its lower 32 bits times `factor`, shifted right by `shift`. */
  readonly factor: number;
  readonly shift: number;
  /** For each place, positions in the list of targets. */
  readonly places: readonly (readonly number[])[];
}

/** Of no targets. */
export const NO_TABLE: PcTable = { factor: 0, shift: 0, places: [] };

/** Factors to try: the best one counts. */
const TRIES = 64;

export function pcTable(pcs: readonly number[]): PcTable {
  // At least twice as many places as targets.
  const bits = Math.max(2, 33 - Math.clz32(pcs.length));
  const shift = 32 - bits;
  let best: PcTable | undefined;
  let least = Number.POSITIVE_INFINITY;
  // Knuth's multiplier, and what becomes of it.
  for (let i = 0, factor = 0x9e37_79b1 | 0; i < TRIES && least > 0; i++) {
    const places = Array.from({ length: 1 << bits }, (): number[] => []);
    pcs.forEach((pc, n) => {
      places[Math.imul(pc, factor) >>> shift].push(n);
    });
    const shared = places.reduce((sum, p) => sum + Math.max(0, p.length - 1), 0);
    if (shared < least) [best, least] = [{ factor, shift, places }, shared];
    factor = (Math.imul(factor, factor) ^ (i << 1)) | 1;
  }
  return best!;
}
