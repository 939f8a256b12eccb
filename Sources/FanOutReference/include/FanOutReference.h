#ifndef PARLEY_FAN_OUT_REFERENCE_H
#define PARLEY_FAN_OUT_REFERENCE_H

/// The least that a chat server can do, on one thread: what `parley serve` is measured against.
///
/// Listens on a port of the loopback address and serves the same clients as `parley serve`: upgrade,
/// `connect`, `subscribe` and the rpc `chat.send`, each message to all subscribers of its channel, in
/// order, with an offset. It verifies no token and no key, keeps and stores nothing, checks nothing but
/// its own bounds, and gathers what goes to one connection in one round into one `send`.
///
/// Returns only if it cannot go on: -1, with the reason in `errno`.
int fan_out_reference_serve(int port);

#endif
