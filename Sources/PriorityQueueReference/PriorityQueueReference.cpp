#include "PriorityQueueReference.h"

#include <queue>
#include <vector>

namespace {

// 24 bytes: as small as the workload allows, which is what a heap's speed depends on.
struct Event {
    uint64_t time;
    uint64_t order;
    uint32_t target;
    uint32_t kind;
};

struct Later {
    bool operator()(const Event &left, const Event &right) const {
        return left.time == right.time ? left.order > right.order : left.time > right.time;
    }
};

struct Entity {
    uint64_t random;
    uint64_t count;
    uint64_t sum;
    uint64_t padding;
};

// wyrand (Wang Yi).
inline uint64_t next_random(uint64_t &state) {
    state += 0xa0761d6478bd642f;
    const unsigned __int128 product =
        static_cast<unsigned __int128>(state) * (state ^ 0xe7037ed1a0b428db);
    return static_cast<uint64_t>(product >> 64) ^ static_cast<uint64_t>(product);
}

// An exponential draw of mean 10^9 in integers: see ExponentialDraw in the Swift side.
inline uint64_t exponential(uint64_t &state, const uint32_t *logarithms) {
    const uint64_t random = next_random(state) | 1;
    const uint64_t zeros = static_cast<uint64_t>(__builtin_clzll(random));
    const uint64_t fraction = random << zeros << 1;
    const uint64_t index = fraction >> 56;
    const uint64_t remainder = (fraction >> 24) & 0xffffffff;
    const uint64_t lower = logarithms[index];
    const uint64_t step = logarithms[index + 1] - lower;
    return (zeros + 1) * 693147181 - (lower + (step * remainder >> 32));
}

}  // namespace

struct PriorityQueueHold {
    std::priority_queue<Event, std::vector<Event>, Later> queue;
    std::vector<Entity> entities;
    const uint32_t *logarithms;
    uint64_t lookahead;
};

PriorityQueueHold *priority_queue_hold_create(
    uint32_t pending, uint64_t seed, uint64_t lookahead, const uint32_t *logarithms
) {
    auto *hold = new PriorityQueueHold{{}, std::vector<Entity>(pending), logarithms, lookahead};
    for (uint32_t index = 0; index < pending; index++) {
        Entity &entity = hold->entities[index];
        entity = {seed + 0x9e3779b97f4a7c15 * (uint64_t(index) + 1), 0, 0, 0};
        const uint64_t time = lookahead + exponential(entity.random, logarithms);
        hold->queue.push({time, uint64_t(index) << 24, index, 0});
    }
    return hold;
}

void priority_queue_hold_run(PriorityQueueHold *hold, uint64_t events) {
    const uint64_t count = hold->entities.size();
    const uint64_t lookahead = hold->lookahead;
    const uint32_t *logarithms = hold->logarithms;
    Entity *entities = hold->entities.data();
    for (uint64_t step = 0; step < events; step++) {
        const Event event = hold->queue.top();
        hold->queue.pop();
        Entity &entity = entities[event.target];
        entity.count += 1;
        entity.sum += event.time;
        const uint64_t target = (next_random(entity.random) >> 32) * count >> 32;
        const uint64_t time = event.time + lookahead + exponential(entity.random, logarithms);
        const uint64_t order = uint64_t(event.target) << 24 | (entity.count & 0xffffff);
        hold->queue.push({time, order, uint32_t(target), event.kind});
    }
}

uint64_t priority_queue_hold_checksum(const PriorityQueueHold *hold) {
    uint64_t checksum = 0;
    for (const Entity &entity : hold->entities) {
        checksum = checksum * 31 + entity.sum;
        checksum = checksum * 31 + entity.count;
        checksum = checksum * 31 + entity.random;
    }
    return checksum;
}

void priority_queue_hold_destroy(PriorityQueueHold *hold) { delete hold; }
