#ifndef PARLEY_PREFETCH_H
#define PARLEY_PREFETCH_H

/// Asks the processor to bring the cache line at `address` near, for writing. Any address is allowed.
///
/// In C because Swift has no such intrinsic; inlined into Swift code, so that no call remains.
static inline __attribute__((always_inline)) void prefetch_for_write(const void *address) {
    __builtin_prefetch(address, 1, 3);
}

#endif
