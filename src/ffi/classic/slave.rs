//! Slaves: services that give masters of classic mode what the application's callbacks do.

use crate::classic::{self, Slave, SlaveState};
use crate::ffi::border::boundary::ffi_boundary;
use crate::ffi::border::callbacks::{CSelf, create_of, hook_of, rpyc_method_fn};
use crate::ffi::border::handle;
use crate::ffi::border::pointer::{array, name, output};
use crate::ffi::border::status::{Failure, RPYC_ERR_ARGUMENT, RPYC_ERR_STATE, RPYC_ERR_TYPE, Result, rpyc_status};
use crate::ffi::border::table::{self, optional};
use crate::ffi::border::types::{rpyc_call, rpyc_class, rpyc_connection, rpyc_error, rpyc_object};
use crate::ffi::border::userdata::{Userdata, rpyc_free_fn};
use crate::ffi::service::call::{checked, method_of};
use crate::objects::Object;
use crate::value::{Text, Value};
use std::ffi::{c_char, c_void};
use std::ptr;
use std::sync::Arc;

/// Describes a slave. rpyc_slave_new() copies all of it. New members are only ever appended. A member that is 0 or
/// NULL takes the default documented for it. The self of the callbacks is the result of create for the connection.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct rpyc_slave_table {
    /// sizeof(rpyc_slave_table)
    pub struct_size: usize,
    /// Name of the class. NULL for "SlaveService".
    pub name: *const c_char,
    /// Description, for Python's help(). NULL for none.
    pub doc: *const c_char,
    /// Names of modules that masters can import. NULL for none.
    pub module_names: *const *const c_char,
    /// Modules with these names: any objects, such as those of rpyc_module_new(). An object of rpyc_module_new() with
    /// the name of one of the library's own modules (builtins, sys, importlib.util, rpyc.lib.compat) extends that
    /// module: its attributes take precedence, the others remain. Any other object replaces the module.
    pub modules: *const *mut rpyc_object,
    /// Number of modules.
    pub module_count: usize,
    /// Imports a module that is neither in modules nor one of the library's own (builtins, sys, importlib.util,
    /// rpyc.lib.compat). Argument 0 is its dotted name, or a tuple of the parts. Answers with an object, or raises
    /// ModuleNotFoundError. NULL if there are no others.
    pub getmodule: rpyc_method_fn,
    /// Evaluates argument 0, a str, and answers with the value. NULL for NotImplementedError.
    pub eval: rpyc_method_fn,
    /// Executes argument 0, a str. NULL for NotImplementedError.
    pub execute: rpyc_method_fn,
    /// Answers with the namespace, an object with the methods of a dict. NULL for a dict of the library's own, one for
    /// each connection.
    pub get_namespace: rpyc_method_fn,
    /// Makes, for each connection, the pointer that callbacks get as self. If it returns NULL, the connection is
    /// refused, as with rpyc_class_table, which also documents the use of connection. NULL to use userdata as self.
    pub create: Option<unsafe extern "C" fn(connection: *mut rpyc_connection, userdata: *mut c_void) -> *mut c_void>,
    /// Destroys the instance that create made, as with rpyc_class_table.
    pub destroy: Option<unsafe extern "C" fn(instance: *mut c_void)>,
    /// Called when a master has connected, before any of its requests is served. connection is borrowed for the call.
    pub on_connect: Option<unsafe extern "C" fn(connection: *mut rpyc_connection, instance: *mut c_void)>,
    /// Called when a connection has ended; nothing can be sent. connection is borrowed for the call.
    pub on_disconnect: Option<unsafe extern "C" fn(connection: *mut rpyc_connection, instance: *mut c_void)>,
}

fn self_of(root: &Object) -> *mut c_void {
    let state = classic::state_of(root).and_then(|state: &SlaveState| state.application.downcast_ref::<CSelf>());
    state.map_or(ptr::null_mut(), |state| state.0.pointer())
}

/// Makes the service of a slave, which a Python program drives with rpyc.classic.connect().
///
/// A master can do everything that the callbacks do. It can read, set and delete every attribute of every object that
/// it gets: for connections of the service, the options of rpyc_classic_connect() are on and allow_exposed_attrs is
/// off, as in RPyC's SlaveService. Never let it listen where untrusted clients can connect.
///
/// If the service is passed to rpyc_classic_connect(), each side drives the other: that is RPyC's ClassicService.
///
/// ```c
/// static void evaluate(rpyc_call *call, void *self)
/// {
///     const char *text;
///     size_t length;
///
///     (void)self;
///     if (!rpyc_call_get_str(call, 0, &text, &length))
///         rpyc_call_return_int(call, (int64_t)length); // a real slave evaluates the text
/// }
///
/// static rpyc_status make_slave(rpyc_class **class_out, rpyc_error **error_out)
/// {
///     const rpyc_slave_table table = {.struct_size = sizeof table, .eval = evaluate};
///     return rpyc_slave_new(&table, NULL, NULL, class_out, error_out);
/// }
/// ```
///
/// @param table copied, with everything that it points to
/// @param userdata consumed, also on failure; an argument of create, and the self of callbacks without create
/// @param userdata_free destructor of userdata; called when the class and all its connections have been destroyed; may
///         be NULL
/// @param class_out owned, free with rpyc_class_free(); for rpyc_server_new(), rpyc_connect() and the like
/// @param error_out owned, free with rpyc_error_free(); may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_UTF8, RPYC_ERR_ABI (a size is invalid), RPYC_ERR_ARGUMENT
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_slave_new(
    table: *const rpyc_slave_table,
    userdata: *mut c_void,
    userdata_free: rpyc_free_fn,
    class_out: *mut *mut rpyc_class,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: the contract of the border.
    unsafe {
        ffi_boundary(error_out, || {
            let userdata = Arc::new(Userdata::new(userdata, userdata_free));
            let out = output(class_out, "class_out")?;
            out.put(handle::new(classic::slave(described(table, userdata)?)?))
        })
    }
}

/// # Safety
/// The table is NULL or as the documentation of `rpyc_slave_table` asks.
unsafe fn described(table: *const rpyc_slave_table, userdata: Arc<Userdata>) -> Result<Slave> {
    // SAFETY: all that follows reads the table as its documentation describes it.
    unsafe {
        let table =
            table::table(table, std::mem::offset_of!(rpyc_slave_table, getmodule), "table", "rpyc_slave_table")?;
        let names = array(table.module_names, table.module_count, "module_names")?;
        let objects = array(table.modules, table.module_count, "modules")?;
        let mut modules = Vec::with_capacity(names.len());
        for (text, object) in names.iter().zip(objects) {
            let text = name(*text, "module_names")?;
            if modules.iter().any(|(known, _): &(Text, _)| known.as_str() == text) {
                return Err(Failure::new(RPYC_ERR_ARGUMENT, format_args!("module_names: '{text}' is given twice")));
            }
            modules.push((Text::new(text), handle::require(*object, "modules")?.reference.clone()));
        }
        let owner = userdata.clone();
        Ok(Slave {
            name: optional(table.name, "name")?.map(str::to_owned),
            doc: optional(table.doc, "doc")?.map(Text::new),
            modules,
            getmodule: method_of(table.getmodule, self_of),
            eval: method_of(table.eval, self_of),
            execute: method_of(table.execute, self_of),
            namespace: method_of(table.get_namespace, self_of),
            create: Some(create_of(table.create, table.destroy, userdata)),
            on_connect: hook_of(table.on_connect, self_of),
            on_disconnect: hook_of(table.on_disconnect, self_of),
            owner: Some(Box::new(owner)),
        })
    }
}

/// Gets a module of a slave as the master of the call's connection gets it: one of its table, or one of the library's
/// own, such as "sys", whose stdin, stdout and stderr the master may have redirected.
///
/// @param call borrowed
/// @param module copied
/// @param object_out owned, free with rpyc_object_free()
/// @param error_out owned, free with rpyc_error_free(); may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_UTF8, RPYC_ERR_STATE (the connection's service is not a slave),
///         RPYC_ERR_ARGUMENT (unknown module)
///
/// Threads: one at a time per handle. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_slave_module(
    call: *mut rpyc_call,
    module: *const c_char,
    object_out: *mut *mut rpyc_object,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: the contract of the border.
    unsafe {
        ffi_boundary(error_out, || {
            let out = output(object_out, "object_out")?;
            let call = checked(call)?;
            let module = name(module, "module")?;
            let root = classic::service_of(call);
            let state = root.as_ref().and_then(|root| classic::state_of(root));
            let state = state.ok_or_else(|| Failure::new(RPYC_ERR_STATE, "the connection's service is not a slave"))?;
            let found = state.module(module);
            let found =
                found.ok_or_else(|| Failure::new(RPYC_ERR_ARGUMENT, format_args!("there is no module '{module}'")))?;
            out.put(handle::new(found.into()))
        })
    }
}

/// Gets the namespace as the master of the call's connection gets it: the answer of get_namespace of the table, or the
/// library's own dict, which belongs to that connection only. For callbacks that evaluate and execute.
///
/// @param call borrowed
/// @param object_out owned, free with rpyc_object_free()
/// @param error_out owned, free with rpyc_error_free(); may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_STATE (the connection's service is not a slave), RPYC_ERR_REMOTE
///         (get_namespace raised an exception), RPYC_ERR_TYPE (its answer is not an object)
///
/// Threads: one at a time per handle. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_slave_namespace(
    call: *mut rpyc_call,
    object_out: *mut *mut rpyc_object,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: the contract of the border.
    unsafe {
        ffi_boundary(error_out, || {
            let out = output(object_out, "object_out")?;
            match classic::namespace_of(checked(call)?)? {
                Value::Ref(object) => out.put(handle::new(object.into())),
                other => Err(Failure::new(
                    RPYC_ERR_TYPE,
                    format_args!("the slave's namespace is not an object but a {}", other.type_name()),
                )),
            }
        })
    }
}

/// Makes a module: an object without attributes except its name and doc. Set others with rpyc_object_set_attr();
/// masters may set and delete them too.
///
/// ```c
/// rpyc_object *module = NULL;
/// if (!rpyc_module_new("settings", NULL, &module, &error))
///     rpyc_object_set_attr(module, "level", rpyc_int(3), &error);
/// rpyc_object_free(module);
/// ```
///
/// @param module copied; its name
/// @param doc copied; its description; NULL for none
/// @param object_out owned, free with rpyc_object_free()
/// @param error_out owned, free with rpyc_error_free(); may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_UTF8
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_module_new(
    module: *const c_char,
    doc: *const c_char,
    object_out: *mut *mut rpyc_object,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: the contract of the border.
    unsafe {
        ffi_boundary(error_out, || {
            let out = output(object_out, "object_out")?;
            let module = name(module, "module")?;
            out.put(handle::new(classic::module(module, optional(doc, "doc")?).into()))
        })
    }
}
