/** Numbers of the function table: one numbering for all address spaces of a VM, so that compiled modules fit every one of them. Handlers stay for good in the lower part; regions come and go above them. */
import { bug } from '../base/failures.ts';

/** First number of a region. Handlers below: x86 has about three thousand shapes, immediates that select an operation make some more. */
export const FIRST_REGION = 1 << 14;

export class TableSpace {
  /** 0 stays empty: it means "no translation". */
  #handler = 1;
  #region = FIRST_REGION;

  /** Entries a table needs. */
  get size(): number {
    return this.#region;
  }
  handlers(count: number): number {
    const first = this.#handler;
    this.#handler += count;
    if (this.#handler > FIRST_REGION) bug('too many instruction shapes');
    return first;
  }
  regions(count: number): number {
    const first = this.#region;
    this.#region += count;
    return first;
  }
  /** All regions are gone: their numbers may be used again. */
  dropRegions(): void {
    this.#region = FIRST_REGION;
  }
}
