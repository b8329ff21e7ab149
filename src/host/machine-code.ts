/** V8's machine code of a wasm module as bytes, and back: what a browser's code cache does and Node leaves to V8's own tests. */
import { createRequire } from 'node:module';
import type { MachineCode } from '../engine/engine.ts';
import { asByDefault } from './patience.ts';

/** Versions of V8 that were tried: Node 20, 22 and 24. These functions end the process where they are called in a way they do not expect. */
const TRIED = ['11.3', '12.4', '13.6'];

/** undefined where this V8 is not known to do it, and under a debugger, for which V8 takes optimised code away. */
export function machineCode(): MachineCode | undefined {
  if (!TRIED.includes(process.versions.v8.split('.', 2).join('.'))) return undefined;
  if ([...process.execArgv, process.env.NODE_OPTIONS].some((option) => option?.includes('--inspect'))) return undefined;
  return {
    optimised: (functions) => native('a.filter(f => %IsTurboFanFunction(f)).length', functions) as number,
    save: (module) => new Uint8Array(native('%SerializeWasmModule(a)', module) as ArrayBuffer),
    load(code, bytes) {
      const whole = code.byteLength === code.buffer.byteLength ? code.buffer : code.slice().buffer;
      return native('%DeserializeWasmModule(a, b)', whole, bytes) as WebAssembly.Module | undefined;
    },
  };
}

const compiled = new Map<string, (...values: readonly unknown[]) => unknown>();

/** An expression in the syntax of V8's own functions, of `a` and `b`. The syntax must be allowed for the call as well: V8 forgets a function's code that is not used for a while. */
function native(expression: string, ...values: readonly unknown[]): unknown {
  const v8: typeof import('node:v8') = createRequire(import.meta.url)('node:v8');
  return asByDefault(() => {
    v8.setFlagsFromString('--allow-natives-syntax');
    try {
      const f = compiled.get(expression) ?? (new Function('a', 'b', `return ${expression}`) as () => unknown);
      compiled.set(expression, f);
      return f(...values);
    } finally {
      v8.setFlagsFromString('--no-allow-natives-syntax');
    }
  });
}
