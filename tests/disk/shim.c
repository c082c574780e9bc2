/* A disk that fails and loses on command, under the unmodified binary.
 *
 * Preloaded (LD_PRELOAD) it sits between SQLite and the C library and acts on
 * the files of one folder only:
 *   - faults: ENOSPC, EIO on write, EIO on fsync, EROFS, switched by a control
 *     file that is mapped, so without a restart of the process;
 *   - an undo log, in another folder, of all that was not synchronised, from
 *     which the test takes away after a kill what a power cut would take;
 *   - death (SIGKILL) at the n-th operation on the disk, before or after it;
 *   - a planted defect: fsync that only says it was done.
 *
 * fsync never reaches the real disk: what counts as durable is what the log
 * says. SQLite's shared memory (-shm) is no durable file; it only meets a full
 * or read-only disk.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#define SECTOR 512
#define FDS 65536

enum fault { NONE, FULL, FULL_STRICTLY, EIO_WRITE, EIO_SYNC, READ_ONLY };

/* The control file: 32-bit numbers, written by the test, counted down here. */
struct control {
    uint32_t fault;
    uint32_t after;   /* syncs that still succeed first */
    uint32_t times;   /* calls that fail; 0 = until told otherwise */
    uint32_t struck;  /* calls that failed so far */
    uint32_t sync_us; /* how long a sync takes */
    uint32_t swallow; /* syncs only say that they were done */
    uint32_t die_at;  /* the operation at which the power goes; 0 = none */
    uint32_t die_after; /* 1: after that operation instead of before it */
    uint32_t ops;     /* operations so far */
    uint32_t syncs;   /* syncs that succeeded */
};

enum record { OPENED = 1, WRITTEN, TRUNCATED, SYNCED, SYNC_FAILED, UNLINKED, FOLDER_SYNCED };

struct header {
    uint32_t kind;
    uint32_t name; /* bytes of the name that follows */
    uint32_t data; /* bytes of the pre-image that follows */
    uint32_t flag; /* OPENED: it was created */
    uint64_t ino;
    uint64_t off;
    uint64_t size; /* of the file, before */
};

enum kind { OTHER, DURABLE, SHARED, FOLDER };

struct handle {
    enum kind kind;
    uint64_t ino;
};

static struct control *control;
static struct handle handles[FDS];
static char folder[4096];
static char stash[4096];
static int log_fd = -1;
static uint32_t stashed;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static int (*real_open)(const char *, int, ...);
static int (*real_close)(int);
static ssize_t (*real_write)(int, const void *, size_t);
static ssize_t (*real_pwrite)(int, const void *, size_t, off_t);
static ssize_t (*real_pread)(int, void *, size_t, off_t);
static int (*real_truncate)(int, off_t);
static int (*real_sync)(int);
static int (*real_unlink)(const char *);
static int (*real_rename)(const char *, const char *);

static void fatal(const char *what) {
    char text[256];
    int n = snprintf(text, sizeof text, "disk shim: %s: %s\n", what, strerror(errno));
    if (real_write != NULL && n > 0) (void)!real_write(2, text, (size_t)n);
    abort();
}

/* The first call finds the C library; the constructor may come later. */
static void bind_all(void) {
    if (real_open != NULL) return;
    real_close = dlsym(RTLD_NEXT, "close");
    real_write = dlsym(RTLD_NEXT, "write");
    real_pwrite = dlsym(RTLD_NEXT, "pwrite64");
    real_pread = dlsym(RTLD_NEXT, "pread64");
    real_truncate = dlsym(RTLD_NEXT, "ftruncate64");
    real_sync = dlsym(RTLD_NEXT, "fsync");
    real_unlink = dlsym(RTLD_NEXT, "unlink");
    real_rename = dlsym(RTLD_NEXT, "rename");
    real_open = dlsym(RTLD_NEXT, "open64");
}

__attribute__((constructor)) static void begin(void) {
    bind_all();
    const char *where = getenv("DISK_FOLDER"), *side = getenv("DISK_SIDE");
    if (where == NULL || side == NULL) return;
    char path[4200];
    snprintf(stash, sizeof stash, "%s", side);
    snprintf(path, sizeof path, "%s/log", side);
    log_fd = real_open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    snprintf(path, sizeof path, "%s/control", side);
    int fd = real_open(path, O_RDWR | O_CLOEXEC);
    if (log_fd < 0 || fd < 0) fatal("cannot open the side folder");
    control = mmap(NULL, sizeof *control, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (control == MAP_FAILED) fatal("cannot map the control file");
    real_close(fd);
    snprintf(folder, sizeof folder, "%s", where);
}

static int ends(const char *text, const char *end) {
    size_t n = strlen(text), m = strlen(end);
    return n >= m && strcmp(text + n - m, end) == 0;
}

/* The name inside the folder, or NULL for what is none of our business. */
static const char *inside(const char *path) {
    size_t n = strlen(folder);
    if (n == 0 || path == NULL || strncmp(path, folder, n) != 0 || path[n] != '/') return NULL;
    const char *name = path + n + 1;
    return *name == 0 || strchr(name, '/') != NULL ? NULL : name;
}

static enum kind kind_of(const char *path) {
    size_t n = strlen(folder);
    if (n != 0 && path != NULL && strncmp(path, folder, n) == 0 && (path[n] == 0 || strcmp(path + n, "/") == 0))
        return FOLDER;
    const char *name = inside(path);
    if (name == NULL || strstr(name, ".db") == NULL) return OTHER;
    return ends(name, "-shm") ? SHARED : DURABLE;
}

static struct handle *handle(int fd) {
    static struct handle none;
    return fd >= 0 && fd < FDS && control != NULL ? &handles[fd] : &none;
}

static void tell(struct header head, const char *name, const void *data) {
    head.name = name == NULL ? 0 : (uint32_t)strlen(name);
    struct iovec parts[3] = {
        {&head, sizeof head}, {(void *)name, head.name}, {(void *)data, head.data}};
    if (writev(log_fd, parts, 3) < 0) fatal("cannot write the log");
}

static uint64_t size_of(int fd) {
    struct stat now;
    if (fstat(fd, &now) != 0) fatal("cannot stat");
    return (uint64_t)now.st_size;
}

/* Logs what the sectors of a range hold now. */
static void keep(enum record kind, int fd, uint64_t off, uint64_t end) {
    uint64_t from = off / SECTOR * SECTOR, size = size_of(fd);
    uint64_t to = (end + SECTOR - 1) / SECTOR * SECTOR;
    size_t room = to > from ? (size_t)(to - from) : 0;
    char *data = malloc(room + 1);
    if (data == NULL) fatal("no memory");
    ssize_t got = room == 0 ? 0 : real_pread(fd, data, room, (off_t)from);
    /* Opened for writing only: nothing of ours is. */
    if (got < 0) fatal("cannot read the pre-image");
    struct header head = {.kind = kind, .data = (uint32_t)got, .flag = (uint32_t)room,
                          .ino = handle(fd)->ino, .off = kind == TRUNCATED ? off : from, .size = size};
    tell(head, NULL, data);
    free(data);
}

/* Counts an operation on the disk; here the power may go. */
static int goes_after(void) {
    control->ops++;
    if (control->die_at == 0 || --control->die_at != 0) return 0;
    if (!control->die_after) kill(getpid(), SIGKILL), pause();
    return 1;
}

static void gone(int now) {
    if (now) kill(getpid(), SIGKILL), pause();
}

static int strikes(void) {
    if (control->after > 0) return 0;
    control->struck++;
    if (control->times > 0 && --control->times == 0) control->fault = NONE;
    return 1;
}

/* The error of a write in force, or 0. */
static int write_fault(const struct handle *h, uint64_t size, uint64_t end) {
    switch (control->fault) {
    case FULL:
        return end > size && strikes() ? ENOSPC : 0;
    case FULL_STRICTLY:
        return strikes() ? ENOSPC : 0;
    case EIO_WRITE:
        return h->kind == DURABLE && strikes() ? EIO : 0;
    case READ_ONLY:
        return strikes() ? EROFS : 0;
    default:
        return 0;
    }
}

static int fail(int error) {
    errno = error;
    return -1;
}

static ssize_t put(int fd, const void *data, size_t n, off_t off) {
    struct handle *h = handle(fd);
    pthread_mutex_lock(&lock);
    int error = write_fault(h, size_of(fd), (uint64_t)off + n), now = 0;
    if (error == 0 && h->kind == DURABLE) {
        keep(WRITTEN, fd, (uint64_t)off, (uint64_t)off + n);
        now = goes_after();
    }
    ssize_t done = error == 0 ? real_pwrite(fd, data, n, off) : fail(error);
    gone(now);
    int saved = errno;
    pthread_mutex_unlock(&lock);
    errno = saved;
    return done;
}

ssize_t pwrite64(int fd, const void *data, size_t n, off_t off) {
    bind_all();
    enum kind kind = handle(fd)->kind;
    return kind == DURABLE || kind == SHARED ? put(fd, data, n, off) : real_pwrite(fd, data, n, off);
}

ssize_t pwrite(int fd, const void *data, size_t n, off_t off) { return pwrite64(fd, data, n, off); }

ssize_t write(int fd, const void *data, size_t n) {
    bind_all();
    enum kind kind = handle(fd)->kind;
    if (kind != DURABLE && kind != SHARED) return real_write(fd, data, n);
    off_t off = lseek(fd, 0, SEEK_CUR);
    ssize_t done = put(fd, data, n, off);
    if (done > 0) lseek(fd, off + done, SEEK_SET);
    return done;
}

int ftruncate64(int fd, off_t size) {
    bind_all();
    struct handle *h = handle(fd);
    if (h->kind != DURABLE && h->kind != SHARED) return real_truncate(fd, size);
    pthread_mutex_lock(&lock);
    uint64_t before = size_of(fd);
    int error = write_fault(h, before, (uint64_t)size), now = 0;
    /* Room is given back on the fullest disk. */
    if (error == ENOSPC && (uint64_t)size <= before) error = 0;
    if (error == 0 && h->kind == DURABLE) {
        keep(TRUNCATED, fd, (uint64_t)size, before);
        now = goes_after();
    }
    int done = error == 0 ? real_truncate(fd, size) : fail(error);
    gone(now);
    pthread_mutex_unlock(&lock);
    return done;
}

int ftruncate(int fd, off_t size) { return ftruncate64(fd, size); }

int fsync(int fd) {
    bind_all();
    struct handle *h = handle(fd);
    if (h->kind == OTHER) return real_sync(fd);
    if (h->kind == SHARED) return 0;
    if (control->sync_us > 0) usleep(control->sync_us);
    pthread_mutex_lock(&lock);
    int done = 0, now = goes_after();
    struct header head = {.kind = h->kind == FOLDER ? FOLDER_SYNCED : SYNCED, .ino = h->ino};
    if (control->fault == EIO_SYNC && strikes()) {
        head.kind = SYNC_FAILED;
        if (h->kind == DURABLE) tell(head, NULL, NULL);
        done = fail(EIO);
    } else if (!control->swallow) {
        tell(head, NULL, NULL);
        control->syncs++;
        if (h->kind == DURABLE && control->after > 0) control->after--;
    }
    gone(now);
    pthread_mutex_unlock(&lock);
    return done;
}

int fdatasync(int fd) { return fsync(fd); }

static int open_any(const char *path, int flags, mode_t mode) {
    bind_all();
    enum kind kind = control == NULL ? OTHER : kind_of(path);
    if (kind == OTHER) return real_open(path, flags, mode);
    pthread_mutex_lock(&lock);
    int writes = (flags & O_ACCMODE) != O_RDONLY, fd, now = 0;
    int exists = access(path, F_OK) == 0, creates = (flags & O_CREAT) != 0 && !exists;
    if (flags & O_TRUNC) fatal("opening with O_TRUNC is not modelled");
    if (control->fault == READ_ONLY && writes && kind != FOLDER && strikes()) {
        fd = fail(EROFS);
    } else {
        /* The pre-image is read through the same handle. */
        if ((flags & O_ACCMODE) == O_WRONLY && kind == DURABLE) flags = (flags & ~O_ACCMODE) | O_RDWR;
        if (creates && kind == DURABLE) now = goes_after();
        fd = real_open(path, flags, mode);
    }
    if (fd >= FDS) fatal("too many files");
    struct stat found;
    if (fd >= 0 && fstat(fd, &found) == 0) {
        handles[fd] = (struct handle){kind, found.st_ino};
        struct header head = {.kind = OPENED, .flag = (uint32_t)creates, .ino = found.st_ino,
                              .size = (uint64_t)found.st_size};
        if (kind == DURABLE) tell(head, inside(path), NULL);
    }
    gone(now);
    int saved = errno;
    pthread_mutex_unlock(&lock);
    errno = saved;
    return fd;
}

#define MODE(flags)                                   \
    mode_t mode = 0;                                  \
    if ((flags) & (O_CREAT | O_TMPFILE)) {            \
        va_list more;                                 \
        va_start(more, flags);                        \
        mode = va_arg(more, mode_t);                  \
        va_end(more);                                 \
    }

int open64(const char *path, int flags, ...) {
    MODE(flags)
    return open_any(path, flags, mode);
}

int open(const char *path, int flags, ...) {
    MODE(flags)
    return open_any(path, flags, mode);
}

int close(int fd) {
    bind_all();
    struct handle *h = handle(fd);
    if (h->kind == OTHER) return real_close(fd);
    pthread_mutex_lock(&lock);
    h->kind = OTHER;
    int done = real_close(fd);
    pthread_mutex_unlock(&lock);
    return done;
}

int unlink(const char *path) {
    bind_all();
    if (control == NULL || kind_of(path) != DURABLE) return real_unlink(path);
    pthread_mutex_lock(&lock);
    struct stat found;
    int done, now = 0;
    if (control->fault == READ_ONLY && strikes()) {
        done = fail(EROFS);
    } else if (stat(path, &found) != 0) {
        done = -1;
    } else {
        /* Kept aside: without a sync of the folder it may come back. */
        char aside[4200];
        snprintf(aside, sizeof aside, "%s/stash-%d-%u", stash, (int)getpid(), stashed++);
        if (link(path, aside) != 0) fatal("cannot keep what is unlinked");
        char names[4400];
        snprintf(names, sizeof names, "%s\n%s", inside(path), strrchr(aside, '/') + 1);
        tell((struct header){.kind = UNLINKED, .ino = found.st_ino}, names, NULL);
        now = goes_after();
        done = real_unlink(path);
    }
    gone(now);
    pthread_mutex_unlock(&lock);
    return done;
}

int rename(const char *from, const char *to) {
    bind_all();
    if (control != NULL && (kind_of(from) == DURABLE || kind_of(to) == DURABLE))
        fatal("renaming is not modelled");
    return real_rename(from, to);
}
