/** Translations on disk: what was written comes back whole, or nothing does. */
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { translationStore } from '../../src/host/translation-store.ts';

let folder: string;
beforeEach(() => {
  folder = fs.mkdtempSync(join(tmpdir(), 'hospes-store-'));
});
afterEach(() => fs.rmSync(folder, { recursive: true, force: true }));

const place = () => join(folder, 'translations');
const program = (path: string) => ({ root: '/', cwd: '/bin', path });
const store = (path = 'one', build = 'build 1') => translationStore(place(), program(path), build)!;
const bytes = (...values: number[]) => Uint8Array.from(values);
const PARTS = [bytes(1, 2, 3), bytes(), bytes(4, 5)];
const write = (path?: string) => store(path).write(PARTS.map((part) => () => part));
const parts = (one = store()) => {
  const found = [0, 1, 2, 3].map((i) => one.read(i)).map((part) => part && [...part]);
  one.close();
  return found;
};
const ALL = [[1, 2, 3], [], [4, 5], undefined];
const NONE = [undefined, undefined, undefined, undefined];
const file = () => join(place(), fs.readdirSync(place())[0]);

describe('translation store', () => {
  it('gives back the parts that were written', () => {
    expect(parts()).toEqual(NONE);
    write();
    expect(parts()).toEqual(ALL);
  });

  it("has nothing for another program, nor for another version's", () => {
    write();
    expect(parts(store('two'))).toEqual(NONE);
    expect(parts(store('one', 'build 2'))).toEqual(NONE);
    expect(parts(translationStore(place(), { cwd: '/', path: '/bin/one' }, 'build 1'))).toEqual(NONE);
    expect(parts(store('/bin/../bin/one'))).toEqual(ALL);
  });

  it('is nowhere when running from sources, which may change', () => {
    expect(translationStore(place(), program('one'))).toBeUndefined();
  });

  it('is for its user alone', () => {
    write();
    expect(fs.statSync(place()).mode & 0o777).toBe(0o700);
    expect(fs.statSync(file()).mode & 0o777).toBe(0o600);
  });

  it.runIf(process.getuid)('is not used where others may write: what lies there is run', () => {
    write();
    fs.chmodSync(place(), 0o770);
    expect(parts()).toEqual(NONE);
    write('two');
    expect(fs.readdirSync(place())).toHaveLength(1);
  });

  it('takes a damaged part for none, and a damaged head for no file', () => {
    write();
    const whole = fs.readFileSync(file());
    for (let at = 0; at < whole.length; at++) {
      const damaged = Buffer.from(whole);
      damaged[at] ^= 0x41;
      fs.writeFileSync(file(), damaged);
      const found = parts();
      const last = whole.length - at;
      if (last <= 2) expect(found).toEqual([[1, 2, 3], [], undefined, undefined]);
      else if (last <= 5) expect(found).toEqual([undefined, [], [4, 5], undefined]);
      else expect(found, `byte ${at}`).toEqual(NONE);
    }
  });

  it('takes a file that was cut short for none, or for what is left', () => {
    write();
    const whole = fs.readFileSync(file());
    for (let size = 0; size < whole.length; size++) {
      fs.writeFileSync(file(), whole.subarray(0, size));
      expect(parts()[2]).toBeUndefined();
    }
  });

  it('is silent where it cannot write', () => {
    fs.writeFileSync(place(), 'a file is in the way');
    write();
    expect(parts()).toEqual(NONE);
  });

  it('leaves what was there when a part cannot be made', () => {
    write();
    store().write([
      () => {
        throw new Error('no');
      },
    ]);
    expect(parts()).toEqual(ALL);
    expect(fs.readdirSync(place())).toHaveLength(1);
  });
});
