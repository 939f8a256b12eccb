// A disk that keeps what was synced, and by chance some of the rest; loaded with LD_PRELOAD.
//
// Every database file below FORGETFUL_DISK_WATCH has a mirror of the same name in
// FORGETFUL_DISK_MIRROR that holds what would be on the platter after a power cut: what was written
// before the last fsync of the file, and of what was written since, each sector of 512 bytes with
// probability 1/2 (drives write back early and in any order). FORGETFUL_DISK_SEED decides which.
// With FORGETFUL_DISK_LIES set, syncing returns at once and nothing reaches the mirror: the fault that
// the test must catch.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { descriptorsMax = 65536, filesMax = 64, rangesMax = 4096, sector = 512 };

typedef struct { off_t start, end; } Range;
typedef struct {
    char name[256];
    int mirror;
    int rangeCount;
    Range ranges[rangesMax];
} File;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static File files[filesMax];
static int fileCount;
static short fileOfDescriptor[descriptorsMax];
static uint64_t state;

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

static uint64_t draw(void) {
    // SplitMix64.
    uint64_t z = (state += 0x9e3779b97f4a7c15ULL);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
    return z ^ (z >> 31);
}

static int lies(void) { return getenv("FORGETFUL_DISK_LIES") != NULL; }

static void refuse(const char *what) {
    fprintf(stderr, "forgetful disk: %s\n", what);
    abort();
}

static void watch(const char *path, int descriptor) {
    const char *watched = getenv("FORGETFUL_DISK_WATCH");
    const char *mirror = getenv("FORGETFUL_DISK_MIRROR");
    if (descriptor < 0 || descriptor >= descriptorsMax) return;
    pthread_mutex_lock(&lock);
    fileOfDescriptor[descriptor] = 0;
    const char *name = strrchr(path, '/');
    // The shared-memory index is rebuilt from the log and is never synced.
    if (watched && mirror && name && strstr(path, watched) && strstr(name, ".sqlite")
        && !strstr(name, "-shm")) {
        name += 1;
        int index = 0;
        while (index < fileCount && strcmp(files[index].name, name) != 0) index += 1;
        if (index == filesMax) refuse("too many files");
        if (index == fileCount) {
            if (fileCount == 0 && getenv("FORGETFUL_DISK_SEED"))
                state = strtoull(getenv("FORGETFUL_DISK_SEED"), NULL, 10);
            char copy[4096];
            snprintf(copy, sizeof copy, "%s/%s", mirror, name);
            snprintf(files[index].name, sizeof files[index].name, "%s", name);
            files[index].mirror = REAL(open)(copy, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
            if (files[index].mirror < 0) refuse("the mirror cannot be written");
            fileCount += 1;
        }
        fileOfDescriptor[descriptor] = (short)(index + 1);
    }
    pthread_mutex_unlock(&lock);
}

static File *fileOf(int descriptor) {
    if (descriptor < 0 || descriptor >= descriptorsMax) return NULL;
    int index = fileOfDescriptor[descriptor];
    return index ? &files[index - 1] : NULL;
}

static void copyRange(File *file, int descriptor, off_t start, off_t end) {
    char buffer[1 << 16];
    while (start < end) {
        size_t want = (size_t)(end - start) < sizeof buffer ? (size_t)(end - start) : sizeof buffer;
        ssize_t got = pread(descriptor, buffer, want, start);
        if (got <= 0) return;
        if (REAL(pwrite)(file->mirror, buffer, (size_t)got, start) != got) refuse("short mirror");
        start += got;
    }
}

static void noteWrite(int descriptor, off_t start, ssize_t count) {
    if (count <= 0) return;
    pthread_mutex_lock(&lock);
    File *file = fileOf(descriptor);
    if (file) {
        off_t end = start + count;
        if (file->rangeCount == rangesMax) {
            for (int index = 1; index < file->rangeCount; index += 1) {
                Range range = file->ranges[index];
                if (range.start < file->ranges[0].start) file->ranges[0].start = range.start;
                if (range.end > file->ranges[0].end) file->ranges[0].end = range.end;
            }
            file->rangeCount = 1;
        }
        file->ranges[file->rangeCount++] = (Range){start, end};
        for (off_t at = start - start % sector; at < end && !lies(); at += sector) {
            if (draw() & 1) continue;
            off_t from = at < start ? start : at;
            off_t to = at + sector < end ? at + sector : end;
            copyRange(file, descriptor, from, to);
        }
    }
    pthread_mutex_unlock(&lock);
}

static void noteSync(int descriptor) {
    pthread_mutex_lock(&lock);
    File *file = fileOf(descriptor);
    if (file && !lies()) {
        for (int index = 0; index < file->rangeCount; index += 1)
            copyRange(file, descriptor, file->ranges[index].start, file->ranges[index].end);
        file->rangeCount = 0;
        struct stat status;
        if (fstat(descriptor, &status) == 0 && ftruncate(file->mirror, status.st_size) != 0)
            refuse("the mirror cannot be cut");
    }
    pthread_mutex_unlock(&lock);
}

#define OPEN(name)                                                   \
    int name(const char *path, int flags, ...) {                     \
        va_list list;                                                \
        va_start(list, flags);                                       \
        mode_t mode = flags & O_CREAT ? va_arg(list, mode_t) : 0;    \
        va_end(list);                                                \
        int descriptor = REAL(name)(path, flags, mode);              \
        watch(path, descriptor);                                     \
        return descriptor;                                           \
    }
OPEN(open)
OPEN(open64)

int close(int descriptor) {
    pthread_mutex_lock(&lock);
    if (descriptor >= 0 && descriptor < descriptorsMax) fileOfDescriptor[descriptor] = 0;
    pthread_mutex_unlock(&lock);
    return REAL(close)(descriptor);
}

ssize_t write(int descriptor, const void *bytes, size_t count) {
    off_t start = fileOf(descriptor) ? lseek(descriptor, 0, SEEK_CUR) : 0;
    ssize_t written = REAL(write)(descriptor, bytes, count);
    noteWrite(descriptor, start, written);
    return written;
}

ssize_t pwrite(int descriptor, const void *bytes, size_t count, off_t start) {
    ssize_t written = REAL(pwrite)(descriptor, bytes, count, start);
    noteWrite(descriptor, start, written);
    return written;
}

ssize_t pwrite64(int descriptor, const void *bytes, size_t count, off64_t start) {
    ssize_t written = REAL(pwrite64)(descriptor, bytes, count, start);
    noteWrite(descriptor, start, written);
    return written;
}

int fsync(int descriptor) {
    if (!lies() && REAL(fsync)(descriptor) != 0) return -1;
    noteSync(descriptor);
    return 0;
}

int fdatasync(int descriptor) {
    if (!lies() && REAL(fdatasync)(descriptor) != 0) return -1;
    noteSync(descriptor);
    return 0;
}

int unlink(const char *path) {
    int outcome = REAL(unlink)(path);
    const char *watched = getenv("FORGETFUL_DISK_WATCH");
    const char *mirror = getenv("FORGETFUL_DISK_MIRROR");
    const char *name = strrchr(path, '/');
    if (outcome == 0 && watched && mirror && name && strstr(path, watched)) {
        char copy[4096];
        snprintf(copy, sizeof copy, "%s/%s", mirror, name + 1);
        REAL(unlink)(copy);
        pthread_mutex_lock(&lock);
        for (int index = 0; index < fileCount; index += 1)
            if (strcmp(files[index].name, name + 1) == 0) files[index].name[0] = 0;
        pthread_mutex_unlock(&lock);
    }
    return outcome;
}
