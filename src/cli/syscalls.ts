/** `hospes syscalls`: the support matrix of a system, printed from its table. */
import { table as freebsd } from '../../syscalls/freebsd/table.ts';
import { table as linux } from '../../syscalls/linux/table.ts';
import { UserError } from '../base/failures.ts';
import { writeFully } from '../host/streams.ts';
import { matrixMarkdown, matrixText, summary } from '../personality/matrix.ts';

const TABLES = { linux, freebsd } as const;
const TITLES: Readonly<Record<keyof typeof TABLES, string>> = { linux: 'Linux', freebsd: 'FreeBSD' };

export function syscalls(os: string | undefined, options: { markdown?: boolean }): void {
  const names = Object.keys(TABLES) as (keyof typeof TABLES)[];
  if (os === undefined) {
    for (const name of names) writeFully(1, `${name}: ${summary(TABLES[name])}\n`);
    return;
  }
  const name = names.find((one) => one === os.toLowerCase());
  if (!name) throw new UserError(`syscalls: no system '${os}' (there are ${names.join(', ')})`, 2);
  writeFully(1, options.markdown ? matrixMarkdown(TITLES[name], TABLES[name]) : matrixText(TABLES[name]));
}
