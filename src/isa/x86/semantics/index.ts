/** Every mnemonic's meaning; the compiler checks that rows and meanings match. */
import type { Mnemonic } from '../rows/index.ts';
import { ALU, type Semantics } from './alu.ts';
import { CONTROL } from './control.ts';
import { X87 } from './x87.ts';

export const SEMANTICS: Record<Mnemonic, Semantics> = { ...ALU, ...CONTROL, ...X87 };
