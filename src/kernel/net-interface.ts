/** Network interfaces as guests see them. */
import type { HostNetwork } from '../host/host-network.ts';
import type { NetworkPolicy } from './inet-socket.ts';

export interface NetInterface {
  index: number;
  name: string;
  loopback: boolean;
  up: boolean;
  mtu: number;
  hardware: Uint8Array;
  addresses: readonly { family: 'inet' | 'inet6'; host: string; prefix: number; scope: 'global' | 'link' | 'host' }[];
}

/** Of a VM whose network ends at its loopback, which is down where there is none at all. */
export function ownInterfaces(policy: NetworkPolicy): NetInterface[] {
  const up = policy !== 'none';
  const lo = { index: 1, name: 'lo', loopback: true, up, mtu: 65_536, hardware: new Uint8Array(6) };
  const addresses: NetInterface['addresses'] = [
    { family: 'inet', host: '127.0.0.1', prefix: 8, scope: 'host' },
    { family: 'inet6', host: '::1', prefix: 128, scope: 'host' },
  ];
  return [{ ...lo, addresses: up ? addresses : [] }];
}

/** The host's, numbered in its own order with the loopback first, as far as it tells. */
export function hostInterfaces(network: HostNetwork): NetInterface[] {
  const told = network.interfaces();
  const ordered = [...told.filter((one) => one.loopback), ...told.filter((one) => !one.loopback)];
  return ordered.map(({ name, loopback, hardware, addresses }, i) => ({
    index: i + 1,
    name,
    loopback,
    up: true,
    mtu: loopback ? 65_536 : 1500,
    hardware,
    addresses: addresses.map((address) => ({
      ...address,
      scope: loopback ? 'host' : address.host.startsWith('fe80:') ? 'link' : 'global',
    })),
  }));
}
