/** Regions: which blocks around a hot PC are translated together. Follows direct jumps along what has run; knows no wasm. */
import type { Instruction } from '../../isa/isa.ts';

/** A basic block of a region. */
export interface RegionBlock {
  readonly pc: number;
  readonly instructions: readonly Instruction[];
  /** PC behind the last instruction. */
  readonly end: number;
  /** Block PCs that control may reach inside the region. */
  successors: number[];
}

export interface Region {
  readonly entry: number;
  readonly blocks: ReadonlyMap<number, RegionBlock>;
}

/** Largest regions: V8's optimising compiler takes 15 ms at 64 blocks and 162 ms at 512 (ARCHITECTURE.md). */
export interface RegionLimits {
  readonly blocks: number;
  readonly instructions: number;
}

/**
 * The region entered at `entry`. `run` decodes the straight run at a PC, `follow` says whether a PC is worth including, `targets` where the indirect jump at a PC has gone.
 */
export function formRegion(
  entry: number,
  run: (pc: number) => readonly Instruction[],
  follow: (pc: number) => boolean,
  targets: (pc: number) => readonly number[],
  limits: RegionLimits,
): Region {
  // First the runs and every PC where a block must begin, breadth first so that what is near comes in first.
  const runs = new Map<number, readonly Instruction[]>();
  const queue = [entry];
  let instructions = 0;
  while (queue.length > 0 && runs.size < limits.blocks && instructions < limits.instructions) {
    const pc = queue.shift()!;
    if (runs.has(pc)) continue;
    const whole = run(pc);
    const straight = cut(whole);
    if (straight.length === 0) continue;
    runs.set(pc, straight);
    instructions += straight.length;
    // What follows a cut has run as often as what precedes it.
    for (const next of exitsOf(straight, targets))
      if (!runs.has(next) && (straight.length < whole.length || follow(next))) queue.push(next);
  }
  // A run that passes over another block's start ends there.
  const blocks = new Map<number, RegionBlock>();
  for (const [pc, straight] of runs) {
    const until = straight.findIndex((i, n) => n > 0 && runs.has(i.pc));
    const mine = until < 0 ? straight : straight.slice(0, until);
    const last = mine[mine.length - 1];
    const end = last.pc + last.length;
    const successors = (until < 0 ? exitsOf(mine, targets) : [end]).filter((s) => runs.has(s));
    blocks.set(pc, { pc, instructions: mine, end, successors: [...new Set(successors)] });
  }
  return { entry, blocks };
}

/** A run ends before an instruction that must run alone, and around one that repeats itself. */
function cut(run: readonly Instruction[]): readonly Instruction[] {
  const at = run.findIndex((i, n) => i.alone || (i.loops && n > 0));
  const before = at < 0 ? run : run.slice(0, at);
  const loop = before.findIndex((i) => i.loops);
  return loop < 0 ? before : before.slice(0, loop + 1);
}

/** PCs that the run's end may go to inside the guest's own function. */
function exitsOf(run: readonly Instruction[], targets: (pc: number) => readonly number[]): readonly number[] {
  const last = run[run.length - 1];
  const end = last.pc + last.length;
  if (last.loops) return [last.pc, end];
  switch (last.flow) {
    case 'next':
      return [end];
    case 'jump':
      return [last.target];
    case 'branch':
      return [end, last.target];
    case 'indirect':
      return targets(last.pc);
    // The place a call returns to.
    case 'call':
    case 'indirect-call':
      return [end];
    default:
      return [];
  }
}
