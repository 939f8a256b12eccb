#ifndef PARLEY_PRIORITY_QUEUE_REFERENCE_H
#define PARLEY_PRIORITY_QUEUE_REFERENCE_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/// A PHOLD run over `std::priority_queue`: what the calendar is measured against.
typedef struct PriorityQueueHold PriorityQueueHold;

/// Makes `pending` entities, each with one pending event. The constants and `logarithms` (257 entries) are
/// those of the Swift side, so that both sides draw the same numbers. `logarithms` must outlive the run.
PriorityQueueHold *priority_queue_hold_create(
    uint32_t pending, uint64_t seed, uint64_t lookahead, const uint32_t *logarithms
);

/// Lets `events` events happen.
void priority_queue_hold_run(PriorityQueueHold *hold, uint64_t events);

/// A hash of all entities' histories, equal on both sides if every entity saw the same events in the same order.
uint64_t priority_queue_hold_checksum(const PriorityQueueHold *hold);

void priority_queue_hold_destroy(PriorityQueueHold *hold);

#ifdef __cplusplus
}
#endif

#endif
