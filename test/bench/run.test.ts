/** tools/run.mjs: a TypeScript file runs as if it lay where its source lies, and so does each file it imports. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, test } from 'vitest';

const project = fileURLToPath(new URL('../..', import.meta.url));
mkdirSync(`${project}.cache`, { recursive: true });
const folder = mkdtempSync(`${project}.cache/own-place-`);
afterAll(() => rmSync(folder, { recursive: true }));

test('an imported file knows the place of its own source, not that of the file started', () => {
  mkdirSync(join(folder, 'inner'));
  writeFileSync(join(folder, 'inner/place.ts'), 'export const place: string = import.meta.url;\n');
  writeFileSync(
    join(folder, 'main.ts'),
    "import { place } from './inner/place.ts';\nconsole.log(import.meta.url, place);\n",
  );
  const run = [`${project}tools/run.mjs`, relative(project, join(folder, 'main.ts'))];
  const [own, imported] = execFileSync(process.execPath, run, { encoding: 'utf8', cwd: project }).trim().split(' ');
  expect(fileURLToPath(own ?? '')).toBe(join(folder, 'main.ts'));
  expect(fileURLToPath(imported ?? '')).toBe(join(folder, 'inner/place.ts'));
});
