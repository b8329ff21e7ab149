/** Prepares a system root of real programs under .cache/programs, unpacked from packages of Debian and npm. */
import { execFileSync } from 'node:child_process';
import * as fs from 'node:fs';
import { fileURLToPath } from 'node:url';

export const PACKAGES = [
  'busybox-static',
  'bash',
  'dash',
  'coreutils',
  'findutils',
  'diffutils',
  'grep',
  'sed',
  'gawk',
  'tar',
  'gzip',
  'xz-utils',
  'bzip2',
  'zstd',
  'file',
  'bc',
  'jq',
  'lua5.4',
  'perl',
  'python3',
  'sqlite3',
  'git',
  'gcc',
  'libc6-dev',
  'tcc',
  'openssl',
  'curl',
  'musl-tools',
  'debianutils',
  'hostname',
  'redis-server',
  'redis-tools',
  'nginx-light',
  'luajit',
  'nodejs',
  'openjdk-17-jre-headless',
  'gron',
  'fzf',
  '7zip',
  'postgresql-15',
  'golang-go',
];

/** Programs from npm: the package and the file in it that goes to /usr/local/bin. */
const NPM_PROGRAMS = [
  ['@esbuild/linux-x64@0.28.0', 'bin/esbuild'],
  ['@biomejs/cli-linux-x64-musl@2.4.0', 'biome'],
] as const;
/** Packages of our own node_modules that programs get to work on, in /data/node_modules. */
const NPM_DATA = ['commander', 'fast-check', 'pure-rand'];

const quiet = { stdio: ['ignore', 'ignore', 'inherit'] as ['ignore', 'ignore', 'inherit'] };

/** The root's path; made anew when the list of packages has changed. Needs apt, dpkg and the right to use them. */
export function prepareRoot(cache: string, modules: string): string {
  const root = `${cache}/root`;
  const stamp = `${root}.stamp`;
  const wanted = [...PACKAGES, ...NPM_PROGRAMS.flat(), ...NPM_DATA].join(' ');
  if (fs.existsSync(stamp) && fs.readFileSync(stamp, 'utf8') === wanted) return root;
  fs.rmSync(root, { recursive: true, force: true });
  const archives = `${cache}/archives`;
  fs.mkdirSync(`${archives}/partial`, { recursive: true });
  // With an empty package status apt resolves every dependency, libc included, without touching the system's own.
  fs.writeFileSync(`${cache}/status`, '');
  const apt = ['-o', `Dir::State::status=${cache}/status`, '-o', `Dir::Cache::archives=${archives}`];
  const sandbox = ['-o', 'APT::Sandbox::User=root', '-o', 'Debug::NoLocking=1'];
  const only = ['install', '-y', '--no-install-recommends', '--download-only'];
  execFileSync('apt-get', [...apt, ...sandbox, ...only, ...PACKAGES], quiet);
  // A merged /usr, which the packages expect to find.
  for (const name of ['bin', 'sbin', 'lib', 'lib64']) {
    fs.mkdirSync(`${root}/usr/${name}`, { recursive: true });
    fs.symlinkSync(`usr/${name}`, `${root}/${name}`);
  }
  for (const name of fs
    .readdirSync(archives)
    .filter((one) => one.endsWith('.deb'))
    .sort()) {
    const tar = execFileSync('dpkg-deb', ['--fsys-tarfile', `${archives}/${name}`], { maxBuffer: 1 << 30 });
    // Not dpkg-deb -x, which puts directories in the place of the links made above.
    execFileSync('tar', ['-x', '-C', root, '--keep-directory-symlink', '-p'], { input: tar });
  }
  unpackFromNpm(root, archives);
  finish(root);
  addPrograms(root);
  for (const name of NPM_DATA)
    fs.cpSync(`${modules}/${name}`, `${root}/data/node_modules/${name}`, { recursive: true });
  fs.writeFileSync(stamp, wanted);
  return root;
}

/** A command that runs another natively in the root, with /proc and /dev of this system. */
export function inRoot(root: string, command: readonly string[]): readonly string[] {
  const enter = `mount -t proc proc ${root}/proc && mount --rbind /dev ${root}/dev && exec chroot ${root} "$@"`;
  return ['unshare', '-m', '/bin/sh', '-c', enter, 'sh', ...command];
}

/** Programs of our own for the languages whose compilers are too slow for every row: the one thing that runs before the comparison. */
function addPrograms(root: string): void {
  const data = fileURLToPath(new URL('data', import.meta.url));
  for (const file of ['gophers.go', 'small.jar']) fs.copyFileSync(`${data}/${file}`, `${root}/data/${file}`);
  const settings = ['PATH=/usr/bin', 'GOCACHE=/tmp/go', 'GOPATH=/tmp/go', 'CGO_ENABLED=0'];
  const build = ['go', 'build', '-o', '/usr/local/bin/gophers', '/data/gophers.go'];
  const [program, ...args] = inRoot(root, ['/usr/bin/env', '-i', ...settings, ...build]);
  execFileSync(program, args, quiet);
  fs.rmSync(`${root}/tmp/go`, { recursive: true, force: true });
}

function unpackFromNpm(root: string, archives: string): void {
  fs.mkdirSync(`${root}/usr/local/bin`, { recursive: true });
  for (const [name, file] of NPM_PROGRAMS) {
    const pack = ['pack', '--silent', '--pack-destination', archives, name];
    const archive = execFileSync('npm', pack, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] }).trim();
    const only = ['-C', `${root}/usr/local/bin`, '--transform', 's,.*/,,', `package/${file}`];
    execFileSync('tar', ['-xzf', `${archives}/${archive}`, '--no-same-owner', ...only], quiet);
  }
}

/** What the packages' own installation scripts would have done, as far as programs look at it. */
function finish(root: string): void {
  const link = (target: string, path: string) => {
    fs.rmSync(`${root}${path}`, { force: true });
    fs.symlinkSync(target, `${root}${path}`);
  };
  link('dash', '/usr/bin/sh');
  link('gawk', '/usr/bin/awk');
  for (const dir of ['/tmp', '/root', '/proc', '/dev', '/w', '/data', '/etc']) {
    fs.mkdirSync(root + dir, { recursive: true });
  }
  fs.chmodSync(`${root}/tmp`, 0o1777);
  fs.writeFileSync(
    `${root}/etc/passwd`,
    'root:x:0:0:root:/root:/bin/bash\nnobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n',
  );
  fs.writeFileSync(`${root}/etc/group`, 'root:x:0:\nnogroup:x:65534:\n');
  fs.writeFileSync(`${root}/etc/hosts`, '127.0.0.1 localhost\n');
  fs.writeFileSync(`${root}/etc/nsswitch.conf`, 'passwd: files\ngroup: files\nhosts: files\n');
  execFileSync('ldconfig', ['-r', root], quiet);
  writeData(`${root}/data`);
}

/** Input files, the same on every machine. */
function writeData(dir: string): void {
  const random = xorshift(20_260_101);
  const words = 'alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi omicron pi rho sigma'.split(
    ' ',
  );
  const line = (i: number) =>
    `${i}\t${words[random() % words.length]} ${words[random() % words.length]}\t${random() % 10_000}`;
  fs.writeFileSync(`${dir}/text`, `${Array.from({ length: 5000 }, (_, i) => line(i)).join('\n')}\n`);
  fs.writeFileSync(`${dir}/small`, `${Array.from({ length: 60 }, (_, i) => line(i)).join('\n')}\n`);
  fs.writeFileSync(
    `${dir}/numbers`,
    `${Array.from({ length: 3000 }, () => (random() % 2_000_001) - 1_000_000).join('\n')}\n`,
  );
  const big = new Uint32Array((50 << 20) / 4);
  for (let i = 0; i < big.length; i++) big[i] = i * 2_654_435_761;
  fs.writeFileSync(`${dir}/big`, new Uint8Array(big.buffer));
  fs.writeFileSync(`${dir}/medium`, new Uint8Array(big.buffer, 0, 1 << 20));
  fs.writeFileSync(
    `${dir}/data.json`,
    JSON.stringify({
      name: 'hospes',
      list: Array.from({ length: 200 }, (_, id) => ({ id, square: id * id, tag: words[id % 18] })),
    }),
  );
  for (let i = 0; i < 40; i++) {
    const folder = `${dir}/tree/d${i % 8}/e${i % 5}`;
    fs.mkdirSync(folder, { recursive: true });
    fs.writeFileSync(`${folder}/f${i}`, `${line(i)}\n`);
  }
  for (let i = 0; i < 5000; i++) {
    const folder = `${dir}/many/${i % 50}`;
    if (i < 50) fs.mkdirSync(folder, { recursive: true });
    fs.writeFileSync(`${folder}/${i}`, `file ${i}\n`);
  }
  fs.writeFileSync(`${dir}/hello.c`, HELLO_C);
  fs.writeFileSync(`${dir}/script.py`, SCRIPT_PY);
  fs.writeFileSync(`${dir}/script.sh`, SCRIPT_SH, { mode: 0o755 });
  fs.writeFileSync(`${dir}/script.pl`, SCRIPT_PL, { mode: 0o755 });
  // Equal times everywhere, so that listings are equal too.
  execFileSync('find', [dir, '-exec', 'touch', '-h', '-d', '2026-01-02 03:04:05 UTC', '{}', '+'], quiet);
}

export function xorshift(seed: number): () => number {
  let state = seed;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state >>> 0;
  };
}

const HELLO_C = `#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
static int compare(const void *a, const void *b) { return *(const int *)a - *(const int *)b; }
int main(int argc, char **argv) {
  int v[100];
  unsigned seed = 1;
  for (int i = 0; i < 100; i++) v[i] = (seed = seed * 1103515245 + 12345) >> 16 & 0x7fff;
  qsort(v, 100, sizeof *v, compare);
  double sum = 0;
  for (int i = 0; i < 100; i++) sum += v[i] / 3.0;
  printf("hello %d %d %d %.17g %s\\n", v[0], v[50], v[99], sum, argc > 1 ? argv[1] : "-");
  return 7;
}
`;

const SCRIPT_SH = `#!/bin/sh
count() { while read -r line; do n=$((n + 1)); done; echo "$n lines"; }
n=0
count < /data/small
for i in 1 2 3; do printf '%s ' "$i" | tr '123' 'abc'; done; echo
cat <<END
here $(echo document) \${HOME}
END
seq 20 | sort -rn | head -n 3 | while read x; do echo "<$x>"; done
(exit 3) || echo "status $?"
case "$0" in *.sh) echo script;; esac
`;

const SCRIPT_PL = `#!/usr/bin/perl
use strict; use warnings;
my %count;
open my $in, '<', '/data/text' or die $!;
while (<$in>) { my @f = split /\\t/; $count{$_}++ for split / /, $f[1]; }
printf "%-8s %d\\n", $_, $count{$_} for sort { $count{$b} <=> $count{$a} || $a cmp $b } keys %count;
my $text = join ',', map { sprintf '%03x', $_ * 7 } grep { $_ % 3 } 1 .. 30;
$text =~ s/(\\w)(\\w)/$2$1/g;
print "$text\\n", scalar(reverse 'palindrome'), "\\n", \`echo from a child\`;
`;

const SCRIPT_PY = `import json, re, sqlite3, hashlib, zlib, decimal, subprocess, struct, itertools, collections
data = json.load(open('/data/data.json'))
print(sum(item['square'] for item in data['list']), len(re.findall(r'\\b[a-z]+ta\\b', open('/data/text').read())))
db = sqlite3.connect(':memory:')
db.execute('create table t (id integer primary key, square integer, tag text)')
db.executemany('insert into t values (:id, :square, :tag)', data['list'])
print(db.execute('select tag, count(*), avg(square) from t group by tag order by tag').fetchall()[:4])
text = open('/data/text', 'rb').read()
print(hashlib.sha256(text).hexdigest(), hashlib.md5(text).hexdigest(), zlib.crc32(text))
print(zlib.decompress(zlib.compress(text, 6)) == text)
decimal.getcontext().prec = 40
print(decimal.Decimal(2).sqrt(), decimal.Decimal(1) / 7)
print(subprocess.run(['echo', 'from', 'a child'], capture_output=True, text=True).stdout.strip())
print(struct.pack('<IdH', 1, 0.1, 65535).hex(), 2 ** 200, float('0.1') + 0.2, 10 ** 25 // 7)
print(collections.Counter(itertools.chain(*('banana', 'bandana'))).most_common())
`;
