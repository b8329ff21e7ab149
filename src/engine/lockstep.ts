/** Lockstep: every slice runs in the translator on the real process and again in the interpreter on a copy; the first difference of registers, flags or memory stops the program with a report. */
import { Bug } from '../base/failures.ts';
import type { AddressSpace } from '../memory/address-space.ts';
import { PROT_WRITE } from '../memory/address-space.ts';
import { READ } from '../memory/page-map.ts';
import { PAGE_MAP, PAGE_SIZE, RUNTIME_SIZE } from '../memory/runtime-area.ts';
import type { CodeSpace, Cpu, Exit } from './engine.ts';

/** Instructions compared at once; a difference is then narrowed down by halving. */
const SLICE = 20_000;

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
  }

  run(cpu: Cpu, budget: number): Exit {
    this.executed = 0;
    for (;;) {
      const before = this.#space.fork();
      const start = snapshot(cpu);
      const exit = this.#main.run(cpu, Math.min(SLICE, budget - this.executed));
      const { executed } = this.#main;
      this.executed += executed;
      const difference = this.#check(before, start, cpu, exit, executed);
      if (difference) throw new Bug(this.#report(before, start, executed, difference));
      before.dispose();
      if (exit.kind !== 'budget' || this.executed >= budget) return exit;
    }
  }

  /** Run the copy as far in the interpreter; says what differs. The copy `before` stays as it is. */
  #check(before: AddressSpace, start: Snapshot, cpu: Cpu, exit: Exit, executed: number): string | undefined {
    const shadow = before.fork();
    const code = this.#tiers.interpreter(shadow);
    const other = start.restore(code);
    // A fault or trap leaves before its instruction: let the interpreter try that one too.
    const after = exit.kind === 'budget' || exit.kind === 'call' ? executed : executed + 1;
    const theirs = after > 0 ? code.run(other, after) : exit;
    try {
      if (theirs.kind !== exit.kind) return `exit: translator ${exit.kind}, interpreter ${theirs.kind}`;
      return differenceOf(this.#tiers.registerNames, cpu, other) ?? memoryDifference(this.#space, shadow);
    } finally {
      code.dispose();
      shadow.dispose();
    }
  }

  /** Halve the slice as long as the difference shows, to name the region. */
  #report(before: AddressSpace, start: Snapshot, executed: number, difference: string): string {
    let [low, high] = [0, executed];
    let text = difference;
    let at = start.pc;
    while (high - low > 1) {
      const middle = Math.floor((low + high) / 2);
      const [left, right] = [before.fork(), before.fork()];
      const [mine, theirs] = [this.#tiers.translator(left), this.#tiers.interpreter(right)];
      const [a, b] = [start.restore(mine), start.restore(theirs)];
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

interface Snapshot {
  readonly pc: number;
  /** A Cpu with these registers in a code space over a copy. */
  restore(code: CodeSpace): Cpu;
}

function snapshot(cpu: Cpu): Snapshot {
  const kept = cpu.save();
  return {
    pc: cpu.pc,
    restore(code) {
      const copy = code.createCpu();
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

/** Compare the writable private pages of the window that are present on both sides: a file page that only one side has loaded has not been used by the other. */
function memoryDifference(a: AddressSpace, b: AddressSpace): string | undefined {
  for (const m of a.mappings()) {
    if (!(m.prot & PROT_WRITE) || m.shared) continue;
    for (let page = m.start; page < m.end; page += PAGE_SIZE) {
      const index = (page - a.windowBase) / PAGE_SIZE;
      const from = page - a.windowBase + RUNTIME_SIZE;
      if (index < 0 || from + PAGE_SIZE > Math.min(a.u8.length, b.u8.length)) break;
      if (!(a.u8[PAGE_MAP + index] & b.u8[PAGE_MAP + index] & READ)) continue;
      const x = new BigUint64Array(a.u8.buffer, from, PAGE_SIZE / 8);
      const y = new BigUint64Array(b.u8.buffer, from, PAGE_SIZE / 8);
      const at = x.findIndex((v, i) => v !== y[i]);
      if (at >= 0) {
        const address = (page + at * 8).toString(16);
        return `  memory at 0x${address}: translator ${x[at].toString(16)}, interpreter ${y[at].toString(16)}`;
      }
    }
  }
  return undefined;
}
