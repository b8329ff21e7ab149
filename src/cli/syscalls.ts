/** `hospes syscalls`: prints how far the calls of a system are supported. */
import { writeFully } from '../host/streams.ts';
import { supportMatrix, supportSummary, systems } from '../vm/systems.ts';

export function syscalls(os: string | undefined, options: { markdown?: boolean }): void {
  if (os === undefined) for (const name of systems()) writeFully(1, `${name}: ${supportSummary(name)}\n`);
  else writeFully(1, supportMatrix(os, options.markdown ? 'markdown' : 'text'));
}
