/* A pre-forking echo server: processes that accept from the same listener, each with a blocking
 * loop over poll(2). For comparisons.
 *
 *     cc -O2 -o prefork_echo prefork_echo.c && ./prefork_echo 7000 4
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define CONNECTIONS_MAX 4096

static void die(const char *what) {
    perror(what);
    exit(1);
}

/* Sends back all that has come; 0 when the connection is over. */
static int echo(int fd) {
    char buffer[65536];
    ssize_t got = recv(fd, buffer, sizeof buffer, 0);
    if (got <= 0)
        return got < 0 && (errno == EINTR || errno == EAGAIN);
    for (ssize_t sent = 0; sent < got;) {
        ssize_t more = send(fd, buffer + sent, got - sent, MSG_NOSIGNAL);
        if (more <= 0)
            return 0;
        sent += more;
    }
    return 1;
}

static void serve(int listener) {
    static struct pollfd fds[CONNECTIONS_MAX];
    int count = 1, one = 1;
    fds[0] = (struct pollfd){.fd = listener, .events = POLLIN};
    for (;;) {
        /* When it is full, others may accept. */
        fds[0].events = count < CONNECTIONS_MAX ? POLLIN : 0;
        if (poll(fds, count, -1) < 0 && errno != EINTR)
            die("poll");
        for (int i = count - 1; i > 0; i--)
            if (fds[i].revents && !echo(fds[i].fd)) {
                close(fds[i].fd);
                fds[i] = fds[--count];
            }
        if (fds[0].revents) {
            /* Another process may have been faster: the listener doesn't block. */
            int fd = accept(listener, NULL, NULL);
            if (fd >= 0) {
                setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
                fds[count++] = (struct pollfd){.fd = fd, .events = POLLIN};
            }
        }
    }
}

int main(int argc, char **argv) {
    if (argc != 3) {
        fprintf(stderr, "usage: %s PORT PROCESSES\n", argv[0]);
        return 2;
    }
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(atoi(argv[1]))};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int one = 1, listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(listener, (struct sockaddr *)&address, sizeof address) < 0)
        die("bind");
    if (listen(listener, 65535) < 0)
        die("listen");
    for (int i = 0; i < atoi(argv[2]); i++)
        if (fork() == 0)
            serve(listener);
    while (wait(NULL) > 0 || errno == EINTR)
        ;
    return 1;
}
