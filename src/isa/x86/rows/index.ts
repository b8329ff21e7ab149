/** Every row of the ISA in one list; their order is not significant. */
import { ALU_ROWS } from './alu.ts';
import { CONTROL_ROWS } from './control.ts';
import { X87_ROWS } from './x87.ts';

export const ROWS = [...ALU_ROWS, ...CONTROL_ROWS, ...X87_ROWS];
/** Every mnemonic that has a row: `SEMANTICS` must have exactly these. */
export type Mnemonic = (typeof ROWS)[number]['mnemonic'];
