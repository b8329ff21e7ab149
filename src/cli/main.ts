/** The command line: commander's flags to options, errors to one line and an exit status; what the commands do is in their own files. */
import { Command, CommanderError, Option } from 'commander';
import { UserError } from '../base/failures.ts';
import { OPTIMISATIONS } from '../base/optimisations.ts';
import { hostArguments } from '../host/environment.ts';
import { beFrugal } from '../host/patience.ts';
import { writeFully } from '../host/streams.ts';
import { attachValues, collect, duration, environment, mount, optimisations, positive, size } from './options.ts';
import { VERSION } from './version.ts';

function build(): Command {
  const program = new Command('hospes')
    .description('Run programs built for another operating system or instruction set, as a process of plain Node.js.')
    .version(VERSION)
    .enablePositionalOptions()
    .showHelpAfterError(false)
    .helpCommand('help [command]', 'show the help of a command');

  program
    .command('run')
    .summary('run a program')
    .description(
      'Run a program. Everything after its name belongs to it. Its exit status is ours; a fatal signal n gives 128 + n,\n' +
        'a program that cannot be run 126, one that is not found 127.',
    )
    .usage('[options] [--] <program> [args...]')
    .argument('<program>', 'a path in the guest, or a name to look for in its PATH')
    .argument('[args...]', 'arguments of the program')
    .passThroughOptions()
    .option('--root <dir>', "the guest's / is this directory", '/')
    .addOption(
      new Option(
        '--fs <kind>',
        'host: real files. overlay: real files are read, writes stay in memory. memory: only the program and what is mounted',
      )
        .choices(['host', 'overlay', 'memory'])
        .default('host'),
    )
    .option(
      '--mount <spec>',
      'host:guest[:ro|rw|cow]: show a host directory or file in the guest (repeatable)',
      collect(mount),
    )
    .addOption(
      new Option(
        '--net <kind>',
        "none: no network. loopback: guests reach each other and nothing else. host: the host's network, as its own programs",
      )
        .choices(['none', 'loopback', 'host'])
        .default('loopback'),
    )
    .option('--sandbox', '--fs memory, and limits: 60 s, 1 GiB of memory, 64 MiB of output')
    .option('--env <K=V>', 'set a variable (repeatable)', collect(environment))
    .option('--clear-env', "start from an empty environment instead of this process's")
    .option('--cwd <dir>', "the program's directory, as the guest names it")
    .option('--argv0 <name>', "the program's own name as it sees it")
    .addOption(
      new Option('--engine <mode>', 'how to execute: lockstep runs both tiers and stops at their first difference')
        .choices(['auto', 'interpreter', 'translator', 'lockstep'])
        .default('auto'),
    )
    .option(
      '--without <optimisations>',
      `leave these out of translated code, to measure or to blame them: ${Object.keys(OPTIMISATIONS).join()}`,
      optimisations,
    )
    .option('--trace [=filter]', 'log system calls to stderr: names and groups such as file,-read')
    .option('--trace-file <file>', 'write the log of system calls to this file')
    .option(
      '--translations <dir>',
      "keep translated code here for the next run; 'none': nowhere (default: hospes in the user's cache directory; with --sandbox none)",
    )
    .option('--limit-time <s>', 'end the program after this many seconds (as SIGKILL does)', duration)
    .option('--limit-memory <size>', 'memory that each process may map, such as 512M', size)
    .option('--limit-instructions <n>', 'guest instructions that may be executed altogether', positive)
    .option('--stats [=json]', 'print what was executed, translated and called')
    .option('--record <file>', 'write every input that the program does not determine, for hospes replay')
    .option('--profile <file>', 'write where the program spends its time, as a .cpuprofile for Chrome or VS Code')
    .action(async (path: string, args: string[], options) => {
      beFrugal();
      const { run } = await import('./run.ts');
      await run(path, args, options);
    });

  program
    .command('replay')
    .summary('run a recorded run again')
    .description(
      'Run what `hospes run --record` has recorded again, from the recording alone: the same instructions, the same output,\n' +
        'the same end. No file is read or written, nothing is waited for.',
    )
    .argument('<file>', 'the recording')
    .option('--trace [=filter]', 'log system calls to stderr: names and groups such as file,-read')
    .option('--trace-file <file>', 'write the log of system calls to this file')
    .option('--stats [=json]', 'print what was executed, translated and called')
    .action(async (file: string, options) => {
      beFrugal();
      const { replay } = await import('./replay.ts');
      await replay(file, options);
    });

  program
    .command('inspect')
    .summary('say what a program is and what it needs')
    .description('Print format, instruction set, system, interpreter and libraries of a program, and what is missing.')
    .argument('<program>', 'path of the file on the host')
    .option('--root <dir>', "look for the program's interpreter and libraries under this directory", '/')
    .option('--json', 'as JSON')
    .action(async (path: string, options) => {
      const { inspect } = await import('./inspect.ts');
      await inspect(path, options);
    });

  program
    .command('syscalls')
    .summary('print the support matrix of a system')
    .description('Print every call of an operating system with how far it is supported.')
    .argument('[os]', 'linux or freebsd; without it, a summary of each')
    .option('--markdown', 'as markdown')
    .action(async (os: string | undefined, options) => {
      const { syscalls } = await import('./syscalls.ts');
      await syscalls(os, options);
    });

  for (const command of [program, ...program.commands]) {
    command.exitOverride().configureOutput({
      writeErr: () => {},
      writeOut: (text) => writeFully(1, text),
    });
  }
  return program;
}

/** One line for what the user can act on; a stack for a mistake of ours. */
function report(error: unknown): number {
  if (error instanceof CommanderError) {
    if (error.exitCode === 0) return 0;
    if (error.code === 'commander.help') {
      writeFully(2, build().helpInformation());
      return 2;
    }
    const message = error.message.replace(/^error: /, '').replaceAll('\n', ' ');
    writeFully(2, `hospes: ${message}\n`);
    return 2;
  }
  if (error instanceof UserError) {
    writeFully(2, `hospes: ${error.message.replaceAll('\n', ' ')}\n`);
    return error.exitCode;
  }
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
  writeFully(2, `hospes: internal error, please report it: ${text}\n`);
  return 70;
}

async function main(): Promise<void> {
  const program = build();
  try {
    await program.parseAsync(attachValues(hostArguments(), program), { from: 'user' });
  } catch (error) {
    process.exitCode = report(error);
  }
  process.exit();
}

void main();
