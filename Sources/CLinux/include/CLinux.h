#ifndef PARLEY_LINUX_H
#define PARLEY_LINUX_H

/// The calls of Linux that Swift's own Glibc module leaves out.
#include <sys/epoll.h>
#include <sys/timerfd.h>

/// Whether the calling thread may run on a core: 1, 0, or -1 with `errno`.
int core_is_allowed(int core);

/// Binds the calling thread, and the processes that it starts from now on, to one core; 0, or -1 with
/// `errno`.
int pin_to_core(int core);

#endif
