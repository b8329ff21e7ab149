/** The demonstration of `npm start`: programs of two systems in one virtual machine, on files in memory, and what was loaded, translated and called. */
import * as fs from 'node:fs';
import { fileURLToPath } from 'node:url';
import { writeFully } from '../host/streams.ts';
import { Hospes } from '../vm.ts';

const guests = fileURLToPath(new URL('../guests', import.meta.url));
const say = (text: string) => writeFully(1, `${text}\n`);
const ms = (since: number) => `${(performance.now() - since).toFixed(0)} ms`;

/** A prebuilt program of ours, laid into the guest's memory. */
const program = (name: string, system: string) => fs.readFileSync(`${guests}/${name}/${system}`);

const started = performance.now();
const trace: string[] = [];
await using vm = await Hospes.create({
  fs: 'memory',
  files: {
    '/bin/hello': program('hello', 'linux-x86-64'),
    '/bin/cat': program('cat', 'linux-x86-64'),
    '/bin/pipeline': program('pipeline', 'linux-x86-64'),
    '/bin/integer': program('integer', 'linux-x86-64'),
    '/freebsd/bin/upper': program('upper', 'freebsd-x86-64'),
    '/freebsd/bin/count': program('count', 'freebsd-x86-64'),
    '/home/letter': 'Salve, hospes!\nA guest and its host share one word.\n',
  },
  trace: { filter: 'execve,pipe,pipe2,write', write: (line) => trace.push(line) },
  timeCalls: true,
});
say(`Hospes on Node ${process.versions.node}: a virtual machine in ${ms(started)}, its files in memory only.`);

const hello = await vm.exec('hello');
say(`\n$ hello                                   (Linux, two system calls)\n${hello.stdout.trimEnd()}`);

const letter = 'cat /home/letter | upper | cat -n';
const upper = await vm.exec('/bin/pipeline', [
  '/bin/cat',
  '/home/letter',
  ',',
  '/freebsd/bin/upper',
  ',',
  '/bin/cat',
  '-n',
]);
say(`\n$ ${letter}       (Linux | FreeBSD | Linux)\n${upper.stdout.trimEnd()}`);

const count = await vm.exec('/bin/pipeline', ['/bin/cat', '/home/letter', ',', '/freebsd/bin/count']);
say(`\n$ cat /home/letter | count                (Linux | FreeBSD)\n${count.stdout.trimEnd()}`);

const sums = await vm.exec('integer');
say(
  `\n$ integer | tail -n 1                     (arithmetic, translated where hot)\n${sums.stdout.trimEnd().split('\n').at(-1)}`,
);

const { stats } = vm;
const calls = Object.entries(stats.calls).map(
  ([os, list]) =>
    `${list.reduce((sum, one) => sum + one.calls, 0)} ${os} (${list
      .slice(0, 6)
      .map((one) => `${one.name} ${one.calls}`)
      .join(', ')})`,
);
say(`\nloaded      ${stats.processes.execs} programs in ${stats.processes.processes} processes`);
say(
  `translated  ${stats.engine.translatedRegions} regions of ${stats.engine.translatedInstructions} instructions to WebAssembly; ` +
    `${stats.instructions.toLocaleString('en-US')} executed`,
);
say(`called      ${calls.join('\n            ')}`);
say('the pipe    as system calls:');
for (const line of trace.filter((one) => /execve|write/.test(one)).slice(1, 6))
  say(`            ${line.trimEnd().slice(0, 110)}`);
say(
  `\n${[hello, upper, count, sums].every((one) => one.exitCode === 0) ? 'All guests ended well' : 'A guest FAILED'}, ${ms(started)} in all.`,
);
process.exitCode = [hello, upper, count, sums].every((one) => one.exitCode === 0) ? 0 : 1;
