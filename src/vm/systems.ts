/** The operating systems that a VM has personalities for, with their tables: for the support matrix and for naming calls. */
import { table as freebsd } from '../../syscalls/freebsd/table.ts';
import { table as linux } from '../../syscalls/linux/table.ts';
import { UserError } from '../base/failures.ts';
import type { Row, Table } from '../personality/define.ts';
import { matrixMarkdown, matrixText, summary } from '../personality/matrix.ts';

const SYSTEMS: Readonly<Record<string, { title: string; table: Table }>> = {
  linux: { title: 'Linux', table: linux },
  freebsd: { title: 'FreeBSD', table: freebsd },
};

export const systems = (): string[] => Object.keys(SYSTEMS);

/** Every call of a system with how far it is supported. */
export function supportMatrix(os: string, form: 'text' | 'markdown'): string {
  const system = SYSTEMS[os.toLowerCase()];
  if (!system) throw new UserError(`syscalls: no system '${os}' (there are ${systems().join(', ')})`, 2);
  return form === 'markdown' ? matrixMarkdown(system.title, system.table) : matrixText(system.table);
}

/** How many calls are supported, in one line. */
export const supportSummary = (os: string): string => summary(SYSTEMS[os].table);

/** Rows by call number, made when first asked for. */
export function callsByNumber(): (os: string, number: number) => Row | undefined {
  const index = new Map<string, (Row | undefined)[]>();
  return (os, number) => {
    let rows = index.get(os);
    if (!rows) {
      rows = SYSTEMS[os]?.table.byNumber('x86-64') ?? [];
      index.set(os, rows);
    }
    return rows[number];
  };
}
