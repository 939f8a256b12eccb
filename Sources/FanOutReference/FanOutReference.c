#define _GNU_SOURCE
#include "FanOutReference.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { max_events = 512, read_size = 1 << 16, channel_slots = 1 << 16 };

typedef struct {
    char *bytes;
    size_t count, capacity;
} Buffer;

typedef struct Channel {
    struct Channel *next;
    char *name;
    size_t length;
    uint64_t offset;
    int *subscribers;
    int count, capacity;
} Channel;

typedef struct {
    int is_open, is_upgraded, is_dirty, waits_to_write;
    Channel *channel;
    Buffer in, out;
} Connection;

typedef struct {
    int epoll, listener;
    Connection *connections;
    int connection_capacity;
    int *dirty;
    int dirty_count, dirty_capacity;
    Channel *channels[channel_slots];
    char scratch[read_size];
} Server;

/// Bytes of a message that are looked at in place.
typedef struct {
    const char *start;
    size_t count;
} Slice;

static void *must(void *memory) {
    if (memory == NULL) abort();
    return memory;
}

static void append(Buffer *buffer, const void *bytes, size_t count) {
    if (buffer->count + count > buffer->capacity) {
        size_t capacity = buffer->capacity * 2;
        if (capacity < buffer->count + count) capacity = buffer->count + count;
        buffer->bytes = must(realloc(buffer->bytes, capacity));
        buffer->capacity = capacity;
    }
    memcpy(buffer->bytes + buffer->count, bytes, count);
    buffer->count += count;
}

static void drop(Buffer *buffer, size_t count) {
    memmove(buffer->bytes, buffer->bytes + count, buffer->count - count);
    buffer->count -= count;
    if (buffer->count == 0) {
        free(buffer->bytes);
        *buffer = (Buffer){0};
    }
}

static void mark_dirty(Server *server, int socket) {
    if (server->connections[socket].is_dirty) return;
    server->connections[socket].is_dirty = 1;
    if (server->dirty_count == server->dirty_capacity) {
        server->dirty_capacity = server->dirty_capacity * 2 + 64;
        size_t size = sizeof(int) * (size_t)server->dirty_capacity;
        server->dirty = must(realloc(server->dirty, size));
    }
    server->dirty[server->dirty_count++] = socket;
}

static void send_frame(Server *server, int socket, const char *text, size_t count) {
    unsigned char head[4] = {0x81, (unsigned char)count};
    size_t head_size = 2;
    if (count > 125) {
        head[1] = 126;
        head[2] = (unsigned char)(count >> 8);
        head[3] = (unsigned char)count;
        head_size = 4;
    }
    Buffer *out = &server->connections[socket].out;
    append(out, head, head_size);
    append(out, text, count);
    mark_dirty(server, socket);
}

/// The text between `key` and the next quotation mark; empty if there is none.
static Slice text_after(Slice message, const char *key) {
    Slice none = {message.start, 0};
    const char *found = memmem(message.start, message.count, key, strlen(key));
    if (found == NULL) return none;
    found += strlen(key);
    const char *end = memchr(found, '"', (size_t)(message.start + message.count - found));
    return end == NULL ? none : (Slice){found, (size_t)(end - found)};
}

static Channel *channel_named(Server *server, Slice name) {
    uint64_t hash = 1469598103934665603u;
    for (size_t i = 0; i < name.count; i++) {
        hash = (hash ^ (unsigned char)name.start[i]) * 1099511628211u;
    }
    Channel **place = &server->channels[hash % channel_slots];
    for (Channel *channel = *place; channel != NULL; channel = channel->next) {
        if (channel->length == name.count && memcmp(channel->name, name.start, name.count) == 0) {
            return channel;
        }
    }
    Channel *channel = must(calloc(1, sizeof(Channel)));
    channel->name = must(malloc(name.count + 1));
    memcpy(channel->name, name.start, name.count);
    channel->length = name.count;
    channel->next = *place;
    *place = channel;
    return channel;
}

static void subscribe(Server *server, int socket, unsigned id, Slice name) {
    Channel *channel = channel_named(server, name);
    if (channel->count == channel->capacity) {
        channel->capacity = channel->capacity * 2 + 2;
        size_t size = sizeof(int) * (size_t)channel->capacity;
        channel->subscribers = must(realloc(channel->subscribers, size));
    }
    channel->subscribers[channel->count++] = socket;
    server->connections[socket].channel = channel;
    char reply[96];
    int count = snprintf(
        reply, sizeof reply, "{\"id\":%u,\"subscribe\":{\"offset\":%llu}}", id,
        (unsigned long long)channel->offset
    );
    send_frame(server, socket, reply, (size_t)count);
}

static void publish(Server *server, int socket, unsigned id, Slice message) {
    Slice name = text_after(message, "\"channel\":\"");
    Slice message_id = text_after(message, "\"data\":{\"channel\":\"");
    Slice rest = {message_id.start, (size_t)(message.start + message.count - message_id.start)};
    message_id = text_after(rest, "\"id\":\"");
    Slice body = text_after(rest, "\"body\":\"");
    Channel *channel = channel_named(server, name);
    channel->offset += 1;
    char push[2048];
    int count = snprintf(
        push, sizeof push,
        "{\"push\":{\"channel\":\"%.*s\",\"pub\":{\"data\":\"%.*s\",\"offset\":%llu,"
        "\"tags\":{\"id\":\"%.*s\"}}}}",
        (int)name.count, name.start, (int)body.count, body.start,
        (unsigned long long)channel->offset, (int)message_id.count, message_id.start
    );
    if (count < 0 || (size_t)count >= sizeof push) return;
    for (int i = 0; i < channel->count; i++) {
        send_frame(server, channel->subscribers[i], push, (size_t)count);
    }
    char reply[64];
    count = snprintf(reply, sizeof reply, "{\"id\":%u,\"rpc\":{\"data\":{}}}", id);
    send_frame(server, socket, reply, (size_t)count);
}

static void obey(Server *server, int socket, Slice message) {
    static const char start[] = "{\"id\":";
    if (message.count <= sizeof start || memcmp(message.start, start, sizeof start - 1) != 0) return;
    char *end;
    unsigned id = (unsigned)strtoul(message.start + sizeof start - 1, &end, 10);
    Slice rest = {end, (size_t)(message.start + message.count - end)};
    if (rest.count > 11 && memcmp(rest.start, ",\"connect\":", 11) == 0) {
        char reply[64];
        int count = snprintf(reply, sizeof reply, "{\"id\":%u,\"connect\":{}}", id);
        send_frame(server, socket, reply, (size_t)count);
    } else if (rest.count > 13 && memcmp(rest.start, ",\"subscribe\":", 13) == 0) {
        subscribe(server, socket, id, text_after(rest, "\"channel\":\""));
    } else {
        publish(server, socket, id, rest);
    }
}

/// Takes one whole masked frame; returns its size, 0 if it is not whole, -1 if it is too long.
static long take_frame(Server *server, int socket, unsigned char *bytes, size_t count) {
    if (count < 6) return 0;
    size_t length = bytes[1] & 0x7f, start = 6;
    if (length == 127) return -1;
    if (length == 126) {
        length = (size_t)bytes[2] << 8 | bytes[3];
        start = 8;
    }
    if (count < start + length) return 0;
    unsigned char *payload = bytes + start;
    for (size_t i = 0; i < length; i++) payload[i] ^= bytes[start - 4 + (i & 3)];
    obey(server, socket, (Slice){(char *)payload, length});
    return (long)(start + length);
}

static void end(Server *server, int socket) {
    Connection *connection = &server->connections[socket];
    Channel *channel = connection->channel;
    for (int i = 0; channel != NULL && i < channel->count; i++) {
        if (channel->subscribers[i] == socket) {
            channel->subscribers[i] = channel->subscribers[--channel->count];
            break;
        }
    }
    free(connection->in.bytes);
    free(connection->out.bytes);
    int is_dirty = connection->is_dirty;
    *connection = (Connection){.is_dirty = is_dirty};
    close(socket);
}

static void hear(Server *server, int socket) {
    Connection *connection = &server->connections[socket];
    ssize_t count = recv(socket, server->scratch, read_size, 0);
    if (count < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (count <= 0) {
        end(server, socket);
        return;
    }
    append(&connection->in, server->scratch, (size_t)count);
    size_t position = 0;
    if (!connection->is_upgraded) {
        char *found = memmem(connection->in.bytes, connection->in.count, "\r\n\r\n", 4);
        if (found == NULL) return;
        position = (size_t)(found + 4 - connection->in.bytes);
        static const char answer[] =
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n";
        append(&connection->out, answer, sizeof answer - 1);
        mark_dirty(server, socket);
        connection->is_upgraded = 1;
    }
    while (position < connection->in.count) {
        unsigned char *bytes = (unsigned char *)connection->in.bytes + position;
        long taken = take_frame(server, socket, bytes, connection->in.count - position);
        if (taken < 0) {
            end(server, socket);
            return;
        }
        if (taken == 0) break;
        position += (size_t)taken;
    }
    drop(&connection->in, position);
}

static void wish(Server *server, int socket, int operation, uint32_t events) {
    struct epoll_event event = {.events = events, .data.fd = socket};
    if (epoll_ctl(server->epoll, operation, socket, &event) != 0) abort();
}

static void flush(Server *server, int socket) {
    Connection *connection = &server->connections[socket];
    if (!connection->is_open || connection->out.count == 0) return;
    ssize_t count = send(socket, connection->out.bytes, connection->out.count, MSG_NOSIGNAL);
    if (count < 0 && errno != EAGAIN) {
        end(server, socket);
        return;
    }
    if (count > 0) drop(&connection->out, (size_t)count);
    int waits = connection->out.count > 0;
    if (waits != connection->waits_to_write) {
        connection->waits_to_write = waits;
        wish(server, socket, EPOLL_CTL_MOD, waits ? EPOLLIN | EPOLLOUT : EPOLLIN);
    }
}

static void admit(Server *server) {
    for (;;) {
        int socket = accept4(server->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (socket < 0) return;
        if (socket >= server->connection_capacity) {
            int old = server->connection_capacity, capacity = socket * 2 + 64;
            size_t size = sizeof(Connection) * (size_t)capacity;
            server->connections = must(realloc(server->connections, size));
            memset(server->connections + old, 0, sizeof(Connection) * (size_t)(capacity - old));
            server->connection_capacity = capacity;
        }
        int one = 1;
        setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        server->connections[socket].is_open = 1;
        wish(server, socket, EPOLL_CTL_ADD, EPOLLIN);
    }
}

static int open_listener(int port) {
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (listener < 0) return -1;
    int one = 1;
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    struct sockaddr_in address = {
        .sin_family = AF_INET,
        .sin_port = htons((uint16_t)port),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
    };
    if (bind(listener, (struct sockaddr *)&address, sizeof address) != 0) return -1;
    return listen(listener, 4096) == 0 ? listener : -1;
}

int fan_out_reference_serve(int port) {
    Server *server = must(calloc(1, sizeof(Server)));
    server->epoll = epoll_create1(EPOLL_CLOEXEC);
    server->listener = open_listener(port);
    if (server->epoll < 0 || server->listener < 0) return -1;
    wish(server, server->listener, EPOLL_CTL_ADD, EPOLLIN);
    struct epoll_event events[max_events];
    for (;;) {
        int count = epoll_wait(server->epoll, events, max_events, -1);
        if (count < 0 && errno != EINTR) return -1;
        for (int i = 0; i < count; i++) {
            int socket = events[i].data.fd;
            if (socket == server->listener) {
                admit(server);
                continue;
            }
            if (events[i].events & EPOLLOUT) mark_dirty(server, socket);
            if (server->connections[socket].is_open && (events[i].events & ~(uint32_t)EPOLLOUT)) {
                hear(server, socket);
            }
        }
        for (int i = 0; i < server->dirty_count; i++) {
            server->connections[server->dirty[i]].is_dirty = 0;
            flush(server, server->dirty[i]);
        }
        server->dirty_count = 0;
    }
}
