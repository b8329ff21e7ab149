import { describe, expect, it } from 'vitest';
import { ownInterfaces } from '../../../src/kernel/net-interface.ts';
import { answerRoute } from '../../../syscalls/linux/abi/netlink.ts';

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');
/** A dump request, as getifaddrs sends it: length, type, NLM_F_REQUEST|NLM_F_DUMP, sequence, port, family. */
const request = (type: number, family = 0) => {
  const bytes = new Uint8Array(20);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, 20, true);
  view.setUint16(4, type, true);
  view.setUint16(6, 0x301, true);
  view.setUint32(8, 7, true);
  bytes[16] = family;
  return bytes;
};
const answers = (bytes: Uint8Array) => answerRoute(bytes, 100, ownInterfaces('loopback')).map(hex);

describe('rtnetlink', () => {
  it('the addresses of lo, then the end', () => {
    const [all, done] = answers(request(22));
    // struct ifaddrmsg and IFA_ADDRESS as Linux 6.18 sends them.
    expect(all).toContain('020880fe01000000080001007f000001080002007f000001070003006c6f0000');
    expect(all).toContain('0a8080fe010000001400010000000000000000000000000000000001');
    expect(done.slice(8, 12)).toBe('0300');
  });
  it('of one family', () => expect(answers(request(22, 2))[0]).not.toContain('0a8080fe'));
  it('links have names', () => expect(answers(request(18))[0]).toContain('070003006c6f0000'));
  it('what is not known is refused', () => expect(answers(request(99))[0].slice(32, 40)).toBe('a1ffffff'));
  it('without a network the loopback is down', () => {
    const [first] = answerRoute(request(22), 100, ownInterfaces('none'));
    expect(hex(first).slice(8, 12)).toBe('0300');
  });
});
