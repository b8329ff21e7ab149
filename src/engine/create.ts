/** The engine for a VM: which ISA, which tiers. */
import type { Without } from '../base/optimisations.ts';
import { X86Cpu } from '../isa/x86/cpu.ts';
import { timestamps } from '../isa/x86/cpuid.ts';
import { GPR } from '../isa/x86/state.ts';
import { X86 } from '../isa/x86/x86.ts';
import type { AddressSpace } from '../memory/address-space.ts';
import type { CodeSpace, Engine, EngineMode, EngineStats } from './engine.ts';
import { LockstepCodeSpace } from './lockstep.ts';
import { decodePrebuilt, type Prebuilt } from './prebuilt.ts';
import { TranslatingEngine } from './translating-engine.ts';

const tier = (mode: EngineMode, prebuilt: Prebuilt | undefined, without?: Without, count = false) =>
  new TranslatingEngine({
    mode,
    isa: X86 as never,
    createCpu: (space, state, flags) => new X86Cpu(space, state, flags),
    prebuilt,
    without,
    count,
  });

/** The engine of one VM. `prebuiltFile`: the modules made at build time, if there are any. `without`: optimisations to leave out. `count`: let generated code count for statistics. */
export function createEngine(mode: EngineMode, prebuiltFile?: Uint8Array, without?: Without, count = false): Engine {
  const prebuilt = prebuiltFile && decodePrebuilt(prebuiltFile);
  return mode === 'lockstep' ? new LockstepEngine(prebuilt, without) : tier(mode, prebuilt, without, count);
}

class LockstepEngine implements Engine {
  readonly mode = 'lockstep';
  readonly #translator: TranslatingEngine;
  readonly #interpreter: TranslatingEngine;

  constructor(prebuilt: Prebuilt | undefined, without: Without | undefined) {
    timestamps.deterministic = true;
    // The interpreter keeps exception flags from the start: so must what is compared with it.
    this.#translator = tier('translator', prebuilt, without);
    this.#translator.keepAll();
    this.#interpreter = tier('interpreter', prebuilt);
  }
  get stats(): EngineStats {
    return this.#translator.stats;
  }
  attach(space: AddressSpace): CodeSpace {
    return new LockstepCodeSpace(space, {
      translator: (s) => this.#translator.attach(s),
      interpreter: (s) => this.#interpreter.attach(s),
      registerNames: GPR,
    });
  }
}
