#!/bin/sh
# Builds every kernel as a small static binary, which is committed so that nobody needs a compiler.
set -e
cd "$(dirname "$0")"
for source in ${@:-*.c}; do
  musl-gcc -O2 -static -fno-stack-protector -fno-asynchronous-unwind-tables -ffunction-sections -Wl,--gc-sections,--build-id=none,-z,noseparate-code -s -o "${source%.c}" "$source" -lm
done
