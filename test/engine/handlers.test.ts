/** Every form of every row gives a valid handler and a valid region. */
import { describe, expect, it } from 'vitest';
import { handlerModule } from '../../src/engine/interpreter/handlers.ts';
import { specimens } from '../../src/isa/x86/specimens.ts';
import { X86 } from '../../src/isa/x86/x86.ts';

const invalid = (bytes: Uint8Array): string | undefined => {
  try {
    new WebAssembly.Module(bytes as never);
    return undefined;
  } catch (e) {
    return String(e);
  }
};

describe('interpreter handlers', () => {
  it('are valid wasm for every form of every row', () => {
    const wrong = specimens().flatMap((instruction) => {
      const error = invalid(handlerModule(X86 as never, 1, [{ key: instruction.shape, instruction }]));
      return error ? [`${instruction.row.opcode} ${instruction.mnemonic} ${instruction.operandSize}: ${error}`] : [];
    });
    expect(wrong).toEqual([]);
  });
});
