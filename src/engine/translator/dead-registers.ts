/** Drops what is written to registers and overwritten before anything reads it or may leave the region: mostly flags. Pure operations V8 would drop by itself, but not calls, and each of them is work for it. */
import type { Node } from '../../ir/builder.ts';
import type { Piece } from './pieces.ts';
import { leavesAtStart, mayLeave } from './registers.ts';
import type { Structure } from './structure.ts';

/** A use less of a value; what only it wanted is wanted no more. */
function release(n: Node): void {
  n.uses--;
  if (n.uses === 0) n.args.forEach(release);
}

export function dropDeadRegisters(
  pieces: readonly Piece[],
  successors: readonly (readonly number[])[],
  { order, loopHeader }: Structure,
  registers: number,
): void {
  /** For each piece, the registers that someone may see as they are at its start. */
  const seen = new Map<number, Uint8Array>();
  const inOrder = [...order.keys()].filter((n) => order[n] >= 0).sort((a, b) => order[b] - order[a]);
  for (const n of inOrder) {
    const { groups, end } = pieces[n];
    const live = new Uint8Array(registers);
    // A way back may end the time slice.
    const inside = (end.kind === 'edge' || end.kind === 'branch') && successors[n].every((to) => order[to] > order[n]);
    if (!inside) live.fill(1);
    else for (const to of successors[n]) for (let id = 0; id < registers; id++) live[id] |= seen.get(to)![id];
    for (let g = groups.length - 1; g >= 0; g--) {
      const { statements } = groups[g];
      for (let i = statements.length - 1; i >= 0; i--) {
        const s = statements[i];
        const id = Number(s.imm);
        if (s.kind === 'forget') live[id] = 0;
        else if ((s.kind === 'setreg' || s.kind === 'setlow') && live[id] === 0) {
          statements.splice(i, 1);
          s.args.forEach(release);
        } else if (s.kind === 'setreg') live[id] = 0;
        else if ((s.kind === 'getreg' || s.kind === 'getlow') && s.uses > 0) live[id] = 1;
        else if (mayLeave(s)) live.fill(1);
      }
    }
    if (leavesAtStart(pieces[n], loopHeader[n])) live.fill(1);
    seen.set(n, live);
  }
}
