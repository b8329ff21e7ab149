/** Prints the support matrix of a table: what `hospes syscalls <os>` shows and syscalls/README.md is made of. */
import type { Row, Status, Table } from './define.ts';

const WORDS: Readonly<Record<Status, string>> = { full: 'yes', partial: 'partly', missing: 'no', refused: 'refused' };

export function countByStatus(table: Table): Record<Status, number> {
  const counts: Record<Status, number> = { full: 0, partial: 0, missing: 0, refused: 0 };
  for (const row of table.rows) counts[row.status]++;
  return counts;
}

/** `read(fd, buf, count)` */
export function signature(row: Row): string {
  return `${row.name}(${Object.keys(row.args).join(', ')})`;
}

export function summary(table: Table): string {
  const { full, partial, missing, refused } = countByStatus(table);
  return `${table.rows.length} calls: ${full} supported, ${partial} in part, ${refused} refused by design, ${missing} missing`;
}

function remark(row: Row): string {
  return [row.status === 'refused' ? row.error : '', row.note].filter((text) => text !== '').join(': ');
}

function sorted(table: Table): Row[] {
  const key = (row: Row) => row.numbers['x86-64'] ?? 100_000 + (row.numbers.arm64 ?? 0);
  return [...table.rows].sort((a, b) => key(a) - key(b));
}

/** Columns for a terminal. */
export function matrixText(table: Table): string {
  const lines = sorted(table).map((row) => {
    const number = String(row.numbers['x86-64'] ?? '-').padStart(4);
    const other = String(row.numbers.arm64 ?? '-').padStart(4);
    return `${number} ${other}  ${row.name.padEnd(24)} ${WORDS[row.status].padEnd(8)} ${remark(row)}`.trimEnd();
  });
  return [`${table.os}, ${summary(table)}`, '', ' x86  arm  name                     support  note', ...lines, ''].join(
    '\n',
  );
}

/** A section of markdown. */
export function matrixMarkdown(title: string, table: Table): string {
  const lines = sorted(table).map((row) => {
    const { 'x86-64': x86, arm64 } = row.numbers;
    return `| ${x86 ?? ''} | ${arm64 ?? ''} | \`${signature(row)}\` | ${WORDS[row.status]} | ${remark(row).replaceAll('|', '\\|')} |`;
  });
  return [
    `## ${title}`,
    '',
    `${summary(table)}.`,
    '',
    '| x86-64 | arm64 | call | support | note |',
    '|---|---|---|---|---|',
    ...lines,
    '',
  ].join('\n');
}
