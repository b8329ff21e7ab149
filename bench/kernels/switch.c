/* A bytecode interpreter with one switch: indirect branches through a table. */
#define COUNT 2800000
#include "kernel.h"
enum { PUSH, ADD, SUB, MUL, DUP, SWAP, DROP, LOAD, STORE, JNZ, XOR, SHR, HALT };
static const u8 program[] = {LOAD, 0, PUSH, 3, MUL, PUSH, 7, ADD, STORE, 0, LOAD, 1, LOAD, 0, XOR, DUP, PUSH, 5, SHR, ADD, STORE, 1, LOAD, 2, PUSH, 1, SUB, DUP, STORE, 2, JNZ, 0, HALT};
static u64 run(u64 rounds) {
  u64 stack[16], vars[4] = {1, 2, rounds, 0}; int sp = 0; const u8 *pc = program;
  for (;;) switch (*pc++) {
    case PUSH: stack[sp++] = *pc++; break;
    case ADD: sp--; stack[sp - 1] += stack[sp]; break;
    case SUB: sp--; stack[sp - 1] -= stack[sp]; break;
    case MUL: sp--; stack[sp - 1] *= stack[sp]; break;
    case DUP: stack[sp] = stack[sp - 1]; sp++; break;
    case SWAP: { u64 t = stack[sp - 1]; stack[sp - 1] = stack[sp - 2]; stack[sp - 2] = t; break; }
    case DROP: sp--; break;
    case LOAD: stack[sp++] = vars[*pc++]; break;
    case STORE: vars[*pc++] = stack[--sp]; break;
    case JNZ: if (stack[--sp]) pc = program + *pc; else pc++; break;
    case XOR: sp--; stack[sp - 1] ^= stack[sp]; break;
    case SHR: sp--; stack[sp - 1] = stack[sp - 1] >> (stack[sp] & 63); break;
    case HALT: return vars[1];
  }
}
static u64 kernel(u64 count) { u64 h = 0; for (int i = 0; i < 10; i++) h = mix(h, run(count)); return h; }
