/** The stack and registers that a fresh program finds. */
import { beforeEach, describe, expect, test } from 'vitest';
import { RDX, RSP } from '../../../src/isa/x86/state.ts';
import { AddressSpace } from '../../../src/memory/address-space.ts';
import type { StartUp } from '../../../src/personality/personality.ts';
import type { Process } from '../../../src/process/process.ts';
import type { Thread } from '../../../src/process/thread.ts';
import { AT, start } from '../../../syscalls/linux/abi/start-up.ts';
import { FakeCpu } from './fake-cpu.ts';

const bytes = (text: string) => new TextEncoder().encode(text);
const loaded = {
  start: 0x7000,
  entry: 0x40_1000,
  bias: 0,
  interpreterBase: 0x6000,
  phdr: { address: 0x40_0040, count: 9, size: 56 },
};

function run(argv: string[], envp: string[]) {
  const space = new AddressSpace();
  const page = space.map({ address: 0, length: 0x1_0000, prot: 3 });
  const cpu = new FakeCpu();
  cpu.set(RDX, 99);
  const environment = { random: (into: Uint8Array) => into.fill(7) };
  const credentials = { uid: 1, euid: 2, suid: 2, gid: 3, egid: 3, sgid: 3, groups: [] };
  const process = { space, credentials, kernel: { environment } } as unknown as Process;
  const thread = { cpu } as unknown as Thread;
  const what = {
    loaded: { ...loaded, stackTop: page + 0x1_0000 },
    argv: argv.map(bytes),
    envp: envp.map(bytes),
    execPath: bytes('/bin/prog'),
  } as unknown as StartUp;
  start(process, thread, what);
  return { space, cpu, process, sp: cpu.get(RSP) };
}

/** Everything on the stack, as a C library walks it. */
function walk({ space, sp }: ReturnType<typeof run>) {
  let at = sp;
  const word = () => {
    const value = space.readU64(at);
    at += 8;
    return value;
  };
  const strings = () => {
    const all: string[] = [];
    for (let p = word(); p !== 0; p = word()) all.push(space.string(p));
    return all;
  };
  const argc = word();
  const argv = strings();
  const envp = strings();
  const auxv = new Map<number, number>();
  for (let key = word(); key !== AT.NULL; key = word()) auxv.set(key, word());
  return { argc, argv, envp, auxv };
}

describe('the start-up stack', () => {
  let state: ReturnType<typeof run>;
  let found: ReturnType<typeof walk>;
  beforeEach(() => {
    state = run(['prog', 'a b', ''], ['HOME=/', 'ü=1']);
    found = walk(state);
  });

  test('holds arguments and environment', () => {
    expect(found.argc).toBe(3);
    expect(found.argv).toEqual(['prog', 'a b', '']);
    expect(found.envp).toEqual(['HOME=/', 'ü=1']);
  });

  test.each([0, 1, 2, 3, 4, 5])('is aligned to 16 bytes with %i arguments', (n) =>
    expect(
      run(
        Array.from({ length: n }, () => 'x'),
        [],
      ).sp % 16,
    ).toBe(0));

  test('tells where the program lies', () => {
    expect([AT.PHDR, AT.PHENT, AT.PHNUM, AT.BASE, AT.ENTRY].map((key) => found.auxv.get(key))).toEqual([
      0x40_0040, 56, 9, 0x6000, 0x40_1000,
    ]);
  });

  test('tells who runs it, and that identities differ', () => {
    const { auxv } = found;
    expect([AT.UID, AT.EUID, AT.GID, AT.EGID, AT.SECURE].map((key) => auxv.get(key))).toEqual([1, 2, 3, 3, 1]);
  });

  test('has sixteen random bytes, the platform and the file’s name', () => {
    const { space } = state;
    expect([...space.copyIn(found.auxv.get(AT.RANDOM)!, 16)]).toEqual(Array(16).fill(7));
    expect(space.string(found.auxv.get(AT.PLATFORM)!)).toBe('x86_64');
    expect(space.string(found.auxv.get(AT.EXECFN)!)).toBe('/bin/prog');
  });

  test('tells page size and clock ticks', () =>
    expect([found.auxv.get(AT.PAGESZ), found.auxv.get(AT.CLKTCK)]).toEqual([4096, 100]));

  test('promises no vDSO', () => expect(found.auxv.has(33)).toBe(false));

  test('is what /proc/self/auxv shows', () => {
    const { auxv } = state.process;
    expect(auxv.length).toBe((found.auxv.size + 1) * 16);
    expect(new DataView(auxv.buffer, auxv.byteOffset).getUint32(0, true)).toBe(AT.HWCAP);
  });

  test('leaves RDX zero, for static glibc takes it for an exit hook', () => expect(state.cpu.get(RDX)).toBe(0));
  test('starts at the interpreter', () => expect(state.cpu.pc).toBe(0x7000));
});
