/** A machine for tests of the engine: code and other pages in an address space, an engine over it, one thread where the code begins. */
import type { WasmCodeSpace } from '../../src/engine/code-space.ts';
import { type EngineOptions, TranslatingEngine } from '../../src/engine/translating-engine.ts';
import { X86Cpu } from '../../src/isa/x86/cpu.ts';
import { X86 } from '../../src/isa/x86/x86.ts';
import { AddressSpace } from '../../src/memory/address-space.ts';

export const CODE = 0x40_0000;

/** The code may be written; further pages hold data unless `prot` says otherwise. */
export function machine(
  options: Omit<EngineOptions, 'isa' | 'createCpu'>,
  code: readonly number[],
  pages: readonly { address: number; length: number; prot?: number }[] = [],
) {
  const engine = new TranslatingEngine({
    ...options,
    isa: X86 as never,
    createCpu: (space, state, flags) => new X86Cpu(space, state, flags),
  });
  const space = new AddressSpace();
  for (const page of [{ address: CODE, length: 8192, prot: 7 }, ...pages]) space.map({ prot: 3, ...page, fixed: true });
  space.copyOut(CODE, Uint8Array.from(code));
  const codeSpace = engine.attach(space) as WasmCodeSpace;
  const cpu = codeSpace.createCpu();
  cpu.pc = CODE;
  return { engine, space, codeSpace, cpu };
}
