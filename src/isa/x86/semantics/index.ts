/** Every mnemonic's meaning; the compiler checks that rows and meanings match. */
import { once } from '../../../base/once.ts';
import type { Mnemonic } from '../rows/index.ts';
import { aluSemantics, type Semantics } from './alu.ts';
import { controlSemantics } from './control.ts';
import { mmxSemantics } from './mmx.ts';
import { sseFloatSemantics } from './sse-float.ts';
import { sseIntSemantics } from './sse-int.ts';
import { sseMoveSemantics } from './sse-move.ts';
import { sseStringSemantics } from './sse-string.ts';
import { x87Semantics } from './x87.ts';

export const semantics = once(
  (): Record<Mnemonic, Semantics> => ({
    ...aluSemantics(),
    ...controlSemantics(),
    ...mmxSemantics(),
    ...sseFloatSemantics(),
    ...sseIntSemantics(),
    ...sseMoveSemantics(),
    ...sseStringSemantics(),
    ...x87Semantics(),
  }),
);
