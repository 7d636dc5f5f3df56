/* short_io.c - preloaded: every pread and pwrite of more than two blocks moves
 * half of them, as a drive, a signal or a full disk may do it. */
#define _GNU_SOURCE
#include <sys/syscall.h>
#include <unistd.h>

#define BLOCK ((size_t)4096)

static size_t half(size_t n)
{
    return n > 2 * BLOCK ? n / 2 / BLOCK * BLOCK : n;
}

ssize_t pread(int fd, void *p, size_t n, off_t at)
{
    return syscall(SYS_pread64, fd, p, half(n), at);
}

ssize_t pwrite(int fd, const void *p, size_t n, off_t at)
{
    return syscall(SYS_pwrite64, fd, p, half(n), at);
}

ssize_t pread64(int fd, void *p, size_t n, off_t at)
{
    return pread(fd, p, n, at);
}

ssize_t pwrite64(int fd, const void *p, size_t n, off_t at)
{
    return pwrite(fd, p, n, at);
}
