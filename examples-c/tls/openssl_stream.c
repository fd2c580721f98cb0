/* openssl_stream: OpenSSL's TLS as a transport, for a client and for a server.
 *
 * Shows a table of callbacks as the stream of a connection, a server that does not listen but gets connections from
 * the application's own accept(), and a peer that is verified by chain and name. (The library has TLS of its own. This
 * is for programs that use OpenSSL already, and a pattern for other streams.)
 *
 *     cc openssl_stream.c -o openssl_stream $(pkg-config --cflags --libs rpyc openssl)
 *     ./openssl_stream connect HOST PORT CA.pem
 *     ./openssl_stream serve CERT.pem KEY.pem
 *
 * Prints, as a client of a service with add():
 *     40 + 2 = 42
 * and as a server, which ends after its first client:
 *     listening 127.0.0.1 PORT
 */
#define _POSIX_C_SOURCE 200809L
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <netdb.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <rpyc.h>

/* The userdata of the callbacks. */
struct stream {
    SSL *ssl;
    int fd;
    char why[256];
};

/* The library never runs read and write at the same time. An SSL object requires that. */
static int32_t outcome(struct stream *stream, int result, size_t *count_out)
{
    switch (SSL_get_error(stream->ssl, result)) {
    case SSL_ERROR_NONE:
        *count_out = (size_t)result;
        return RPYC_TRANSPORT_OK;
    case SSL_ERROR_WANT_READ:
        return RPYC_TRANSPORT_WANT_READ;
    case SSL_ERROR_WANT_WRITE:
        return RPYC_TRANSPORT_WANT_WRITE;
    case SSL_ERROR_ZERO_RETURN:
        return RPYC_TRANSPORT_END;
    default:
        if (ERR_GET_REASON(ERR_peek_error()) == SSL_R_UNEXPECTED_EOF_WHILE_READING)
            return RPYC_TRANSPORT_END; /* Python's servers end without close_notify */
        ERR_error_string_n(ERR_get_error(), stream->why, sizeof stream->why);
        return RPYC_TRANSPORT_FAILED;
    }
}

static int32_t read_some(void *userdata, void *buffer, size_t size, size_t *count_out)
{
    struct stream *stream = userdata;

    ERR_clear_error();
    return outcome(stream, SSL_read(stream->ssl, buffer, size > INT32_MAX ? INT32_MAX : (int)size), count_out);
}

static int32_t write_some(void *userdata, const void *data, size_t size, size_t *count_out)
{
    struct stream *stream = userdata;

    ERR_clear_error();
    return outcome(stream, SSL_write(stream->ssl, data, size > INT32_MAX ? INT32_MAX : (int)size), count_out);
}

static const char *error_text(void *userdata)
{
    return ((struct stream *)userdata)->why;
}

static int32_t descriptor(void *userdata)
{
    return ((struct stream *)userdata)->fd;
}

/* May run while another thread is in SSL_read(), so it uses only the socket. */
static void shut_down(void *userdata)
{
    shutdown(((struct stream *)userdata)->fd, SHUT_RDWR);
}

static void free_stream(void *userdata)
{
    struct stream *stream = userdata;

    SSL_free(stream->ssl);
    close(stream->fd);
    free(stream);
}

/* OpenSSL has no flag against SIGPIPE for its sockets, so the program ignores the signal. */
static rpyc_transport *new_transport(SSL *ssl, int fd, const char *peer, rpyc_error **error_out)
{
    rpyc_transport_table table = {
        .struct_size = sizeof table,
        .peer_name = peer,
        .read = read_some,
        .write = write_some,
        .shutdown = shut_down,
        .error_text = error_text,
        .fileno = descriptor,
    };
    struct stream *stream = calloc(1, sizeof *stream);
    rpyc_transport *transport = NULL;

    if (stream == NULL)
        abort();
    stream->ssl = ssl;
    stream->fd = fd;
    fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
    SSL_set_mode(ssl, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    rpyc_transport_new(&table, stream, free_stream, &transport, error_out);
    return transport;
}

/* The data that a client needs to connect, and to connect a second time. */
struct target {
    SSL_CTX *context;
    const char *host, *port;
};

static int connect_to(const char *host, const char *port)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *found = NULL, *one;
    int fd = -1;

    if (getaddrinfo(host, port, &hints, &found))
        return -1;
    for (one = found; one != NULL && fd < 0; one = one->ai_next) {
        fd = socket(one->ai_family, one->ai_socktype | SOCK_CLOEXEC, one->ai_protocol);
        if (fd >= 0 && connect(fd, one->ai_addr, one->ai_addrlen)) {
            close(fd);
            fd = -1;
        }
    }
    freeaddrinfo(found);
    return fd;
}

/* Connects and does the handshake, before the library gets the stream. */
static rpyc_transport *open_stream(void *userdata, int64_t timeout_ms)
{
    struct target *target = userdata;
    SSL *ssl = SSL_new(target->context);
    int fd = connect_to(target->host, target->port);

    (void)timeout_ms; /* a real program limits connect() and the handshake to it */
    SSL_set_fd(ssl, fd);
    SSL_set_tlsext_host_name(ssl, target->host);
    SSL_set1_host(ssl, target->host);
    if (fd < 0 || SSL_connect(ssl) != 1) {
        ERR_print_errors_fp(stderr);
        SSL_free(ssl);
        if (fd >= 0)
            close(fd);
        return NULL;
    }
    return new_transport(ssl, fd, target->host, NULL);
}

static int run_client(const char *host, const char *port, const char *ca)
{
    struct target target = {SSL_CTX_new(TLS_client_method()), host, port};
    rpyc_connection *connection = NULL;
    rpyc_object *root = NULL;
    rpyc_value *args[2], *sum = NULL;
    rpyc_error *error = NULL;
    char address[300];
    int64_t n = 0;
    int code = EXIT_FAILURE;

    SSL_CTX_set_verify(target.context, SSL_VERIFY_PEER, NULL);
    if (SSL_CTX_load_verify_locations(target.context, ca, NULL) != 1) {
        fprintf(stderr, "cannot read %s\n", ca);
        goto done;
    }
    snprintf(address, sizeof address, "tcp://%s:%s", host, port);
    if (rpyc_connect_by(address, open_stream, &target, NULL, NULL, &connection, &error))
        goto failed;
    if (rpyc_connection_root(connection, &root, &error))
        goto failed;
    args[0] = rpyc_value_new_int(40);
    args[1] = rpyc_value_new_int(2);
    if (rpyc_object_call_method(root, "add", args, 2, NULL, &sum, &error) || rpyc_value_get_int(sum, &n, &error))
        goto failed;
    printf("40 + 2 = %" PRId64 "\n", n);
    code = EXIT_SUCCESS;
failed:
    if (error != NULL)
        fprintf(stderr, "%s\n", rpyc_error_message(error));
    rpyc_error_free(error);
    rpyc_value_free(sum);
    rpyc_object_free(root);
    rpyc_connection_free(connection);
done:
    SSL_CTX_free(target.context);
    return code;
}

static void add(rpyc_call *call, void *self)
{
    int64_t a, b;

    (void)self;
    if (rpyc_call_get_int(call, 0, &a) || rpyc_call_get_int(call, 1, &b))
        return;
    rpyc_call_return_int(call, a + b);
}

/* Accepts clients until one of them has done its handshake and disconnected. */
static int accept_clients(int listening, SSL_CTX *context, rpyc_server *server)
{
    rpyc_error *error = NULL;
    int served = 0;

    while (!served) {
        int fd = accept(listening, NULL, NULL);
        SSL *ssl = SSL_new(context);

        /* A slow client delays the others here. A real program does this in a thread of its own, with a timeout. */
        SSL_set_fd(ssl, fd);
        if (fd < 0 || SSL_accept(ssl) != 1) {
            SSL_free(ssl);
            if (fd >= 0)
                close(fd);
            continue;
        }
        if (rpyc_server_add_transport(server, new_transport(ssl, fd, "a client", NULL), &error)) {
            fprintf(stderr, "%s\n", rpyc_error_message(error));
            rpyc_error_free(error);
            return EXIT_FAILURE;
        }
        served = 1;
    }
    while (rpyc_server_connection_count(server) > 0)
        poll(NULL, 0, 10);
    return EXIT_SUCCESS;
}

static int run_server(const char *certificate, const char *key)
{
    static const rpyc_method methods[] = {{"exposed_add", add, "add(a, b)", "The sum of two integers.", 0}};
    rpyc_class_table table = {
        .struct_size = sizeof table,
        .method_size = sizeof methods[0],
        .name = "CalculatorService",
        .methods = methods,
        .method_count = 1,
    };
    SSL_CTX *context = SSL_CTX_new(TLS_server_method());
    struct addrinfo hints = {.ai_family = AF_INET, .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICHOST},
                    *here = NULL;
    char port[16];
    struct sockaddr_storage bound;
    socklen_t length = sizeof bound;
    rpyc_class *service = NULL;
    rpyc_server *server = NULL;
    int listening = -1, code = EXIT_FAILURE;

    /* Session tickets would make clients of RPyC wait: after them, their sockets are readable without any data. */
    SSL_CTX_set_num_tickets(context, 0);
    if (SSL_CTX_use_certificate_chain_file(context, certificate) == 1 &&
        SSL_CTX_use_PrivateKey_file(context, key, SSL_FILETYPE_PEM) == 1 &&
        getaddrinfo("127.0.0.1", "0", &hints, &here) == 0 &&
        (listening = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) >= 0 &&
        bind(listening, here->ai_addr, here->ai_addrlen) == 0 && listen(listening, 16) == 0 &&
        getsockname(listening, (struct sockaddr *)&bound, &length) == 0 &&
        getnameinfo((struct sockaddr *)&bound, length, NULL, 0, port, sizeof port, NI_NUMERICSERV) == 0 &&
        rpyc_class_new(&table, NULL, NULL, &service, NULL) == RPYC_OK &&
        rpyc_server_new("", service, NULL, &server, NULL) == RPYC_OK) {
        printf("listening 127.0.0.1 %s\n", port);
        fflush(stdout);
        code = accept_clients(listening, context, server);
    } else {
        fprintf(stderr, "cannot serve\n");
    }
    rpyc_server_free(server);
    rpyc_class_free(service);
    if (here != NULL)
        freeaddrinfo(here);
    if (listening >= 0)
        close(listening);
    SSL_CTX_free(context);
    return code;
}

int main(int argc, char **argv)
{
    signal(SIGPIPE, SIG_IGN);
    if (argc == 5 && strcmp(argv[1], "connect") == 0)
        return run_client(argv[2], argv[3], argv[4]);
    if (argc == 4 && strcmp(argv[1], "serve") == 0)
        return run_server(argv[2], argv[3]);
    fprintf(stderr, "usage: openssl_stream connect HOST PORT CA.pem | serve CERT.pem KEY.pem\n");
    return 2;
}
