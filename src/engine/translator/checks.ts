/** Removal of memory checks: accesses off one base within a small distance share one check, also along the only way from block to block. Decides; the lowering emits. */
import type { Node } from '../../ir/builder.ts';
import { ACCESS } from '../../ir/ops.ts';

/** What to check before an access: bytes [from, to) relative to its own address, for reading and/or writing. */
export interface Check {
  from: number;
  to: number;
  read: boolean;
  write: boolean;
}

/** Bytes one check may span: it looks at the first and the last page. */
const SPAN = 4096;

/** A value as an unknown base plus a known distance. */
interface Affine {
  readonly base: number;
  readonly offset: number;
}

/** A check in force: where, and which access carries it. */
interface Group {
  readonly base: number;
  from: number;
  to: number;
  read: boolean;
  write: boolean;
}

/** What is known at the end of a piece of straight code. */
export interface Knowledge {
  readonly registers: ReadonlyMap<number, Affine>;
  readonly groups: readonly Group[];
}

/** Numbers values so that equal expressions of unchanged registers get equal bases. One for a region. */
export class CheckPlanner {
  #next = 1;
  readonly #numbers = new Map<string, number>();
  readonly #plan = new Map<Node, Check>();

  /** The check to make before this access; none if another one covers it. */
  checkOf(access: Node): Check | undefined {
    return this.#plan.get(access);
  }

  /** Plan a piece whose statements run one after the other. `before`: what holds at its start. */
  piece(statements: readonly Node[], before: Knowledge | undefined): Knowledge {
    const registers = new Map(before?.registers);
    const inherited = before?.groups ?? [];
    const fresh: { group: Group; first: Node; offset: number }[] = [];
    const values = new Map<Node, Affine>();
    const state = new Map<number, number>();
    const accesses: { node: Node; at: Affine; bytes: number; write: boolean }[] = [];
    for (const s of statements) {
      switch (s.kind) {
        case 'getreg': {
          const id = Number(s.imm);
          let value = registers.get(id);
          if (!value) {
            value = { base: this.#next++, offset: 0 };
            registers.set(id, value);
          }
          values.set(s, value);
          break;
        }
        case 'setreg':
          registers.set(Number(s.imm), this.#value(s.args[0], values));
          break;
        case 'getstate': {
          // A field keeps its value until it is set or a helper runs.
          let base = state.get(Number(s.imm));
          if (base === undefined) {
            base = this.#next++;
            state.set(Number(s.imm), base);
          }
          values.set(s, { base, offset: 0 });
          break;
        }
        case 'setstate':
        case 'helper':
          state.clear();
          break;
        case 'load':
        case 'store':
        case 'probe': {
          const bytes = s.kind === 'probe' ? Number(s.imm) : ACCESS[s.access!].bytes;
          accesses.push({ node: s, at: this.#value(s.args[0], values), bytes, write: s.kind !== 'load' });
          break;
        }
      }
    }
    for (const { node, at, bytes, write } of accesses) {
      const from = at.offset;
      const to = from + bytes;
      const covers = (g: Group) => g.base === at.base && g.from <= from && g.to >= to && (write ? g.write : g.read);
      if (inherited.some(covers)) continue;
      const near = fresh.find(
        ({ group: g }) => g.base === at.base && Math.max(g.to, to) - Math.min(g.from, from) <= SPAN,
      );
      if (near) {
        near.group.from = Math.min(near.group.from, from);
        near.group.to = Math.max(near.group.to, to);
        near.group.read ||= !write;
        near.group.write ||= write;
      } else fresh.push({ group: { base: at.base, from, to, read: !write, write }, first: node, offset: from });
    }
    for (const { group, first, offset } of fresh) {
      this.#plan.set(first, { from: group.from - offset, to: group.to - offset, read: group.read, write: group.write });
    }
    return { registers, groups: [...inherited, ...fresh.map((f) => f.group)] };
  }

  #value(n: Node, values: Map<Node, Affine>): Affine {
    let v = values.get(n);
    if (!v) {
      v = this.#compute(n, values);
      values.set(n, v);
    }
    return v;
  }

  #compute(n: Node, values: Map<Node, Affine>): Affine {
    if (n.kind === 'const') {
      const offset = Number(n.imm);
      return Number.isSafeInteger(offset) && typeof n.imm === 'number' ? { base: 0, offset } : this.#fresh();
    }
    if (n.kind !== 'op') return this.#fresh();
    const args = n.args.map((a) => this.#value(a, values));
    const [x, y] = args;
    switch (n.row!.name) {
      case 'i64.add':
        return this.#sum(x, y);
      case 'i64.sub':
        if (y.base === 0) return this.#sum(x, { base: 0, offset: -y.offset });
        break;
      case 'i64.shl':
        if (y.base === 0 && x.base !== 0) {
          const offset = x.offset * 2 ** y.offset;
          if (Math.abs(offset) < 2 ** 40) return { base: this.#number(`<<${y.offset}:${x.base}`), offset };
        }
        break;
    }
    return {
      base: this.#number(`${n.row!.name}:${n.imm}:${args.map((a) => `${a.base}+${a.offset}`).join()}`),
      offset: 0,
    };
  }

  #sum(x: Affine, y: Affine): Affine {
    const offset = x.offset + y.offset;
    if (Math.abs(offset) > 2 ** 47) return this.#fresh();
    if (y.base === 0) return { base: x.base, offset };
    if (x.base === 0) return { base: y.base, offset };
    return { base: this.#number(`+${Math.min(x.base, y.base)},${Math.max(x.base, y.base)}`), offset };
  }

  #fresh(): Affine {
    return { base: this.#next++, offset: 0 };
  }

  #number(key: string): number {
    let n = this.#numbers.get(key);
    if (n === undefined) {
      n = this.#next++;
      this.#numbers.set(key, n);
    }
    return n;
  }
}
