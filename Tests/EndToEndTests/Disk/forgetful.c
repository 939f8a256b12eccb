// A disk that forgets what was not synced.
//
// Preloaded (LD_PRELOAD) into a server, it keeps beside each file below PARLEY_DISK a twin below
// PARLEY_MIRROR that holds what a power cut would leave: what was written up to the last sync of the
// file, and of what came later a random half of the 512-byte sectors, drawn by PARLEY_DISK_SEED, as a
// drive that reorders and tears writes may leave them. With PARLEY_DISK_LIES syncs do nothing.
// While the file PARLEY_DISK_FULL exists, the disk takes no more writes; with PARLEY_DISK_DROPS it takes
// them, and keeps nothing of them.
// A test kills the server and lets it start again on the mirror.
//
// Names (create, link, unlink, rename, mkdir) count at once, as after a sync of their directory. SQLite's shared
// memory file is left out: it is rebuilt from the log.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { files_max = 4096, sector = 512, writes_max = 1 << 16 };

// A write that has not been synced; its bytes are read from the file itself at the sync.
struct range { off_t start, end; };

struct entry { // one inode of the disk, whoever has it open
    dev_t device;
    ino_t inode;
    int twin;
    struct range *pending;
    size_t count;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct entry entries[files_max];
static size_t entry_count;
static struct entry *by_descriptor[files_max];
static uint64_t draws;

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

static int is_kept(const char *path, char *twin, size_t size) {
    const char *disk = getenv("PARLEY_DISK"), *mirror = getenv("PARLEY_MIRROR");
    if (!disk || !mirror || strncmp(path, disk, strlen(disk)) || strstr(path, "-shm")) return 0;
    snprintf(twin, size, "%s%s", mirror, path + strlen(disk));
    return 1;
}

static uint64_t draw(void) {
    const char *seed = getenv("PARLEY_DISK_SEED");
    uint64_t z = (seed ? strtoull(seed, 0, 10) : 0) + 0x9e3779b97f4a7c15u * ++draws;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

static void copy(int from, int to, off_t start, off_t end) {
    char buffer[65536];
    while (start < end) {
        size_t size = (size_t)(end - start) < sizeof buffer ? (size_t)(end - start) : sizeof buffer;
        ssize_t count = REAL(pread64)(from, buffer, size, start);
        if (count <= 0 || REAL(pwrite64)(to, buffer, (size_t)count, start) != count) return;
        start += count;
    }
}

static int opened(int descriptor, const char *path) {
    char twin[4096];
    if (descriptor < 0 || descriptor >= files_max || !is_kept(path, twin, sizeof twin))
        return descriptor;
    struct stat64 status;
    if (fstat64(descriptor, &status) || !S_ISREG(status.st_mode)) return descriptor;
    pthread_mutex_lock(&lock);
    struct entry *entry = 0;
    for (size_t i = 0; i < entry_count; i++)
        if (entries[i].inode == status.st_ino && entries[i].device == status.st_dev)
            entry = &entries[i];
    if (!entry && entry_count < files_max) {
        entry = &entries[entry_count++];
        entry->device = status.st_dev;
        entry->inode = status.st_ino;
        entry->twin = REAL(open64)(twin, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        entry->pending = malloc(writes_max * sizeof *entry->pending);
        if (entry->twin < 0 || !entry->pending) abort();
        entry->count = 0;
    }
    by_descriptor[descriptor] = entry;
    pthread_mutex_unlock(&lock);
    return descriptor;
}

static void written(int descriptor, off_t start, ssize_t count) {
    if (count <= 0 || descriptor < 0 || descriptor >= files_max) return;
    pthread_mutex_lock(&lock);
    struct entry *entry = by_descriptor[descriptor];
    if (entry) {
        // What does not fit the list is a gap that the mirror would hide: better no answer than a wrong one.
        if (entry->count == writes_max) abort();
        entry->pending[entry->count++] = (struct range){start, start + count};
        off_t first = start / sector * sector;
        for (off_t at = first; at < start + count; at += sector) {
            if (draw() & 1) continue;
            off_t from = at < start ? start : at;
            off_t to = at + sector < start + count ? at + sector : start + count;
            copy(descriptor, entry->twin, from, to);
        }
    }
    pthread_mutex_unlock(&lock);
}

static void synced(int descriptor) {
    if (getenv("PARLEY_DISK_LIES") || descriptor < 0 || descriptor >= files_max) return;
    pthread_mutex_lock(&lock);
    struct entry *entry = by_descriptor[descriptor];
    if (entry) {
        for (size_t i = 0; i < entry->count; i++)
            copy(descriptor, entry->twin, entry->pending[i].start, entry->pending[i].end);
        entry->count = 0;
    }
    pthread_mutex_unlock(&lock);
}

static int is_full(int descriptor) {
    const char *flag = getenv("PARLEY_DISK_FULL");
    if (!flag || descriptor < 0 || descriptor >= files_max || !by_descriptor[descriptor]) return 0;
    if (access(flag, F_OK)) return 0;
    errno = ENOSPC;
    return 1;
}

/* What a write gives that does not reach the disk. */
static ssize_t unwritten(size_t size) {
    return getenv("PARLEY_DISK_DROPS") ? (ssize_t)size : -1;
}

/* What is written must be read back for the twin. */
static int readable(int flags, const char *path) {
    char twin[4096];
    if ((flags & O_ACCMODE) != O_WRONLY || !is_kept(path, twin, sizeof twin)) return flags;
    return (flags & ~O_ACCMODE) | O_RDWR;
}

static int mode_of(int flags, va_list list) { return flags & O_CREAT ? va_arg(list, int) : 0; }

int open(const char *path, int flags, ...) {
    va_list list;
    va_start(list, flags);
    int mode = mode_of(flags, list);
    va_end(list);
    return opened(REAL(open)(path, readable(flags, path), mode), path);
}

int open64(const char *path, int flags, ...) {
    va_list list;
    va_start(list, flags);
    int mode = mode_of(flags, list);
    va_end(list);
    return opened(REAL(open64)(path, readable(flags, path), mode), path);
}

int close(int descriptor) {
    if (descriptor >= 0 && descriptor < files_max) {
        pthread_mutex_lock(&lock);
        by_descriptor[descriptor] = 0;
        pthread_mutex_unlock(&lock);
    }
    return REAL(close)(descriptor);
}

ssize_t pwrite64(int descriptor, const void *bytes, size_t size, off64_t offset) {
    if (is_full(descriptor)) return unwritten(size);
    ssize_t count = REAL(pwrite64)(descriptor, bytes, size, offset);
    written(descriptor, offset, count);
    return count;
}

ssize_t pwrite(int descriptor, const void *bytes, size_t size, off_t offset) {
    if (is_full(descriptor)) return unwritten(size);
    ssize_t count = REAL(pwrite)(descriptor, bytes, size, offset);
    written(descriptor, offset, count);
    return count;
}

ssize_t write(int descriptor, const void *bytes, size_t size) {
    if (is_full(descriptor)) return unwritten(size);
    off_t offset = -1;
    if (descriptor >= 0 && descriptor < files_max && by_descriptor[descriptor])
        offset = lseek(descriptor, 0, SEEK_CUR);
    ssize_t count = REAL(write)(descriptor, bytes, size);
    if (offset >= 0) written(descriptor, offset, count);
    return count;
}

int ftruncate64(int descriptor, off64_t length) {
    if (descriptor >= 0 && descriptor < files_max && by_descriptor[descriptor])
        REAL(ftruncate64)(by_descriptor[descriptor]->twin, length);
    return REAL(ftruncate64)(descriptor, length);
}

int ftruncate(int descriptor, off_t length) { return ftruncate64(descriptor, length); }

/* While the flag's file is there, a sync does not return. */
static void stall(int descriptor) {
    const char *flag = getenv("PARLEY_DISK_STALL");
    if (!flag || descriptor < 0 || descriptor >= files_max || !by_descriptor[descriptor]) return;
    while (!access(flag, F_OK)) usleep(10000);
}

int fsync(int descriptor) {
    stall(descriptor);
    int code = REAL(fsync)(descriptor);
    if (code == 0) synced(descriptor);
    return code;
}

int fdatasync(int descriptor) {
    stall(descriptor);
    int code = REAL(fdatasync)(descriptor);
    if (code == 0) synced(descriptor);
    return code;
}

int unlink(const char *path) {
    char twin[4096];
    struct stat64 status;
    if (is_kept(path, twin, sizeof twin) && !stat64(path, &status)) {
        REAL(unlink)(twin);
        // The next file may get the same inode, and is another one.
        pthread_mutex_lock(&lock);
        for (size_t i = 0; i < entry_count; i++)
            if (entries[i].inode == status.st_ino && entries[i].device == status.st_dev)
                entries[i].inode = 0;
        pthread_mutex_unlock(&lock);
    }
    return REAL(unlink)(path);
}

int rename(const char *from, const char *to) {
    char twin[4096], target[4096];
    if (is_kept(from, twin, sizeof twin) && is_kept(to, target, sizeof target))
        REAL(rename)(twin, target);
    return REAL(rename)(from, to);
}

int link(const char *from, const char *to) {
    char twin[4096], target[4096];
    int code = REAL(link)(from, to);
    if (code == 0 && is_kept(from, twin, sizeof twin) && is_kept(to, target, sizeof target))
        REAL(link)(twin, target);
    return code;
}

int mkdir(const char *path, mode_t mode) {
    char twin[4096];
    if (is_kept(path, twin, sizeof twin)) REAL(mkdir)(twin, mode);
    return REAL(mkdir)(path, mode);
}
