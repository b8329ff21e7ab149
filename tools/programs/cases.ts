/** The table of real programs: each row is a command line run natively and under Hospes and compared; how is main.ts's business. */
import { PROCESSES } from './process-cases.ts';

export interface Case {
  name: string;
  /** Program and arguments, as the root names them. */
  run: readonly string[];
  /** Given on standard input. */
  stdin?: string | undefined;
  /** Writes into its working directory: its files are compared too (names, sizes, contents). */
  writes?: boolean;
  /** Compare standard error as well. */
  stderr?: boolean;
  /** Follows the order of directories on disk: lines are compared sorted. */
  unordered?: boolean;
  /** Takes long: only in the first mode. */
  slow?: boolean;
  /** Applied to both outputs before comparing: what rightly differs from run to run. */
  normalise?: (text: string) => string;
}

type Options = Omit<Case, 'name' | 'run'>;

/** Words of a command line; quotes hold spaces together. */
function words(line: string): string[] {
  return [...line.matchAll(/'([^']*)'|"([^"]*)"|(\S+)/g)].map((match) => match[1] ?? match[2] ?? match[3]);
}

function row(line: string, options: Options = {}): Case {
  return { name: line.length > 70 ? `${line.slice(0, 67)}...` : line, run: words(line), ...options };
}

function script(shell: string, text: string, options: Options = {}): Case {
  const title = text.trim().replace(/\s+/g, ' ');
  return { name: `${shell} -c '${title.slice(0, 50)}'`, run: [...shell.split(' '), '-c', text], ...options };
}

/** Applets that the issue wants sixty of. */
const BUSYBOX: readonly (string | [string, Options])[] = [
  'true',
  'false',
  'echo hello  world',
  "printf '%05d %s %x\\n' 42 text 255",
  'cat /data/small',
  'head -n 3 /data/text',
  'tail -n 4 /data/text',
  'wc /data/text',
  'sort -k2 /data/small',
  'sort -n /data/numbers',
  'uniq -c /data/small',
  'cut -f2 /data/small',
  'tr a-z A-Z',
  'rev /data/small',
  'nl /data/small',
  'fold -w 20 /data/small',
  'tac /data/small',
  'expand /data/small',
  'unexpand -a /data/small',
  'od -c /data/small',
  'hexdump -C /data/small',
  'xxd /data/small',
  'md5sum /data/text',
  'sha1sum /data/text',
  'sha256sum /data/text',
  'sha512sum /data/text',
  'sha3sum /data/text',
  'cksum /data/text',
  'sum /data/text',
  'crc32 /data/text',
  'base64 /data/small',
  'uuencode x',
  'seq 1 3 30',
  'factor 1234567890 97',
  'expr 6 * 7',
  'basename /a/b/c.txt .txt',
  'dirname /a/b/c.txt',
  'realpath /data/../data/text',
  'readlink -f /bin/sh',
  'pwd',
  'ls -l /data',
  'ls -laR /data/tree',
  'find /data/tree -type f -name f1*',
  'stat -c %n:%s:%a /data/text',
  'du -s /data/tree',
  'test -d /data',
  'test -f /data',
  'grep -n alpha /data/small',
  'grep -c zeta /data/text',
  'grep -E ^[0-9]+.*pi /data/small',
  'sed -n s/alpha/ALPHA/gp /data/small',
  "sed '1,5d;s/\\t/|/g' /data/small",
  "awk '{ s += $NF } END { print s, NR }' /data/text",
  'awk \'BEGIN { for (i = 0; i < 5; i++) printf "%d %.6f\\n", i, sqrt(i) }\'',
  'cmp /data/text /data/text',
  'diff /data/small /data/text',
  'comm /data/small /data/small',
  'paste /data/small /data/small',
  'split -l 10 /data/small',
  'tee copy',
  'cp /data/small copy',
  'mkdir -p a/b/c',
  'touch new',
  'ln -s /data/small link',
  'install -m 600 /data/small x',
  'dd if=/data/medium of=out bs=4096 count=20',
  'gzip -c /data/text',
  'bzip2 -c /data/text',
  'lzop -c /data/small',
  'tar cf out.tar -C /data tree',
  'cpio -o -H newc',
  'ar -t /usr/lib/x86_64-linux-gnu/libm.a',
  'env',
  'printenv HOME',
  'id',
  'whoami',
  'uname -s',
  'uname -m',
  'nproc --help',
  'date -u -d @86400',
  'cal 1 2026',
  'sleep 0',
  'usleep 10',
  'timeout 5 true',
  'xargs -n 2 echo',
  'yes --help',
  'which sh',
  'strings /bin/true',
  'bc',
  'dc -e 2p',
  'tsort',
  'shuf -e one',
  'ipcalc -n 10.1.2.3/24',
  'mktemp -u --help',
  'getopt ab: -a -b x y',
  'run-parts --test /data/tree',
  'uudecode --help',
];

const STDIN: Readonly<Record<string, string>> = {
  tr: 'Some Text\nsecond line\n',
  uuencode: 'encode me\n',
  tee: 'both\nplaces\n',
  cpio: '/data/small\n',
  xargs: 'a b c d e\n',
  bc: '2 + 3 * 4\nscale = 20\n1 / 7\n',
  tsort: 'a b\nb c\na c\n',
};

const WRITES = new Set(['split', 'tee', 'cp', 'mkdir', 'touch', 'ln', 'install', 'dd', 'tar']);

function busybox(): Case[] {
  return BUSYBOX.map((one) => {
    const line = typeof one === 'string' ? one : one[0];
    const applet = line.split(' ')[0];
    const options: Options = { stdin: STDIN[applet], writes: WRITES.has(applet), unordered: applet === 'find' };
    // An archive's members follow the directory's order as well, and name the device.
    if (applet === 'tar' || applet === 'cpio') options.normalise = () => '';
    return row(`/bin/busybox ${line}`, typeof one === 'string' ? options : { ...options, ...one[1] });
  });
}

const SHELL_SCRIPTS = [
  'echo one | tr a-z A-Z; echo "$((7 * 6))"; x=$(printf abc); echo "[$x]"',
  'for f in /data/tree/d1/e*; do echo "$f"; done | sort | tail -n 2',
  'cat <<E\nline $((1 + 1))\n$(echo nested $(echo twice))\nE\n',
  'f() { local v=$1; [ "$v" -gt 0 ] && { echo "$v"; f $((v - 1)); }; }; f 5',
  'trap "echo bye" EXIT; (exit 4); echo $?; sh -c "kill -TERM \\$\\$"; echo $?',
  'set -- a b c; while [ $# -gt 0 ]; do echo "$# $1"; shift; done; exit 9',
  'echo out; echo err >&2; echo both 2>&1 >/dev/null; exec 3>f; echo three >&3; exec 3>&-; cat f',
  'i=0; while [ $i -lt 300 ]; do i=$((i + 1)); done; echo $i; seq 100 | grep 7 | wc -l',
  '(sleep 0; echo child) & wait; echo parent; echo a b | { read x y; echo "$y $x"; }',
  '/data/script.sh',
];

/** Whole-system programs beyond busybox. */
const PROGRAMS: readonly Case[] = [
  ...SHELL_SCRIPTS.flatMap((text) => ['/bin/dash', '/bin/bash', '/bin/busybox sh'].map((shell) => script(shell, text))),
  script(
    '/bin/bash',
    'a=(3 1 2); echo ${a[@]} ${#a[@]}; declare -A m=([k]=v); echo ${m[k]}; [[ abc =~ b(.) ]] && echo ${BASH_REMATCH[1]}',
  ),
  script(
    '/bin/bash',
    'diff <(seq 5) <(seq 2 6); printf "%s\\n" {a..e}; echo $((2**40)) ${HOME/root/r}; mapfile -t l < /data/small; echo ${#l[@]}',
  ),
  row('/bin/ls -la /data', { normalise: (t) => t.replace(/^total .*/, '') }),
  row('/bin/ls -laR /data/tree'),
  row('/bin/ls /nonexistent', { stderr: true }),
  row('/usr/bin/sort -k2,2 -k3n /data/text'),
  row('/usr/bin/sort -n -r /data/numbers'),
  row('/usr/bin/sort -u --parallel=2 /data/text'),
  row('/usr/bin/sha256sum /data/big', { slow: true }),
  row('/usr/bin/sha256sum /data/medium'),
  row('/usr/bin/md5sum /data/medium'),
  row('/usr/bin/b2sum /data/medium'),
  row('/usr/bin/find /data/tree -type f -size -2 -printf %p:%s\\n', { unordered: true }),
  row('/usr/bin/find /data/tree -name f3* -exec cat {} +', { unordered: true }),
  row('/usr/bin/xargs -n 3 echo', { stdin: 'a b c d e f g\n' }),
  row('/usr/bin/xargs -P 2 -n 50 echo', { stdin: '1 2 3\n' }),
  row('/usr/bin/wc -lwc /data/text'),
  row('/usr/bin/cut -d: -f1,7 /etc/passwd'),
  row('/usr/bin/tr -s a-z x', { stdin: 'aabbcc\n' }),
  row('/usr/bin/od -A x -t x1z /data/small'),
  row('/usr/bin/seq -f %.3f 1 0.5 4'),
  row('/usr/bin/numfmt --to=iec 1234567 1e9'),
  row('/usr/bin/date -u -d @1700000000 +%FT%TZ'),
  row('/usr/bin/join /data/small /data/small'),
  row('/usr/bin/pr -l 20 /data/small', { normalise: (t) => t.replace(/^\d{4}-.*$/gm, '') }),
  row('/usr/bin/stat -c %F:%s:%A /data/text'),
  row('/usr/bin/df --version'),
  row('/usr/bin/id'),
  row('/usr/bin/env'),
  row('/usr/bin/factor 18446744073709551557'),
  row('/usr/bin/expr length hospes'),
  row('/usr/bin/basenc --base32 /data/small'),
  row('/usr/bin/timeout 0.1 sleep 5'),
  row('/usr/bin/nice -n 5 nice'),
  row('/bin/cp -a /data/tree .', { writes: true }),
  row('/bin/mkdir -m 750 x', { writes: true }),
  row('/usr/bin/split -n 4 /data/text', { writes: true }),
  row('/usr/bin/install -D -m 640 /data/small a/b/c', { writes: true }),
  row('/bin/dd if=/data/medium of=o bs=1000 skip=3 seek=2 count=7', { writes: true }),
  row('/usr/bin/truncate -s 12345 hole', { writes: true }),
  row('/usr/bin/shuf --random-source=/data/text -n 5 /data/small'),
  row('/bin/grep -rn alpha /data/tree', { unordered: true }),
  row('/bin/grep -oE [a-z]+ta /data/small'),
  row('/bin/grep -P (?<=a)l /data/small'),
  row('/bin/grep -c . /data/text'),
  row('/bin/sed -E s/([a-z]+)\\s([a-z]+)/\\2-\\1/ /data/small'),
  row('/bin/sed -i s/x/y/ absent', { stderr: true }),
  row("/bin/sed -n '$!N;P;D' /data/small"),
  row('/usr/bin/gawk \'{ n[$2]++ } END { for (k in n) print k, n[k] | "sort" }\' /data/text'),
  row('/usr/bin/gawk \'BEGIN { printf "%.10g %s\\n", exp(1), strftime("%Y", 0, 1) }\''),
  row('/bin/tar cf t.tar -C /data tree', { writes: true, normalise: () => '' }),
  row('/bin/tar czf - -C /data --sort=name tree small'),
  script(
    '/bin/sh',
    'tar cf m.tar -C /data many && tar xf m.tar && find many -type f | wc -l && tar tf m.tar | sort | sha256sum',
    { writes: false },
  ),
  row('/bin/gzip -9nc /data/text'),
  script('/bin/sh', 'gzip -c /data/text | gzip -dc | cmp - /data/text && echo same'),
  row('/usr/bin/xz -c /data/text'),
  script('/bin/sh', 'xz -9c /data/text | xz -dc | sha256sum'),
  row('/bin/bzip2 -c /data/text'),
  script('/bin/sh', 'zstd -qc /data/text | zstd -dqc | sha256sum; zstd -19 -qc /data/small | sha256sum'),
  row('/usr/bin/file /bin/bash /data/text /data/script.sh /data/data.json /bin /data/hello.c'),
  row('/usr/bin/bc -l', { stdin: 'scale=60\n4*a(1)\n2^300\nfor(i=0;i<5;i++) i^i\n' }),
  row(
    "/usr/bin/jq '[.list[] | select(.square % 3 == 0) | {id, tag}] | group_by(.tag) | map({tag: .[0].tag, n: length})' /data/data.json",
  ),
  row(
    '/usr/bin/lua5.4 -e "local t = {} for i = 1, 2000 do t[i] = (i * 7919) % 1009 end table.sort(t) print(t[1], t[1000], #t, string.format([[%.14g]], math.pi), (2^53)|0)"',
  ),
  row(
    '/usr/bin/perl -e "print join(q(,), map { $_ ** 2 } 1 .. 20), qq(\\n); printf qq(%.15g %s\\n), atan2(1, 1) * 4, uc q(perl)"',
  ),
  row('/data/script.pl'),
  row(
    '/usr/bin/perl -MPOSIX -MDigest::SHA=sha256_hex -MTime::Local -e "print floor(-2.5), sha256_hex(q(x)), timegm(0,0,0,1,0,100)"',
  ),
  row('/usr/bin/python3 -c pass'),
  row('/usr/bin/python3 /data/script.py'),
  row('/usr/bin/python3 -c "import sys; print(sys.version_info[:2], sys.byteorder); sys.exit(5)"'),
  row(
    '/usr/bin/python3 -c "import threading, queue; q = queue.Queue(); ts = [threading.Thread(target=q.put, args=(i * i,)) for i in range(8)]; [t.start() for t in ts]; [t.join() for t in ts]; print(sorted(q.queue))"',
  ),
  row(
    "/usr/bin/python3 -c \"import socket, threading; s = socket.socketpair(); s[0].sendall(b'ping'); print(s[1].recv(9)); import multiprocessing; print(int.from_bytes(b'ab', 'big'))\"",
  ),
  row('/usr/bin/python3 -c "raise SystemExit(\'to stderr\')"', { stderr: true }),
  row('/usr/bin/python3 -c "1/0"', { stderr: true }),
  row('/usr/bin/sqlite3 x.db', {
    stdin:
      "create table t(a integer primary key, b text);\nwith recursive c(x) as (select 1 union all select x + 1 from c where x < 100000) insert into t select x, 'row ' || (x * 7919 % 1000003) from c;\ncreate index i on t(b);\nselect count(*), sum(a), min(b), max(b) from t;\nselect b, count(*) from t where b like 'row 99%' group by b order by b limit 5;\npragma integrity_check;\n",
  }),
  script(
    '/bin/sh',
    'git init -q r && cd r && git config user.email a@b && git config user.name n && seq 100 > f && git add f && git commit -qm one && seq 50 150 > f && git commit -qam two && git log --format=%s%an && git diff --stat HEAD~1 && git gc -q && git fsck && git status --short && git rev-parse HEAD^{tree}',
  ),
  script('/bin/sh', 'gcc -O2 -o hello /data/hello.c -lm && ./hello arg; echo $?', { slow: true }),
  script('/bin/sh', 'tcc -o hello /data/hello.c && ./hello arg; echo $?; tcc -run /data/hello.c again; echo $?'),
  script('/bin/sh', 'gcc -S -O1 -o - /data/hello.c | sha256sum', { slow: true }),
  script('/bin/sh', 'musl-gcc -static -O1 -o hello /data/hello.c && ./hello musl; echo $?', { slow: true }),
  row('/usr/bin/openssl dgst -sha256 -sha512 /data/text'),
  row('/usr/bin/openssl dgst -sha3-256 /data/text'),
  row(
    '/usr/bin/openssl enc -aes-256-cbc -K 00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff -iv 00112233445566778899aabbccddeeff -in /data/text',
  ),
  row('/usr/bin/openssl speed -seconds 1 -bytes 1024 sha256', { normalise: () => '' }),
  script(
    '/bin/sh',
    'openssl genrsa -out k.pem 2048 2>/dev/null && openssl rsa -in k.pem -check -noout 2>&1 && openssl prime 2147483647',
    { slow: true },
  ),
  row('/usr/bin/curl --version'),
  row('/bin/hostname --version'),
  row('/nonexistent/program'),
  row('/data/text'),
];

export const CASES: readonly Case[] = [...busybox(), ...PROGRAMS, ...PROCESSES];
