/** syscalls/README.md is printed from the tables: `npx vitest run test/syscalls/readme.test.ts -u` writes it anew. */
import { expect, test } from 'vitest';
import { matrixMarkdown } from '../../src/personality/matrix.ts';
import { table as freebsd } from '../../syscalls/freebsd/table.ts';
import { table as linux } from '../../syscalls/linux/table.ts';

const HEAD = `<!-- Printed from the call tables by test/syscalls/readme.test.ts; do not edit: run that test with -u. -->
# Supported system calls

Every call that a system has stands here, also those that are missing (they answer ENOSYS, and \`hospes run --stats\` counts
and names them) and those refused by design. The tables are \`linux/table.ts\` and \`freebsd/table.ts\`.
`;

test('the support matrix says what the tables say', async () => {
  const text = [HEAD, matrixMarkdown('Linux', linux), matrixMarkdown('FreeBSD', freebsd)].join('\n');
  await expect(text).toMatchFileSnapshot('../../syscalls/README.md');
});
