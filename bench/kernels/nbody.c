/* Scalar double arithmetic with square roots and divisions: planets. */
#define COUNT 6100000
#include "kernel.h"
#include <math.h>
struct body { double x, y, z, vx, vy, vz, m; };
static struct body b[5] = {{0, 0, 0, 0, 0, 0, 39.5}, {4.84, -1.16, -.10, .6, 2.8, -.02, .037}, {8.34, 4.12, -.4, -1.01, 1.8, .008, .011}, {12.9, -15.1, -.22, 1.08, .87, -.01, .0017}, {15.4, -25.9, .18, .98, .6, -.03, .002}};
static u64 kernel(u64 count) {
  while (count--) {
    for (int i = 0; i < 5; i++) for (int j = i + 1; j < 5; j++) {
      double dx = b[i].x - b[j].x, dy = b[i].y - b[j].y, dz = b[i].z - b[j].z, d2 = dx * dx + dy * dy + dz * dz, f = 0.001 / (d2 * sqrt(d2));
      b[i].vx -= dx * b[j].m * f; b[i].vy -= dy * b[j].m * f; b[i].vz -= dz * b[j].m * f;
      b[j].vx += dx * b[i].m * f; b[j].vy += dy * b[i].m * f; b[j].vz += dz * b[i].m * f;
    }
    for (int i = 0; i < 5; i++) { b[i].x += 0.001 * b[i].vx; b[i].y += 0.001 * b[i].vy; b[i].z += 0.001 * b[i].vz; }
  }
  u64 h; memcpy(&h, &b[0].x, 8); return h;
}
