/** How often each call was made and how long it took, for --stats; the dispatchers keep the counts. */

export interface CallCount {
  name: string;
  calls: number;
  milliseconds: number;
}

export class CallStatistics {
  /** Measure time as well as counts. */
  readonly timed: boolean;
  readonly #sources = new Map<string, () => CallCount[]>();

  constructor(timed = false) {
    this.timed = timed;
  }

  register(os: string, source: () => CallCount[]): void {
    this.#sources.set(os, source);
  }

  /** Calls made so far by system, the most frequent first. */
  calls(): Map<string, CallCount[]> {
    const all = new Map<string, CallCount[]>();
    for (const [os, source] of this.#sources) {
      const counts = source().sort((a, b) => b.calls - a.calls || a.name.localeCompare(b.name));
      if (counts.length > 0) all.set(os, counts);
    }
    return all;
  }
}
