/* What cannot be meant in a table: a name given twice, a signature of another name. */
#include "check.h"

static void nothing(rpyc_call *call, void *self)
{
    (void)self;
    rpyc_call_return(call, NULL);
}

static rpyc_class *base;

/* The message when a class is made of these; NULL where it can be. */
static const char *refusal(const rpyc_method *methods, size_t method_count, const rpyc_property *properties,
                           size_t property_count)
{
    static char text[300];
    rpyc_class_table table = {.struct_size = sizeof table,
                              .method_size = sizeof(rpyc_method),
                              .property_size = sizeof(rpyc_property),
                              .name = "Motor",
                              .base = base,
                              .methods = methods,
                              .method_count = method_count,
                              .properties = properties,
                              .property_count = property_count};
    rpyc_class *klass = NULL;
    rpyc_error *why = NULL;
    rpyc_status status = rpyc_class_new(&table, NULL, NULL, &klass, &why);

    CHECK(status == RPYC_OK ? klass != NULL : status == RPYC_ERR_ARGUMENT && klass == NULL);
    snprintf(text, sizeof text, "%s", rpyc_error_message(why));
    rpyc_error_free(why);
    rpyc_class_free(klass);
    return status ? text : NULL;
}

static void classes(void)
{
    static const rpyc_method methods[] = {
        {"exposed_start", nothing, "start(speed)", NULL, 0},
        {"stop", nothing, "stop()", NULL, 0},
        {"x_turn", nothing, "(n)", NULL, 0},
        {"pause", nothing, "Motor.pause()", NULL, 0},
        {"stop", nothing, NULL, NULL, 0},
    };
    static const rpyc_method odd[] = {
        {"exposed_start", nothing, "begin(speed)", NULL, 0},
        {"restart", nothing, "start()", NULL, 0},
        {"start", nothing, "exposed_start()", NULL, 0},
    };
    static const rpyc_property properties[] = {{"speed", nothing, NULL, NULL, NULL},
                                               {"stop", nothing, NULL, NULL, NULL},
                                               {"speed", NULL, nothing, NULL, NULL}};
    rpyc_class_table table = {.struct_size = sizeof table,
                              .method_size = sizeof(rpyc_method),
                              .name = "Base",
                              .methods = methods,
                              .method_count = 4};
    const char *why;

    CHECK(!refusal(methods, 4, properties, 1));
    CHECK((why = refusal(methods, 5, NULL, 0)) &&
          strcmp(why, "class 'Motor': the name 'stop' is given twice, to a method and a method") == 0);
    CHECK((why = refusal(methods, 4, properties, 2)) &&
          strstr(why, "'stop' is given twice, to a method and a property"));
    CHECK((why = refusal(NULL, 0, properties, 3)) &&
          strstr(why, "'speed' is given twice, to a property and a property"));
    for (size_t i = 0; i < sizeof odd / sizeof *odd; i++)
        CHECK((why = refusal(odd + i, 1, NULL, 0)) && strstr(why, odd[i].name) && strstr(why, odd[i].signature));
    why = refusal((const rpyc_method[]){{"", nothing, NULL, NULL, 0}}, 1, NULL, 0);
    CHECK(why && strcmp(why, "class 'Motor': a method has no name") == 0);
    why = refusal(NULL, 0, (const rpyc_property[]){{"", nothing, NULL, NULL, NULL}}, 1);
    CHECK(why && strcmp(why, "class 'Motor': a property has no name") == 0);
    why = refusal(NULL, 0, (const rpyc_property[]){{"speed", NULL, NULL, NULL, "doc"}}, 1);
    CHECK(why && strcmp(why, "class 'Motor': the property 'speed' can be neither read nor set nor deleted") == 0);
    /* What is inherited may be replaced, by something else too. */
    OK(rpyc_class_new(&table, NULL, NULL, &base, &error));
    CHECK(!refusal(methods, 2, NULL, 0) && !refusal(NULL, 0, properties, 2));
    rpyc_class_free(base);
}

/* The names of a service. */
static void aliases(void)
{
    const char *names[] = {"MOTORS", "ENGINES", "MOTORS"};
    rpyc_class_table table = {.struct_size = sizeof table, .name = "MotorService", .aliases = names, .alias_count = 2};
    rpyc_session_class_table bare = {
        .struct_size = sizeof bare, .name = "MotorService", .aliases = names, .alias_count = 3};
    rpyc_class *klass = NULL;

    OK(rpyc_class_new(&table, NULL, NULL, &klass, &error));
    rpyc_class_free(klass);
    klass = NULL;
    table.alias_count = 3;
    GIVES(RPYC_ERR_ARGUMENT, rpyc_class_new(&table, NULL, NULL, &klass, &error));
    GIVES(RPYC_ERR_ARGUMENT, rpyc_session_class_new(NULL, 0, &bare, &klass, &error));
    CHECK(klass == NULL);
}

static void functions(void)
{
    rpyc_object *object = NULL;

    OK(rpyc_function_new("add", nothing, "add(a, b)", NULL, 0, NULL, NULL, &object, &error));
    rpyc_object_free(object);
    object = NULL;
    GIVES(RPYC_ERR_ARGUMENT, rpyc_function_new("add", nothing, "sum(a, b)", NULL, 0, NULL, NULL, &object, &error));
    CHECK(object == NULL);
}

static void sessions(void)
{
    rpyc_session_member members[] = {
        {.name = "exposed_go", .id = 1, .kind = RPYC_MEMBER_METHOD, .signature = "go(n)"},
        {.name = "exposed_go", .id = 2, .kind = RPYC_MEMBER_PROPERTY, .access = RPYC_ACCESS_GET},
    };
    rpyc_session_class_table table = {.struct_size = sizeof table,
                                      .name = "Motor",
                                      .members = members,
                                      .member_count = 1,
                                      .member_size = sizeof *members};
    rpyc_class *klass = NULL;

    OK(rpyc_session_class_new(NULL, 0, &table, &klass, &error));
    rpyc_class_free(klass);
    klass = NULL;
    table.member_count = 2;
    GIVES(RPYC_ERR_ARGUMENT, rpyc_session_class_new(NULL, 0, &table, &klass, &error));
    table.member_count = 1;
    members[1].access = 0;
    table.members = members + 1;
    GIVES(RPYC_ERR_ARGUMENT, rpyc_session_class_new(NULL, 0, &table, &klass, &error));
    table.members = members;
    members[0].signature = "stop()";
    GIVES(RPYC_ERR_ARGUMENT, rpyc_session_class_new(NULL, 0, &table, &klass, &error));
    CHECK(klass == NULL);
}

static void slaves(void)
{
    const char *names[] = {"motors", "other", "motors"};
    rpyc_object *module = NULL, *modules[3];
    rpyc_slave_table table = {
        .struct_size = sizeof table, .module_names = names, .modules = modules, .module_count = 2};
    rpyc_class *klass = NULL;

    OK(rpyc_module_new("motors", NULL, &module, &error));
    modules[0] = modules[1] = modules[2] = module;
    OK(rpyc_slave_new(&table, NULL, NULL, &klass, &error));
    rpyc_class_free(klass);
    klass = NULL;
    table.module_count = 3;
    GIVES(RPYC_ERR_ARGUMENT, rpyc_slave_new(&table, NULL, NULL, &klass, &error));
    CHECK(klass == NULL);
    rpyc_object_free(module);
}

int main(void)
{
    classes();
    aliases();
    functions();
    sessions();
    slaves();
    return finish();
}
