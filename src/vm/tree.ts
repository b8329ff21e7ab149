/** The guest's tree of files as the options describe it: which back end is mounted where. */
import { GuestError, UserError } from '../base/failures.ts';
import { absolute, baseOf, directoryOf, hostEnvironment, lookAt } from '../host/environment.ts';
import type { HostFs } from '../host/host.ts';
import type { MemoryFs } from '../host/memfs.ts';
import { NodeFs } from '../host/node.ts';
import type { Vfs } from '../kernel/vfs.ts';

/**
 * host: real files. overlay: real files are read, writes stay in memory. memory: nothing of the host but what is mounted.
 */
export type FsKind = 'host' | 'overlay' | 'memory';

/** Something of the host shown in the guest. */
export interface Mount {
  /** A directory or file of the host. */
  host: string;
  /** Where the guest sees it, absolute. */
  guest: string;
  /** ro: may not be written; rw (default): real; cow: what is written stays in memory. */
  mode?: 'ro' | 'rw' | 'cow';
}

export interface TreeOptions {
  root: string;
  fs: FsKind;
  mounts: readonly Mount[];
  /** Files laid into the memory layer: contents by guest path. */
  files: Readonly<Record<string, string | Uint8Array>>;
}

/** How the tree reaches the host. */
export interface HostPlaces {
  lookAt: typeof lookAt;
  absolute: typeof absolute;
  /** A directory of the host as a file system. */
  open(path: string): HostFs;
  /** Nanoseconds since the epoch, for files in memory. */
  now(): bigint;
}

export const hostPlaces: HostPlaces = {
  lookAt,
  absolute,
  open: (path) => new NodeFs(path),
  now: () => hostEnvironment.realtime(),
};

/** Mount everything; gives the memory layer that `vm.fs` shows, if there is one. */
export async function buildTree(vfs: Vfs, options: TreeOptions, host: HostPlaces): Promise<MemoryFs | undefined> {
  const { root, fs, mounts } = options;
  const needsMemory =
    fs !== 'host' || Object.keys(options.files).length > 0 || mounts.some((one) => one.mode === 'cow');
  const memory = needsMemory ? await import('../host/memfs.ts') : undefined;
  const overlay = needsMemory ? await import('../host/overlay.ts') : undefined;
  let shown: MemoryFs | undefined;
  if (fs === 'memory') {
    shown = new memory!.MemoryFs({ now: host.now });
    furnish(shown);
    vfs.mount('/', shown);
  } else {
    const place = host.lookAt(root);
    if (place?.type !== 'directory')
      throw new UserError(`${root}: ${place ? 'not a directory' : 'no such directory'}`, 2);
    const real = host.open(place.path);
    if (fs === 'overlay') {
      shown = new memory!.MemoryFs({ now: host.now });
      vfs.mount('/', new overlay!.OverlayFs(real, shown));
    } else {
      vfs.mount('/', real);
    }
  }
  // POSIX shared memory: the host's own where files are the host's.
  const hostShared = fs === 'host' ? host.lookAt('/dev/shm') : undefined;
  if (hostShared?.type === 'directory') vfs.mount('/dev/shm', host.open(hostShared.path), { type: 'tmpfs' });
  else if (memory) vfs.mount('/dev/shm', new memory.MemoryFs({ now: host.now }), { type: 'tmpfs' });
  for (const one of mounts) {
    const place = host.lookAt(one.host);
    if (place === undefined || place.type === 'other') {
      throw new UserError(`${one.host}: ${place ? 'neither a file nor a directory' : 'no such file or directory'}`, 2);
    }
    // A single file is shown through its directory, of which nothing else can be reached.
    const source = place.type === 'file' ? `/${baseOf(place.path)}` : '/';
    let back: HostFs = host.open(place.type === 'file' ? directoryOf(place.path) : place.path);
    if (one.mode === 'cow') {
      const upper = new memory!.MemoryFs({ now: host.now });
      if (normal(one.guest) === '/') shown = upper;
      back = new overlay!.OverlayFs(back, upper);
    }
    vfs.mount(normal(one.guest), back, { source, readOnly: one.mode === 'ro' });
  }
  for (const [path, content] of Object.entries(options.files)) layFile(vfs, path, content);
  return shown;
}

/** Show one file of the host, read-only, under its own path: the program of a guest that sees nothing else. */
export function showProgram(vfs: Vfs, hostPath: string, host: HostPlaces): string {
  const place = host.lookAt(hostPath);
  if (place?.type !== 'file') throw new UserError(`${hostPath}: not a file`, 126);
  const guest = host.absolute(hostPath);
  const source = `/${baseOf(place.path)}`;
  vfs.mount(guest, host.open(directoryOf(place.path)), { source, readOnly: true });
  return guest;
}

/** Directories that programs expect, and two files without which nobody has a name. */
function furnish(memory: MemoryFs): void {
  for (const [path, mode] of [
    ['/tmp', 0o1777],
    ['/etc', 0o755],
    ['/root', 0o700],
    ['/home', 0o755],
  ] as const) {
    memory.mkdir(path, mode);
  }
  write(memory, '/etc/passwd', 'root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n');
  write(memory, '/etc/group', 'root:x:0:\nnogroup:x:65534:\n');
}

function write(fs: HostFs, path: string, text: string): void {
  const file = fs.open(path, { read: false, write: true, create: true, mode: 0o644 });
  file.write(new TextEncoder().encode(text), 0);
  file.close();
}

/** A file given with the options; the executable bit is set, so that it can be a program. */
function layFile(vfs: Vfs, path: string, content: string | Uint8Array): void {
  const context = vfs.context();
  const parts = normal(path).split('/').slice(1, -1);
  for (let i = 1; i <= parts.length; i++) {
    try {
      vfs.mkdir(context, undefined, `/${parts.slice(0, i).join('/')}`, 0o755);
    } catch (error) {
      if (!(error instanceof GuestError) || error.code !== 'EEXIST') throw error;
    }
  }
  const how = { write: true, create: true, truncate: true, mode: 0o755 };
  const file = vfs.open(context, undefined, normal(path), how).retain();
  file.write(typeof content === 'string' ? new TextEncoder().encode(content) : content);
  file.drop();
  context.release();
}

/** An absolute guest path without trailing slash. */
function normal(path: string): string {
  if (!path.startsWith('/')) throw new UserError(`${path}: a guest path starts with /`, 2);
  return path === '/' ? '/' : path.replace(/\/+/g, '/').replace(/\/$/, '');
}
