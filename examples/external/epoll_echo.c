/* An echo server on one level-triggered epoll instance, in C: what the model epoll does, by hand.
 *
 *     cc -O2 -o epoll_echo epoll_echo.c && ./epoll_echo 127.0.0.1 7000
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { EVENTS_MAX = 512, ACCEPTED_PER_TURN = 64, BUFFER_BYTES = 64 << 10, FILES_MAX = 4 << 20 };

/* What could not be sent yet. Most connections never have such a thing, and no memory for it. */
struct unsent {
    ssize_t length;
    char bytes[];
};

static int epoll, listener, paused;
static struct unsent *unsent[FILES_MAX]; /* pages that nobody writes to take no memory */
static char buffer[BUFFER_BYTES];

static int must(int result, const char *what) {
    if (result < 0) {
        perror(what);
        exit(1);
    }
    return result;
}

static void watch(int operation, int fd, unsigned interest) {
    struct epoll_event event = {.events = interest, .data.fd = fd};
    must(epoll_ctl(epoll, operation, fd, &event), "epoll_ctl");
}

static void finish(int fd) {
    free(unsent[fd]);
    unsent[fd] = NULL;
    watch(EPOLL_CTL_DEL, fd, 0); /* others may hold its file for a moment, and epoll would report it */
    close(fd);
    if (paused)
        watch(EPOLL_CTL_ADD, listener, EPOLLIN), paused = 0;
}

/* Does what can be done without waiting: sends what is left, or echoes what has come. Reads no more
 * from a client that doesn't take its replies. */
static void serve(int fd) {
    struct unsent *before = unsent[fd], *rest = NULL;
    char *data = before ? before->bytes : buffer;
    ssize_t left = before ? before->length : recv(fd, buffer, sizeof buffer, 0);
    if (left < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (left <= 0)
        return finish(fd);
    for (ssize_t sent; left > 0; data += sent, left -= sent) {
        sent = send(fd, data, left, MSG_NOSIGNAL);
        if (sent < 0 && errno == EAGAIN)
            break;
        if (sent < 0)
            return finish(fd);
    }
    if (left > 0) {
        if (!(rest = malloc(sizeof *rest + left)))
            return finish(fd);
        rest->length = left;
        memcpy(rest->bytes, data, left);
    }
    free(before);
    unsent[fd] = rest;
    if (!before != !rest)
        watch(EPOLL_CTL_MOD, fd, rest ? EPOLLOUT : EPOLLIN);
}

/* Those who can't be accepted, because there are no descriptors left, wait until a connection has
 * closed. The listener stays readable meanwhile: the loop would do nothing but try again. */
static void accept_some(void) {
    for (int i = 0; i < ACCEPTED_PER_TURN; i++) {
        int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC), one = 1;
        if (fd < 0 && (errno == EMFILE || errno == ENFILE))
            watch(EPOLL_CTL_DEL, listener, 0), paused = 1;
        if (fd < 0)
            return;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        watch(EPOLL_CTL_ADD, fd, EPOLLIN);
    }
}

static void listen_at(const char *host, const char *port) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(atoi(port))};
    int one = 1;
    address.sin_addr.s_addr = inet_addr(host);
    listener = must(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), "socket");
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    must(bind(listener, (struct sockaddr *)&address, sizeof address), "bind");
    must(listen(listener, 65535), "listen");
}

int main(int argc, char **argv) {
    if (argc != 3)
        return fprintf(stderr, "usage: %s HOST PORT\n", argv[0]), 2;
    listen_at(argv[1], argv[2]);
    epoll = must(epoll_create1(EPOLL_CLOEXEC), "epoll_create1");
    watch(EPOLL_CTL_ADD, listener, EPOLLIN);
    for (;;) {
        struct epoll_event events[EVENTS_MAX];
        int ready = epoll_wait(epoll, events, EVENTS_MAX, -1);
        for (int i = 0; i < ready; i++)
            if (events[i].data.fd == listener)
                accept_some();
            else
                serve(events[i].data.fd);
    }
}
