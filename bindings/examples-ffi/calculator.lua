-- A calculator over RPyC, called and served through librpyc with nothing but LuaJIT's FFI.
--
--     luajit calculator.lua call tcp://127.0.0.1:18861       calls a calculator, which may be in Python, C or here
--     luajit calculator.lua serve tcp://127.0.0.1:18861      serves one to the first client that connects
--
-- The library is the one that LIBRPYC names, else librpyc.so.0 where the loader finds it.
local ffi = require("ffi")

-- From rpyc.h, as much as is used. All handles are void pointers here.
ffi.cdef [[
typedef void (*method_fn)(void *call, void *self);
typedef struct { const char *name; method_fn call; const char *signature, *doc; uint64_t flags; } method;
typedef struct {
    size_t struct_size, method_size, property_size;
    const char *module, *name, *doc;
    const void *base;
    uint64_t flags;
    const method *methods;
    size_t method_count;
    void *others[16];
} class_table;
int rpyc_connect(const char *address, void *service, void *config, void **connection_out, void **error_out);
int rpyc_connection_root(void *connection, void **root_out, void **error_out);
void rpyc_connection_free(void *connection);
int rpyc_object_call_method(void *object, const char *name, void **args, size_t count, void *keywords, void **out, void **error_out);
int rpyc_object_call(void *object, void **args, size_t count, void *keywords, void **out, void **error_out);
void rpyc_object_free(void *object);
void *rpyc_value_new_int(int64_t value);
int rpyc_value_new_object(void *object, void **out, void **error_out);
int rpyc_value_get_int(void *value, int64_t *out, void **error_out);
void *rpyc_value_clone(void *value);
void rpyc_value_free(void *value);
int rpyc_function_new(const char *name, method_fn call, const char *signature, const char *doc, uint64_t flags, void *userdata,
                      void *userdata_free, void **object_out, void **error_out);
int rpyc_class_new(class_table *table, void *userdata, void *userdata_free, void **class_out, void **error_out);
void rpyc_class_free(void *class);
int rpyc_server_new(const char *address, void *service, void *config, void **server_out, void **error_out);
const char *rpyc_server_address(void *server);
int rpyc_server_serve_one(void *server, void **error_out);
void rpyc_server_free(void *server);
void *rpyc_call_arg(void *call, size_t index);
int rpyc_call_get_int(void *call, size_t index, int64_t *out);
int rpyc_call_get_float(void *call, size_t index, double *out);
int rpyc_call_get_object(void *call, size_t index, void **out);
int rpyc_call_return(void *call, void *value);
int rpyc_call_return_int(void *call, int64_t value);
int rpyc_call_return_float(void *call, double value);
int rpyc_call_raise(void *call, const char *name, const char *message);
int rpyc_call_raise_error(void *call, void *error);
const char *rpyc_error_message(void *error);
void rpyc_error_free(void *error);
]]
local lib = ffi.load(os.getenv("LIBRPYC") or "librpyc.so.0")
jit.off() -- compiled code must not be left by a callback

local function check(status, failure)
    if status == 0 then return end
    local text = ffi.string(lib.rpyc_error_message(failure[0]))
    lib.rpyc_error_free(failure[0])
    error(text, 0)
end

-- What a function gives by its last output before error_out.
local function make(name, ...)
    local out, failure, args = ffi.new("void *[1]"), ffi.new("void *[1]"), { ... }
    local count = select("#", ...)
    args[count + 1], args[count + 2] = out, failure
    check(lib[name](unpack(args, 1, count + 2)), failure)
    return out[0]
end

-- Calls a method with values, which are consumed; the number that comes back.
local function call(root, name, ...)
    local args, number = ffi.new("void *[?]", select("#", ...), { ... }), ffi.new("int64_t[1]")
    local value = make("rpyc_object_call_method", root, name, args, select("#", ...), nil)
    local status = lib.rpyc_value_get_int(value, number, nil)
    lib.rpyc_value_free(value)
    if status ~= 0 then error("what came back is no int of 64 bits", 0) end
    return number[0]
end

-- A number as people read it: LuaJIT writes LL behind one of 64 bits.
local function shown(number)
    return (tostring(number):gsub("LL$", ""))
end

-- Sum and product of numbers of 64 bits, which wrap around; nil where that happens. A number of Lua has 53 bits.
local function plus(a, b)
    local sum = a + b
    if (a < 0) ~= (b < 0) or (sum < 0) == (a < 0) then return sum end
end
local function times(a, b)
    local product = a * b
    if a == 0 or (product / a == b and not (a == -1 and b < 0 and product < 0)) then return product end
end

-- Returns a number of 64 bits, or raises where there is none.
local function answer(served, number, what)
    if number then
        lib.rpyc_call_return_int(served, number)
    else
        lib.rpyc_call_raise(served, "OverflowError", "the " .. what .. " does not fit in 64 bits")
    end
end

-- Two arguments of a call; nil when one does not fit, of which the caller has been told.
local function two(served, kind)
    local a, b = ffi.new(kind == "int" and "int64_t[1]" or "double[1]"), ffi.new(kind == "int" and "int64_t[1]" or "double[1]")
    local get = lib["rpyc_call_get_" .. kind]
    if get(served, 0, a) == 0 and get(served, 1, b) == 0 then return a[0], b[0] end
end

local service = {
    { "exposed_add", "add(a, b)", "The sum of two integers.", function(served)
        local a, b = two(served, "int")
        if a then answer(served, plus(a, b), "sum") end
    end },
    { "exposed_power", "power(base, exponent=2)", "base multiplied by itself exponent times.", function(served)
        local base, exponent = two(served, "int")
        if not base then return end
        if exponent < 0 or exponent > 62 then
            lib.rpyc_call_raise(served, "ValueError", "the exponent must be from 0 to 62")
            return
        end
        local result = 1LL
        for _ = 1, tonumber(exponent) do
            result = result and times(result, base)
        end
        answer(served, result, "power")
    end },
    { "exposed_divide", "divide(a, b)", "The quotient of two numbers.", function(served)
        local a, b = two(served, "float")
        if b == 0 then
            lib.rpyc_call_raise(served, "ZeroDivisionError", "cannot divide by zero")
        elseif a then
            lib.rpyc_call_return_float(served, a / b)
        end
    end },
    { "exposed_apply", "apply(func, value)", "Calls func with value.", function(served)
        local func, result, failure = ffi.new("void *[1]"), ffi.new("void *[1]"), ffi.new("void *[1]")
        if lib.rpyc_call_get_object(served, 0, func) ~= 0 then return end
        local args = ffi.new("void *[1]", { lib.rpyc_value_clone(lib.rpyc_call_arg(served, 1)) })
        if lib.rpyc_object_call(func[0], args, 1, nil, result, failure) == 0 then
            lib.rpyc_call_return(served, result[0])
        else
            lib.rpyc_call_raise_error(served, failure[0])
        end
        lib.rpyc_object_free(func[0])
    end },
}

local function client(address)
    local connection = make("rpyc_connect", address, nil, nil)
    local root = make("rpyc_connection_root", connection)
    print("add(40, 2) = " .. shown(call(root, "add", lib.rpyc_value_new_int(40), lib.rpyc_value_new_int(2))))
    local triple = ffi.cast("method_fn", function(served)
        local number = ffi.new("int64_t[1]")
        if lib.rpyc_call_get_int(served, 0, number) == 0 then answer(served, times(3LL, number[0]), "product") end
    end)
    local func = make("rpyc_function_new", "triple", triple, "triple(n)", nil, 0, nil, nil)
    print("apply(triple, 14) = " .. shown(call(root, "apply", make("rpyc_value_new_object", func), lib.rpyc_value_new_int(14))))
    local _, why = pcall(call, root, "divide", lib.rpyc_value_new_int(1), lib.rpyc_value_new_int(0))
    print("divide(1, 0) raised " .. why)
    lib.rpyc_object_free(func)
    lib.rpyc_object_free(root)
    lib.rpyc_connection_free(connection)
end

local function server(address)
    local methods, failure = ffi.new("method[?]", #service), ffi.new("void *[1]")
    for index, entry in ipairs(service) do
        methods[index - 1] = { entry[1], ffi.cast("method_fn", entry[4]), entry[2], entry[3], 0 }
    end
    local table = ffi.new("class_table", {
        struct_size = ffi.sizeof("class_table"), method_size = ffi.sizeof("method"), name = "CalculatorService",
        methods = methods, method_count = #service,
    })
    local class = make("rpyc_class_new", table, nil, nil)
    local serving = make("rpyc_server_new", address, class, nil)
    print("listening " .. ffi.string(lib.rpyc_server_address(serving)))
    io.stdout:flush()
    -- In this thread: Lua can be called from no other.
    check(lib.rpyc_server_serve_one(serving, failure), failure)
    lib.rpyc_server_free(serving)
    lib.rpyc_class_free(class)
end

local run = ({ call = client, serve = server })[arg[1]]
if not run or not arg[2] then
    error("usage: luajit calculator.lua call|serve ADDRESS", 0)
end
run(arg[2])
