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

/// Describes a slave. All of it is copied by rpyc_slave_new. Members are only ever appended; what is 0 or NULL has the
/// meaning that is said of it. The callbacks get as self what create made for the connection.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct rpyc_slave_table {
    /// sizeof(rpyc_slave_table)
    pub struct_size: usize,
    /// The name of its class. NULL: "SlaveService".
    pub name: *const c_char,
    /// What it is, for Python's help(). NULL: nothing to say.
    pub doc: *const c_char,
    /// Names of modules that masters can import. NULL: there are none.
    pub module_names: *const *const c_char,
    /// The modules of these names: any objects, such as those of rpyc_module_new. One of these that has the name of a module
    /// of the library's own (builtins, sys, importlib.util, rpyc.lib.compat) extends it: what it has comes first, and what
    /// it has not stays. Any other object of that name is taken in its place.
    pub modules: *const *mut rpyc_object,
    /// How many modules there are.
    pub module_count: usize,
    /// Imports a module that is none of these, and none of the library's own (builtins, sys, importlib.util,
    /// rpyc.lib.compat): argument 0 is its dotted name, or a tuple of the parts. It answers with an object, or raises
    /// ModuleNotFoundError. NULL: there are no others.
    pub getmodule: rpyc_method_fn,
    /// Evaluates argument 0, a text, and answers with the value. NULL: NotImplementedError.
    pub eval: rpyc_method_fn,
    /// Executes argument 0, a text. NULL: NotImplementedError.
    pub execute: rpyc_method_fn,
    /// Answers with the namespace, an object that can do what a dict can. NULL: a dict of the library's own, for each
    /// connection.
    pub get_namespace: rpyc_method_fn,
    /// Makes the pointer that callbacks get as self, for each connection. If it returns NULL, the connection is
    /// refused, as with rpyc_class_table, which also tells what connection can do. NULL in place of the function: it is
    /// userdata.
    pub create: Option<unsafe extern "C" fn(connection: *mut rpyc_connection, userdata: *mut c_void) -> *mut c_void>,
    /// Ends what create made, as with rpyc_class_table.
    pub destroy: Option<unsafe extern "C" fn(instance: *mut c_void)>,
    /// A master has connected; no request of it has been served. connection is lent.
    pub on_connect: Option<unsafe extern "C" fn(connection: *mut rpyc_connection, instance: *mut c_void)>,
    /// A connection has ended; nothing can be sent. connection is lent.
    pub on_disconnect: Option<unsafe extern "C" fn(connection: *mut rpyc_connection, instance: *mut c_void)>,
}

fn self_of(root: &Object) -> *mut c_void {
    let state = classic::state_of(root).and_then(|state: &SlaveState| state.application.downcast_ref::<CSelf>());
    state.map_or(ptr::null_mut(), |state| state.0.pointer())
}

/// Makes the service of a slave: what a Python program drives with rpyc.classic.connect().
///
/// Whoever connects can do whatever the callbacks do, and reads, sets and deletes every attribute of every object that it
/// gets: for its connections the options of rpyc_classic_connect are switched on, and allow_exposed_attrs off, as in RPyC's
/// SlaveService. Never let it listen where strangers connect.
///
/// Given to rpyc_classic_connect, both sides drive each other: RPyC's ClassicService.
///
/// @param table copied, with everything that it points to
/// @param userdata given to create, and the self of callbacks without create
/// @param userdata_free ends userdata when the class and all its connections are gone; may be NULL
/// @param class_out owned; free it with rpyc_class_free; for rpyc_server_new, rpyc_connect and the like
/// @param error_out owned; may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_UTF8, RPYC_ERR_ABI (a size cannot be right), RPYC_ERR_ARGUMENT
///
/// Threads: any thread. Since 0.1.
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

/// A module that a slave has for the connection of a call, as its master gets it: one of its table, or one of the library's
/// own, such as "sys", whose stdin, stdout and stderr a master may have redirected.
///
/// @param call borrowed
/// @param module copied
/// @param object_out owned; free it with rpyc_object_free
/// @param error_out owned; may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_UTF8, RPYC_ERR_STATE (the connection's service is not a slave),
///         RPYC_ERR_ARGUMENT (there is no such module)
///
/// Threads: one thread at a time per handle. Since 0.1.
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

/// The namespace of the connection of a call, as its master gets it: what get_namespace of the table answers, or the dict of
/// the library's own, which is of that connection alone. For callbacks that evaluate and execute.
///
/// @param call borrowed
/// @param object_out owned; free it with rpyc_object_free
/// @param error_out owned; may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_STATE (the connection's service is not a slave), RPYC_ERR_REMOTE (get_namespace
///         raised an exception), RPYC_ERR_TYPE (it returned something else than an object)
///
/// Threads: one thread at a time per handle. Since 0.1.
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

/// Makes a module: an object without attributes but its name and doc. Others are set with rpyc_object_set_attr; masters may
/// set and delete them too.
///
/// @param module copied; its name
/// @param doc copied; what it is; may be NULL
/// @param object_out owned; free it with rpyc_object_free
/// @param error_out owned; may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_UTF8
///
/// Threads: any thread. Since 0.1.
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
