/* Restricted views: of a C object and of one that the peer gave, for clients/restricted_client.py: restricted_views serve ADDRESS;
 * and views of both sides as C sees them: restricted_views call ADDRESS, with clients/restricted_server.py there. */
#include "check.h"

static int64_t volume = 3;

static void get_volume(rpyc_call *call, void *self)
{
    (void)self;
    rpyc_call_return_int(call, volume);
}

static void set_volume(rpyc_call *call, void *self)
{
    (void)self;
    if (!rpyc_call_get_int(call, 0, &volume))
        rpyc_call_return(call, NULL);
}

static void play(rpyc_call *call, void *self)
{
    (void)self;
    rpyc_call_return_str(call, "playing", RPYC_NUL_TERMINATED);
}

static const rpyc_property properties[] = {
    {.name = "volume", .get = get_volume, .set = set_volume},
    {.name = "serial", .get = get_volume, .set = set_volume},
};
static const rpyc_method methods[] = {{"exposed_play", play, "play()", NULL, 0}, {"erase", play, "erase()", NULL, 0}};
static const rpyc_class_table table = {
    .struct_size = sizeof(rpyc_class_table),
    .method_size = sizeof(rpyc_method),
    .property_size = sizeof(rpyc_property),
    .name = "Player",
    .methods = methods,
    .method_count = 2,
    .properties = properties,
    .property_count = 2,
};
static const char *const readable[] = {"volume", "play", "serial"}, *const writable[] = {"volume"};
static rpyc_object *player;

static void give_view(rpyc_call *call, void *self)
{
    rpyc_object *view = NULL;
    rpyc_error *failed = NULL;

    (void)self;
    if (rpyc_object_restricted(player, readable, 3, writable, 1, &view, &failed))
        rpyc_call_raise_error(call, failed);
    else
        rpyc_call_return_object(call, view);
    rpyc_object_free(view);
}

/* A view of what the caller gave, whose owner decides too. */
static void give_view_of(rpyc_call *call, void *self)
{
    rpyc_object *theirs = NULL, *view = NULL;
    rpyc_error *failed = NULL;

    (void)self;
    if (rpyc_call_get_object(call, 0, &theirs))
        return;
    if (rpyc_object_restricted(theirs, readable, 3, writable, 1, &view, &failed))
        rpyc_call_raise_error(call, failed);
    else
        rpyc_call_return_object(call, view);
    rpyc_object_free(view);
    rpyc_object_free(theirs);
}

static const rpyc_method service_methods[] = {
    {"exposed_view", give_view, "view()", NULL, 0},
    {"exposed_view_of", give_view_of, "view_of(object)", NULL, 0},
};
static const rpyc_class_table service_table = {
    .struct_size = sizeof(rpyc_class_table),
    .method_size = sizeof(rpyc_method),
    .name = "PlayerService",
    .methods = service_methods,
    .method_count = 2,
};

static int serve(const char *address)
{
    rpyc_class *service = NULL;
    rpyc_server *server = NULL;
    rpyc_config *config = rpyc_config_new();

    OK(rpyc_config_set(config, "allow_delattr", "true", &error));
    OK(rpyc_class_new(&service_table, NULL, NULL, &service, &error));
    OK(rpyc_server_new(address, service, config, &server, &error));
    printf("listening %s\n", rpyc_server_address(server));
    fflush(stdout);
    OK(rpyc_server_serve_one(server, &error));
    rpyc_server_free(server);
    rpyc_class_free(service);
    rpyc_config_free(config);
    rpyc_object_free(player);
    return finish();
}

/* What C itself may do with a view: no more than a peer. */
static void look_at(rpyc_object *view, rpyc_status refused)
{
    rpyc_value *value = NULL;
    rpyc_error *no = NULL;
    int64_t n = 0;

    OK(rpyc_object_get_attr(view, "volume", &value, &error));
    OK(rpyc_value_get_int(value, &n, &error));
    CHECK(n == 3);
    rpyc_value_free(value);
    OK(rpyc_object_set_attr(view, "volume", rpyc_value_new_int(4), &error));
    OK(rpyc_object_get_attr(view, "volume", &value, &error));
    OK(rpyc_value_get_int(value, &n, &error));
    CHECK(n == 4);
    rpyc_value_free(value);
    OK(rpyc_object_set_attr(view, "volume", rpyc_value_new_int(3), &error));
    OK(rpyc_object_call_method(view, "play", NULL, 0, NULL, &value, &error));
    CHECK(rpyc_value_str_equal(value, "playing"));
    rpyc_value_free(value);
    value = NULL;
    GIVES(refused, rpyc_object_get_attr(view, "erase", &value, &no));
    CHECK(value == NULL && rpyc_error_is(no, "AttributeError") && strstr(rpyc_error_message(no), "erase"));
    CHECK(refused != RPYC_ERR_DENIED || strstr(rpyc_error_message(no), "restricted: not readable"));
    rpyc_error_free(no);
    GIVES(refused, rpyc_object_set_attr(view, "serial", rpyc_value_new_int(1), &no));
    CHECK(refused != RPYC_ERR_DENIED || strstr(rpyc_error_message(no), "restricted: not writable"));
    rpyc_error_free(no);
    rpyc_object_free(view);
}

static rpyc_object *given(rpyc_object *root, const char *method)
{
    rpyc_value *value = NULL;
    rpyc_object *object = NULL;

    OK(rpyc_object_call_method(root, method, NULL, 0, NULL, &value, &error));
    OK(rpyc_value_get_object(value, &object, &error));
    rpyc_value_free(value);
    return object;
}

static void call_server(const char *address)
{
    rpyc_connection *connection = NULL;
    rpyc_object *root = NULL, *view = NULL, *theirs;

    OK(rpyc_object_restricted(player, readable, 3, writable, 1, &view, &error));
    look_at(view, RPYC_ERR_DENIED);
    OK(rpyc_connect(address, NULL, NULL, &connection, &error));
    OK(rpyc_connection_root(connection, &root, &error));
    /* A stock server's own rpyc.restricted, which does not tell more than the name. */
    look_at(given(root, "view"), RPYC_ERR_REMOTE);
    /* Our view of an object there. */
    theirs = given(root, "player");
    OK(rpyc_object_restricted(theirs, readable, 3, writable, 1, &view, &error));
    rpyc_object_free(theirs);
    look_at(view, RPYC_ERR_DENIED);
    rpyc_object_free(root);
    rpyc_connection_free(connection);
    rpyc_object_free(player);
}

int main(int argc, char **argv)
{
    rpyc_class *class = NULL;

    if (argc != 3)
        return EXIT_FAILURE;
    OK(rpyc_class_new(&table, NULL, NULL, &class, &error));
    OK(rpyc_object_new(class, &volume, NULL, &player, &error));
    rpyc_class_free(class);
    if (strcmp(argv[1], "serve") == 0)
        return serve(argv[2]);
    call_server(argv[2]);
    return finish();
}
