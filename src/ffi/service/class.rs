//! rpyc_class: services and objects of this process as tables of callbacks.

use crate::ffi::border::boundary::{self, ffi_boundary, ffi_boundary_or};
use crate::ffi::border::callbacks::{CSelf, create_of, hook_of, rpyc_method_fn, self_of};
use crate::ffi::border::handle::{self, Handle};
use crate::ffi::border::pointer::{array, name, output};
use crate::ffi::border::status::{Failure, RPYC_ERR_TYPE, Result, rpyc_status};
use crate::ffi::border::table::{self, entries, known_flags, optional};
use crate::ffi::border::types::{rpyc_call, rpyc_class, rpyc_connection, rpyc_error, rpyc_object};
use crate::ffi::border::userdata::{Userdata, rpyc_free_fn};
use crate::ffi::service::call::{lend_call, method_of};
use crate::objects::{
    Call, Class, ClassObject, Definition, Dynamic, Function, Has, Member, MemberKind, Method, Object, Service,
    Signature, method_of_signature,
};
use crate::value::{Reference, Text};
use std::ffi::{c_char, c_void};
use std::ptr;
use std::sync::Arc;

impl Handle for rpyc_class {
    type Inner = Arc<Class>;
    const WORD: [u8; 8] = *b"class\0\0\0";
}

/// Flag of rpyc_method: the method is short and never blocks. Replies to a burst of calls may be sent together.
pub const RPYC_METHOD_QUICK: u64 = 1;

/// A method of a class.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct rpyc_method {
    /// Literal name, such as "exposed_add" or "__len__". NUL-terminated.
    pub name: *const c_char,
    /// Serves a call. Not NULL.
    pub call: rpyc_method_fn,
    /// Signature, such as "add(a, b=2, *rest, c=3, **named)". Arguments are checked before the callback runs. Each
    /// parameter is an argument of the call, in the order of the signature: *rest is a tuple, **named a dict. The name
    /// is that of the method, with or without the prefix; it may be omitted. NULL for any arguments.
    ///
    /// With a type, as in "set(value: float, count: int = 1)", an argument is converted before the callback runs, as
    /// by rpyc_value_convert(). Types are bool, int, float, str, bytes, date, time, datetime, timedelta, and unions
    /// such as "float | None". The conversion of an object asks the peer without blocking the reading thread; other
    /// calls can overtake this one meanwhile. The call counts in max_serving. After sync_request_timeout the caller
    /// gets TypeError. Other annotations are ignored.
    pub signature: *const c_char,
    /// Description of the method, for Python's help(). NULL for none.
    pub doc: *const c_char,
    /// RPYC_METHOD_... or 0. Unknown bits are rejected.
    pub flags: u64,
}

/// A property of a class.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct rpyc_property {
    /// Literal name, such as "exposed_size". NUL-terminated.
    pub name: *const c_char,
    /// Answers with the value. NULL if the property cannot be read.
    pub get: rpyc_method_fn,
    /// Sets the value, which is argument 0. NULL if the property cannot be set.
    pub set: rpyc_method_fn,
    /// Deletes the property. NULL if it cannot be deleted.
    pub del: rpyc_method_fn,
    /// Description of the property. NULL for none.
    pub doc: *const c_char,
}

/// Flag of rpyc_class_table: calls for one object of the class never overlap. While one of them waits in a function of
/// this library, others run.
pub const RPYC_CLASS_SERIAL: u64 = 1;
/// Flag of rpyc_class_table: all connections share one instance of the service.
pub const RPYC_CLASS_SHARED: u64 = 2;

/// Describes a class. rpyc_class_new() copies all of it. New members are only ever appended. A member that is 0 or
/// NULL takes the default documented for it.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct rpyc_class_table {
    /// sizeof(rpyc_class_table)
    pub struct_size: usize,
    /// sizeof(rpyc_method). May be 0 without methods.
    pub method_size: usize,
    /// sizeof(rpyc_property). May be 0 without properties.
    pub property_size: usize,
    /// Module of the class. NULL for "librpyc". With "builtins" and the name of a type of Python, Python peers treat
    /// its objects as that type.
    pub module: *const c_char,
    /// Name of the class, such as "CalculatorService". Not NULL.
    pub name: *const c_char,
    /// Description of the class, for Python's help(). NULL for none.
    pub doc: *const c_char,
    /// Base class. Its methods, properties and access rules are inherited. NULL for none.
    pub base: *const rpyc_class,
    /// RPYC_CLASS_... or 0. Unknown bits are rejected.
    pub flags: u64,
    /// Methods of the class. NULL if it has none of its own.
    pub methods: *const rpyc_method,
    /// Number of methods.
    pub method_count: usize,
    /// Properties of the class. NULL if it has none of its own.
    pub properties: *const rpyc_property,
    /// Number of properties.
    pub property_count: usize,
    /// Called when a peer calls the class; answers with an object of it. userdata is that of the class. NULL if the
    /// class cannot be called.
    pub construct: Option<unsafe extern "C" fn(call: *mut rpyc_call, userdata: *mut c_void)>,
    /// Replaces the access rules for reading, like RPyC's _rpyc_getattr. Argument 0 is the name as the peer sent it.
    /// NULL for the usual rules.
    pub get_attr: rpyc_method_fn,
    /// Replaces the access rules for setting, like RPyC's _rpyc_setattr. Arguments are the name and the value. NULL
    /// for the usual rules.
    pub set_attr: rpyc_method_fn,
    /// Replaces the access rules for deleting, like RPyC's _rpyc_delattr. Argument 0 is the name. NULL for the usual
    /// rules.
    pub del_attr: rpyc_method_fn,
    /// Returns nonzero if the object has an attribute that is in no table. It is called for each permitted name before
    /// get_dynamic and del_dynamic, also for special methods. If it returns 0, the peer gets an AttributeError.
    /// set_dynamic is called without it, because setting makes attributes. The usual rules apply to the names. NULL if
    /// an attribute exists unless get_dynamic raises AttributeError, as with Python's __getattr__.
    pub has_dynamic: Option<unsafe extern "C" fn(instance: *mut c_void, name: *const c_char, length: usize) -> i32>,
    /// Reads an attribute that is in no table. Argument 0 is its name. NULL if they cannot be read.
    pub get_dynamic: rpyc_method_fn,
    /// Sets an attribute that is in no table. Arguments are its name and the value. NULL if they cannot be set.
    pub set_dynamic: rpyc_method_fn,
    /// Deletes an attribute that is in no table. Argument 0 is its name. NULL if they cannot be deleted.
    pub del_dynamic: rpyc_method_fn,
    /// Names of a service. NULL for its class name without "Service", in upper case.
    pub aliases: *const *const c_char,
    /// Number of aliases.
    pub alias_count: usize,
    /// For a service: makes, for each connection, the pointer that callbacks get as self.
    ///
    /// If it returns NULL, the connection is refused: it ends before anything is answered, without on_connect and
    /// on_disconnect. If this side made the connection, the function that makes it returns RPYC_ERR_STATE.
    ///
    /// connection is borrowed for the call. Its options, credentials and endpoints can be read, and
    /// rpyc_connection_set_userdata() can be called; a request or serving fails with RPYC_ERR_STATE. The instance may
    /// hold a clone of it. connection is NULL for the one object of RPYC_CLASS_SHARED.
    ///
    /// NULL to use userdata as self.
    pub create: Option<unsafe extern "C" fn(connection: *mut rpyc_connection, userdata: *mut c_void) -> *mut c_void>,
    /// Destroys the instance that create made: after on_disconnect, when the calls that use it have returned and no
    /// handle of the application keeps the connection open.
    pub destroy: Option<unsafe extern "C" fn(instance: *mut c_void)>,
    /// For a service: called when a connection begins, before any request of the peer is served. connection is
    /// borrowed for the call.
    pub on_connect: Option<unsafe extern "C" fn(connection: *mut rpyc_connection, instance: *mut c_void)>,
    /// For a service: called when a connection has ended; nothing can be sent. connection is borrowed for the call.
    pub on_disconnect: Option<unsafe extern "C" fn(connection: *mut rpyc_connection, instance: *mut c_void)>,
    /// Signature of construct, such as "Point(x, y=0)", with the name of the class. Arguments are then matched as for
    /// a method with a signature, keywords and types included. NULL if construct gets the arguments as they were sent.
    pub construct_signature: *const c_char,
}

/// Makes a class from a table.
///
/// @param table copied, with everything that it points to
/// @param userdata consumed, also on failure; an argument of construct and create, and the self of a service without
///         create
/// @param userdata_free destructor of userdata; called when the class and all its objects have been destroyed; may be
///         NULL
/// @param class_out owned, free with rpyc_class_free()
/// @param error_out owned, free with rpyc_error_free(); may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_UTF8, RPYC_ERR_ABI (a size is invalid, or flags or members are set that
///         this version does not have), RPYC_ERR_ARGUMENT (an invalid signature or name, a duplicate name, a property
///         without functions); the message says which
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_class_new(
    table: *const rpyc_class_table,
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
            out.put(handle::new(Class::new(definition(table, userdata)?)?))
        })
    }
}

/// # Safety
/// The table is NULL or as the documentation of `rpyc_class_table` asks.
unsafe fn definition(table: *const rpyc_class_table, userdata: Arc<Userdata>) -> Result<Definition> {
    // SAFETY: all that follows reads the table as its documentation describes it.
    unsafe {
        let least = std::mem::offset_of!(rpyc_class_table, construct);
        let table = table::table(table, least, "table", "rpyc_class_table")?;
        let class_name = name(table.name, "name")?;
        known_flags(table.flags, RPYC_CLASS_SERIAL | RPYC_CLASS_SHARED, format_args!("class '{class_name}'"))?;
        let mut members = Vec::new();
        let least = std::mem::offset_of!(rpyc_method, flags);
        for entry in entries(table.methods, table.method_count, table.method_size, least, "methods")? {
            members.push(method_member(&entry)?);
        }
        let least = std::mem::offset_of!(rpyc_property, doc);
        for entry in entries(table.properties, table.property_count, table.property_size, least, "properties")? {
            let kind = MemberKind::Property {
                get: method_of(entry.get, self_of),
                set: method_of(entry.set, self_of),
                del: method_of(entry.del, self_of),
            };
            let doc = optional(entry.doc, "property.doc")?.map(Text::new);
            members.push(Member { name: Text::new(name(entry.name, "property.name")?), doc, kind });
        }
        let aliases = array(table.aliases, table.alias_count, "aliases")?;
        let aliases = aliases.iter().map(|alias| name(*alias, "alias").map(Text::new)).collect::<Result<_>>()?;
        let construct_signature = match optional(table.construct_signature, "construct_signature")? {
            Some(signature) => Some(Signature::parse(signature)?.of(class_name)?),
            None => None,
        };
        let construct = table.construct.map(|construct| {
            let userdata = userdata.clone();
            let run: Method = Arc::new(move |call: Call| lend_call(call, |call| construct(call, userdata.pointer())));
            method_of_signature(run, construct_signature.as_ref())
        });
        Ok(Definition {
            same_as: None,
            module: optional(table.module, "module")?.unwrap_or_default().to_owned(),
            name: class_name.to_owned(),
            doc: optional(table.doc, "doc")?.map(Text::new),
            base: handle::as_ref(table.base).cloned(),
            members,
            construct,
            construct_signature,
            get_attr: method_of(table.get_attr, self_of),
            set_attr: method_of(table.set_attr, self_of),
            del_attr: method_of(table.del_attr, self_of),
            dynamic: dynamic(&table),
            service: Some(service(&table, &userdata, aliases)),
            numpy: false,
            serial: table.flags & RPYC_CLASS_SERIAL != 0,
            owner: Some(Box::new(userdata)),
        })
    }
}

/// # Safety
/// The entry is as its documentation asks.
unsafe fn method_member(entry: &rpyc_method) -> Result<Member> {
    // SAFETY: the same is asked of our caller.
    unsafe {
        let text = name(entry.name, "method.name")?;
        let run = method_of(entry.call, self_of).ok_or_else(|| Failure::null(format_args!("method '{text}': call")))?;
        known_flags(entry.flags, RPYC_METHOD_QUICK, format_args!("method '{text}'"))?;
        let signature = match optional(entry.signature, "method.signature")? {
            Some(signature) => Some(Signature::parse(signature)?.of(text)?),
            None => None,
        };
        let doc = optional(entry.doc, "method.doc")?.map(Text::new);
        let run = method_of_signature(run, signature.as_ref());
        let quick = entry.flags & RPYC_METHOD_QUICK != 0;
        Ok(Member { name: Text::new(text), doc, kind: MemberKind::Method { run, signature, quick } })
    }
}

/// # Safety
/// The table is as its documentation asks.
unsafe fn dynamic(table: &rpyc_class_table) -> Option<Dynamic> {
    let has = table.has_dynamic.map(|has| -> Has {
        Arc::new(move |object: &Object, name: &str| {
            // SAFETY: the application's function, called as its type says.
            boundary::outside(|| unsafe { has(self_of(object), name.as_ptr().cast(), name.len()) }) != 0
        })
    });
    // SAFETY: the same is asked of our caller.
    let (get, set, del) = unsafe {
        (
            method_of(table.get_dynamic, self_of),
            method_of(table.set_dynamic, self_of),
            method_of(table.del_dynamic, self_of),
        )
    };
    (has.is_some() || get.is_some() || set.is_some() || del.is_some()).then_some(Dynamic { has, get, set, del })
}

fn service(table: &rpyc_class_table, userdata: &Arc<Userdata>, aliases: Vec<Text>) -> Service {
    // SAFETY: the functions are what the table says they are.
    unsafe {
        Service {
            aliases,
            create: create_of(table.create, table.destroy, userdata.clone()),
            on_connect: hook_of(table.on_connect, self_of),
            on_disconnect: hook_of(table.on_disconnect, self_of),
            shared: table.flags & RPYC_CLASS_SHARED != 0,
        }
    }
}

/// Gets another handle of the same class.
///
/// @param class_ borrowed
/// @return owned, free with rpyc_class_free(); NULL for NULL
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_class_clone(class_: *const rpyc_class) -> *mut rpyc_class {
    // SAFETY: the contract of the border.
    ffi_boundary_or(ptr::null_mut(), || {
        unsafe { handle::as_ref(class_) }.map_or(ptr::null_mut(), |class_| handle::new(class_.clone()))
    })
}

/// Frees a handle. The class lives as long as its objects, servers and connections.
///
/// @param class_ consumed; NULL does nothing
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_class_free(class_: *mut rpyc_class) {
    // SAFETY: the contract of the border.
    ffi_boundary_or((), || drop(unsafe { handle::take(class_) }));
}

/// Gets the class as an object that can be sent. A peer that calls the object runs construct.
///
/// @param class_ borrowed
/// @param object_out owned, free with rpyc_object_free()
/// @param error_out owned, free with rpyc_error_free(); may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_class_object(
    class_: *const rpyc_class,
    object_out: *mut *mut rpyc_object,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: the contract of the border.
    unsafe {
        ffi_boundary(error_out, || {
            let out = output(object_out, "object_out")?;
            let class_ = handle::require(class_, "class_")?;
            out.put(handle::new(Reference::Local(class_.as_object()).into()))
        })
    }
}

/// Gets the class of an object of this process. For a class that was sent as an object, it is the class itself. In a
/// construct callback, the called class is that of rpyc_call_target().
///
/// @param object borrowed; made with rpyc_object_new() or rpyc_class_object(), or the root of a service
/// @param class_out owned, free with rpyc_class_free()
/// @param error_out owned, free with rpyc_error_free(); may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_TYPE (an object of a peer, or one without an rpyc_class)
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_object_class(
    object: *const rpyc_object,
    class_out: *mut *mut rpyc_class,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: the contract of the border.
    unsafe {
        ffi_boundary(error_out, || {
            let out = output(class_out, "class_out")?;
            let reference = &handle::require(object, "object")?.reference;
            let class = match reference {
                Reference::Local(local) => match local.as_any().downcast_ref::<Object>() {
                    Some(object) => Some(object.class()),
                    None => local.as_any().downcast_ref::<ClassObject>().map(ClassObject::class),
                },
                Reference::Remote(_) => None,
            };
            let known = class.map(Class::described).filter(|class| class.owner().is_some());
            let wrong =
                || Failure::new(RPYC_ERR_TYPE, "object: expected one of an rpyc_class, got another kind of object");
            out.put(handle::new(known.ok_or_else(wrong)?.clone()))
        })
    }
}

/// Flag of rpyc_function_new(): the function is short and never blocks. Replies to a burst of calls may be sent
/// together.
pub const RPYC_FUNCTION_QUICK: u64 = 1;
/// Flag of rpyc_function_new(): calls of the function never overlap. While one of them waits in a function of this
/// library, others run.
pub const RPYC_FUNCTION_SERIAL: u64 = 2;

/// Makes a callable object of a C function. Python peers see a function.
///
/// ```c
/// static void on_event(rpyc_call *call, void *self)
/// {
///     const char *event;
///     size_t length;
///
///     (void)self;
///     if (!rpyc_call_get_str(call, 0, &event, &length)) {
///         printf("%.*s\n", (int)length, event);
///         rpyc_call_return(call, NULL); // None
///     }
/// }
///
/// static rpyc_status subscribe(rpyc_object *remote, rpyc_error **error_out)
/// {
///     rpyc_object *function = NULL;
///     rpyc_value *arg, *result = NULL;
///     rpyc_status status = rpyc_function_new("on_event", on_event, "on_event(event)", NULL, 0,
///                                            NULL, NULL, &function, error_out);
///     if (status)
///         return status;
///     arg = rpyc_ref(function);
///     rpyc_object_free(function); // the argument keeps the function alive
///     status = rpyc_object_call_method(remote, "subscribe", &arg, 1, NULL, &result, error_out);
///     rpyc_value_free(result);
///     return status;
/// }
/// ```
///
/// @param name copied; NUL-terminated
/// @param call serves a call; userdata is its self
/// @param signature copied; as in rpyc_method; NULL for any arguments
/// @param doc copied; NULL for none
/// @param flags RPYC_FUNCTION_... or 0
/// @param userdata consumed, also on failure; the self of call
/// @param userdata_free destructor of userdata; called when neither this process nor a peer references the function
///         any more; may be NULL
/// @param object_out owned, free with rpyc_object_free()
/// @param error_out owned, free with rpyc_error_free(); may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_UTF8, RPYC_ERR_ARGUMENT (the signature), RPYC_ERR_ABI (unknown flags)
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_function_new(
    name: *const c_char,
    call: rpyc_method_fn,
    signature: *const c_char,
    doc: *const c_char,
    flags: u64,
    userdata: *mut c_void,
    userdata_free: rpyc_free_fn,
    object_out: *mut *mut rpyc_object,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: the contract of the border.
    unsafe {
        ffi_boundary(error_out, || {
            let state = CSelf(Userdata::new(userdata, userdata_free));
            let out = output(object_out, "object_out")?;
            if call.is_none() {
                return Err(Failure::null("call"));
            }
            known_flags(flags, RPYC_FUNCTION_QUICK | RPYC_FUNCTION_SERIAL, "flags")?;
            let quick = if flags & RPYC_FUNCTION_QUICK != 0 { RPYC_METHOD_QUICK } else { 0 };
            let member = method_member(&rpyc_method { name, call, signature, doc, flags: quick })?;
            let make = if flags & RPYC_FUNCTION_SERIAL != 0 { Function::serial } else { Function::new };
            out.put(handle::new(Reference::Local(make(member, Box::new(state))).into()))
        })
    }
}
