/** Lockstep: every slice runs in the translator on the real process and again in the interpreter on a mirror of it; the first difference of registers, flags or memory stops the program with a report. */
import { Bug } from '../base/failures.ts';
import type { AddressSpace } from '../memory/address-space.ts';
import type { CodeSpace, Cpu, Exit } from './engine.ts';

/** Instructions compared at once, and more for each page that must be compared after them; a difference is then narrowed down by halving. */
const SLICE = 20_000;
const SLICE_PER_PAGE = 200;

export interface Tiers {
  translator(space: AddressSpace): CodeSpace;
  interpreter(space: AddressSpace): CodeSpace;
  /** Names of the general registers, by index. */
  readonly registerNames: readonly string[];
}

export class LockstepCodeSpace implements CodeSpace {
  executed = 0;
  readonly #space: AddressSpace;
  readonly #tiers: Tiers;
  readonly #main: CodeSpace;
  #copies: Copies | undefined;

  constructor(space: AddressSpace, tiers: Tiers) {
    this.#space = space;
    this.#tiers = tiers;
    this.#main = tiers.translator(space);
  }
  createCpu(): Cpu {
    return this.#main.createCpu();
  }
  releaseCpu(cpu: Cpu): void {
    this.#main.releaseCpu(cpu);
  }
  dispose(): void {
    this.#main.dispose();
    const copies = this.#copies;
    if (!copies) return;
    copies.code.dispose();
    copies.shadow.dispose();
    copies.before.dispose();
  }

  /** Both copies as the process is now: since the last slice, calls and other processes may have changed it. */
  #upToDate(): Copies {
    if (this.#copies) {
      this.#copies.before.follow(this.#space);
      this.#copies.shadow.follow(this.#space);
    } else {
      const shadow = this.#space.mirror();
      const code = this.#tiers.interpreter(shadow);
      this.#copies = { before: this.#space.mirror(), shadow, code, cpu: code.createCpu() };
    }
    return this.#copies;
  }

  run(cpu: Cpu, budget: number): Exit {
    this.executed = 0;
    for (;;) {
      const copies = this.#upToDate();
      const start = snapshot(cpu);
      const slice = SLICE + SLICE_PER_PAGE * copies.shadow.comparedPages;
      const exit = this.#main.run(cpu, Math.min(slice, budget - this.executed));
      const { executed } = this.#main;
      this.executed += executed;
      const difference = this.#check(copies, start, cpu, exit, executed);
      if (difference) throw new Bug(this.#report(copies.before, start, executed, difference));
      if (exit.kind !== 'budget' || this.executed >= budget) return exit;
    }
  }

  /** Run the shadow as far in the interpreter; says what differs. */
  #check(copies: Copies, start: Snapshot, cpu: Cpu, exit: Exit, executed: number): string | undefined {
    const { code, cpu: other, shadow } = copies;
    start.restore(other);
    // A fault or trap leaves before its instruction: let the interpreter try that one too.
    const after = exit.kind === 'budget' || exit.kind === 'call' ? executed : executed + 1;
    const theirs = after > 0 ? code.run(other, after) : exit;
    if (theirs.kind !== exit.kind) return `exit: translator ${exit.kind}, interpreter ${theirs.kind}`;
    return differenceOf(this.#tiers.registerNames, cpu, other) ?? memoryDifference(this.#space, shadow);
  }

  /** Halve the slice as long as the difference shows, to name the region. */
  #report(before: AddressSpace, start: Snapshot, executed: number, difference: string): string {
    let [low, high] = [0, executed];
    let text = difference;
    let at = start.pc;
    while (high - low > 1) {
      const middle = Math.floor((low + high) / 2);
      const [left, right] = [before.mirror(), before.mirror()];
      const [mine, theirs] = [this.#tiers.translator(left), this.#tiers.interpreter(right)];
      const [a, b] = [start.restore(mine.createCpu()), start.restore(theirs.createCpu())];
      mine.run(a, middle);
      const done = mine.executed;
      if (done > 0) theirs.run(b, done);
      const found = differenceOf(this.#tiers.registerNames, a, b) ?? memoryDifference(left, right);
      if (found) {
        text = found;
        high = middle;
      } else {
        low = Math.max(middle, Math.min(done, high - 1));
        at = a.pc;
      }
      for (const x of [mine, theirs, left, right]) x.dispose();
    }
    return `lockstep: tiers differ after guest PC 0x${at.toString(16)}, within ${high - low} instructions\n${text}`;
  }
}

/** What a process is compared with, kept from slice to slice. */
interface Copies {
  /** The process before the slice: never run, a difference is narrowed down from it. */
  readonly before: AddressSpace;
  /** What the interpreter runs the slice in. */
  readonly shadow: AddressSpace;
  readonly code: CodeSpace;
  readonly cpu: Cpu;
}

interface Snapshot {
  readonly pc: number;
  /** Give these registers to a thread of a copy. */
  restore(copy: Cpu): Cpu;
}

function snapshot(cpu: Cpu): Snapshot {
  const kept = cpu.save();
  return {
    pc: cpu.pc,
    restore(copy) {
      copy.restore(kept);
      return copy;
    },
  };
}

function differenceOf(names: readonly string[], a: Cpu, b: Cpu): string | undefined {
  const lines: string[] = [];
  const note = (name: string, x: number | bigint, y: number | bigint) => {
    if (x !== y) lines.push(`  ${name}: translator ${x.toString(16)}, interpreter ${y.toString(16)}`);
  };
  note('pc', a.pc, b.pc);
  names.forEach((name, i) => {
    note(name, a.getBig(i), b.getBig(i));
  });
  note('flags', a.flags, b.flags);
  const [v, w] = [a.saveVectors(), b.saveVectors()];
  for (let i = 0; i < v.length; i++) {
    if (v[i] !== w[i]) {
      lines.push(
        `  vector state differs at byte ${i}: translator ${v[i].toString(16)}, interpreter ${w[i].toString(16)}`,
      );
      break;
    }
  }
  return lines.length ? lines.join('\n') : undefined;
}

function memoryDifference(original: AddressSpace, mirror: AddressSpace): string | undefined {
  const found = mirror.differenceFrom(original);
  if (!found) return undefined;
  const [address, theirs, ours] = [found.address, found.theirs, found.ours].map((n) => n.toString(16));
  return `  memory at 0x${address}: translator ${theirs}, interpreter ${ours}`;
}
