/* DEFINE_CHAINS(name, operations, text) is a loop over independent sums in vectors of CHAIN_BYTES, enough of them for all units and their latency.
   text is the instructions of one chain: %0 the sum, %1 room for a product, %2 an operand; operations is what they do. */
typedef int32_t chain __attribute__((vector_size(CHAIN_BYTES)));

#if defined(__aarch64__)
enum { CHAINS = 24 };
#define CHAIN_REGISTER "w"
#else
enum { CHAINS = 12 };
#define CHAIN_REGISTER "v"
#endif

#define DEFINE_CHAINS(name, operations, text)                                                                    \
    static double name(uint64_t rounds) {                                                                        \
        chain sum[CHAINS] = {{0}};                                                                               \
        const chain x = {0};                                                                                     \
        for (uint64_t i = 0; i < rounds; i++) {                                                                  \
            _Pragma("GCC unroll 24") for (int c = 0; c < CHAINS; c++) {                                          \
                chain product;                                                                                   \
                __asm__ volatile(text : "+" CHAIN_REGISTER(sum[c]), "=&" CHAIN_REGISTER(product) : CHAIN_REGISTER(x)); \
            }                                                                                                    \
        }                                                                                                        \
        return (double)(operations) * CHAINS * (double)rounds;                                                   \
    }
