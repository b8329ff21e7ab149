import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { bytesAsSource } from '../../src/loader/byte-source.ts';
import { readElf } from '../../src/loader/elf.ts';
import { loadProgram } from '../../src/loader/load.ts';
import { LoadError } from '../../src/loader/load-error.ts';
import { AddressSpace } from '../../src/memory/address-space.ts';
import { formatInspection, inspect } from '../../src/tools/inspect.ts';
import { mutate } from '../../tools/elf-mutations.ts';
import { makeElf } from './elf-maker.ts';

const guests = fileURLToPath(new URL('../../guests', import.meta.url));
const corpus = [
  makeElf(),
  ...readdirSync(guests)
    .map((name) => join(guests, name, 'linux-x86-64'))
    .filter((path) => existsSync(path))
    .map((path) => new Uint8Array(readFileSync(path))),
];

/** What became of one damaged file; anything but a refusal or a loaded program is thrown on. */
function load(bytes: Uint8Array): 'refused' | 'loaded' {
  const source = bytesAsSource(bytes);
  let space: AddressSpace | undefined;
  try {
    const image = readElf(source, 'damaged');
    space = new AddressSpace();
    space.commitLimit = 1 << 30;
    loadProgram(space, { image, file: { ...source, writeAt: () => 0, mapKey: bytes }, path: 'damaged' });
    image.symbols();
    return 'loaded';
  } catch (error) {
    if (error instanceof LoadError) return 'refused';
    throw error;
  } finally {
    if (space) {
      space.zeroRuntimeArea = () => {};
      space.dispose();
    }
  }
}

test('thousands of damaged ELF files are refused or loaded, never more than that, and inspect describes each', () => {
  const outcomes = { refused: 0, loaded: 0 };
  for (let seed = 1; seed <= 3000; seed++) {
    const bytes = mutate(corpus[seed % corpus.length], seed);
    try {
      outcomes[load(bytes)]++;
      if (seed % 3 === 0) formatInspection(inspect(bytesAsSource(bytes), 'damaged'));
    } catch (error) {
      throw new Error(`damaged file of seed ${seed}`, { cause: error });
    }
  }
  expect(outcomes.refused).toBeGreaterThan(500);
  expect(outcomes.loaded).toBeGreaterThan(500);
});
