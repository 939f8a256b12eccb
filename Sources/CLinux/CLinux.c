#define _GNU_SOURCE
#include "CLinux.h"

#include <errno.h>
#include <sched.h>

int core_is_allowed(int core) {
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) != 0) return -1;
    return core >= 0 && core < CPU_SETSIZE && CPU_ISSET(core, &set);
}

int pin_to_core(int core) {
    cpu_set_t set;
    if (core < 0 || core >= CPU_SETSIZE) {
        errno = EINVAL;
        return -1;
    }
    CPU_ZERO(&set);
    CPU_SET(core, &set);
    return sched_setaffinity(0, sizeof set, &set);
}
