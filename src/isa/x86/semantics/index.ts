/** Every mnemonic's meaning; the compiler checks that rows and meanings match. */
import type { Mnemonic } from '../rows/index.ts';
import { ALU, type Semantics } from './alu.ts';
import { CONTROL } from './control.ts';
import { MMX } from './mmx.ts';
import { SSE_FLOAT } from './sse-float.ts';
import { SSE_INT } from './sse-int.ts';
import { SSE_MOVE } from './sse-move.ts';
import { SSE_STRING } from './sse-string.ts';
import { X87 } from './x87.ts';

export const SEMANTICS: Record<Mnemonic, Semantics> = {
  ...ALU,
  ...CONTROL,
  ...MMX,
  ...SSE_FLOAT,
  ...SSE_INT,
  ...SSE_MOVE,
  ...SSE_STRING,
  ...X87,
};
