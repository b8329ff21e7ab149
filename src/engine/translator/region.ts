/** Regions: which blocks around a hot PC are translated together. Follows direct jumps along what has run; knows no wasm. */
import type { Instruction } from '../../isa/isa.ts';

/** A basic block of a region. */
export interface RegionBlock {
  readonly pc: number;
  readonly instructions: readonly Instruction[];
  /** Its bytes, if they may change without notice: to be compared before it runs. */
  readonly source: Uint8Array | undefined;
  /** PC behind the last instruction. */
  readonly end: number;
  /** Blocks that control may reach inside the region, by ascending PC. */
  successors: readonly RegionBlock[];
  /** Entries of functions called at its end that are themselves in the region: they come back by their own returns. */
  callees: readonly RegionBlock[];
  /** The jump at its end may go wherever any such jump of the region goes. */
  shared: boolean;
}

export interface Region {
  readonly entry: RegionBlock;
  /** The entry first. */
  readonly blocks: readonly RegionBlock[];
}

/** Largest regions: V8's optimising compiler takes 15 ms at 64 blocks and 162 ms at 512 (ARCHITECTURE.md). */
export interface RegionLimits {
  readonly blocks: number;
  readonly instructions: number;
  /** Largest function to include where it is called; 0: none. */
  readonly inlined: number;
  /** An interpreter's jumps to its handlers share their targets. */
  readonly shared: boolean;
}

/** Functions included in one another. */
const INLINE_DEPTH = 3;
/** Functions that an indirect call was seen to call, for them to be included. */
const INLINE_CHOICES = 2;

/** What forming a region asks of its surroundings. */
export interface CodeView {
  /** The straight run at a PC. */
  run(pc: number): readonly Instruction[];
  /** Is a PC worth including? */
  follow(pc: number): boolean;
  /** Where the indirect jump or call at a PC has gone. */
  targets(pc: number): readonly number[];
  /** The bytes there, if they may change without notice. */
  open(start: number, end: number): Uint8Array | undefined;
}

/** The guest function that the entry belongs to, or one included where it is called: its blocks are its own. */
interface Frame {
  readonly caller: Frame | undefined;
  /** Where it returns to. */
  readonly back: number;
  readonly entry: number;
  readonly depth: number;
  /** How many runs it comes to. */
  readonly size: number;
  readonly runs: Map<number, Run>;
}

interface Run {
  readonly instructions: readonly Instruction[];
  /** The functions called at its end that are included. */
  readonly callees: readonly Frame[];
}

/** The region entered at `entry`; undefined if that cannot be part of one. */
export function formRegion(entry: number, code: CodeView, limits: RegionLimits): Region | undefined {
  // First the runs and every PC where a block must begin, breadth first so that what is near comes in first.
  const root: Frame = { caller: undefined, back: -1, entry, depth: 0, size: 0, runs: new Map() };
  const frames = [root];
  const queue: { frame: Frame; pc: number }[] = [{ frame: root, pc: entry }];
  let blocks = 0;
  let instructions = 0;
  // Blocks of included functions, and where these come back to, that are still to come: one that is cut short would be left again and again.
  let promised = 0;
  const backs = new Set<number>();
  while (queue.length > 0) {
    const { frame, pc } = queue.shift()!;
    if (frame.runs.has(pc)) continue;
    const full = blocks + promised >= limits.blocks || instructions >= limits.instructions;
    if (frame.caller || backs.delete(pc)) promised--;
    else if (full) continue;
    const whole = code.run(pc);
    const straight = cut(whole);
    if (straight.length === 0) continue;
    blocks++;
    const callees = full ? [] : calleesOf(straight, frame, code, limits.inlined, limits.blocks - blocks - promised);
    frames.push(...callees);
    for (const { size, back } of callees) {
      promised += size;
      if (frame.caller || frame.runs.has(back) || backs.has(back)) continue;
      backs.add(back);
      promised++;
    }
    frame.runs.set(pc, { instructions: straight, callees });
    instructions += straight.length;
    // What follows a cut has run as often as what precedes it.
    for (const next of exitsOf(straight, frame, callees, code))
      if (!next.frame.runs.has(next.pc) && (straight.length < whole.length || code.follow(next.pc))) {
        // A function is of use only with its return.
        if (next.frame.caller) queue.unshift(next);
        else queue.push(next);
      }
  }
  // A run that passes over another block's start ends there.
  const made = new Map<Frame, Map<number, RegionBlock>>(frames.map((frame) => [frame, new Map()]));
  for (const frame of frames)
    for (const [pc, run] of frame.runs) {
      const until = run.instructions.findIndex((i, n) => n > 0 && frame.runs.has(i.pc));
      const mine = until < 0 ? run.instructions : run.instructions.slice(0, until);
      const last = mine[mine.length - 1];
      const end = last.pc + last.length;
      const source = code.open(pc, end);
      made.get(frame)!.set(pc, { pc, instructions: mine, source, end, successors: [], callees: [], shared: false });
    }
  const all: RegionBlock[] = [];
  for (const [frame, own] of made)
    for (const block of own.values()) {
      const run = frame.runs.get(block.pc)!;
      const whole = block.instructions.length === run.instructions.length;
      const callees = whole ? run.callees.filter((c) => c.runs.has(c.entry)) : [];
      const exits = whole ? exitsOf(block.instructions, frame, callees, code) : [{ frame, pc: block.end }];
      const found = exits.flatMap((e) => made.get(e.frame)!.get(e.pc) ?? []);
      block.successors = [...new Set(found)].sort((a, b) => a.pc - b.pc);
      block.callees = callees.map((c) => made.get(c)!.get(c.entry)!);
      all.push(block);
    }
  if (limits.shared) shareTargets([...made.get(root)!.values()]);
  return all.length > 0 ? { entry: all[0], blocks: all } : undefined;
}

/** Jumps to one of many that have targets in common are an interpreter's, one for each of its handlers: each may go where any of them went. */
function shareTargets(blocks: readonly RegionBlock[]): void {
  const isSwitch = ({ instructions, successors }: RegionBlock) =>
    instructions[instructions.length - 1].flow === 'indirect' && successors.length > 2;
  const groups: { members: RegionBlock[]; targets: Set<RegionBlock> }[] = [];
  for (const block of blocks.filter(isSwitch)) {
    const mine = groups.filter(({ targets }) => block.successors.some((to) => targets.has(to)));
    const one = { members: [block], targets: new Set(block.successors) };
    for (const other of mine) {
      one.members.push(...other.members);
      for (const to of other.targets) one.targets.add(to);
      groups.splice(groups.indexOf(other), 1);
    }
    groups.push(one);
  }
  const several = groups.filter(({ members }) => members.length > 1);
  const all = [...new Set(several.flatMap(({ targets }) => [...targets]))].sort((a, b) => a.pc - b.pc);
  for (const member of several.flatMap(({ members }) => members)) {
    member.successors = all;
    member.shared = true;
  }
}

/** Frames for the functions called at the end of a run, if they are small and there is room for all their blocks. */
function calleesOf(
  run: readonly Instruction[],
  caller: Frame,
  code: CodeView,
  largest: number,
  room: number,
): readonly Frame[] {
  const last = run[run.length - 1];
  if (caller.depth === INLINE_DEPTH) return [];
  let entries: readonly number[] = [];
  if (last.flow === 'call') entries = [last.target];
  else if (last.flow === 'indirect-call') entries = code.targets(last.pc);
  if (entries.length > INLINE_CHOICES) return [];
  const back = last.pc + last.length;
  const frames: Frame[] = [];
  for (const entry of entries.filter((entry) => code.follow(entry))) {
    const size = sizeOf(entry, code, largest);
    if (size === 0 || size >= room) continue;
    frames.push({ caller, back, entry, depth: caller.depth + 1, size, runs: new Map() });
    room -= size;
  }
  return frames;
}

/** Runs that what is hot of a function comes to; 0 if it does not come to a return within so many instructions. */
function sizeOf(entry: number, code: CodeView, limit: number): number {
  const seen = new Set<number>();
  const queue = [entry];
  const frame: Frame = { caller: undefined, back: -1, entry, depth: 0, size: 0, runs: new Map() };
  let instructions = 0;
  let returns = false;
  for (let pc = queue.pop(); pc !== undefined; pc = queue.pop()) {
    if (seen.has(pc)) continue;
    seen.add(pc);
    const straight = cut(code.run(pc));
    instructions += straight.length;
    if (straight.length === 0 || instructions > limit) return 0;
    returns ||= straight[straight.length - 1].flow === 'return';
    queue.push(...exitsOf(straight, frame, [], code).flatMap((e) => (code.follow(e.pc) ? e.pc : [])));
  }
  return returns ? seen.size : 0;
}

/** A run ends before an instruction that must run alone, and around one that repeats itself. */
function cut(run: readonly Instruction[]): readonly Instruction[] {
  const at = run.findIndex((i, n) => i.alone || (i.loops && n > 0));
  const before = at < 0 ? run : run.slice(0, at);
  const loop = before.findIndex((i) => i.loops);
  return loop < 0 ? before : before.slice(0, loop + 1);
}

/** Where a run's end may go to inside the guest's own function, the functions included in it, and back from those. */
function exitsOf(
  run: readonly Instruction[],
  frame: Frame,
  callees: readonly Frame[],
  code: CodeView,
): readonly { frame: Frame; pc: number }[] {
  const last = run[run.length - 1];
  const end = last.pc + last.length;
  const into = callees.map((callee) => ({ frame: callee, pc: callee.entry }));
  const here = (...pcs: readonly number[]) => pcs.map((pc) => ({ frame, pc }));
  if (last.loops) return here(last.pc, end);
  switch (last.flow) {
    case 'next':
      return here(end);
    case 'jump':
      return here(last.target);
    case 'branch':
      return here(end, last.target);
    case 'indirect':
      return here(...code.targets(last.pc));
    case 'call':
      return callees.length > 0 ? into : here(end);
    case 'indirect-call':
      return [...into, ...here(end)];
    case 'return':
      return frame.caller ? [{ frame: frame.caller, pc: frame.back }] : [];
    default:
      return [];
  }
}
