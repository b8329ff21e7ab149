/** What single recorded instructions cannot show of SSE and MMX: modes that change while code is hot, NaNs on hosts of another kind, faults of alignment. */
import { afterEach, describe, expect, it } from 'vitest';
import { TranslatingEngine } from '../../../src/engine/translating-engine.ts';
import { X86Cpu } from '../../../src/isa/x86/cpu.ts';
import { hostNans } from '../../../src/isa/x86/host-nans.ts';
import { RAX, RBX, RCX } from '../../../src/isa/x86/state.ts';
import { X86 } from '../../../src/isa/x86/x86.ts';
import { AddressSpace } from '../../../src/memory/address-space.ts';

const CODE = 0x10_0000;
const DATA = 0x20_0000;

type Tier = 'interpreter' | 'translator';
const TIERS: Tier[] = ['interpreter', 'translator'];

/** A thread about to run these bytes, with RBX at a writable page that holds these quadwords. */
function machine(tier: Tier, code: string, ...data: bigint[]) {
  const engine = new TranslatingEngine({
    mode: tier,
    isa: X86,
    createCpu: (space, state, flags) => new X86Cpu(space, state, flags),
  });
  const space = new AddressSpace();
  space.map({ address: CODE, length: 0x1000, prot: 3, fixed: true });
  space.map({ address: DATA, length: 0x1000, prot: 3, fixed: true });
  space.copyOut(CODE, Uint8Array.from([...Buffer.from(code.replaceAll(' ', ''), 'hex'), 0xcc]));
  space.protect(CODE, 0x1000, 5);
  data.forEach((v, i) => {
    space.writeU64(DATA + i * 8, v);
  });
  const runner = engine.attach(space);
  const cpu = runner.createCpu();
  cpu.pc = CODE;
  cpu.set(RBX, DATA);
  return {
    cpu,
    space,
    run: () => ({ ...runner.run(cpu, 100_000) }),
    big: (offset: number) => space.readBig64(DATA + offset),
  };
}

const bits = (v: number): bigint => {
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, v);
  return view.getBigUint64(0);
};

describe.each(TIERS)('%s', (tier) => {
  it('honours a rounding mode set while the loop that uses it is hot', () => {
    // 64 times: xmm0 = 1/3 as the mode at [rbx+16] says; the mode changes from nearest to upward for the last rounds.
    const m = machine(
      tier,
      // mov ecx,200; L: cmp ecx,3; jne +7; mov dword [rbx+16],0x5f80; ldmxcsr [rbx+16]; movsd xmm0,[rbx]; divsd xmm0,[rbx+8]; dec ecx; jnz L
      'b9c8000000 83f903 7507 c7431080 5f0000 0fae5310 f20f1003 f20f5e4308 ffc9 75e3 f20f114318',
      bits(1),
      bits(3),
      0x1f80n,
    );
    expect(m.run().trap).toBe('breakpoint');
    expect(m.big(24)).toBe(bits(1 / 3 + 2 ** -54));
  });

  it('refuses MXCSR bits that do not exist', () => {
    const m = machine(tier, '0fae13', 0x1_0000n);
    expect(m.run()).toMatchObject({ kind: 'trap', trap: 'privileged' });
    expect(m.cpu.pc).toBe(CODE);
  });

  it.each([
    ['movaps xmm0, [rbx+8]', '0f284308', 'privileged'],
    ['paddd xmm0, [rbx+8]', '660ffe4308', 'privileged'],
    ['movntdq [rbx+8], xmm0', '660fe74308', 'privileged'],
    ['movups xmm0, [rbx+8]', '0f104308', 'breakpoint'],
    ['pcmpistri xmm0, [rbx+8], 0', '660f3a63430800', 'breakpoint'],
    ['addsd xmm0, [rbx+9]', 'f20f584309', 'breakpoint'],
  ])('checks alignment: %s', (_, code, trap) => {
    expect(machine(tier, code).run().trap).toBe(trap);
  });

  it('gives MMX registers back to the x87 by emms', () => {
    // fld1; movq mm0,[rbx]; emms; fld1; fstp qword [rbx+8]
    const m = machine(tier, 'd9e8 0f6f03 0f77 d9e8 dd5b08', 5n);
    expect(m.run().trap).toBe('breakpoint');
    expect(m.big(8)).toBe(bits(1));
  });

  it('stores only masked bytes', () => {
    // movq xmm0,[rbx]; movq xmm1,[rbx+8]; lea rdi,[rbx+16]; maskmovdqu xmm0,xmm1
    const m = machine(
      tier,
      'f30f7e03 f30f7e4b08 488d7b10 660ff7c1',
      0x1122_3344_5566_7788n,
      0x8000_ff00_0080_0000n,
      -1n,
    );
    expect(m.run().trap).toBe('breakpoint');
    expect(m.big(16)).toBe(0x11ff_33ff_ff66_ffffn);
  });

  it('answers a length by pcmpistri over several vectors', () => {
    // strlen with the equal-each, masked negative form: xor eax,eax; pxor xmm0,xmm0; L: pcmpistri xmm0,[rbx+rax],8; lea rax,[rax+16]; jnz L; lea rax,[rax+rcx-16]
    const m = machine(tier, '31c0 660fefc0 660f3a630403 08 488d4010 75f3 488d4408f0');
    m.space.copyOut(DATA, Buffer.from(`${'x'.repeat(37)}\0`));
    expect(m.run().trap).toBe('breakpoint');
    expect(m.cpu.get(RAX)).toBe(37);
    expect(m.cpu.get(RCX)).toBe(5);
  });
});

describe('NaNs where the host chooses them otherwise', () => {
  const native = hostNans.native;
  afterEach(() => {
    hostNans.native = native;
  });
  it.each([true, false])('regions give the CPU’s NaNs (taken from the host: %s)', (fromHost) => {
    if (fromHost && !native) return;
    hostNans.native = fromHost;
    // movsd xmm0,[rbx]; divsd xmm0,xmm0; movsd [rbx],xmm0; movsd xmm1,[rbx+8]; subsd xmm1,[rbx+16]; movsd [rbx+8],xmm1
    const m = machine(
      'translator',
      'f20f1003 f20f5ec0 f20f1103 f20f104b08 f20f5c4b10 f20f114b08',
      0n,
      0x7ff0_0000_0000_0001n,
      0xfff8_0000_0000_0002n,
    );
    expect(m.run().trap).toBe('breakpoint');
    expect([m.big(0), m.big(8)]).toEqual([0xfff8_0000_0000_0000n, 0x7ff8_0000_0000_0001n]);
  });
});
