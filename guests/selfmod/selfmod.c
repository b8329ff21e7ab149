/* Code that changes: a small code generator, a patched immediate inside a loop, code across a page edge, a block that rewrites what follows it, reading one's own code. */
#include "../lib/sys.h"
typedef long (*function)(long);
static u8 *code;
static function emit(u8 *at, long constant) { /* lea rax, [rdi + constant]; ret */
  at[0] = 0x48; at[1] = 0x8d; at[2] = 0x87;
  for (int i = 0; i < 4; i++) at[3 + i] = constant >> 8 * i;
  at[7] = 0xc3;
  return (function)at;
}
static int run(i64 *stack) {
  (void)stack;
  code = (u8 *)sys6(9, 0, 3 * 4096, 7, 0x22, -1, 0);
  long sum = 0;
  for (int i = 0; i < 150; i++) sum = sum * 3 + emit(code, i)(sum & 0xff);
  line_hex("generated again and again", sum);
  /* Many functions alive on one page, one of them rewritten at times. */
  for (int i = 0; i < 64; i++) emit(code + i * 16, i);
  sum = 0;
  for (int i = 0; i < 4000; i++) {
    if (i % 200 == 199) emit(code + (i / 200 % 64) * 16, i);
    sum += ((function)(code + (i * 7 % 64) * 16))(1);
  }
  line("one page, many functions", sum);
  /* Only the immediate changes, one byte, by the wide store of another place. */
  function f = emit(code + 4096 - 4, 5); /* crosses the page edge */
  long before = f(1);
  *(u32 *)(code + 4096 - 1) = 1000;
  line("across the page edge", before * 10000 + f(1));
  /* The store changes an instruction further on in the same straight line. */
  static const u8 straight[] = {
      0xc6, 0x05, 0x02, 0x00, 0x00, 0x00, 0x2a, /* mov byte [rip + 2], 42: the immediate of the next but one */
      0x90,                                     /* nop */
      0xb8, 0x01, 0x00, 0x00, 0x00,             /* mov eax, 1 */
      0xc3};
  for (u32 i = 0; i < sizeof straight; i++) code[8192 + i] = straight[i];
  line("rewrites what follows", ((function)(code + 8192))(0));
  /* A loop that counts how often it patched itself. */
  static const u8 loop[] = {
      0x31, 0xc0,                               /* xor eax, eax */
      0xb9, 0x28, 0x00, 0x00, 0x00,             /* mov ecx, 40 */
      0x05, 0x00, 0x00, 0x00, 0x00,             /* again: add eax, 0 */
      0xfe, 0x05, 0xf6, 0xff, 0xff, 0xff,       /* inc byte [rip - 10]: the immediate's low byte */
      0xff, 0xc9, 0x75, 0xf1,                   /* dec ecx; jnz again */
      0xc3};
  for (u32 i = 0; i < sizeof loop; i++) code[8192 + 256 + i] = loop[i];
  line("patches its own loop", ((function)(code + 8192 + 256))(0));
  line("and reads itself back", code[8192 + 256 + 8]);
  line("own code as data", *(u8 *)run == *(volatile u8 *)run);
  /* Writable again after having run, then taken away. */
  line("mprotect", sys3(10, code, 4096, 5));
  emit(code + 4096, 11);
  line("other page still changes", ((function)(code + 4096))(0));
  line("munmap", sys2(11, code, 3 * 4096));
  u8 *again = (u8 *)sys6(9, code, 4096, 7, 0x32, -1, 0);
  line("same place, new code", again == code ? emit(again, 77)(0) : -1);
  return 0;
}
