/** Why a file cannot be run: one line for the user, and the errno that execve gives a guest. */
import { UserError } from '../base/failures.ts';

export class LoadError extends UserError {
  override name = 'LoadError';
  /** Symbolic errno of execve: 'ENOEXEC', 'ELIBBAD', 'ENOMEM', … */
  readonly errno: string;
  constructor(message: string, errno = 'ENOEXEC') {
    super(message, 126);
    this.errno = errno;
  }
}

export const hex = (n: number | bigint) => `0x${n.toString(16)}`;
