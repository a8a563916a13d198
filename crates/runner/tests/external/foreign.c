/* A server for the runner's tests that nobody here has written the protocol for: it echoes bytes,
 * except where its first argument says otherwise.
 *
 *     foreign MODE PORT
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define CONNECTIONS_MAX 2048

static const char *mode;
static int messages;

static int is(const char *name) { return strcmp(mode, name) == 0; }

/* 0 when the connection is over. */
static int echo(int fd) {
    char buffer[65536];
    ssize_t got = recv(fd, buffer, sizeof buffer, 0);
    if (got <= 0)
        return 0;
    messages++;
    if (is("dies") && messages == 500) {
        fputs("it was nice while it lasted\n", stderr);
        exit(9);
    }
    if (is("closes") && messages == 300)
        return 0;
    if (is("wrong") && messages % 200 == 0)
        buffer[got - 1] ^= 1;
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
    int count = 1;
    fds[0] = (struct pollfd){.fd = listener, .events = POLLIN};
    for (;;) {
        if (poll(fds, count, -1) < 0)
            continue;
        for (int i = count - 1; i > 0; i--)
            if (fds[i].revents && !echo(fds[i].fd)) {
                close(fds[i].fd);
                fds[i] = fds[--count];
            }
        int fd = fds[0].revents ? accept(listener, NULL, NULL) : -1;
        if (fd >= 0 && count < CONNECTIONS_MAX)
            fds[count++] = (struct pollfd){.fd = fd, .events = POLLIN};
        else if (fd >= 0)
            close(fd);
    }
}

int main(int argc, char **argv) {
    if (argc != 3)
        return 2;
    mode = argv[1];
    if (is("never")) {
        fputs("I would rather not\n", stderr);
        for (;;)
            pause();
    }
    if (is("ends"))
        return 7;
    if (is("stubborn"))
        signal(SIGTERM, SIG_IGN);
    /* One that leaves the process group, and loses its parent. */
    if (is("litters") && fork() == 0) {
        setsid();
        if (fork() == 0)
            for (;;)
                pause();
        return 0;
    }
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(atoi(argv[2]))};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int one = 1, listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    setsockopt(listener, SOL_SOCKET, SO_REUSEPORT, &one, sizeof one);
    if (bind(listener, (struct sockaddr *)&address, sizeof address) < 0 ||
        listen(listener, 4096) < 0) {
        perror("listen");
        return 1;
    }
    /* Only children serve. */
    if (is("prefork")) {
        for (int i = 0; i < 2; i++)
            if (fork() == 0)
                serve(listener);
        while (wait(NULL) > 0)
            ;
        return 1;
    }
    serve(listener);
}
