/* nesting_releases ADDRESS KIB: serves one connection on a thread with a stack of so many KiB. A peer gets the head of a long chain and
   gives it back: what it holds is freed with it, and destructors free, call and ask others, all the way down.

   chain(kind, length), where a link is
     handles  an object whose destructor frees the handle of the next
     calls    the same, and calls the next before
     lists    a list that holds the next
     mixed    a list that holds an object whose destructor frees the next list
     single   an object of its own, all in one tuple; its destructor asks the peer
   ended(): how many links have ended; ask(f): what the destructors of `single` call. */
#include "check.h"

static int ended, asked;
static rpyc_object *to_ask;

static void call_link(rpyc_call *call, void *link)
{
    (void)link;
    rpyc_call_return(call, NULL);
}

/* ---------------------------------------------------------------- destructors */

static void free_next(void *next)
{
    ended++;
    rpyc_object_free(next);
}

static void call_next(void *next)
{
    rpyc_value *result = NULL;

    ended++;
    if (next) {
        OK(rpyc_object_call(next, NULL, 0, NULL, &result, &error));
        rpyc_value_free(result);
    }
    rpyc_object_free(next);
}

static void ask_peer(void *unused)
{
    rpyc_value *result = NULL;

    (void)unused;
    ended++;
    if (rpyc_object_call(to_ask, NULL, 0, NULL, &result, NULL) == RPYC_OK)
        asked++;
    rpyc_value_free(result);
}

/* ---------------------------------------------------------------- links */

static rpyc_object *link_of(rpyc_object *next, rpyc_free_fn destructor)
{
    rpyc_object *link = NULL;

    OK(rpyc_function_new("link", call_link, NULL, NULL, 0, next, destructor, &link, &error));
    return link;
}

static rpyc_object *list_of(rpyc_object *next)
{
    rpyc_object *list = NULL;
    rpyc_value *item = NULL, *none = NULL;

    OK(rpyc_list_new(NULL, 0, &list, &error));
    if (next) {
        OK(rpyc_value_new_object(next, &item, &error));
        OK(rpyc_object_call_method(list, "append", &item, 1, NULL, &none, &error));
        rpyc_value_free(none);
        rpyc_object_free(next);
    }
    return list;
}

static rpyc_value *as_value(rpyc_object *object)
{
    rpyc_value *value = NULL;

    OK(rpyc_value_new_object(object, &value, &error));
    rpyc_object_free(object);
    return value;
}

static int is(const char *text, size_t length, const char *wanted)
{
    return length == strlen(wanted) && memcmp(text, wanted, length) == 0;
}

static void chain(rpyc_call *call, void *self)
{
    const char *kind;
    size_t kind_length;
    int64_t length, i;
    rpyc_object *head = NULL;
    rpyc_value *tuple = NULL, **items;

    (void)self;
    if (rpyc_call_get_str(call, 0, &kind, &kind_length) || rpyc_call_get_int(call, 1, &length))
        return;
    if (is(kind, kind_length, "single")) {
        items = calloc((size_t)length, sizeof *items);
        for (i = 0; i < length; i++)
            items[i] = as_value(link_of(NULL, ask_peer));
        OK(rpyc_value_new_tuple(items, (size_t)length, &tuple, &error));
        free(items);
        rpyc_call_return(call, tuple);
        return;
    }
    for (i = 0; i < length; i++) {
        if (is(kind, kind_length, "handles"))
            head = link_of(head, free_next);
        else if (is(kind, kind_length, "calls"))
            head = link_of(head, call_next);
        else if (is(kind, kind_length, "lists"))
            head = list_of(head);
        else
            head = list_of(link_of(head, free_next));
    }
    if (is(kind, kind_length, "lists"))
        head = list_of(link_of(head, free_next)); /* which tells that it has begun */
    rpyc_call_return_object(call, head);
    rpyc_object_free(head);
}

static void how_many_ended(rpyc_call *call, void *self)
{
    (void)self;
    rpyc_call_return_int(call, ended);
}

static void how_many_asked(rpyc_call *call, void *self)
{
    (void)self;
    rpyc_call_return_int(call, asked);
}

static void ask(rpyc_call *call, void *self)
{
    (void)self;
    rpyc_object_free(to_ask);
    to_ask = NULL;
    if (!rpyc_call_get_object(call, 0, &to_ask))
        rpyc_call_return(call, NULL);
}

static void *serve(void *server)
{
    OK(rpyc_server_serve_one(server, &error));
    return NULL;
}

int main(int argc, char **argv)
{
    static const rpyc_method methods[] = {
        {"exposed_chain", chain, "chain(kind, length)", NULL, 0},
        {"exposed_ask", ask, "ask(f)", NULL, 0},
        {"exposed_ended", how_many_ended, "ended()", NULL, 0},
        {"exposed_asked", how_many_asked, "asked()", NULL, 0},
    };
    static const rpyc_class_table table = {.struct_size = sizeof table,
                                           .method_size = sizeof *methods,
                                           .name = "ChainService",
                                           .methods = methods,
                                           .method_count = sizeof methods / sizeof *methods};
    rpyc_class *service = NULL;
    rpyc_server *server = NULL;
    pthread_attr_t attributes;
    pthread_t thread;

    if (argc != 3)
        return 2;
    OK(rpyc_class_new(&table, NULL, NULL, &service, &error));
    OK(rpyc_server_new(argv[1], service, NULL, &server, &error));
    printf("listening %s\n", rpyc_server_address(server));
    fflush(stdout);
    pthread_attr_init(&attributes);
    CHECK(pthread_attr_setstacksize(&attributes, strtoul(argv[2], NULL, 10) << 10) == 0);
    CHECK(pthread_create(&thread, &attributes, serve, server) == 0);
    pthread_attr_destroy(&attributes);
    CHECK(pthread_join(thread, NULL) == 0);
    rpyc_object_free(to_ask);
    rpyc_server_free(server);
    rpyc_class_free(service);
    return finish();
}
