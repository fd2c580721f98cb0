#!/usr/bin/env python3
"""A calculator over RPyC, called and served through librpyc with nothing but ctypes.

    calculator.py call tcp://127.0.0.1:18861       calls a calculator, which may be in Python, C or here
    calculator.py serve tcp://127.0.0.1:18861      serves one, until stdin ends

The library is the one that LIBRPYC names, else librpyc.so.0 where the loader finds it. RPyC's own Python package is
not used: this is how any language with a foreign function interface does it.
"""
import ctypes
import os
import sys
from ctypes import POINTER, byref, c_char_p, c_double, c_int64, c_size_t, c_uint64, c_void_p

lib = ctypes.CDLL(os.environ.get("LIBRPYC", "librpyc.so.0"))
ZT = c_size_t(-1).value                              # RPYC_NUL_TERMINATED: a text that ends with NUL
METHOD = ctypes.CFUNCTYPE(None, c_void_p, c_void_p)  # rpyc_method_fn: call, self

# What takes or gives anything but statuses and pointers. Arguments that are not listed must be given as ctypes' types.
for name, result, arguments in (
        ("rpyc_error_message", c_char_p, [c_void_p]), ("rpyc_server_address", c_char_p, [c_void_p]),
        ("rpyc_value_new_int", c_void_p, [c_int64]),
        ("rpyc_value_clone", c_void_p, [c_void_p]), ("rpyc_call_arg", c_void_p, [c_void_p, c_size_t]),
        ("rpyc_call_return_int", None, [c_void_p, c_int64]), ("rpyc_call_return_float", None, [c_void_p, c_double]),
        ("rpyc_call_get_int", ctypes.c_int, [c_void_p, c_size_t, POINTER(c_int64)]),
        ("rpyc_call_get_float", ctypes.c_int, [c_void_p, c_size_t, POINTER(c_double)]),
        ("rpyc_call_get_object", ctypes.c_int, [c_void_p, c_size_t, POINTER(c_void_p)]),
        ("rpyc_value_get_int", ctypes.c_int, [c_void_p, POINTER(c_int64), c_void_p])):
    getattr(lib, name).restype, getattr(lib, name).argtypes = result, arguments


class Method(ctypes.Structure):
    _fields_ = [("name", c_char_p), ("call", METHOD), ("signature", c_char_p), ("doc", c_char_p), ("flags", c_uint64)]


class ClassTable(ctypes.Structure):
    """rpyc_class_table of the first version, which struct_size tells; what is not named here stays NULL."""
    _fields_ = [("struct_size", c_size_t), ("method_size", c_size_t), ("property_size", c_size_t), ("module", c_char_p),
                ("name", c_char_p), ("doc", c_char_p), ("base", c_void_p), ("flags", c_uint64),
                ("methods", POINTER(Method)), ("method_count", c_size_t), ("others", c_void_p * 16)]


def make(function, *arguments):
    """What a function gives by its last output before error_out."""
    out, error = c_void_p(), c_void_p()
    if getattr(lib, function)(*arguments, byref(out), byref(error)):
        try:
            raise RuntimeError(lib.rpyc_error_message(error).decode())
        finally:
            lib.rpyc_error_free(error)
    return out


def call(root, method, *arguments):
    """Calls a method with ints and values, which are consumed; the int that comes back."""
    values = [lib.rpyc_value_new_int(one) if isinstance(one, int) else one.value for one in arguments]
    values = (c_void_p * len(values))(*values)
    value, number = make("rpyc_object_call_method", root, method, values, c_size_t(len(values)), None), c_int64()
    status = lib.rpyc_value_get_int(value, byref(number), None)
    lib.rpyc_value_free(value)
    if status:
        raise RuntimeError("what came back is no int of 64 bits")
    return number.value


def answer(served, number, what):
    """Returns an int. ctypes would take what has more than 64 bits, and send another number."""
    if -2**63 <= number < 2**63:
        lib.rpyc_call_return_int(served, number)
    else:
        lib.rpyc_call_raise(c_void_p(served), b"OverflowError", b"the %s does not fit in 64 bits" % what)


def triple(served, _self):
    """A function that the server calls back."""
    number = c_int64()
    if not lib.rpyc_call_get_int(served, 0, byref(number)):
        answer(served, 3 * number.value, b"product")


def add(served, _self):
    a, b = c_int64(), c_int64()
    # Where an argument does not fit, the caller has been sent a TypeError.
    if not lib.rpyc_call_get_int(served, 0, byref(a)) and not lib.rpyc_call_get_int(served, 1, byref(b)):
        answer(served, a.value + b.value, b"sum")


def power(served, _self):
    a, b = c_int64(), c_int64()
    if not lib.rpyc_call_get_int(served, 0, byref(a)) and not lib.rpyc_call_get_int(served, 1, byref(b)):
        if 0 <= b.value <= 62:
            answer(served, a.value ** b.value, b"power")
        else:
            lib.rpyc_call_raise(c_void_p(served), b"ValueError", b"the exponent must be from 0 to 62")


def divide(served, _self):
    a, b = c_double(), c_double()
    if not lib.rpyc_call_get_float(served, 0, byref(a)) and not lib.rpyc_call_get_float(served, 1, byref(b)):
        if b.value == 0:
            lib.rpyc_call_raise(c_void_p(served), b"ZeroDivisionError", b"cannot divide by zero")
        else:
            lib.rpyc_call_return_float(served, a.value / b.value)


def apply(served, _self):
    """Calls a function of the caller, and passes on what it returns or raises."""
    function, result, error = c_void_p(), c_void_p(), c_void_p()
    if lib.rpyc_call_get_object(served, 0, byref(function)):
        return
    values = (c_void_p * 1)(lib.rpyc_value_clone(lib.rpyc_call_arg(served, 1)))
    if lib.rpyc_object_call(function, values, c_size_t(1), None, byref(result), byref(error)):
        lib.rpyc_call_raise_error(c_void_p(served), error)
    else:
        lib.rpyc_call_return(c_void_p(served), result)
    lib.rpyc_object_free(function)


def client(address):
    connection = make("rpyc_connect", address, None, None)
    root = make("rpyc_connection_root", connection)
    print("add(40, 2) =", call(root, b"add", 40, 2))
    callback = METHOD(triple)                        # kept as long as the peer may call it
    function = make("rpyc_function_new", b"triple", callback, b"triple(n)", None, c_uint64(0), None, None)
    print("apply(triple, 14) =", call(root, b"apply", make("rpyc_value_new_object", function), 14))
    try:
        call(root, b"divide", 1, 0)
    except RuntimeError as error:
        print("divide(1, 0) raised", error)
    lib.rpyc_object_free(function)
    lib.rpyc_object_free(root)
    lib.rpyc_connection_free(connection)


def server(address):
    table = [(b"exposed_add", add, b"add(a, b)", b"The sum of two integers."),
             (b"exposed_power", power, b"power(base, exponent=2)", b"base multiplied by itself exponent times."),
             (b"exposed_divide", divide, b"divide(a, b)", b"The quotient of two numbers."),
             (b"exposed_apply", apply, b"apply(func, value)", b"Calls func with value.")]
    methods = (Method * len(table))(*[Method(name, METHOD(run), text, doc, 0) for name, run, text, doc in table])
    service = make("rpyc_class_new", byref(ClassTable(ctypes.sizeof(ClassTable), ctypes.sizeof(Method), 0, None,
                                                      b"CalculatorService", None, None, 0, methods, len(table))), None, None)
    serving = make("rpyc_server_new", address, service, None)
    error = c_void_p()
    if lib.rpyc_server_start(serving, byref(error)):
        sys.exit(lib.rpyc_error_message(error).decode())
    print("listening", lib.rpyc_server_address(serving).decode(), flush=True)
    sys.stdin.read()
    lib.rpyc_server_stop(serving, c_int64(1000), None)
    lib.rpyc_server_join(serving, None)
    lib.rpyc_server_free(serving)
    lib.rpyc_class_free(service)


if __name__ == "__main__":
    if len(sys.argv) != 3 or sys.argv[1] not in ("call", "serve"):
        sys.exit(__doc__.strip())
    (client if sys.argv[1] == "call" else server)(sys.argv[2].encode())
