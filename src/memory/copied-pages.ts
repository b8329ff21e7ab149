/** Pages copied from one place to another: into the child of a fork, and to where mremap moves them. */

import { PRESENT, STAINED, WRITTEN } from './page-store.ts';
import { PagedMemory } from './paged-memory.ts';
import type { Region } from './regions.ts';
import { PAGE_SIZE, RUNTIME_SIZE } from './runtime-area.ts';

export abstract class CopiedPages extends PagedMemory {
  /** Copy the private contents of `region` from its equal in `parent`. Clean file pages are loaded again when needed. */
  protected copyPages(parent: CopiedPages, region: Region): void {
    if (!this.inWindow(region.start)) {
      parent.eachFar(region.start, region.end, (page) => this.far.set(page, parent.far.get(page)!));
      return;
    }
    this.reach(region.end);
    const first = this.slot(region.start);
    const last = this.slot(region.end - PAGE_SIZE);
    const theirs = parent.pageState;
    const ours = this.pageState;
    for (let i = first; i <= last; i++) {
      const state = theirs[i];
      if ((state & WRITTEN) === 0) {
        if (state & PRESENT && region.file === undefined) ours[i] = PRESENT;
        else if (region.file === undefined) ours[i] |= PRESENT;
        continue;
      }
      let j = i;
      while (j <= last && theirs[j] & WRITTEN) {
        ours[j] = PRESENT | WRITTEN | STAINED;
        j++;
      }
      const at = RUNTIME_SIZE + i * PAGE_SIZE;
      this.u8.set(parent.u8.subarray(at, RUNTIME_SIZE + j * PAGE_SIZE), at);
      i = j - 1;
    }
  }

  /** Move the contents of [from, from + length), all inside `source`, to `to`, inside `target` (mremap). */
  protected movePages(source: Region, from: number, target: Region, to: number, length: number): void {
    for (let done = 0; done < length; done += PAGE_SIZE) {
      const a = from + done;
      const b = to + done;
      const slot = this.slot(a);
      if (slot >= 0 ? (this.pageState[slot] & WRITTEN) === 0 : !this.far.has(a / PAGE_SIZE)) continue;
      const bytes = this.pageBytes(source, a, false);
      const at = this.pageOffset(bytes, a);
      const targetSlot = this.slot(b);
      if (targetSlot >= 0) {
        this.reach(b + PAGE_SIZE);
        const content = bytes.length === PAGE_SIZE ? bytes : this.u8.subarray(at, at + PAGE_SIZE);
        this.u8.set(content, RUNTIME_SIZE + targetSlot * PAGE_SIZE);
        this.pageState[targetSlot] = PRESENT | WRITTEN | STAINED;
      } else {
        this.far.set(b / PAGE_SIZE, bytes.subarray(at, at + PAGE_SIZE));
      }
    }
    this.refresh(to, to + length, target);
  }
}
