/** Pages that the engine made code from: marked in the page map, so that a write to one, its end or the loss of its permission is told. */
import { HAS_CODE, OPEN, WRITE } from './page-map.ts';
import { PageStore } from './page-store.ts';
import { PAGE_MAP, PAGE_SIZE, WINDOW_SIZE } from './runtime-area.ts';

export abstract class CodePages extends PageStore {
  /** The engine registers here to learn that pages with HAS_CODE were written, unmapped or lost execute permission ([start, end) guest addresses). */
  onCodeChanged: (start: number, end: number) => void = () => {};
  /** Code pages outside the window, by page number. */
  protected readonly farCode = new Set<number>();

  /** Is what stands there mapped from a file? */
  isFile(address: number): boolean {
    return this.regions.at(address)?.file !== undefined;
  }

  /** Can the page be written while it holds code, without notice? Only a private page in the window. */
  canBeOpen(page: number): boolean {
    const address = page * PAGE_SIZE;
    const region = this.regions.at(address);
    return region !== undefined && region.object === undefined && this.isDirect(region);
  }

  /**
   * Mark pages [start, end) as holding translated code: sets HAS_CODE and, unless they are open, clears WRITE. Tells whether there were any: code that relies
   * on having seen them must not go on.
   */
  markCode(start: number, end: number, open = false): boolean {
    let closed = false;
    for (let page = Math.floor(start / PAGE_SIZE); page * PAGE_SIZE < end; page++) {
      const address = page * PAGE_SIZE;
      const object = this.regions.at(address)?.object;
      if (object) object.hasCode = true;
      const slot = this.slot(address);
      if (slot < 0) {
        this.farCode.add(page);
        this.far.hide(page, page + 1, true);
        continue;
      }
      const bits = this.u8[PAGE_MAP + slot];
      if (open) {
        this.u8[PAGE_MAP + slot] = bits | HAS_CODE | OPEN;
        continue;
      }
      if (bits & WRITE) closed = true;
      this.u8[PAGE_MAP + slot] = (bits | HAS_CODE) & ~(OPEN | WRITE);
      this.showEnds(slot, slot + 1);
    }
    return closed;
  }

  /** Tell the engine about every code page in [start, end) and unmark it; WRITE bits return with the next refresh. */
  protected dropCode(start: number, end: number): void {
    let runStart = -1;
    const to = Math.min(end, this.windowBase + WINDOW_SIZE);
    for (let address = Math.max(start, this.windowBase); address < to; address += PAGE_SIZE) {
      const at = PAGE_MAP + this.slot(address);
      if (this.u8[at] & HAS_CODE) {
        this.u8[at] &= ~(HAS_CODE | OPEN);
        if (runStart < 0) runStart = address;
      } else if (runStart >= 0) {
        this.onCodeChanged(runStart, address);
        runStart = -1;
      }
    }
    if (runStart >= 0) this.onCodeChanged(runStart, to);
    if (this.farCode.size === 0) return;
    for (const page of [...this.farCode]) {
      const address = page * PAGE_SIZE;
      if (address < start || address >= end) continue;
      this.farCode.delete(page);
      this.onCodeChanged(address, address + PAGE_SIZE);
    }
  }
}
