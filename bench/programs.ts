/** What is measured: kernels of our own, and real programs found in a root directory with inputs written here. Measures nothing. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export interface Benchmark {
  name: string;
  group: 'kernels' | 'programs';
  /** Path of the program as the guest sees it. */
  program: string;
  args: string[];
  /** Arguments of a shorter run of the same: the difference of both is the steady state. */
  short?: string[];
  /** Host folder that is the guest's root; undefined: the host's own. */
  root?: string;
  /** Working directory, as the guest sees it. */
  cwd?: string;
  /** System time counts too where system calls are the point. */
  time: 'user' | 'user+system';
}

/** Every prebuilt kernel in bench/kernels; `quick`: only their short form. */
export function kernels(folder: string, quick: boolean): Benchmark[] {
  return readdirSync(folder)
    .filter((file) => file.endsWith('.c'))
    .map((file) => file.slice(0, -2))
    .filter((name) => existsSync(join(folder, name)))
    .map((name) => {
      const short = [String(shortCount(readFileSync(join(folder, `${name}.c`), 'utf8')))];
      return {
        name,
        group: 'kernels',
        program: join(folder, name),
        ...(quick ? { args: short } : { args: [], short }),
        time: name === 'syscalls' ? 'user+system' : 'user',
      };
    });
}

/** What the source says it is, or a fifth of its count. */
function shortCount(source: string): number {
  const number = (name: string) => Number(new RegExp(`^#define ${name} (\\d+)`, 'm').exec(source)?.[1]);
  return number('SHORT') || Math.ceil(number('COUNT') / 5);
}

/** The real programs that `root` has, each with an input that takes about five seconds natively, `quick`: a fifth to a twentieth of it. */
export function programs(root: string, folder: string, quick: boolean): Benchmark[] {
  const inRoot = join(root, folder);
  mkdirSync(inRoot, { recursive: true });
  const found: Benchmark[] = [];
  const add = (name: string, candidates: string[], args: string[]) => {
    const program = candidates.find((path) => existsSync(join(root, path)));
    if (program) found.push({ name, group: 'programs', program, args, root, cwd: folder, time: 'user' });
  };
  // Native runs are in a bare chroot: git wants these devices.
  for (const [name, minor] of Object.entries({ null: '3', urandom: '9' })) {
    const device = join(root, '/dev', name);
    if (!existsSync(device)) spawnSync('mknod', ['-m', '666', device, 'c', '1', minor], { stdio: 'ignore' });
  }
  for (const [name, text] of Object.entries(inputs())) writeFileSync(join(inRoot, name), text);
  /** How often the work of the quick run is done. */
  const many = (full: number) => (quick ? 1 : full);
  const repeat = (count: number, argument: string) => Array.from({ length: count }, () => argument);
  add('lua', ['/usr/bin/lua5.4', '/usr/bin/lua'], ['bench.lua', String(many(10))]);
  add('python3', ['/usr/bin/python3'], ['-S', 'bench.py', String(many(10))]);
  add('sqlite3', ['/usr/bin/sqlite3'], [':memory:', ...repeat(many(10), '.read bench.sql')]);
  add('gzip', ['/usr/bin/gzip', '/bin/gzip'], ['-9', '-c', ...repeat(3 * many(5), 'text')]);
  add('xz', ['/usr/bin/xz'], ['-4', '-T1', '-c', ...repeat(many(5), 'text-2m')]);
  // Three thousand lines take two seconds: more of the same would hide what compiling them for the first time costs.
  // The compiler proper: what the driver starts would run natively under qemu.
  const compilers = join(root, '/usr/lib/gcc/x86_64-linux-gnu');
  const versions = existsSync(compilers) ? readdirSync(compilers) : [];
  const cc1 = versions.map((version) => `/usr/lib/gcc/x86_64-linux-gnu/${version}/cc1`);
  add('gcc', cc1, ['-quiet', '-imultiarch', 'x86_64-linux-gnu', '-O2', 'bench.c', '-o', '-']);
  add(
    'jq',
    ['/usr/bin/jq'],
    ['[.[] | select(.a % 3 == 0) | .b] | group_by(.[0:2]) | map(length)', ...repeat(many(8), 'data.json')],
  );
  add('openssl', ['/usr/bin/openssl'], ['dgst', '-sha3-256', ...repeat(8 * many(6), 'binary')]);
  if (existsSync(join(root, '/usr/bin/git'))) makeRepository(root, folder, 700 * many(8));
  add('git', ['/usr/bin/git'], ['-C', 'repository', 'log', '-p', '--stat', '--no-color', '-w']);
  add('busybox sha256sum', ['/usr/bin/busybox', '/bin/busybox'], ['sha256sum', ...repeat(4 * many(20), 'text')]);
  return found;
}

/** A repository, made natively. */
function makeRepository(root: string, folder: string, commits: number): void {
  const [shell, prefix] = root === '/' ? ['/bin/sh', []] : ['chroot', [root, '/bin/sh']];
  rmSync(join(root, folder, 'repository'), { recursive: true, force: true });
  const script = `cd ${folder} && git init -q -b main repository && git -C repository fast-import --quiet`;
  const made = spawnSync(shell, [...prefix, '-c', script], {
    input: history(commits),
    encoding: 'utf8',
    env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', HOME: '/root' },
  });
  if (made.status !== 0) throw new Error(`git fast-import: ${made.stderr}`);
}

/** The repository in the words of git-fast-import(1): files of numbered lines, each commit changes some. */
function history(commits: number): string {
  let seed = 7;
  const next = () => {
    seed = (Math.imul(seed, 1103515245) + 12345) >>> 0;
    return seed >>> 16;
  };
  const files = Array.from({ length: 12 }, (_, f) => Array.from({ length: 900 }, (_, i) => `file ${f} line ${i}`));
  const data = (text: string) => `data ${text.length}\n${text}\n`;
  let stream = '';
  for (let n = 0; n < commits; n++) {
    stream += `commit refs/heads/main\ncommitter Bench <bench@example.org> ${1_700_000_000 + n * 3600} +0000\n`;
    stream += data(`change ${n}`);
    for (let k = 0; k < 4; k++) {
      const f = next() % files.length;
      for (let i = 0; i < 20; i++) files[f][next() % files[f].length] = `file ${f} changed in ${n}: ${next()}`;
      if (next() & 1) files[f].splice(next() % 800, next() % 9, `inserted in ${n}`, `and ${next()}`);
      stream += `M 100644 inline f${f}.txt\n${data(`${files[f].join('\n')}\n`)}`;
    }
  }
  return `${stream}done\n`;
}

function inputs(): Record<string, string | Uint8Array> {
  let seed = 1;
  const next = () => {
    seed = (Math.imul(seed, 1103515245) + 12345) >>> 0;
    return seed >>> 16;
  };
  const words = Array.from({ length: 3000 }, () =>
    Array.from({ length: 2 + (next() % 8) }, () => String.fromCharCode(97 + (next() % 26))).join(''),
  );
  const text: string[] = [];
  for (let size = 0; size < 16_000_000; ) {
    const word = words[Math.min(next() % 3000, next() % 3000)] + (next() % 11 ? ' ' : '\n');
    text.push(word);
    size += word.length;
  }
  const records = Array.from({ length: 150_000 }, (_, a) => ({ a, b: words[next() % 3000], c: [next(), next() / 7] }));
  const functions = Array.from({ length: 300 }, (_, i) => cFunction(i, next));
  const binary = new Uint8Array(48_000_000);
  for (let i = 0; i < binary.length; i++) binary[i] = (i * 2654435761) >>> 13;
  return {
    text: text.join(''),
    'text-2m': text.join('').slice(0, 2_000_000),
    binary,
    'data.json': JSON.stringify(records),
    'bench.c': `#include <stdio.h>\n#include <string.h>\n${functions.join('\n')}\nint main(void) { return f0(1, 2); }\n`,
    'bench.lua': LUA,
    'bench.py': PYTHON,
    'bench.sql': SQL,
  };
}

/** Ten lines of unremarkable C. */
function cFunction(i: number, next: () => number): string {
  return `struct s${i} { int a, b[${1 + (next() % 9)}]; struct s${i} *next; };
int f${i}(int x, int y) {
  int v[16] = {0}, total = ${next()};
  for (int i = 0; i < (x & 15); i++) {
    v[i] = x * ${1 + (next() % 99)} + (y >> (i & ${next() % 8}));
    if (v[i] % ${2 + (next() % 9)} == 0) total += v[(i + 3) & 15]; else total ^= v[i] << ${next() % 9};
  }
  switch (y & 7) { case 0: total += x; break; case 1: total -= y; break; case ${2 + (next() % 5)}: total *= 3; break; default: total++; }
  return total ${i ? `+ f${next() % i}(y, x - 1)` : ''};
}`;
}

const LUA = `
for round = 1, tonumber(arg[1]) do
local function fib(n) if n < 2 then return n end return fib(n - 1) + fib(n - 2) end
print(fib(32))
local t = {}
for i = 1, 300000 do t[i] = (i * 7919) % 1000003 end
table.sort(t)
local parts = {}
for i = 1, 200000 do parts[#parts + 1] = string.format("%d:%s", i, ("x"):rep(i % 7)) end
local s = table.concat(parts, ",")
local n = 0
for w in s:gmatch("%d+") do n = n + tonumber(w) end
print(n, #s:gsub("x+", "y"))
local a = {}
for i = 1, 120 do a[i] = {} for j = 1, 120 do a[i][j] = i / j end end
local sum = 0
for r = 1, 3 do for i = 1, 120 do for j = 1, 120 do local x = 0 for k = 1, 120 do x = x + a[i][k] * a[k][j] end sum = sum + x end end end
print(string.format("%.6f", sum))
end
`;

const PYTHON = `
import json, re, hashlib, sys
for _ in range(int(sys.argv[1])):
  def fib(n): return n if n < 2 else fib(n - 1) + fib(n - 2)
  print(fib(29))
  d = {}
  for i in range(300000): d["k%d" % (i * 7919 % 65536)] = i
  print(len(d), sum(d.values()))
  data = [{"id": i, "name": "n%d" % i, "v": [i / 3, i * 2, None, True]} for i in range(20000)]
  s = json.dumps(data)
  print(len(s), len(json.loads(s)))
  print(len(re.findall(r'"name": "n(\\d+)7"', s)))
  print(sorted((x * 7919) % 1000003 for x in range(300000))[1000])
  print(hashlib.sha256(s.encode() * 4).hexdigest())
  class P:
      def __init__(self, x): self.x = x
      def step(self): self.x = (self.x * 1103515245 + 12345) & 0x7fffffff; return self.x
  p = P(1)
  print(sum(p.step() for _ in range(1500000)))
  print(sum(i * i for i in range(4000000)), 3 ** 20000 % 1000007)
`;

const SQL = `
drop table if exists t;
create table t (id integer primary key, a integer, b text, c real);
with recursive n(i) as (select 1 union all select i + 1 from n where i < 300000)
insert into t select i, (i * 7919) % 10007, 'row ' || (i % 997), i / 3.0 from n;
create index ta on t (a);
select count(*), sum(a), max(b) from t where a between 100 and 5000;
select b, count(*), avg(c) from t group by b order by 2 desc, 1 limit 5;
select count(*) from t x join t y on x.a = y.a and x.id < y.id where x.id < 60000;
select sum(length(replace(b, 'row', 'line'))) from t;
update t set c = c * 2 where a % 7 = 0;
select printf('%.3f', total(c)) from t where b like '%7';
`;
