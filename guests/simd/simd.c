/* Packed integer and float instructions of SSE to SSE4.2 over pseudo-random and edge lanes, a hash per family. */
#include <nmmintrin.h>
#include <smmintrin.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <tmmintrin.h>

static uint64_t hash, seed = 1;
static void mix(__m128i v) { uint64_t q[2]; memcpy(q, &v, 16); for (int i = 0; i < 2; i++) { hash = (hash ^ q[i]) * 0x9e3779b97f4a7c15; hash ^= hash >> 31; } }
static uint64_t next(void) { seed ^= seed << 13; seed ^= seed >> 7; seed ^= seed << 17; return seed; }
static const uint32_t edges[] = {0, 0x80000000, 0x7f800000, 0xff800000, 0x3f800000, 0x00000001, 0x7f7fffff, 0xcf000000, 0x4f000000, 0x40490fdb, 0x7fff8000, 0x80007fff, 0x00ff00ff, 0x3effffff, 0xbf000000, 0x5f000000};
static __m128i lanes(int i) { uint32_t w[4]; for (int k = 0; k < 4; k++) w[k] = (i + k) % 3 ? (uint32_t)next() : edges[next() % 16]; __m128i v; memcpy(&v, w, 16); return v; }
#define EACH(name, ...) do { hash = 1; for (int i = 0; i < 60; i++) { __m128i a = lanes(i), b = lanes(i + 1), c = lanes(i + 2); (void)a; (void)b; (void)c; __VA_ARGS__; } printf("%s %016llx\n", name, (unsigned long long)hash); } while (0)
#define I(op) mix(_mm_##op(a, b))
#define PS(op) mix(_mm_castps_si128(_mm_##op(_mm_castsi128_ps(a), _mm_castsi128_ps(b))))
#define PD(op) mix(_mm_castpd_si128(_mm_##op(_mm_castsi128_pd(a), _mm_castsi128_pd(b))))
#define A _mm_castsi128_ps(a)
#define B _mm_castsi128_ps(b)
#define DA _mm_castsi128_pd(a)
#define DB _mm_castsi128_pd(b)
#define MPS(x) mix(_mm_castps_si128(x))
#define MPD(x) mix(_mm_castpd_si128(x))
#define MI(x) mix(_mm_cvtsi64_si128((long long)(x)))

int main(void) {
  EACH("add", I(add_epi8); I(add_epi16); I(add_epi32); I(add_epi64); I(adds_epi8); I(adds_epi16); I(adds_epu8); I(adds_epu16));
  EACH("sub", I(sub_epi8); I(sub_epi16); I(sub_epi32); I(sub_epi64); I(subs_epi8); I(subs_epi16); I(subs_epu8); I(subs_epu16));
  EACH("multiply", I(mullo_epi16); I(mulhi_epi16); I(mulhi_epu16); I(mul_epu32); I(madd_epi16); I(mul_epi32); I(mullo_epi32); I(mulhrs_epi16); I(maddubs_epi16));
  EACH("compare", I(cmpeq_epi8); I(cmpeq_epi16); I(cmpeq_epi32); I(cmpgt_epi8); I(cmpgt_epi16); I(cmpgt_epi32); I(cmpeq_epi64); I(cmpgt_epi64));
  EACH("min max", I(min_epu8); I(max_epu8); I(min_epi16); I(max_epi16); I(min_epi8); I(max_epi8); I(min_epu16); I(max_epu16); I(min_epi32); I(max_epi32); I(min_epu32); I(max_epu32));
  EACH("average, sad", I(avg_epu8); I(avg_epu16); I(sad_epu8); mix(_mm_mpsadbw_epu8(a, b, 5)); mix(_mm_minpos_epu16(a)));
  EACH("logic", I(and_si128); I(or_si128); I(xor_si128); I(andnot_si128));
  EACH("shift", __m128i n = _mm_cvtsi32_si128(i); mix(_mm_sll_epi16(a, n)); mix(_mm_sll_epi32(a, n)); mix(_mm_sll_epi64(a, n)); mix(_mm_srl_epi16(a, n)); mix(_mm_srl_epi32(a, n)); mix(_mm_srl_epi64(a, n)); mix(_mm_sra_epi16(a, n)); mix(_mm_sra_epi32(a, n));
       mix(_mm_slli_si128(a, 5)); mix(_mm_srli_si128(a, 11)); mix(_mm_slli_epi32(a, 7)); mix(_mm_srai_epi16(a, 9)); mix(_mm_srli_epi64(a, 33)));
  EACH("pack", I(packs_epi16); I(packs_epi32); I(packus_epi16); I(packus_epi32); I(unpacklo_epi8); I(unpackhi_epi8); I(unpacklo_epi16); I(unpackhi_epi16); I(unpacklo_epi32); I(unpackhi_epi32); I(unpacklo_epi64); I(unpackhi_epi64));
  EACH("shuffle", I(shuffle_epi8); mix(_mm_shuffle_epi32(a, 0x1b)); mix(_mm_shufflelo_epi16(a, 0x93)); mix(_mm_shufflehi_epi16(a, 0x2d)); MPS(_mm_shuffle_ps(A, B, 0x4e)); MPD(_mm_shuffle_pd(DA, DB, 1)); mix(_mm_alignr_epi8(a, b, 6)); mix(_mm_alignr_epi8(a, b, 21)));
  EACH("sign, abs, horizontal", mix(_mm_abs_epi8(a)); mix(_mm_abs_epi16(a)); mix(_mm_abs_epi32(a)); I(sign_epi8); I(sign_epi16); I(sign_epi32); I(hadd_epi16); I(hadd_epi32); I(hadds_epi16); I(hsub_epi16); I(hsub_epi32); I(hsubs_epi16));
  EACH("extend", mix(_mm_cvtepi8_epi16(a)); mix(_mm_cvtepi8_epi64(a)); mix(_mm_cvtepu8_epi32(a)); mix(_mm_cvtepi16_epi32(a)); mix(_mm_cvtepu16_epi64(a)); mix(_mm_cvtepi32_epi64(a)); mix(_mm_cvtepu32_epi64(a)));
  EACH("insert, extract", mix(_mm_insert_epi8(a, i, 3)); mix(_mm_insert_epi16(a, i, 6)); mix(_mm_insert_epi32(a, i, 1)); mix(_mm_insert_epi64(a, i, 1)); MI(_mm_extract_epi8(a, 13)); MI(_mm_extract_epi16(a, 2)); MI(_mm_extract_epi32(a, 3)); MI(_mm_extract_epi64(a, 1)); MPS(_mm_insert_ps(A, B, 0x9a)); MI(_mm_movemask_epi8(a)); MI(_mm_movemask_ps(A)); MI(_mm_movemask_pd(DA)));
  EACH("blend, test", mix(_mm_blendv_epi8(a, b, c)); mix(_mm_blend_epi16(a, b, 0x5a)); MPS(_mm_blendv_ps(A, B, _mm_castsi128_ps(c))); MPD(_mm_blend_pd(DA, DB, 2)); MI(_mm_testz_si128(a, b)); MI(_mm_testc_si128(a, b)); MI(_mm_testnzc_si128(a, b)));
  EACH("float", PS(add_ps); PS(sub_ps); PS(mul_ps); PS(div_ps); PS(min_ps); PS(max_ps); PS(add_ss); PS(sub_ss); PS(mul_ss); PS(div_ss); PS(min_ss); PS(max_ss); MPS(_mm_sqrt_ps(A)); MPS(_mm_sqrt_ss(A)));
  EACH("double", PD(add_pd); PD(sub_pd); PD(mul_pd); PD(div_pd); PD(min_pd); PD(max_pd); PD(add_sd); PD(sub_sd); PD(mul_sd); PD(div_sd); PD(min_sd); PD(max_sd); MPD(_mm_sqrt_pd(DA)));
  EACH("horizontal float", PS(hadd_ps); PS(hsub_ps); PS(addsub_ps); PD(hadd_pd); PD(hsub_pd); PD(addsub_pd); MPS(_mm_moveldup_ps(A)); MPS(_mm_movehdup_ps(A)); MPD(_mm_movedup_pd(DA)));
  EACH("float compare", PS(cmpeq_ps); PS(cmplt_ps); PS(cmple_ps); PS(cmpneq_ps); PS(cmpnlt_ps); PS(cmpord_ps); PS(cmpunord_ps); PD(cmpeq_pd); PD(cmplt_sd); PD(cmpnle_pd); MI(_mm_comilt_ss(A, B)); MI(_mm_comieq_sd(DA, DB)); MI(_mm_ucomigt_ss(A, B)));
  EACH("convert", mix(_mm_cvtps_epi32(A)); mix(_mm_cvttps_epi32(A)); mix(_mm_cvtpd_epi32(DA)); mix(_mm_cvttpd_epi32(DA)); MPS(_mm_cvtepi32_ps(a)); MPD(_mm_cvtepi32_pd(a)); MPD(_mm_cvtps_pd(A)); MPS(_mm_cvtpd_ps(DA)); MI(_mm_cvtss_si32(A)); MI(_mm_cvttss_si64(A)); MI(_mm_cvtsd_si64(DA)); MPS(_mm_cvtsi64_ss(A, (long long)next())); MPD(_mm_cvtss_sd(DA, B)); MPS(_mm_cvtsd_ss(A, DB)));
  EACH("round, dot", MPS(_mm_round_ps(A, 0)); MPS(_mm_floor_ps(A)); MPS(_mm_ceil_ps(A)); MPS(_mm_round_ps(A, 3)); MPD(_mm_floor_pd(DA)); MPD(_mm_round_sd(DA, DB, 4)); MPS(_mm_dp_ps(_mm_cvtepi32_ps(a), _mm_cvtepi32_ps(b), 0x7f)); MPD(_mm_dp_pd(_mm_cvtepi32_pd(a), _mm_cvtepi32_pd(b), 0x31)));
  EACH("text", MI(_mm_cmpistri(a, b, 0)); MI(_mm_cmpistri(_mm_setr_epi8('a', 'z', 'A', 'Z', 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0), b, 4)); mix(_mm_cmpistrm(a, b, 0x48)); MI(_mm_cmpestri(a, i % 20, b, 30 - i, 0x0c)); mix(_mm_cmpestrm(a, 7, b, 9, 0x18)); MI(_mm_cmpistrz(a, b, 8)); MI(_mm_cmpistrc(a, b, 0x1a)));
  EACH("crc", MI(_mm_crc32_u64(hash, next())); MI(_mm_crc32_u8(i, i * 3)); MI(_mm_crc32_u16(i, i * 777)));
  EACH("stores", char p[48] __attribute__((aligned(16))) = {0}; _mm_storel_epi64((__m128i *)(p + 3), a); _mm_storeh_pd((double *)(p + 17), DB); _mm_stream_si128((__m128i *)(p + 32), c); _mm_maskmoveu_si128(a, b, p + 9); mix(_mm_loadu_si128((__m128i *)(p + 1))); mix(_mm_lddqu_si128((__m128i *)(p + 20))); MPS(_mm_loadh_pi(A, (__m64 *)(p + 5))); MPD(_mm_loadl_pd(DA, (double *)(p + 7))));
  __m64 x = _mm_set_pi16(1, -2, 300, -400), y = _mm_set1_pi16(77), z = _mm_madd_pi16(_mm_adds_pi16(x, y), _mm_shuffle_pi16(x, 0x1b));
  uint64_t mmx;
  memcpy(&mmx, &z, 8);
  _mm_empty();
  printf("mmx %016llx\n", (unsigned long long)mmx);
  return 0;
}
