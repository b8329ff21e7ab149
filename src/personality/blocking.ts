/** Where a handler blocks on an open file: it tries, and where the file would block it returns a Wait for the file's queue. */
import { GuestError } from '../base/failures.ts';
import type { OpenFile } from '../kernel/open-file.ts';

/** Whether an error says that the file would block and the guest has not asked to be told so. */
export function wouldBlock(error: unknown, file: OpenFile): boolean {
  return error instanceof GuestError && error.code === 'EAGAIN' && !file.nonblocking;
}
