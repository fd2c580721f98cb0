/* Sockets of this program's own: tcp://HOST:PORT, tcp://[HOST]:PORT, unix:///PATH. */
#define _POSIX_C_SOURCE 200809L
#include "bare.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static int unix_socket(const char *path, bool listens)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof address.sun_path) {
        errno = ENAMETOOLONG;
        return -1;
    }
    strcpy(address.sun_path, path);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    if (fd < 0)
        return -1;
    int result = listens ? bind(fd, (struct sockaddr *)&address, sizeof address)
                         : connect(fd, (struct sockaddr *)&address, sizeof address);
    if (result == 0 && listens)
        result = listen(fd, 64);
    if (result != 0) {
        close(fd);
        return -1;
    }
    return fd;
}

static int tcp_socket(const char *place, bool listens)
{
    char host[256];
    const char *colon = strrchr(place, ':');
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *found = NULL;
    size_t length = colon != NULL ? (size_t)(colon - place) : sizeof host;
    if (length >= sizeof host) {
        errno = EINVAL;
        return -1;
    }
    if (place[0] == '[' && length >= 2) {
        place++;
        length -= 2;
    }
    memcpy(host, place, length);
    host[length] = '\0';
    if (getaddrinfo(host, colon + 1, &hints, &found) != 0) {
        errno = EADDRNOTAVAIL;
        return -1;
    }
    int on = 1, fd = socket(found->ai_family, SOCK_STREAM, 0);
    int result = fd;
    if (fd >= 0) {
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
        result = listens ? bind(fd, found->ai_addr, found->ai_addrlen) : connect(fd, found->ai_addr, found->ai_addrlen);
        if (result == 0 && listens)
            result = listen(fd, 64);
        if (result != 0)
            close(fd);
    }
    freeaddrinfo(found);
    return result == 0 ? fd : -1;
}

static int open_address(const char *address, bool listens)
{
    if (strncmp(address, "unix://", 7) == 0)
        return unix_socket(address + 7, listens);
    if (strncmp(address, "tcp://", 6) == 0)
        return tcp_socket(address + 6, listens);
    errno = EINVAL;
    return -1;
}

int bare_dial(const char *address)
{
    return open_address(address, false);
}

int bare_listen(const char *address, char *actual, size_t size)
{
    int fd = open_address(address, true);
    struct sockaddr_in6 bound;
    socklen_t length = sizeof bound;
    snprintf(actual, size, "%s", address);
    if (fd >= 0 && strncmp(address, "tcp://", 6) == 0 && getsockname(fd, (struct sockaddr *)&bound, &length) == 0) {
        char *colon = strrchr(actual, ':'); /* the port stands at the same place for both families */
        snprintf(colon + 1, size - (size_t)(colon + 1 - actual), "%u", (unsigned)ntohs(bound.sin6_port));
    }
    return fd;
}
