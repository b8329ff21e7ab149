/* Calls and returns: naive Fibonacci. */
#define COUNT 42
#define SHORT 39 /* about a quarter of the calls */
#include "kernel.h"
static NOINLINE u64 fib(u64 n) { return n < 2 ? n : fib(n - 1) + fib(n - 2); }
static u64 kernel(u64 count) { u64 (*volatile f)(u64) = fib; return f(count); }
