//! The part of include/rpyc.h that sequences of calls use, as a C program has it.

use std::ffi::{c_char, c_void};

pub type Handle = *mut c_void;
pub type Status = i32;
pub type Free = Option<unsafe extern "C" fn(*mut c_void)>;
pub type Method = Option<unsafe extern "C" fn(Handle, *mut c_void)>;

pub const OK: Status = 0;

unsafe extern "C" {
    pub fn rpyc_error_free(error: Handle);
    pub fn rpyc_error_message(error: Handle) -> *const c_char;
    pub fn rpyc_error_describe(error: Handle) -> *const c_char;
    pub fn rpyc_error_status(error: Handle) -> Status;
    pub fn rpyc_error_args(error: Handle) -> Handle;

    pub fn rpyc_value_new_none() -> Handle;
    pub fn rpyc_value_new_bool(value: i32) -> Handle;
    pub fn rpyc_value_new_int(value: i64) -> Handle;
    pub fn rpyc_value_new_float(value: f64) -> Handle;
    pub fn rpyc_value_new_int_text(
        digits: *const c_char,
        length: usize,
        out: *mut Handle,
        error: *mut Handle,
    ) -> Status;
    pub fn rpyc_value_new_str(text: *const c_char, length: usize, out: *mut Handle, error: *mut Handle) -> Status;
    pub fn rpyc_value_new_bytes(data: *const c_void, length: usize, out: *mut Handle, error: *mut Handle) -> Status;
    pub fn rpyc_value_new_bytes_owned(
        data: *const c_void,
        length: usize,
        userdata: *mut c_void,
        free: Free,
        out: *mut Handle,
        error: *mut Handle,
    ) -> Status;
    pub fn rpyc_value_new_tuple(items: *const Handle, count: usize, out: *mut Handle, error: *mut Handle) -> Status;
    pub fn rpyc_value_new_frozenset(items: *const Handle, count: usize, out: *mut Handle, error: *mut Handle)
    -> Status;
    pub fn rpyc_value_new_list(items: *const Handle, count: usize, out: *mut Handle, error: *mut Handle) -> Status;
    pub fn rpyc_value_new_slice(a: Handle, b: Handle, c: Handle, out: *mut Handle, error: *mut Handle) -> Status;
    pub fn rpyc_value_new_dict(
        keys: *const Handle,
        values: *const Handle,
        count: usize,
        out: *mut Handle,
        error: *mut Handle,
    ) -> Status;
    pub fn rpyc_value_new_object(object: Handle, out: *mut Handle, error: *mut Handle) -> Status;
    pub fn rpyc_value_clone(value: Handle) -> Handle;
    pub fn rpyc_value_free(value: Handle);
    pub fn rpyc_value_repr(value: Handle) -> Handle;
    pub fn rpyc_value_equal(a: Handle, b: Handle) -> bool;
    pub fn rpyc_value_count(value: Handle) -> usize;
    pub fn rpyc_value_item(value: Handle, index: usize) -> Handle;
    pub fn rpyc_value_key(value: Handle, index: usize) -> Handle;
    pub fn rpyc_value_lookup(value: Handle, key: *const c_char) -> Handle;
    pub fn rpyc_value_get_object(value: Handle, out: *mut Handle, error: *mut Handle) -> Status;
    pub fn rpyc_value_get_int(value: Handle, out: *mut i64, error: *mut Handle) -> Status;
    pub fn rpyc_value_convert(
        value: Handle,
        kind: i32,
        timeout_ms: i64,
        out: *mut Handle,
        error: *mut Handle,
    ) -> Status;

    pub fn rpyc_object_clone(object: Handle) -> Handle;
    pub fn rpyc_object_free(object: Handle);
    pub fn rpyc_object_type_name(object: Handle) -> *const c_char;
    pub fn rpyc_object_is_remote(object: Handle) -> bool;
    pub fn rpyc_object_same(a: Handle, b: Handle) -> bool;
    pub fn rpyc_object_call(
        object: Handle,
        args: *const Handle,
        count: usize,
        keywords: Handle,
        out: *mut Handle,
        error: *mut Handle,
    ) -> Status;
    pub fn rpyc_object_call_method_async(
        object: Handle,
        name: *const c_char,
        args: *const Handle,
        count: usize,
        keywords: Handle,
        timeout_ms: i64,
        out: *mut Handle,
        error: *mut Handle,
    ) -> Status;
    pub fn rpyc_object_call_async(
        object: Handle,
        args: *const Handle,
        count: usize,
        keywords: Handle,
        timeout_ms: i64,
        out: *mut Handle,
        error: *mut Handle,
    ) -> Status;
    pub fn rpyc_object_get_attr_async(
        object: Handle,
        name: *const c_char,
        timeout_ms: i64,
        out: *mut Handle,
        error: *mut Handle,
    ) -> Status;
    pub fn rpyc_object_repr_async(object: Handle, timeout_ms: i64, out: *mut Handle, error: *mut Handle) -> Status;
    pub fn rpyc_object_dir_async(object: Handle, timeout_ms: i64, out: *mut Handle, error: *mut Handle) -> Status;
    pub fn rpyc_object_iter_async(object: Handle, timeout_ms: i64, out: *mut Handle, error: *mut Handle) -> Status;
    pub fn rpyc_object_next_chunk_async(
        object: Handle,
        count: i64,
        timeout_ms: i64,
        out: *mut Handle,
        error: *mut Handle,
    ) -> Status;
    pub fn rpyc_object_length(object: Handle, out: *mut i64, error: *mut Handle) -> Status;
    pub fn rpyc_object_restricted(
        object: Handle,
        readable: *const *const c_char,
        count: usize,
        writable: *const *const c_char,
        writable_count: usize,
        out: *mut Handle,
        error: *mut Handle,
    ) -> Status;
    pub fn rpyc_function_new(
        name: *const c_char,
        call: Method,
        signature: *const c_char,
        doc: *const c_char,
        flags: u64,
        userdata: *mut c_void,
        free: Free,
        out: *mut Handle,
        error: *mut Handle,
    ) -> Status;
    pub fn rpyc_generator_new(
        next: Method,
        userdata: *mut c_void,
        free: Free,
        out: *mut Handle,
        error: *mut Handle,
    ) -> Status;
    pub fn rpyc_list_new(items: *const Handle, count: usize, out: *mut Handle, error: *mut Handle) -> Status;
    pub fn rpyc_list_append(list: Handle, value: Handle, error: *mut Handle) -> Status;
    pub fn rpyc_list_insert(list: Handle, index: i64, value: Handle, error: *mut Handle) -> Status;
    pub fn rpyc_list_remove(list: Handle, index: i64, error: *mut Handle) -> Status;
    pub fn rpyc_list_snapshot(list: Handle, out: *mut Handle, error: *mut Handle) -> Status;
    pub fn rpyc_list_clear(list: Handle, error: *mut Handle) -> Status;
    pub fn rpyc_dict_new(
        keys: *const Handle,
        values: *const Handle,
        count: usize,
        out: *mut Handle,
        error: *mut Handle,
    ) -> Status;
    pub fn rpyc_dict_set(dict: Handle, key: Handle, value: Handle, error: *mut Handle) -> Status;
    pub fn rpyc_dict_delete(dict: Handle, key: Handle, found: *mut bool, error: *mut Handle) -> Status;
    pub fn rpyc_dict_snapshot(dict: Handle, out: *mut Handle, error: *mut Handle) -> Status;

    pub fn rpyc_async_result_clone(result: Handle) -> Handle;
    pub fn rpyc_async_result_free(result: Handle);
    pub fn rpyc_async_result_ready(result: Handle) -> bool;
    pub fn rpyc_async_result_cancel(result: Handle) -> bool;
    pub fn rpyc_async_result_value(result: Handle, out: *mut Handle, error: *mut Handle) -> Status;
    pub fn rpyc_async_result_add_callback(
        result: Handle,
        callback: Option<unsafe extern "C" fn(Handle, *mut c_void)>,
        userdata: *mut c_void,
        free: Free,
        error: *mut Handle,
    ) -> Status;

    pub fn rpyc_call_arg_count(call: Handle) -> usize;
    pub fn rpyc_call_arg(call: Handle, index: usize) -> Handle;
    pub fn rpyc_call_return(call: Handle, value: Handle) -> Status;
    pub fn rpyc_call_return_int(call: Handle, value: i64) -> Status;
    pub fn rpyc_call_raise(call: Handle, name: *const c_char, message: *const c_char) -> Status;
    pub fn rpyc_call_defer(call: Handle) -> Handle;
    pub fn rpyc_call_free(call: Handle);
    pub fn rpyc_call_cancelled(call: Handle) -> bool;

    pub fn rpyc_config_new() -> Handle;
    pub fn rpyc_config_free(config: Handle);
    pub fn rpyc_config_set(config: Handle, name: *const c_char, value: *const c_char, error: *mut Handle) -> Status;
    pub fn rpyc_transport_new_pair(left: *mut Handle, right: *mut Handle, error: *mut Handle) -> Status;
    pub fn rpyc_connection_new(
        transport: Handle,
        service: Handle,
        config: Handle,
        out: *mut Handle,
        error: *mut Handle,
    ) -> Status;
    pub fn rpyc_connection_free(connection: Handle);
    pub fn rpyc_connection_close(connection: Handle, error: *mut Handle) -> Status;
    pub fn rpyc_connection_poll(connection: Handle, timeout_ms: i64, handled: *mut bool, error: *mut Handle) -> Status;
    pub fn rpyc_connection_cork(connection: Handle, error: *mut Handle) -> Status;
    pub fn rpyc_connection_flush(connection: Handle, error: *mut Handle) -> Status;
    pub fn rpyc_connection_set_root(connection: Handle, root: Handle, error: *mut Handle) -> Status;
    pub fn rpyc_connection_async_request(
        connection: Handle,
        handler: i32,
        args: *const Handle,
        count: usize,
        timeout_ms: i64,
        out: *mut Handle,
        error: *mut Handle,
    ) -> Status;
    pub fn rpyc_timeout_begin(timeout_ms: i64) -> usize;
    pub fn rpyc_timeout_end(limit: usize);
}
