/** What a kernel has beyond its tree of files: sockets, pseudo-terminals, devices, /proc, named pipes. */
import { inetFamilies } from '../kernel/inet-socket.ts';
import type { Kernel } from '../kernel/kernel.ts';
import { Fifos } from '../kernel/pipe.ts';
import { Ptys } from '../kernel/pty.ts';
import { unixFamily } from '../kernel/unix-socket.ts';
import { jobControl } from '../process/job-control.ts';

export async function equip(kernel: Kernel, options: { network: boolean }): Promise<void> {
  const now = () => kernel.realtime();
  const { inet, inet6 } = inetFamilies(options.network ? 'loopback' : 'none', now);
  kernel.socketFamilies.set('unix', unixFamily(now));
  kernel.socketFamilies.set('inet', inet);
  kernel.socketFamilies.set('inet6', inet6);
  const fifos = new Fifos();
  kernel.vfs.openFifo = (node, how) => fifos.open(`${node.dev}:${node.ino}`, how, now());
  kernel.ptys = new Ptys(jobControl(kernel));
}
