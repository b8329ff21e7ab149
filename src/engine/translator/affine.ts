/** Values of a region's code as an unknown base plus a known distance: equal numbers stand for equal values in one iteration of the loops around. */
import type { Node } from '../../ir/builder.ts';

/** A value as an unknown base plus a known distance; base 0 is zero. */
export interface Affine {
  readonly base: number;
  readonly offset: number;
}

/** A base is taken apart into so many at most, each shifted by so many bits, as an address is: doubled again and again it would have no end. */
const MAX_TERMS = 3;
const MAX_SHIFT = 8;

/** A base that is added to others, shifted left by so many bits. */
export interface Term {
  readonly base: number;
  readonly shift: number;
}

export class AffineValues {
  readonly #numbers = new Map<string, number>();
  readonly #terms = new Map<number, readonly Term[]>();
  #next = 1;

  /** The value of a node; those already known are in `values`. */
  of(n: Node, values: Map<Node, Affine>): Affine {
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
      return Number.isSafeInteger(offset) && typeof n.imm === 'number' ? { base: 0, offset } : this.fresh();
    }
    if (n.kind !== 'op') return this.fresh();
    const args = n.args.map((a) => this.of(a, values));
    const [x, y] = args;
    switch (n.row!.name) {
      case 'i64.add':
        return this.sum(x, y);
      case 'i64.sub':
        if (y.base === 0) return this.sum(x, { base: 0, offset: -y.offset });
        break;
      case 'i64.shl':
        if (y.base === 0 && x.base !== 0) {
          const offset = x.offset * 2 ** y.offset;
          if (Math.abs(offset) < 2 ** 40) {
            const base = this.#number(`<<${y.offset}:${x.base}`);
            this.#compose(
              base,
              this.termsOf(x.base).map((t) => ({ base: t.base, shift: t.shift + y.offset })),
            );
            return { base, offset };
          }
        }
        break;
    }
    const base = this.#number(`${n.row!.name}:${n.imm}:${args.map((a) => `${a.base}+${a.offset}`).join()}`);
    return { base, offset: 0 };
  }

  /** What a base is the sum of; of too much, only itself. */
  termsOf(base: number): readonly Term[] {
    return this.#terms.get(base) ?? [{ base, shift: 0 }];
  }
  #compose(base: number, terms: readonly Term[]): void {
    if (terms.length <= MAX_TERMS && terms.every(({ shift }) => shift <= MAX_SHIFT)) this.#terms.set(base, terms);
  }

  sum(x: Affine, y: Affine): Affine {
    const offset = x.offset + y.offset;
    if (Math.abs(offset) > 2 ** 47) return this.fresh();
    if (y.base === 0) return { base: x.base, offset };
    if (x.base === 0) return { base: y.base, offset };
    const base = this.#number(`+${Math.min(x.base, y.base)},${Math.max(x.base, y.base)}`);
    this.#compose(base, [...this.termsOf(x.base), ...this.termsOf(y.base)]);
    return { base, offset };
  }

  /** A value of which nothing is known. */
  fresh(): Affine {
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
