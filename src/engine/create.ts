/** The engine for a VM: which ISA, which tiers. */
import { X86Cpu } from '../isa/x86/cpu.ts';
import { timestamps } from '../isa/x86/cpuid.ts';
import { GPR } from '../isa/x86/state.ts';
import { X86 } from '../isa/x86/x86.ts';
import type { AddressSpace } from '../memory/address-space.ts';
import type { CodeSpace, Engine, EngineMode, EngineStats } from './engine.ts';
import { LockstepCodeSpace } from './lockstep.ts';
import { TranslatingEngine } from './translating-engine.ts';

const tier = (mode: EngineMode) =>
  new TranslatingEngine({ mode, isa: X86, createCpu: (space, state, flags) => new X86Cpu(space, state, flags) });

/** The engine of one VM. */
export function createEngine(mode: EngineMode): Engine {
  return mode === 'lockstep' ? new LockstepEngine() : tier(mode);
}

class LockstepEngine implements Engine {
  readonly mode = 'lockstep';
  readonly #translator = tier('translator');
  readonly #interpreter = tier('interpreter');

  constructor() {
    timestamps.deterministic = true;
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
