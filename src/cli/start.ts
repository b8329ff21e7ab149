#!/usr/bin/env node
/** What `hospes` starts: the bundled command line with the code that V8 made of it before, which saves most of the start-up time. */
import { readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import * as module from 'node:module';
import { Script } from 'node:vm';

const file = `${__dirname}/main.cjs`;
/** Made at build time by one version of V8, and of no use to any other. */
const built = `${__dirname}/main-${process.versions.v8}.cache`;
const making = process.env.HOSPES_MAKE_CODE_CACHE !== undefined;

function read(path: string): Buffer | undefined {
  try {
    return readFileSync(path);
  } catch {
    return undefined;
  }
}

/**
 * Where Node 22.1 and later keep compiled code (NODE_COMPILE_CACHE): ours lies there too. Left
 * to Node itself, the bundle's cache would hold a quarter of it and a start take 15 ms more.
 */
function placeOfOurOwn(): string | undefined {
  const { enableCompileCache } = module as { enableCompileCache?: () => { directory?: string } };
  const directory = enableCompileCache?.().directory;
  if (!directory) return undefined;
  const { size, mtimeMs } = statSync(file);
  const bundle = `${size.toString(36)}-${Math.floor(mtimeMs).toString(36)}`;
  return `${directory}/hospes-${process.versions.v8}-${bundle}.cache`;
}

let cachedData = making ? undefined : read(built);
const place = making ? built : cachedData ? undefined : placeOfOurOwn();
if (place && !making) cachedData = read(place);
// The bundle is ASCII, which is read fastest so.
const script = new Script(readFileSync(file, 'latin1'), { filename: file, ...(cachedData ? { cachedData } : {}) });
// What a first run of a program has compiled is what the next ones need.
if (place && (!cachedData || script.cachedDataRejected) && (making || process.argv[2] === 'run')) {
  process.on('exit', () => {
    try {
      // At once as a whole: others may start meanwhile.
      writeFileSync(`${place}.${process.pid}`, script.createCachedData());
      renameSync(`${place}.${process.pid}`, place);
    } catch {
      // Not writable: the next start is as slow as this one.
    }
  });
}
script.runInThisContext()(require, { exports: {} }, {}, file);
