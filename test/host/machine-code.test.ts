/** V8's machine code goes out as bytes and comes back as a module that runs. */
import { setImmediate } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { Func, ModuleBuilder } from '../../src/engine/wasm/encoder.ts';
import { machineCode } from '../../src/host/machine-code.ts';
import { asByDefault, beFrugal, beLavish } from '../../src/host/patience.ts';

const machine = machineCode();

/** The sum of the numbers from n down to 1, by a loop. */
function sums(): Uint8Array<ArrayBuffer> {
  const f = new Func(1);
  const sum = f.local('i32');
  const again = f.loop();
  f.get(sum);
  f.get(0);
  f.byte(0x6a);
  f.set(sum);
  f.get(0);
  f.i32(1);
  f.byte(0x6b);
  f.tee(0);
  f.brIf(again);
  f.end();
  f.get(sum);
  const m = new ModuleBuilder();
  m.define({ params: ['i32'], results: ['i32'] }, f, 'sum');
  return m.encode();
}

type Sum = (n: number) => number;

/** Called until V8 has optimised it, which it does in another thread. */
async function optimised(module: WebAssembly.Module): Promise<Sum> {
  const sum = new WebAssembly.Instance(module).exports.sum as Sum;
  while (machine!.optimised([sum]) === 0) {
    for (let i = 0; i < 100; i++) sum(10_000);
    await setImmediate();
  }
  return sum;
}

describe.runIf(machine)('machine code', () => {
  it('is optimised from the first call on in a module that it was given back to', async () => {
    const bytes = sums();
    const module = new WebAssembly.Module(bytes);
    expect(machine!.optimised([new WebAssembly.Instance(module).exports.sum])).toBe(0);
    await optimised(module);
    const code = machine!.save(module);
    const again = machine!.load(code, bytes)!;
    const { sum } = new WebAssembly.Instance(again).exports as { sum: Sum };
    expect(machine!.optimised([sum])).toBe(1);
    expect(sum(1000)).toBe(500_500);
  });

  it('comes back while V8 is told to be frugal', async () => {
    const bytes = sums();
    const module = new WebAssembly.Module(bytes);
    await optimised(module);
    const code = machine!.save(module);
    beFrugal();
    try {
      expect(machine!.load(code, bytes)).toBeInstanceOf(WebAssembly.Module);
      expect(asByDefault(() => 1)).toBe(1);
    } finally {
      beLavish();
    }
  });

  it("is refused if it is not V8's of now", async () => {
    const bytes = sums();
    const module = new WebAssembly.Module(bytes);
    await optimised(module);
    const code = machine!.save(module).slice();
    code.fill(0, 0, 16);
    expect(machine!.load(code, bytes)).toBeUndefined();
  });
});

if (!machine) console.log(`machine code: skipped (V8 ${process.versions.v8} was not tried)`);
