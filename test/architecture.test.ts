/** Reads the imports of the whole tree and enforces the arrows and absences that ARCHITECTURE.md states. */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';

const root = fileURLToPath(new URL('..', import.meta.url));

/** Each part of the tree and the parts whose modules it may import; everything may import itself and base. */
const ARROWS: Record<string, readonly string[]> = {
  base: [],
  ir: [],
  isa: ['ir', 'memory/layout', 'engine contract'],
  memory: [],
  loader: ['memory'],
  engine: ['isa', 'ir', 'memory'],
  'host contract': [],
  host: ['host contract', 'kernel'],
  kernel: ['host contract', 'memory', 'engine contract', 'process contract', 'personality contract'],
  personality: ['kernel', 'memory', 'host contract', 'engine contract', 'loader', 'process'],
  process: ['engine contract', 'personality contract', 'kernel', 'loader', 'memory', 'host contract'],
  syscalls: [
    'personality',
    'personality contract',
    'kernel',
    'memory',
    'loader',
    'process',
    'host contract',
    'engine contract',
    'isa',
  ],
  tools: [
    'personality',
    'personality contract',
    'kernel',
    'memory',
    'loader',
    'process',
    'process contract',
    'engine',
    'engine contract',
    'isa',
    'syscalls',
  ],
  vm: [
    'loader',
    'syscalls',
    'process',
    'process contract',
    'host',
    'host contract',
    'tools',
    'engine',
    'engine contract',
    'isa',
    'kernel',
    'memory',
    'personality',
    'personality contract',
  ],
  library: ['vm', 'host contract', 'engine contract'],
  cli: ['vm', 'library', 'tools', 'host', 'loader'],
};

/** Files that only say what an area promises; the area's insides import them, and so may those who must not see the insides. */
const CONTRACTS: Record<string, string> = {
  'src/host/host.ts': 'host contract',
  'src/host/host-stream.ts': 'host contract',
  'src/host/host-network.ts': 'host contract',
  'src/host/host-terminal.ts': 'host contract',
  'src/engine/engine.ts': 'engine contract',
  'src/engine/exits.ts': 'engine contract',
  'src/personality/personality.ts': 'personality contract',
  'src/memory/runtime-area.ts': 'memory/layout',
  'src/memory/page-map.ts': 'memory/layout',
  'src/vm.ts': 'vm',
  'src/index.ts': 'library',
};

interface Import {
  file: string;
  target: string;
  typeOnly: boolean;
}

const files = [...walk('src'), ...walk('syscalls')].filter((file) => file.endsWith('.ts'));
const imports = files.flatMap(importsOf);

function* walk(folder: string): Generator<string> {
  for (const entry of readdirSync(join(root, folder), { withFileTypes: true })) {
    const path = `${folder}/${entry.name}`;
    if (entry.isDirectory()) yield* walk(path);
    else yield path;
  }
}

function read(file: string): string {
  return readFileSync(join(root, file), 'utf8');
}

function importsOf(file: string): Import[] {
  const found: Import[] = [];
  const pattern = /^\s*(?:import|export)\s+(type\s)?(?:[^'";]*?\sfrom\s+)?'([^']+)'|\bimport\('([^']+)'\)/gm;
  for (const match of read(file).matchAll(pattern)) {
    const specifier = match[2] ?? match[3];
    const target = specifier.startsWith('.') ? relative(root, join(root, dirname(file), specifier)) : specifier;
    found.push({ file, target, typeOnly: match[1] !== undefined });
  }
  return found;
}

function partOf(file: string): string {
  if (CONTRACTS[file]) return CONTRACTS[file];
  const [top, second] = file.split('/');
  return top === 'src' ? second : top;
}

function allowed(from: string, to: string): boolean {
  const area = (part: string) => part.replace(/ contract$/, '').replace(/\/layout$/, '');
  if (from === to || area(from) === area(to) || to === 'base') return true;
  const arrows = ARROWS[area(from)] ?? [];
  return arrows.includes(to) || (to.endsWith('layout') && arrows.includes('memory'));
}

/** Types describe what an object is handed; only values make one part need another at run time. */
const values = imports.filter((one) => !one.typeOnly);
const shown = (one: Import) => `${one.file} → ${one.target}`;

describe('architecture', () => {
  test('every file belongs to a part of the map', () => {
    expect(files.filter((file) => !(partOf(file).replace(/ contract$|\/layout$/, '') in ARROWS))).toEqual([]);
  });

  test('imports follow the arrows', () => {
    const local = values.filter((one) => /^(src|syscalls)\//.test(one.target));
    expect(local.filter((one) => !allowed(partOf(one.file), partOf(one.target))).map(shown)).toEqual([]);
  });

  test('only cli and host import node: modules', () => {
    const node = imports.filter((one) => one.target.startsWith('node:') && !/^src\/(cli|host)\//.test(one.file));
    expect(node.map(shown)).toEqual([]);
  });

  test('packages are imported by cli and host alone', () => {
    const packages = values.filter((one) => !/^(src|syscalls)\/|^node:/.test(one.target));
    expect(packages.filter((one) => !/^src\/(cli|host)\//.test(one.file)).map(shown)).toEqual([]);
  });

  test('only the scheduler awaits on the run path', () => {
    const runPath = files.filter((file) =>
      /^src\/(base|engine|ir|isa|memory|loader|kernel|personality|process)\/|^syscalls\//.test(file),
    );
    const awaiting = runPath.filter((file) => file !== 'src/process/scheduler.ts' && /\bawait\b/.test(code(file)));
    expect(awaiting).toEqual([]);
  });

  test('engine, ir and isa never mention an operating system', () => {
    const cpuSide = files.filter((file) => /^src\/(engine|ir|isa)\//.test(file));
    expect(cpuSide.filter((file) => /\b(linux|freebsd|netbsd|openbsd|windows|darwin)\b/i.test(code(file)))).toEqual([]);
  });

  test('kernel and process never import a personality table', () => {
    const sides = imports.filter((one) => /^src\/(kernel|process|personality)\//.test(one.file));
    expect(sides.filter((one) => one.target.startsWith('syscalls/')).map(shown)).toEqual([]);
  });

  test('one personality never imports another', () => {
    const os = (path: string) => path.split('/')[1];
    const crossing = values.filter((one) => one.file.startsWith('syscalls/') && one.target.startsWith('syscalls/'));
    expect(crossing.filter((one) => os(one.file) !== os(one.target)).map(shown)).toEqual([]);
  });

  test('every file opens with a sentence that says what it is', () => {
    expect(files.filter((file) => file.endsWith('.ts') && !/^(#!.*\n)?\/\*\*/.test(read(file)))).toEqual([]);
  });
});

/** A file's text without comments and strings. */
function code(file: string): string {
  return read(file)
    .replace(/\/\*[\s\S]*?\*\//g, '')
    .replace(/\/\/.*$/gm, '')
    .replace(/'(?:[^'\\\n]|\\.)*'/g, "''");
}
