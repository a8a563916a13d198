/* An echo server on one io_uring, with the helpers of liburing 2.3 or newer: multishot accept, and a
 * ring of buffers of which the kernel takes one when bytes have come. So an idle connection holds
 * none. Linux 6.1 or newer.
 *
 *     cc -O2 -o liburing_echo liburing_echo.c -luring && ./liburing_echo 127.0.0.1 7000
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <liburing.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { ENTRIES = 1024, BUFFERS = 1024, BUFFER_BYTES = 16 << 10, FILES_MAX = 4 << 20 };
enum operation { ACCEPT, RECEIVE, SEND };

static struct io_uring ring;
static struct io_uring_buf_ring *buffers;
static char bytes[BUFFERS][BUFFER_BYTES];
static int lengths[BUFFERS], listener, paused;
/* Connections that found no buffer left, because so many clients don't take their replies. */
static int waiting[FILES_MAX], waiting_count;

static int must(int result, const char *what) {
    if (result < 0 && result != -EINTR) {
        fprintf(stderr, "%s: %s\n", what, strerror(-result));
        exit(1);
    }
    return result;
}

static struct io_uring_sqe *next(enum operation operation, int fd, int buffer) {
    struct io_uring_sqe *sqe = io_uring_get_sqe(&ring);
    while (!sqe) {
        must(io_uring_submit(&ring), "io_uring_submit");
        sqe = io_uring_get_sqe(&ring);
    }
    io_uring_sqe_set_data64(sqe, (__u64)operation << 56 | (__u64)buffer << 32 | (__u32)fd);
    return sqe;
}

static void accept_all(void) {
    io_uring_prep_multishot_accept(next(ACCEPT, listener, 0), listener, NULL, NULL, SOCK_CLOEXEC);
}

static void receive(int fd) {
    struct io_uring_sqe *sqe = next(RECEIVE, fd, 0);
    io_uring_prep_recv(sqe, fd, NULL, BUFFER_BYTES, 0);
    sqe->flags |= IOSQE_BUFFER_SELECT; /* of group 0 */
}

static void give_back(int buffer) {
    io_uring_buf_ring_add(buffers, bytes[buffer], BUFFER_BYTES, buffer,
                          io_uring_buf_ring_mask(BUFFERS), 0);
    io_uring_buf_ring_advance(buffers, 1);
    if (waiting_count)
        receive(waiting[--waiting_count]);
}

static void finish(int fd) {
    close(fd);
    if (paused)
        accept_all(), paused = 0;
}

/* Those who can't be accepted, because there are no descriptors left, wait until a connection has
 * closed. */
static void accepted(int fd, unsigned flags) {
    int one = 1;
    if (fd >= 0) {
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        receive(fd);
    }
    if (fd == -EMFILE || fd == -ENFILE)
        paused = 1;
    else if (!(flags & IORING_CQE_F_MORE))
        accept_all();
}

static void received(int fd, int length, int buffer) {
    if (length == -ENOBUFS) {
        waiting[waiting_count++] = fd;
    } else if (length > 0) {
        lengths[buffer] = length;
        io_uring_prep_send(next(SEND, fd, buffer), fd, bytes[buffer], length,
                           MSG_WAITALL | MSG_NOSIGNAL);
    } else {
        finish(fd);
    }
}

/* Receives again only when all is sent: a client that doesn't take its replies holds one buffer. */
static void sent(int fd, int length, int buffer) {
    length == lengths[buffer] ? receive(fd) : finish(fd);
    give_back(buffer);
}

static void listen_at(const char *host, const char *port) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(atoi(port))};
    int one = 1;
    address.sin_addr.s_addr = inet_addr(host);
    listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    must(bind(listener, (void *)&address, sizeof address) ? -errno : 0, "bind");
    must(listen(listener, 65535) ? -errno : 0, "listen");
}

int main(int argc, char **argv) {
    if (argc != 3)
        return fprintf(stderr, "usage: %s HOST PORT\n", argv[0]), 2;
    unsigned flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN;
    must(io_uring_queue_init(ENTRIES, &ring, flags), "io_uring_queue_init");
    buffers = aligned_alloc(4096, BUFFERS * sizeof(struct io_uring_buf));
    struct io_uring_buf_reg group = {.ring_addr = (uintptr_t)buffers, .ring_entries = BUFFERS};
    must(io_uring_register_buf_ring(&ring, &group, 0), "io_uring_register_buf_ring");
    io_uring_buf_ring_init(buffers);
    for (int buffer = 0; buffer < BUFFERS; buffer++)
        give_back(buffer);
    listen_at(argv[1], argv[2]);
    accept_all();
    for (;;) {
        struct io_uring_cqe *cqe;
        unsigned head, count = 0;
        must(io_uring_submit_and_wait(&ring, 1), "io_uring_submit_and_wait");
        io_uring_for_each_cqe(&ring, head, cqe) {
            __u64 data = cqe->user_data;
            unsigned operation = data >> 56, buffer = data >> 32 & 0xffff;
            if (operation == ACCEPT)
                accepted(cqe->res, cqe->flags);
            else if (operation == RECEIVE)
                received(data, cqe->res, cqe->flags >> IORING_CQE_BUFFER_SHIFT);
            else
                sent(data, cqe->res, buffer);
            count++;
        }
        io_uring_cq_advance(&ring, count);
    }
}
