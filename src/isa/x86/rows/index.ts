/** Every row of the ISA in one list; their order is not significant. */
import { ALU_ROWS } from './alu.ts';
import { CONTROL_ROWS } from './control.ts';
import { MMX_ROWS } from './mmx.ts';
import { SSE_FLOAT_ROWS } from './sse-float.ts';
import { SSE_INT_ROWS } from './sse-int.ts';
import { SSE_MOVE_ROWS } from './sse-move.ts';
import { SSE_STRING_ROWS } from './sse-string.ts';
import { X87_ROWS } from './x87.ts';

export const ROWS = [
  ...ALU_ROWS,
  ...CONTROL_ROWS,
  ...MMX_ROWS,
  ...SSE_FLOAT_ROWS,
  ...SSE_INT_ROWS,
  ...SSE_MOVE_ROWS,
  ...SSE_STRING_ROWS,
  ...X87_ROWS,
];
/** Every mnemonic that has a row: `semantics` must have exactly these. */
export type Mnemonic = (typeof ROWS)[number]['mnemonic'];
