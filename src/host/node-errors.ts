/** Errors of node:fs as guest errors: the symbolic code is the same word. */
import { GuestError } from '../base/failures.ts';

/** Codes that Node makes up itself, in the words of a kernel. */
const OWN: Record<string, string> = {
  ERR_OUT_OF_RANGE: 'EINVAL',
  ERR_INVALID_ARG_VALUE: 'EINVAL',
  ERR_FS_FILE_TOO_LARGE: 'EFBIG',
  ERR_FS_EISDIR: 'EISDIR',
  ENOTSUP: 'EOPNOTSUPP',
};

/** Throws what a failed node:fs call means to a guest; anything that is no system error is thrown on as it is. */
export function asGuestError(error: unknown): never {
  const code = (error as { code?: unknown } | null)?.code;
  if (typeof code !== 'string') throw error;
  const own = OWN[code];
  if (own !== undefined) throw new GuestError(own);
  if (!/^E[A-Z0-9]+$/.test(code)) throw error;
  throw new GuestError(code);
}
