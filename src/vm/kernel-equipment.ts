/** What a kernel has beyond its tree of files: sockets, pseudo-terminals, devices, /dev, /proc, named pipes. */
import { RELEASE, VERSION } from '../../syscalls/linux/handlers/info.ts';
import { fail } from '../base/failures.ts';
import { nodeNetwork } from '../host/node-network.ts';
import { processor } from '../isa/x86/cpuid.ts';
import { createDevFs } from '../kernel/dev-fs.ts';
import { Devices, registerMemoryDevices } from '../kernel/devices.ts';
import { hostFamilies } from '../kernel/host-socket.ts';
import { inetFamilies, type NetworkPolicy } from '../kernel/inet-socket.ts';
import type { Kernel } from '../kernel/kernel.ts';
import { hostInterfaces, ownInterfaces } from '../kernel/net-interface.ts';
import { Fifos } from '../kernel/pipe.ts';
import { createProcFs } from '../kernel/proc-fs.ts';
import { Ptys } from '../kernel/pty.ts';
import { TtyFile } from '../kernel/tty.ts';
import { unixFamily } from '../kernel/unix-socket.ts';
import { jobControl } from '../process/job-control.ts';
import { procSource } from './proc-source.ts';

export function equip(kernel: Kernel, { net }: { net: NetworkPolicy }): void {
  const now = () => kernel.realtime();
  const { inet, inet6 } = net === 'host' ? hostFamilies(nodeNetwork, now) : inetFamilies(net, now);
  kernel.interfaces = () => (net === 'host' ? hostInterfaces(nodeNetwork) : ownInterfaces(net));
  kernel.socketFamilies.set('unix', unixFamily(now));
  kernel.socketFamilies.set('inet', inet);
  kernel.socketFamilies.set('inet6', inet6);
  const fifos = new Fifos();
  kernel.vfs.openFifo = (node, how) => fifos.open(`${node.dev}:${node.ino}`, how, now());
  kernel.ptys = new Ptys(jobControl(kernel));
  addDevices(kernel);
  const source = procSource(kernel, { ostype: 'Linux', release: RELEASE, version: VERSION, cpu: processor });
  kernel.vfs.mount('/proc', createProcFs(source, kernel.vfs), { device: 'proc', type: 'proc' });
}

function addDevices(kernel: Kernel): void {
  const { ptys } = kernel;
  const devices = new Devices();
  registerMemoryDevices(devices, (into) => kernel.environment.random(into));
  const controlling = () => {
    const process = kernel.scheduler.current?.process;
    const terminal = process && kernel.sessions.get(process.session)?.terminal;
    return terminal ? new TtyFile(terminal) : fail('ENXIO');
  };
  devices.register('character', 5, 0, controlling);
  devices.register('character', 5, 1, controlling);
  devices.register('character', 5, 2, () => ptys.create());
  devices.register('character', 136, undefined, (number) => ptys.open(number));
  kernel.vfs.openDevice = (type, rdev, how) => devices.open(type, rdev, how);
  const terminals = () =>
    ptys.numbers().map((number) => {
      const { mode = 0o620, uid = 0, gid = 5 } = ptys.tty(number) ?? {};
      return { number, mode, uid, gid };
    });
  kernel.vfs.mount('/dev', createDevFs({ now: () => kernel.realtime(), terminals }), {
    device: 'udev',
    type: 'devtmpfs',
  });
}
