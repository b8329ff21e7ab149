/** What V8 is told while a program runs, and that it is told otherwise afterwards. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext, Script } from 'node:vm';
import { expect, test } from 'vitest';
import { beFrugal, beLavish } from '../../src/host/patience.ts';

test('what only a start needs is still there at the end of a long run, to be kept for the next', () => {
  setFlagsFromString('--expose-gc');
  const gc: () => void = runInNewContext('gc');
  const body = Array.from({ length: 200 }, (_, i) => `x = Math.imul(x, ${i}) + ${i};`).join('');
  const script = new Script(`function once(x) { ${body} return x; } once(1);`);
  beFrugal();
  // Otherwise V8 waits until nothing was run for some time.
  setFlagsFromString('--stress-flush-code');
  try {
    script.runInThisContext();
    const size = script.createCachedData().length;
    gc();
    expect(script.createCachedData().length).toBe(size);
    beLavish();
    gc();
    expect(script.createCachedData().length).toBeLessThan(size);
  } finally {
    setFlagsFromString('--no-stress-flush-code');
    beLavish();
  }
});
