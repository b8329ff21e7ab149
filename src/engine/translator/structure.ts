/**
 * Control flow of a region made structured: order, dominators, loop headers and merge points (after Ramsey, Beyond Relooper, ICFP 2022). Edges that make it
 * irreducible are led through node 0, which goes on by a table, or are cut: they leave the region.
 */

/** A node's edges by index; an edge is named by its position. -1: leaves the region. */
export interface FlowGraph {
  /** successors[n] lists the targets of n's edges. Node 0 is the entry and does nothing itself. */
  readonly successors: number[][];
}

export interface Structure {
  /** Position in reverse postorder; -1 for unreachable nodes. */
  readonly order: Int32Array;
  readonly dominator: Int32Array;
  readonly loopHeader: boolean[];
  /** Two or more forward edges come in. */
  readonly merge: boolean[];
  /** Dominator-tree children that are merge points, last in order first. */
  readonly mergeChildren: number[][];
}

/**
 * Analyse the graph; irreducible edges in it are replaced by edges to node 0, which gets one to their target, if `table` says so, else by -1. An interpreter is
 * one such knot and stays in its region this way; in other code the loop entered at two places costs more by a table than by leaving on its rare way.
 */
export function structure(graph: FlowGraph, table: boolean): Structure {
  for (;;) {
    const order = reversePostorder(graph);
    const dominator = dominators(graph, order);
    let irreducible = false;
    graph.successors.forEach((list, n) => {
      if (order[n] < 0) return;
      list.forEach((to, i) => {
        if (to >= 0 && order[to] <= order[n] && !dominates(dominator, to, n)) {
          list[i] = table ? 0 : -1;
          if (table && !graph.successors[0].includes(to)) graph.successors[0].push(to);
          irreducible = true;
        }
      });
    });
    if (!irreducible) return describe(graph, order, dominator);
  }
}

function reversePostorder(graph: FlowGraph): Int32Array {
  const count = graph.successors.length;
  const order = new Int32Array(count).fill(-1);
  const post: number[] = [];
  const visit = (n: number) => {
    order[n] = 0;
    // Reversed, so that the first successor comes first in reverse postorder.
    for (let i = graph.successors[n].length - 1; i >= 0; i--) {
      const to = graph.successors[n][i];
      if (to >= 0 && order[to] < 0) visit(to);
    }
    post.push(n);
  };
  visit(0);
  post.reverse().forEach((n, i) => {
    order[n] = i;
  });
  return order;
}

/** Cooper, Harvey and Kennedy's iterative algorithm. */
function dominators(graph: FlowGraph, order: Int32Array): Int32Array {
  const count = graph.successors.length;
  const byOrder: number[] = [];
  order.forEach((o, n) => {
    if (o >= 0) byOrder[o] = n;
  });
  const predecessors: number[][] = Array.from({ length: count }, () => []);
  for (const n of byOrder) for (const to of graph.successors[n]) if (to >= 0) predecessors[to].push(n);
  const idom = new Int32Array(count).fill(-1);
  idom[0] = 0;
  const intersect = (a: number, b: number): number => {
    while (a !== b) {
      while (order[a] > order[b]) a = idom[a];
      while (order[b] > order[a]) b = idom[b];
    }
    return a;
  };
  for (let changed = true; changed; ) {
    changed = false;
    for (const n of byOrder) {
      if (n === 0) continue;
      let best = -1;
      for (const p of predecessors[n]) if (idom[p] >= 0) best = best < 0 ? p : intersect(p, best);
      if (idom[n] !== best) {
        idom[n] = best;
        changed = true;
      }
    }
  }
  return idom;
}

function dominates(idom: Int32Array, a: number, b: number): boolean {
  for (let n = b; ; n = idom[n]) {
    if (n === a) return true;
    if (n === 0) return false;
  }
}

function describe(graph: FlowGraph, order: Int32Array, dominator: Int32Array): Structure {
  const count = graph.successors.length;
  const loopHeader = new Array<boolean>(count).fill(false);
  const forward = new Int32Array(count);
  graph.successors.forEach((list, n) => {
    if (order[n] < 0) return;
    for (const to of list) {
      if (to < 0) continue;
      if (order[to] <= order[n]) loopHeader[to] = true;
      else forward[to]++;
    }
  });
  const merge = [...forward].map((n) => n >= 2);
  const mergeChildren: number[][] = Array.from({ length: count }, () => []);
  for (let n = 1; n < count; n++) if (order[n] >= 0 && merge[n]) mergeChildren[dominator[n]].push(n);
  for (const list of mergeChildren) list.sort((a, b) => order[b] - order[a]);
  return { order, dominator, loopHeader, merge, mergeChildren };
}

/** A natural loop. */
export interface Loop {
  readonly header: number;
  /** Where it goes back to its header from. */
  readonly latches: readonly number[];
  readonly body: ReadonlySet<number>;
  /** Where a round ends: latches, and what may leave the loop. */
  readonly ends: readonly number[];
}

/** All loops, outer ones first. */
export function loopsOf(
  successors: readonly (readonly number[])[],
  predecessors: readonly (readonly number[])[],
  { order, loopHeader }: Structure,
): Loop[] {
  const loops: Loop[] = [];
  loopHeader.forEach((is, header) => {
    if (!is) return;
    const latches = predecessors[header].filter((p) => order[p] >= order[header]);
    const body = new Set([header]);
    const work = [...latches];
    for (let n = work.pop(); n !== undefined; n = work.pop()) {
      if (body.has(n)) continue;
      body.add(n);
      work.push(...predecessors[n]);
    }
    const ends = [...body].filter((n) => latches.includes(n) || successors[n].some((to) => !body.has(to)));
    loops.push({ header, latches, body, ends });
  });
  return loops.sort((a, b) => order[a.header] - order[b.header]);
}
