/** Real programs that live by processes, threads, signals and sockets: rows for the table of cases.ts. */
import type { Case } from './cases.ts';

type Options = Omit<Case, 'name' | 'run'>;

const shell = (name: string, text: string, options: Options = {}): Case => ({
  name,
  run: ['/bin/bash', '-c', text],
  ...options,
});
/** Python without compiled modules takes long to import them. */
const python = (name: string, text: string): Case => ({ name, run: ['/usr/bin/python3', '-c', text], slow: true });

const THREADS = `
import queue, threading
todo, out = queue.Queue(), []
def work():
    for x in iter(todo.get, None): out.append(x * x)
threads = [threading.Thread(target=work) for _ in range(4)]
for t in threads: t.start()
for i in range(200): todo.put(i)
for t in threads: todo.put(None)
for t in threads: t.join()
print(sum(out))
`;

const MULTIPROCESSING = `
import multiprocessing as mp
def square(x): return x * x
def more(value):
    for _ in range(50):
        with value.get_lock(): value.value += 1
mp.set_start_method('fork')
with mp.Pool(3) as pool: print(sum(pool.map(square, range(50))))
queue = mp.Queue()
child = mp.Process(target=lambda: queue.put('from a child'))
child.start(); print(queue.get()); child.join(); print(child.exitcode)
value = mp.Value('i', 0)
children = [mp.Process(target=more, args=(value,)) for _ in range(3)]
for c in children: c.start()
for c in children: c.join()
print(value.value)
`;

const ASYNCIO = `
import asyncio
async def main():
    async def serve(reader, writer):
        writer.write((await reader.readline()).upper()); await writer.drain(); writer.close()
    server = await asyncio.start_server(serve, '127.0.0.1', 0)
    port = server.sockets[0].getsockname()[1]
    async def ask(i):
        reader, writer = await asyncio.open_connection('127.0.0.1', port)
        writer.write(b'hi %d\\n' % i); answer = await reader.readline(); writer.close(); return answer
    print(await asyncio.gather(*[ask(i) for i in range(10)]))
    child = await asyncio.create_subprocess_exec('echo', 'sub', stdout=asyncio.subprocess.PIPE)
    print(await child.communicate())
    try: await asyncio.wait_for(asyncio.sleep(5), 0.05)
    except asyncio.TimeoutError: print('timeout')
asyncio.run(main())
`;

const SIGNALS = `
import os, signal, socket, subprocess
got = []
signal.signal(signal.SIGALRM, lambda *a: got.append(a[0])); signal.setitimer(signal.ITIMER_REAL, 0.01); signal.pause(); print(got)
child = subprocess.Popen(['sleep', '10']); child.terminate(); print(child.wait())
print(subprocess.run('cat; exit 3', shell=True, input=b'abc', capture_output=True))
try: subprocess.run(['sleep', '5'], timeout=0.1)
except subprocess.TimeoutExpired: print("timed out")
print(socket.getaddrinfo('localhost', 80, type=socket.SOCK_STREAM))
print(socket.if_nametoindex('lo'))
`;

const FORK_SERVER = `
use strict; use IO::Socket::INET; use POSIX ':sys_wait_h';
my $l = IO::Socket::INET->new(Listen => 5, LocalAddr => '127.0.0.1', Proto => 'tcp') or die $!;
my $port = $l->sockport;
my $server = fork;
if (!$server) {
  $SIG{CHLD} = sub { 1 while waitpid(-1, WNOHANG) > 0 };
  while (1) { my $c = $l->accept or next; if (!fork) { while (<$c>) { print $c uc $_; last if /quit/ } exit 0 } close $c }
}
for my $i (1 .. 4) {
  my $s = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port) or die $!;
  print $s "hello $i\\n"; print scalar <$s>; print $s "quit\\n"; print scalar <$s>; close $s;
}
kill TERM => $server; waitpid $server, 0; print $? & 127, "\\n";
`;

const NGINX_CONF =
  'user root; worker_processes 2; daemon off; pid $PWD/pid; error_log $PWD/err; events { worker_connections 32; } http { access_log off; client_body_temp_path $PWD/a; proxy_temp_path $PWD/b; fastcgi_temp_path $PWD/c; uwsgi_temp_path $PWD/d; scgi_temp_path $PWD/e; server { listen 127.0.0.1:18181; root /data; } }';

const NODE = `
let sum = 0; for (let i = 0; i < 3e6; i++) sum = (sum + i * 7) % 1000003; console.log(sum);
const { Worker } = require('worker_threads');
const worker = new Worker("require('worker_threads').parentPort.once('message', (m) => require('worker_threads').parentPort.postMessage(m * 2))", { eval: true });
worker.once('message', (m) => console.log('worker', m)); worker.postMessage(21); worker.on('exit', (code) => console.log('exit', code));
`;

/** initdb and the server want another user than root; everything else of theirs is in the working directory. */
const POSTGRES = `
export PATH=$PATH:/usr/lib/postgresql/15/bin
initdb -D d -E UTF8 --no-locale -A trust -N > log && grep -c ok log
pg_ctl -D d -o "-k $PWD -h ''" -l log -w start > /dev/null; echo started $?
psql -h $PWD -X -A postgres <<END
create table t (id serial primary key, name text, at numeric);
insert into t (name, at) select 'row ' || i, i * 1.5 from generate_series(1, 2000) i;
create index on t (name);
select count(*), sum(at), min(name), max(name) from t;
select name from t where name like 'row 19%' order by id limit 3;
begin; update t set at = 0 where id <= 1000; rollback;
explain (costs off) select * from t where name = 'row 77';
select sum(at) from t where id in (select id from t group by id having id % 7 = 0);
select * from nothing;
END
for i in 1 2 3; do psql -h $PWD -X -q -c "update t set at = at + 1 where id = 1" postgres & done; wait
psql -h $PWD -X -t -c 'select at from t where id = 1' postgres
pg_ctl -D d -m fast stop > /dev/null; echo stopped $?
`;
const AS_NOBODY = 'chown(65534, 65534, q(.)); $) = q(65534 65534); $( = 65534; $< = $> = 65534; exec @ARGV';

export const PROCESSES: readonly Case[] = [
  python('python3: threads and a queue', THREADS),
  python('python3: multiprocessing', MULTIPROCESSING),
  python('python3: asyncio on the loopback', ASYNCIO),
  python('python3: signal, subprocess, resolver', SIGNALS),
  { name: 'perl: a server that forks', run: ['/usr/bin/perl', '-e', FORK_SERVER] },
  shell(
    'bash: job control',
    `set -m; sleep 0.2 & jobs; wait %1; echo waited $?; sleep 5 & kill -STOP %1; sleep 0.1; jobs; bg %1 >/dev/null; jobs; kill %1; wait %1; echo $?
    (trap 'echo int; exit 4' INT; kill -INT $BASHPID; sleep 1); echo $?; trap 'echo usr1' USR1; kill -USR1 $$
    coproc cat; echo hi >&\${COPROC[1]}; read x <&\${COPROC[0]}; echo $x; exec 5<>/dev/tcp/127.0.0.1/9; echo $?`,
  ),
  shell(
    'sqlite3: a write-ahead log and four processes',
    `sqlite3 w.db 'pragma journal_mode=wal; create table t(p,i);'
    for p in 1 2 3 4; do (for i in 1 2 3 4; do sqlite3 -cmd '.timeout 20000' w.db "insert into t values($p,$i);" || echo fail; done) & done; wait
    sqlite3 w.db 'select p,count(*),sum(i) from t group by p; pragma wal_checkpoint(truncate); pragma integrity_check'`,
  ),
  shell(
    'redis-server, redis-cli, redis-benchmark',
    `redis-server --port 17379 --save '' --dir . > log & P=$!
    for i in $(seq 50); do redis-cli -p 17379 ping 2>/dev/null | grep -q PONG && break; sleep 0.1; done
    redis-cli -p 17379 set a 1; redis-cli -p 17379 incr a; redis-cli -p 17379 rpush l x y z; redis-cli -p 17379 lrange l 0 -1
    redis-benchmark -p 17379 -q -n 200 -c 5 -t set,get | tr '\\r' '\\n' | grep -c 'requests per second'
    redis-cli -p 17379 shutdown nosave; wait $P; echo $?`,
  ),
  shell(
    'nginx with two workers, curl',
    `echo "${NGINX_CONF.replaceAll('"', '\\"')}" > conf; nginx -c $PWD/conf -p $PWD -e $PWD/err & P=$!
    for i in $(seq 50); do curl -s -o /dev/null http://127.0.0.1:18181/small && break; sleep 0.1; done
    curl -s http://127.0.0.1:18181/small | sha256sum; curl -s http://127.0.0.1:18181/medium | sha256sum; curl -s -o /dev/null -w '%{http_code}\\n' http://127.0.0.1:18181/none
    kill -QUIT $P; wait $P; echo $?`,
  ),
  {
    name: 'luajit: its compiler at work',
    run: ['/usr/bin/luajit', '-e', 'local t = 0; for i = 1, 5000000 do t = t + i % 7 end; print(t); local s = {} for i = 1, 20000 do s[i] = (i * 7919) % 10007 end; table.sort(s); print(s[1], s[20000], require("ffi").sizeof("long"), pcall(error, "x"))'], // biome-ignore format: one program
  },
  // Go's runtime: goroutines on several threads, preempted by signals.
  shell('gron: there and back', 'gron /data/data.json | tail -n 3; gron /data/data.json | gron --ungron | sha256sum'),
  shell('fzf: a filter', 'fzf --filter alph < /data/text | head -n 20; fzf -e -f "^42 zeta" < /data/text; echo $?'),
  {
    name: 'esbuild: a package in one file',
    run: ['/usr/local/bin/esbuild', '--bundle', '--minify', '--format=esm', '--sourcemap=inline', '/data/node_modules/fast-check/lib/fast-check.js'], // biome-ignore format: one program
    stderr: true,
  },
  {
    name: 'biome: a package linted by a pool of threads',
    // Its cache would stay in the root's home directory.
    run: ['/usr/bin/env', 'XDG_CACHE_HOME=/tmp', '/usr/local/bin/biome', 'lint', '--max-diagnostics=100', '/data/node_modules/commander'], // biome-ignore format: one program
    normalise: (text) => text.replace(/ in \d+\w+\./, ''),
    stderr: true,
  },
  shell(
    '7zz: an archive packed by two threads, and back',
    '7zz a -bso0 -bsp0 -mx=5 -mmt=2 a.7z /data/tree /data/text /data/medium; 7zz t -bso0 -bsp0 a.7z; echo $?; 7zz x -so a.7z | sha256sum; 7zz h -ba /data/text',
  ),
  { name: 'go: goroutines, HTTP, signals and a collector', run: ['/usr/local/bin/gophers'] },
  shell(
    'go vet, go build',
    `export GOCACHE=$PWD/cache GOPATH=$PWD/path; mkdir m; cd m
    printf 'package main\\n\\nimport "os"\\n\\nfunc main() { os.Stdout.WriteString(greeting(len(os.Args))) }\\n' > main.go
    printf 'package main\\n\\nfunc greeting(n int) string {\\n\\tif n > 1 {\\n\\t\\treturn "many"\\n\\t}\\n\\treturn "one"\\n}\\n' > greeting.go
    go mod init example.org/small; go vet; echo $?; go build -o small; echo $?; ./small; ./small x; sha256sum small`,
    { slow: true, stderr: true },
  ),
  {
    name: 'postgres: initdb, a server, queries',
    run: ['/usr/bin/perl', '-e', AS_NOBODY, '/bin/bash', '-c', POSTGRES],
    slow: true,
    stderr: true,
  },
  { name: 'node: a hot loop and a worker', run: ['/usr/bin/node', '-e', NODE], slow: true },
  {
    name: 'java -version',
    run: ['/usr/lib/jvm/java-17-openjdk-amd64/bin/java', '-version'],
    stderr: true,
    slow: true,
  },
  // Its source is tools/programs/data/Small.java.
  {
    name: 'java: a small program, compiled while it runs',
    run: ['/usr/lib/jvm/java-17-openjdk-amd64/bin/java', '-cp', '/data/small.jar', 'Small'],
    stderr: true,
    slow: true,
  },
];
