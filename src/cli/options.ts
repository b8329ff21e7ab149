/** Readers of option values: text in, typed value out, a one-line error where it makes no sense. */
import { type Command, InvalidArgumentError } from 'commander';
import { OPTIMISATIONS, type Optimisation } from '../base/optimisations.ts';
import type { Mount } from '../vm.ts';

/** For a repeatable option: each value read by `one`, all of them in a list. */
export function collect<T>(one: (text: string) => T): (text: string, before: T[] | undefined) => T[] {
  return (text, before = []) => [...before, one(text)];
}

export function mount(text: string): Mount {
  const match = /^(.+?):(\/[^:]*)(?::(ro|rw|cow))?$/.exec(text);
  if (!match) throw new InvalidArgumentError('It is <host>:</guest/path>[:ro|rw|cow].');
  return { host: match[1], guest: match[2], mode: (match[3] ?? 'rw') as Mount['mode'] };
}

export function environment(text: string): [string, string] {
  const at = text.indexOf('=');
  if (at <= 0) throw new InvalidArgumentError('It is NAME=VALUE.');
  return [text.slice(0, at), text.slice(at + 1)];
}

const UNITS: Readonly<Record<string, number>> = { '': 1, k: 2 ** 10, m: 2 ** 20, g: 2 ** 30, t: 2 ** 40 };

/** Bytes: 4096, 64K, 512M, 2G, 1GiB. */
export function size(text: string): number {
  const match = /^(\d+(?:\.\d+)?)\s*([kmgt]?)(?:i?b)?$/i.exec(text);
  const bytes = match ? Math.floor(Number(match[1]) * UNITS[match[2].toLowerCase()]) : 0;
  if (bytes <= 0) throw new InvalidArgumentError('It is a size such as 64K, 512M or 2G.');
  return bytes;
}

/** Seconds. */
export function duration(text: string): number {
  const match = /^(\d+(?:\.\d+)?)\s*(ms|s|m)?$/.exec(text);
  const seconds = match ? Number(match[1]) * { ms: 0.001, s: 1, m: 60 }[(match[2] ?? 's') as 'ms' | 's' | 'm'] : 0;
  if (!(seconds > 0)) throw new InvalidArgumentError('It is a time in seconds, above zero.');
  return seconds;
}

/** Names of optimisations, separated by commas. */
export function optimisations(text: string): Optimisation[] {
  return text.split(',').map((name) => {
    if (Object.hasOwn(OPTIMISATIONS, name)) return name as Optimisation;
    throw new InvalidArgumentError(`'${name}' is none of ${Object.keys(OPTIMISATIONS).join(', ')}.`);
  });
}

/** A count, also as 5M or 2e9. */
export function positive(text: string): number {
  const match = /^(\d+(?:\.\d+)?(?:e\d+)?)([kmg]?)$/i.exec(text);
  const scale = { '': 1, k: 1e3, m: 1e6, g: 1e9 }[(match?.[2].toLowerCase() ?? '') as '' | 'k' | 'm' | 'g'];
  const count = match ? Math.floor(Number(match[1]) * scale) : 0;
  if (!(count > 0)) throw new InvalidArgumentError('It is a number above zero.');
  return count;
}

/**
 * An option whose value may be left out takes it only after '=' (`--trace=file`), so that the program's name after a
 * bare `--trace` is never taken for it: a bare one becomes `--trace=`. Only options before the program are looked at.
 */
export function attachValues(argv: readonly string[], program: Command): string[] {
  const command = program.commands.find((one) => one.name() === argv[0]);
  if (!command) return [...argv];
  const result = [...argv];
  for (let i = 1; i < result.length; i++) {
    const word = result[i];
    if (word === '--' || !word.startsWith('-')) break;
    const option = command.options.find((one) => one.long === word || one.short === word);
    if (option?.optional) result[i] = `${word}=`;
    else if (option?.required) i++;
  }
  return result;
}
