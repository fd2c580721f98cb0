/* lua_slave: a Lua 5.4 interpreter that unmodified Python programs control with rpyc.classic.connect().
 *
 * Python evaluates and executes Lua code, imports Lua's modules, reads and changes its globals, and uses its tables
 * and functions as remote objects. Lua can call functions of Python. If the client offers a service too, as
 * rpyc.classic.connect() does (ClassicService), Lua code can control Python: py.eval("..."), py.module("os.path").
 *
 *     cc lua_slave.c -o lua_slave $(pkg-config --cflags --libs rpyc lua5.4)
 *     ./lua_slave tcp://127.0.0.1:18812 &
 *     python3 lua_client.py tcp://127.0.0.1:18812
 *
 * A client can run any Lua code here, including access to files and programs. Never let the server listen where
 * untrusted clients can connect.
 *
 * Each connection has an interpreter of its own, which only its thread uses. A Lua error jumps (longjmp) from a
 * function of this file to the nearest lua_pcall. No function of librpyc is ever between the two.
 */
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <lauxlib.h>
#include <lualib.h>
#include <rpyc.h>

static rpyc_class *table_class, *function_class, *iterator_class;

/* One interpreter. It lives as long as its connection and every reference that Python has to its objects. */
struct interpreter {
    lua_State *L;
    int users;
    rpyc_call *call; /* being served, the innermost one */
    rpyc_classic *python;
    pthread_mutex_t lock; /* for the members below, which any thread may change */
    int *dead;            /* references that Python has released */
    size_t dead_count, dead_room;
};

/* A table or function of Lua that was sent to Python. */
struct reference {
    struct interpreter *lua;
    int index; /* in Lua's registry */
};

static struct interpreter *interpreter_of(lua_State *L)
{
    return *(struct interpreter **)lua_getextraspace(L);
}

static void let_go(struct interpreter *lua)
{
    if (__atomic_sub_fetch(&lua->users, 1, __ATOMIC_ACQ_REL) > 0)
        return;
    lua_close(lua->L);
    pthread_mutex_destroy(&lua->lock);
    free(lua->dead);
    free(lua);
}

/* Runs on any thread, so the interpreter must not be used. Its own thread releases the reference later. */
static void reference_free(void *userdata)
{
    struct reference *reference = userdata;
    struct interpreter *lua = reference->lua;

    pthread_mutex_lock(&lua->lock);
    if (lua->dead_count == lua->dead_room) {
        size_t room = lua->dead_room ? 2 * lua->dead_room : 16;
        int *dead = realloc(lua->dead, room * sizeof *dead);

        if (dead) {
            lua->dead = dead;
            lua->dead_room = room;
        }
    }
    if (lua->dead_count < lua->dead_room) /* otherwise it remains in the registry */
        lua->dead[lua->dead_count++] = reference->index;
    pthread_mutex_unlock(&lua->lock);
    free(reference);
    let_go(lua);
}

static void bury_the_dead(struct interpreter *lua)
{
    pthread_mutex_lock(&lua->lock);
    while (lua->dead_count)
        luaL_unref(lua->L, LUA_REGISTRYINDEX, lua->dead[--lua->dead_count]);
    pthread_mutex_unlock(&lua->lock);
}

/* ------------------------------------------------------------------ values from Lua */
#define PYTHON "rpyc.object" /* the metatable of Python's objects in Lua */

/* Converts the value at the top of the stack and pops it; NULL if it cannot be sent. */
static rpyc_value *from_lua(lua_State *L)
{
    struct interpreter *lua = interpreter_of(L);
    rpyc_value *value = NULL;
    rpyc_object *object = NULL, **python;
    struct reference *reference;
    const char *text;
    size_t length;
    int is_table = lua_type(L, -1) == LUA_TTABLE;

    switch (lua_type(L, -1)) {
    case LUA_TNIL:
        value = rpyc_value_new_none();
        break;
    case LUA_TBOOLEAN:
        value = rpyc_value_new_bool(lua_toboolean(L, -1));
        break;
    case LUA_TNUMBER:
        value =
            lua_isinteger(L, -1) ? rpyc_value_new_int(lua_tointeger(L, -1)) : rpyc_value_new_float(lua_tonumber(L, -1));
        break;
    case LUA_TSTRING:
        text = lua_tolstring(L, -1, &length);
        if (rpyc_value_new_str(text, length, &value, NULL)) /* not UTF-8 */
            rpyc_value_new_bytes((const uint8_t *)text, length, &value, NULL);
        break;
    case LUA_TTABLE:
    case LUA_TFUNCTION:
        reference = malloc(sizeof *reference);
        if (!reference)
            break;
        __atomic_add_fetch(&lua->users, 1, __ATOMIC_RELAXED);
        reference->lua = lua;
        reference->index = luaL_ref(L, LUA_REGISTRYINDEX); /* pops it */
        if (!rpyc_object_new(is_table ? table_class : function_class, reference, reference_free, &object, NULL))
            rpyc_value_new_object(object, &value, NULL);
        rpyc_object_free(object);
        return value;
    default:
        python = luaL_testudata(L, -1, PYTHON);
        if (python)
            rpyc_value_new_object(*python, &value, NULL);
    }
    lua_pop(L, 1);
    return value;
}

/* ------------------------------------------------------------------ values to Lua */
static void push_items(lua_State *L, const rpyc_value *value);

/* Lua's own tables and functions are pushed as themselves, objects of Python as userdata. */
static void push_object(lua_State *L, rpyc_object *object)
{
    struct reference *reference = rpyc_object_self(object, table_class);
    rpyc_object **python;

    if (!reference)
        reference = rpyc_object_self(object, function_class);
    if (reference && reference->lua == interpreter_of(L)) {
        lua_rawgeti(L, LUA_REGISTRYINDEX, reference->index);
        rpyc_object_free(object);
        return;
    }
    python = lua_newuserdatauv(L, sizeof *python, 0);
    *python = object;
    luaL_setmetatable(L, PYTHON);
}

static void push(lua_State *L, const rpyc_value *value)
{
    rpyc_object *object = NULL;
    const char *text = NULL;
    const uint8_t *bytes = NULL;
    size_t length = 0;
    int64_t number = 0;
    double real = 0;
    bool truth = false;

    luaL_checkstack(L, 4, "a value from Python");
    switch (rpyc_value_kind(value)) {
    case RPYC_VALUE_BOOL:
        rpyc_value_get_bool(value, &truth, NULL);
        lua_pushboolean(L, truth);
        break;
    case RPYC_VALUE_INT:
        if (rpyc_value_get_int(value, &number, NULL) == RPYC_OK)
            lua_pushinteger(L, number);
        else if (rpyc_value_get_float(value, &real, NULL) == RPYC_OK)
            lua_pushnumber(L, real); /* beyond 64 bits, as in Lua itself */
        else
            lua_pushnil(L);
        break;
    case RPYC_VALUE_FLOAT:
        rpyc_value_get_float(value, &real, NULL);
        lua_pushnumber(L, real);
        break;
    case RPYC_VALUE_STR:
        rpyc_value_get_str(value, &text, &length, NULL);
        lua_pushlstring(L, text, length);
        break;
    case RPYC_VALUE_BYTES:
        rpyc_value_get_bytes(value, &bytes, &length, NULL);
        lua_pushlstring(L, (const char *)bytes, length);
        break;
    case RPYC_VALUE_TUPLE:
    case RPYC_VALUE_LIST:
        push_items(L, value);
        break;
    case RPYC_VALUE_OBJECT:
        if (rpyc_value_get_object(value, &object, NULL) == RPYC_OK) {
            push_object(L, object);
            break;
        }    /* fall through */
    default: /* None, and kinds that Lua does not have */
        lua_pushnil(L);
    }
}

static void push_items(lua_State *L, const rpyc_value *value)
{
    size_t count = rpyc_value_count(value);

    lua_createtable(L, (int)(count < 1000 ? count : 1000), 0);
    for (size_t i = 0; i < count; i++) {
        push(L, rpyc_value_item(value, i));
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
}

/* ------------------------------------------------------------------ Python's objects in Lua */
/* Raises the error in Lua. Frees it first, because nothing after lua_error() runs. */
static int raise_in_lua(lua_State *L, rpyc_error *error)
{
    lua_pushstring(L, rpyc_error_message(error));
    rpyc_error_free(error);
    return lua_error(L);
}

static int push_result(lua_State *L, rpyc_status status, rpyc_value *value, rpyc_error *error)
{
    if (status)
        return raise_in_lua(L, error);
    push(L, value);
    rpyc_value_free(value);
    return 1;
}

static rpyc_object *python_at(lua_State *L, int index)
{
    return *(rpyc_object **)luaL_checkudata(L, index, PYTHON);
}

/* Converts the value at an index; raises a Lua error if it cannot be sent. */
static rpyc_value *value_at(lua_State *L, int index)
{
    rpyc_value *value;

    lua_pushvalue(L, index);
    value = from_lua(L);
    if (!value)
        luaL_error(L, "a %s cannot be sent to Python", luaL_typename(L, index));
    return value;
}

#define MOST_ARGUMENTS 32

static int python_call(lua_State *L)
{
    rpyc_object *object = python_at(L, 1);
    rpyc_value *args[MOST_ARGUMENTS], *value = NULL;
    rpyc_error *error = NULL;
    rpyc_status status;
    int count = lua_gettop(L) - 1;

    if (count > MOST_ARGUMENTS)
        return luaL_error(L, "more than %d arguments", MOST_ARGUMENTS);
    for (int i = 0; i < count; i++) {
        lua_pushvalue(L, i + 2);
        args[i] = from_lua(L); /* NULL is rejected by the call, which still consumes the others */
    }
    status = rpyc_object_call(object, args, (size_t)count, NULL, &value, &error);
    return push_result(L, status, value, error);
}

/* String keys are attributes, all others items. */
static int python_index(lua_State *L)
{
    rpyc_object *object = python_at(L, 1);
    rpyc_value *value = NULL;
    rpyc_error *error = NULL;
    rpyc_status status;

    if (lua_type(L, 2) == LUA_TSTRING)
        status = rpyc_object_get_attr(object, lua_tostring(L, 2), &value, &error);
    else
        status = rpyc_object_get_item(object, value_at(L, 2), &value, &error);
    return push_result(L, status, value, error);
}

static int python_newindex(lua_State *L)
{
    rpyc_object *object = python_at(L, 1);
    rpyc_value *value = value_at(L, 3);
    rpyc_error *error = NULL;
    rpyc_status status;

    if (lua_type(L, 2) == LUA_TSTRING)
        status = rpyc_object_set_attr(object, lua_tostring(L, 2), value, &error);
    else
        status = rpyc_object_set_item(object, value_at(L, 2), value, &error);
    return status ? raise_in_lua(L, error) : 0;
}

static int python_len(lua_State *L)
{
    int64_t length = 0;
    rpyc_error *error = NULL;

    if (rpyc_object_length(python_at(L, 1), &length, &error))
        return raise_in_lua(L, error);
    lua_pushinteger(L, length);
    return 1;
}

static int python_tostring(lua_State *L)
{
    rpyc_value *value = NULL;
    rpyc_error *error = NULL;
    rpyc_status status = rpyc_object_str(python_at(L, 1), &value, &error);

    return push_result(L, status, value, error);
}

static int python_gc(lua_State *L)
{
    rpyc_object_free(python_at(L, 1));
    return 0;
}

/* ------------------------------------------------------------------ functions for Lua code */
/* Returns the master at the other end, if the client offers a service too. */
static rpyc_classic *python(lua_State *L)
{
    struct interpreter *lua = interpreter_of(L);
    rpyc_error *error = NULL;

    if (!lua->python && rpyc_classic_new(rpyc_call_connection(lua->call), &lua->python, &error))
        raise_in_lua(L, error);
    return lua->python;
}

static int py_eval(lua_State *L)
{
    const char *text = luaL_checkstring(L, 1);
    rpyc_value *value = NULL;
    rpyc_error *error = NULL;
    rpyc_status status = rpyc_classic_eval(python(L), text, RPYC_NUL_TERMINATED, &value, &error);

    return push_result(L, status, value, error);
}

static int py_execute(lua_State *L)
{
    const char *text = luaL_checkstring(L, 1);
    rpyc_error *error = NULL;

    return rpyc_classic_execute(python(L), text, RPYC_NUL_TERMINATED, &error) ? raise_in_lua(L, error) : 0;
}

static int py_module(lua_State *L)
{
    const char *name = luaL_checkstring(L, 1);
    rpyc_object *module = NULL;
    rpyc_error *error = NULL;

    if (rpyc_classic_module(python(L), name, &module, &error))
        return raise_in_lua(L, error);
    push_object(L, module);
    return 1;
}

/* Lua's print: writes to the sys.stdout that the master has set, otherwise to that of this process. */
static int print(lua_State *L)
{
    struct interpreter *lua = interpreter_of(L);
    rpyc_object *sys = NULL, *stream = NULL;
    rpyc_value *value = NULL, *line = NULL;
    rpyc_error *error = NULL;
    luaL_Buffer text;
    size_t length;
    int n = lua_gettop(L);

    luaL_buffinit(L, &text);
    for (int i = 1; i <= n; i++) {
        luaL_tolstring(L, i, NULL);
        luaL_addvalue(&text);
        luaL_addchar(&text, i < n ? '\t' : '\n');
    }
    luaL_pushresult(&text);
    if (!rpyc_slave_module(lua->call, "sys", &sys, NULL) && !rpyc_object_get_attr(sys, "stdout", &value, NULL) &&
        !rpyc_value_get_object(value, &stream, NULL)) {
        lua_pushvalue(L, -1);
        line = from_lua(L);
        rpyc_value_free(value);
        value = NULL;
        if (rpyc_object_call_method(stream, "write", &line, 1, NULL, &value, &error)) {
            rpyc_object_free(stream);
            rpyc_object_free(sys);
            return raise_in_lua(L, error);
        }
    } else {
        const char *own = lua_tolstring(L, -1, &length);

        fwrite(own, 1, length, stdout);
        fflush(stdout);
    }
    rpyc_value_free(value);
    rpyc_object_free(stream);
    rpyc_object_free(sys);
    return 0;
}

static void *create(rpyc_connection *connection, void *userdata)
{
    (void)connection;
    static const luaL_Reg metamethods[] = {{"__call", python_call},
                                           {"__index", python_index},
                                           {"__newindex", python_newindex},
                                           {"__len", python_len},
                                           {"__tostring", python_tostring},
                                           {"__gc", python_gc},
                                           {NULL, NULL}};
    static const luaL_Reg py[] = {{"eval", py_eval}, {"execute", py_execute}, {"module", py_module}, {NULL, NULL}};
    struct interpreter *lua = calloc(1, sizeof *lua);
    lua_State *L = luaL_newstate();

    (void)userdata;
    if (!lua || !L)
        abort();
    lua->L = L;
    lua->users = 1;
    pthread_mutex_init(&lua->lock, NULL);
    *(struct interpreter **)lua_getextraspace(L) = lua;
    luaL_openlibs(L);
    luaL_newmetatable(L, PYTHON);
    luaL_setfuncs(L, metamethods, 0);
    lua_pop(L, 1);
    luaL_newlib(L, py);
    lua_setglobal(L, "py");
    lua_pushcfunction(L, print);
    lua_setglobal(L, "print");
    return lua;
}

/* The connection has ended: references of Lua to Python are no longer usable. */
static void destroy(void *self)
{
    let_go(self);
}

static void on_disconnect(rpyc_connection *connection, void *self)
{
    struct interpreter *lua = self;

    (void)connection;
    rpyc_classic_free(lua->python);
    lua->python = NULL;
}

/* ------------------------------------------------------------------ serving */
/* Runs work(L), a Lua C function that gets the request and leaves its results on the stack, and answers with those. */
struct request {
    rpyc_call *call;
    struct interpreter *lua;
    struct reference *target;
    size_t count;
};

static void serve(struct interpreter *lua, struct reference *target, rpyc_call *call, lua_CFunction work)
{
    struct request request = {call, lua, target, rpyc_call_arg_count(call)};
    rpyc_call *outer = lua->call;
    lua_State *L = lua->L;
    rpyc_value *results[MOST_ARGUMENTS], *value = NULL;
    int base = lua_gettop(L), count;

    bury_the_dead(lua);
    lua->call = call;
    lua_pushcfunction(L, work);
    lua_pushlightuserdata(L, &request);
    if (!lua_checkstack(L, 8) || lua_pcall(L, 1, LUA_MULTRET, 0)) {
        rpyc_call_raise(call, "RuntimeError",
                        lua_isstring(L, -1) ? lua_tostring(L, -1) : "a Lua error that is no text");
    } else {
        count = lua_gettop(L) - base;
        if (count > MOST_ARGUMENTS)
            count = MOST_ARGUMENTS;
        for (int i = 0; i < count; i++) {
            lua_pushvalue(L, base + 1 + i);
            results[i] = from_lua(L);
            if (!results[i])
                results[i] = rpyc_value_new_none();
        }
        if (count <= 1)
            value = count ? results[0] : rpyc_value_new_none();
        else
            rpyc_value_new_tuple(results, (size_t)count, &value, NULL);
        rpyc_call_return(call, value); /* does nothing if it has been answered */
    }
    lua_settop(L, base);
    lua->call = outer;
}

static struct request *request_of(lua_State *L)
{
    struct request *request = lua_touserdata(L, 1);

    lua_settop(L, 0);
    return request;
}

static void load(lua_State *L, struct request *request, const char *before)
{
    const char *text = NULL;
    size_t length = 0;

    if (rpyc_value_get_str(rpyc_call_arg(request->call, 0), &text, &length, NULL))
        luaL_error(L, "the code must be a text");
    lua_pushstring(L, before);
    lua_pushlstring(L, text, length);
    lua_concat(L, 2);
    if (luaL_loadbuffer(L, lua_tostring(L, -1), lua_rawlen(L, -1), "=python"))
        lua_error(L);
    lua_replace(L, 1);
    lua_settop(L, 1);
}

static int do_eval(lua_State *L)
{
    load(L, request_of(L), "return ");
    lua_call(L, 0, LUA_MULTRET);
    return lua_gettop(L);
}

static int do_execute(lua_State *L)
{
    load(L, request_of(L), "");
    lua_call(L, 0, 0);
    return 0;
}

static int do_getmodule(lua_State *L)
{
    struct request *request = request_of(L);

    lua_getglobal(L, "require");
    push(L, rpyc_call_arg(request->call, 0));
    if (lua_pcall(L, 1, 1, 0)) {
        rpyc_call_raise(request->call, "ModuleNotFoundError", lua_tostring(L, -1));
        return 0;
    }
    return 1;
}

static int do_namespace(lua_State *L)
{
    request_of(L);
    lua_pushglobaltable(L);
    return 1;
}

/* Calls a function with the arguments of the request. */
static int do_call(lua_State *L)
{
    struct request *request = request_of(L);

    luaL_checkstack(L, (int)(request->count < 1000 ? request->count + 2 : 1000), "too many arguments");
    if (rpyc_call_keyword_count(request->call))
        return luaL_error(L, "functions of Lua take no keywords");
    lua_rawgeti(L, LUA_REGISTRYINDEX, request->target->index);
    for (size_t i = 0; i < request->count; i++)
        push(L, rpyc_call_arg(request->call, i));
    lua_call(L, (int)request->count, LUA_MULTRET);
    return lua_gettop(L);
}

/* Pushes the table and argument 0. */
static struct request *with_key(lua_State *L)
{
    struct request *request = request_of(L);

    lua_rawgeti(L, LUA_REGISTRYINDEX, request->target->index);
    if (request->count)
        push(L, rpyc_call_arg(request->call, 0));
    return request;
}

static int do_getitem(lua_State *L)
{
    struct request *request = with_key(L);

    lua_gettable(L, 1);
    if (lua_isnil(L, -1)) {
        rpyc_value *key = rpyc_value_clone(rpyc_call_arg(request->call, 0));

        rpyc_call_raise_with(request->call, NULL, "KeyError", &key, 1, NULL);
    }
    return 1;
}

static int do_getattr(lua_State *L)
{
    struct request *request = with_key(L);
    const char *name = lua_tostring(L, 2);

    lua_pushvalue(L, 2);
    lua_gettable(L, 1);
    if (lua_isnil(L, -1))
        rpyc_call_raise(request->call, "AttributeError", name);
    return 1;
}

static int do_setitem(lua_State *L)
{
    struct request *request = with_key(L);

    push(L, rpyc_call_arg(request->call, 1));
    lua_settable(L, 1);
    return 0;
}

static int do_delitem(lua_State *L)
{
    with_key(L);
    lua_pushnil(L);
    lua_settable(L, 1);
    return 0;
}

static int do_contains(lua_State *L)
{
    with_key(L);
    lua_gettable(L, 1);
    lua_pushboolean(L, !lua_isnil(L, -1));
    return 1;
}

static int do_len(lua_State *L)
{
    with_key(L);
    lua_pushinteger(L, luaL_len(L, 1));
    return 1;
}

static int do_repr(lua_State *L)
{
    with_key(L);
    luaL_tolstring(L, 1, NULL);
    return 1;
}

static int do_hash(lua_State *L)
{
    with_key(L);
    lua_pushinteger(L, (lua_Integer)((uintptr_t)lua_topointer(L, 1) >> 4));
    return 1;
}

static int do_eq(lua_State *L)
{
    with_key(L);
    lua_pushboolean(L, lua_rawequal(L, 1, 2));
    return 1;
}

/* Makes a list of the keys (1), values (2) or pairs (3) of a table. */
static rpyc_value *listed(lua_State *L, int what)
{
    rpyc_value **items = NULL, *pair[2], *list = NULL;
    size_t count = 0, room = 0;

    for (lua_pushnil(L); lua_next(L, 1);) {
        if (count == room) {
            rpyc_value **more = realloc(items, (room = room ? 2 * room : 16) * sizeof *items);

            if (!more)
                break;
            items = more;
        }
        pair[1] = from_lua(L); /* pops the value */
        lua_pushvalue(L, -1);
        pair[0] = from_lua(L);
        for (int i = 0; i < 2; i++)
            if (!pair[i])
                pair[i] = rpyc_value_new_none();
        if (what == 3) {
            rpyc_value_new_tuple(pair, 2, &items[count++], NULL);
        } else {
            items[count++] = pair[what - 1];
            rpyc_value_free(pair[2 - what]);
        }
    }
    rpyc_value_new_list(items, count, &list, NULL);
    free(items);
    return list;
}

static int do_keys(lua_State *L)
{
    struct request *request = with_key(L);

    return rpyc_call_return(request->call, listed(L, 1)), 0;
}

static int do_values(lua_State *L)
{
    struct request *request = with_key(L);

    return rpyc_call_return(request->call, listed(L, 2)), 0;
}

static int do_items(lua_State *L)
{
    struct request *request = with_key(L);

    return rpyc_call_return(request->call, listed(L, 3)), 0;
}

/* An iterator over keys that were listed when it was made. */
struct iterator {
    rpyc_value *keys;
    size_t next;
};

static void iterator_free(void *userdata)
{
    rpyc_value_free(((struct iterator *)userdata)->keys);
    free(userdata);
}

static int do_iter(lua_State *L)
{
    struct request *request = with_key(L);
    struct iterator *iterator = calloc(1, sizeof *iterator);
    rpyc_object *object = NULL;
    rpyc_value *value = NULL;

    if (!iterator)
        return luaL_error(L, "out of memory");
    iterator->keys = listed(L, 1);
    if (!rpyc_object_new(iterator_class, iterator, iterator_free, &object, NULL))
        rpyc_value_new_object(object, &value, NULL);
    rpyc_object_free(object);
    rpyc_call_return(request->call, value);
    return 0;
}

static void iterator_next(rpyc_call *call, void *self)
{
    struct iterator *iterator = self;
    const rpyc_value *key = rpyc_value_item(iterator->keys, iterator->next);

    if (!key) {
        rpyc_call_raise(call, "StopIteration", NULL);
        return;
    }
    iterator->next++;
    rpyc_call_return(call, rpyc_value_clone(key));
}

static void iterator_iter(rpyc_call *call, void *self)
{
    rpyc_value *value = NULL;

    (void)self;
    rpyc_value_new_object(rpyc_call_target(call), &value, NULL);
    rpyc_call_return(call, value);
}

/* The callbacks of the slave, whose self is an interpreter, and of objects, whose self is a reference. */
#define SLAVE(name)                                                                                                    \
    static void slave_##name(rpyc_call *call, void *self)                                                              \
    {                                                                                                                  \
        serve(self, NULL, call, do_##name);                                                                            \
    }
#define OBJECT(name)                                                                                                   \
    static void object_##name(rpyc_call *call, void *self)                                                             \
    {                                                                                                                  \
        serve(((struct reference *)self)->lua, self, call, do_##name);                                                 \
    }

SLAVE(eval)
SLAVE(execute)
SLAVE(getmodule)
SLAVE(namespace)
OBJECT(call)
OBJECT(getitem)
OBJECT(setitem)
OBJECT(delitem)
OBJECT(contains)
OBJECT(getattr)
OBJECT(len)
OBJECT(repr)
OBJECT(hash)
OBJECT(eq)
OBJECT(keys)
OBJECT(values)
OBJECT(items)
OBJECT(iter)

/* Every name may be an attribute. Reading one that does not exist raises AttributeError. */
static int32_t has_any(void *self, const char *name, size_t length)
{
    (void)self;
    (void)name;
    return length > 0;
}

static rpyc_status make_classes(rpyc_error **error_out)
{
    static const rpyc_method table_methods[] = {
        {"__getitem__", object_getitem, NULL, NULL, 0}, {"__setitem__", object_setitem, NULL, NULL, 0},
        {"__delitem__", object_delitem, NULL, NULL, 0}, {"__contains__", object_contains, NULL, NULL, 0},
        {"__len__", object_len, NULL, NULL, 0},         {"__iter__", object_iter, NULL, NULL, 0},
        {"__repr__", object_repr, NULL, NULL, 0},       {"__hash__", object_hash, NULL, NULL, 0},
        {"__eq__", object_eq, NULL, NULL, 0},           {"keys", object_keys, NULL, NULL, 0},
        {"values", object_values, NULL, NULL, 0},       {"items", object_items, NULL, NULL, 0},
    };
    static const rpyc_method function_methods[] = {
        {"__call__", object_call, NULL, "Calls the function of Lua.", 0},
        {"__repr__", object_repr, NULL, NULL, 0},
        {"__hash__", object_hash, NULL, NULL, 0},
        {"__eq__", object_eq, NULL, NULL, 0},
    };
    static const rpyc_method iterator_methods[] = {
        {"__next__", iterator_next, NULL, NULL, 0},
        {"__iter__", iterator_iter, NULL, NULL, 0},
    };
    rpyc_class_table table = {.struct_size = sizeof table, .method_size = sizeof(rpyc_method), .module = "lua"};
    rpyc_status status;

    table.name = "function";
    table.methods = function_methods;
    table.method_count = sizeof function_methods / sizeof *function_methods;
    status = rpyc_class_new(&table, NULL, NULL, &function_class, error_out);
    if (status)
        return status;
    table.name = "iterator";
    table.methods = iterator_methods;
    table.method_count = sizeof iterator_methods / sizeof *iterator_methods;
    status = rpyc_class_new(&table, NULL, NULL, &iterator_class, error_out);
    if (status)
        return status;
    table.name = "table";
    table.methods = table_methods;
    table.method_count = sizeof table_methods / sizeof *table_methods;
    table.has_dynamic = has_any;
    table.get_dynamic = object_getattr;
    table.set_dynamic = object_setitem; /* gets the name and the value */
    table.del_dynamic = object_delitem;
    return rpyc_class_new(&table, NULL, NULL, &table_class, error_out);
}

int main(int argc, char **argv)
{
    static const rpyc_slave_table slave = {
        .struct_size = sizeof slave,
        .doc = "A Lua interpreter.",
        .getmodule = slave_getmodule,
        .eval = slave_eval,
        .execute = slave_execute,
        .get_namespace = slave_namespace,
        .create = create,
        .destroy = destroy,
        .on_disconnect = on_disconnect,
    };
    rpyc_class *service = NULL;
    rpyc_server *server = NULL;
    rpyc_error *error = NULL;

    if (!make_classes(&error) && !rpyc_slave_new(&slave, NULL, NULL, &service, &error) &&
        !rpyc_server_new(argc > 1 ? argv[1] : "tcp://127.0.0.1:18812", service, NULL, &server, &error)) {
        printf("listening %s\n", rpyc_server_address(server));
        fflush(stdout);
        rpyc_server_serve_one(server, &error); /* one client, in this thread */
    }
    if (error)
        fprintf(stderr, "lua_slave: %s\n", rpyc_error_describe(error));
    rpyc_server_free(server);
    rpyc_class_free(service);
    rpyc_class_free(table_class);
    rpyc_class_free(function_class);
    rpyc_class_free(iterator_class);
    rpyc_error_free(error);
    return error != NULL;
}
