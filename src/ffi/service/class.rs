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

/// A method is short and never waits: answers to a burst of calls may leave together.
pub const RPYC_METHOD_QUICK: u64 = 1;

/// One method of a class.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct rpyc_method {
    /// The literal name, such as "exposed_add" or "__len__". NUL-terminated.
    pub name: *const c_char,
    /// Serves a call. Not NULL.
    pub call: rpyc_method_fn,
    /// Such as "add(a, b=2, *rest, c=3, **named)". Arguments are checked before the callback runs, and each parameter is an
    /// argument of the call, in the order of the text: *rest is a tuple, **named a dict. Its name is that of the method,
    /// with or without the prefix, or left out. NULL: anything goes.
    ///
    /// With a type, as in "set(value: float, count: int = 1)", an argument is converted before the callback runs, as by
    /// rpyc_value_convert(): bool, int, float, str, bytes, date, time, datetime, timedelta, "float | None". Objects are asked
    /// without blocking whoever reads, and
    /// other calls can overtake this one meanwhile. It counts in max_serving; after sync_request_timeout the caller gets
    /// TypeError. Other annotations mean nothing.
    pub signature: *const c_char,
    /// What the method does, for Python's help(). NULL: nothing to say.
    pub doc: *const c_char,
    /// RPYC_METHOD_... or 0. Bits without a meaning are refused.
    pub flags: u64,
}

/// One property of a class.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct rpyc_property {
    /// The literal name, such as "exposed_size". NUL-terminated.
    pub name: *const c_char,
    /// Answers with the value. NULL: it cannot be read.
    pub get: rpyc_method_fn,
    /// Argument 0 is the new value. NULL: it cannot be set.
    pub set: rpyc_method_fn,
    /// NULL: it cannot be deleted.
    pub del: rpyc_method_fn,
    /// What it is. NULL: nothing to say.
    pub doc: *const c_char,
}

/// Calls for one object of the class never overlap; while one of them waits in a function of this library, others run.
pub const RPYC_CLASS_SERIAL: u64 = 1;
/// A service with one instance for all connections.
pub const RPYC_CLASS_SHARED: u64 = 2;

/// Describes a class. All of it is copied by rpyc_class_new. Members are only ever appended; what is 0 or NULL has the
/// meaning that is said of it.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct rpyc_class_table {
    /// sizeof(rpyc_class_table)
    pub struct_size: usize,
    /// sizeof(rpyc_method); may be 0 where there are no methods
    pub method_size: usize,
    /// sizeof(rpyc_property); may be 0 where there are no properties
    pub property_size: usize,
    /// The module that the class says it belongs to. NULL: "librpyc". With "builtins" and the name of one of Python's own
    /// types, Python peers use its objects as such.
    pub module: *const c_char,
    /// Such as "CalculatorService". Not NULL.
    pub name: *const c_char,
    /// What the class is, for Python's help(). NULL: nothing to say.
    pub doc: *const c_char,
    /// Methods, properties and access rules are inherited from it. NULL: there is none.
    pub base: *const rpyc_class,
    /// RPYC_CLASS_... or 0. Bits without a meaning are refused.
    pub flags: u64,
    /// Its methods. NULL: it has none of its own.
    pub methods: *const rpyc_method,
    /// How many methods there are.
    pub method_count: usize,
    /// Its properties. NULL: it has none of its own.
    pub properties: *const rpyc_property,
    /// How many properties there are.
    pub property_count: usize,
    /// Called when a peer calls the class; answers with an object of it. userdata is that of the class. NULL: the class
    /// cannot be called.
    pub construct: Option<unsafe extern "C" fn(call: *mut rpyc_call, userdata: *mut c_void)>,
    /// Own rules for reading, RPyC's _rpyc_getattr: argument 0 is the name as the peer gave it. NULL: the usual rules.
    pub get_attr: rpyc_method_fn,
    /// Own rules for setting, RPyC's _rpyc_setattr: arguments are the name and the value. NULL: the usual rules.
    pub set_attr: rpyc_method_fn,
    /// Own rules for deleting, RPyC's _rpyc_delattr: argument 0 is the name. NULL: the usual rules.
    pub del_attr: rpyc_method_fn,
    /// Returns whether the object has an attribute that is in no table; not 0: it has. Asked for each permitted name before
    /// get_dynamic and del_dynamic, special methods included; 0 is an AttributeError for the peer. set_dynamic is called
    /// without it: setting makes attributes. The usual rules hold for the names. NULL: an attribute exists unless
    /// get_dynamic raises AttributeError, as with Python's __getattr__.
    pub has_dynamic: Option<unsafe extern "C" fn(instance: *mut c_void, name: *const c_char, length: usize) -> i32>,
    /// Reads such an attribute; argument 0 is its name. NULL: they cannot be read.
    pub get_dynamic: rpyc_method_fn,
    /// Sets such an attribute; arguments are its name and the value. NULL: they cannot be set.
    pub set_dynamic: rpyc_method_fn,
    /// Deletes such an attribute; argument 0 is its name. NULL: they cannot be deleted.
    pub del_dynamic: rpyc_method_fn,
    /// Of a service: its names. NULL: its class name without "Service", in upper case.
    pub aliases: *const *const c_char,
    /// How many names there are.
    pub alias_count: usize,
    /// Of a service: makes the pointer that callbacks get as self, for each connection. If it returns NULL, the connection
    /// is refused: it ends before anything is answered, without on_connect and on_disconnect, and where this side made it,
    /// the function that did gives RPYC_ERR_STATE. connection is lent; it tells its options, credentials and ends, and
    /// keeps a pointer (rpyc_connection_set_userdata), but nothing can be requested or served yet: RPYC_ERR_STATE. What
    /// create makes may hold a clone of it. It is NULL for the one object of RPYC_CLASS_SHARED. NULL in place of the
    /// function: self is userdata.
    pub create: Option<unsafe extern "C" fn(connection: *mut rpyc_connection, userdata: *mut c_void) -> *mut c_void>,
    /// Ends what create made: after on_disconnect, when the calls that use it have returned and no handle of the
    /// application's keeps the connection open.
    pub destroy: Option<unsafe extern "C" fn(instance: *mut c_void)>,
    /// Of a service: a connection has begun; no request of the peer has been served. connection is lent.
    pub on_connect: Option<unsafe extern "C" fn(connection: *mut rpyc_connection, instance: *mut c_void)>,
    /// Of a service: a connection has ended; nothing can be sent. connection is lent.
    pub on_disconnect: Option<unsafe extern "C" fn(connection: *mut rpyc_connection, instance: *mut c_void)>,
    /// What construct takes, such as "Point(x, y=0)", whose name is that of the class: its arguments are then fitted as those of a
    /// method with a signature, keywords and types included. NULL: construct gets the arguments as they came.
    pub construct_signature: *const c_char,
}

/// Makes a class of a table.
///
/// @param table copied, with everything that it points to
/// @param userdata given to construct and create, and the self of a service without create
/// @param userdata_free ends userdata when the class and all its objects are gone; may be NULL
/// @param class_out owned; free it with rpyc_class_free
/// @param error_out owned; may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_UTF8, RPYC_ERR_ABI (a size cannot be right, or flags or members are set that
///         this version does not have), RPYC_ERR_ARGUMENT (a signature or name, one that
///         is given twice among them; a property without functions); the message says which
///
/// Threads: any thread. Since 0.1.
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

/// Another handle of the same class.
///
/// @param class_ borrowed
/// @return owned; free it with rpyc_class_free; NULL for NULL
///
/// Threads: any thread. Since 0.1.
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
/// Threads: any thread. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_class_free(class_: *mut rpyc_class) {
    // SAFETY: the contract of the border.
    ffi_boundary_or((), || drop(unsafe { handle::take(class_) }));
}

/// The class as an object that can be sent. A peer that calls it constructs.
///
/// @param class_ borrowed
/// @param object_out owned; free it with rpyc_object_free
/// @param error_out owned; may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL
///
/// Threads: any thread. Since 0.1.
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

/// Gets the class of an object of this process; of a class that was sent as an object, the class itself. In a construct
/// callback, the class that is called is that of rpyc_call_target().
///
/// @param object borrowed; made with rpyc_object_new() or rpyc_class_object(), or the root of a service
/// @param class_out owned, free with rpyc_class_free()
/// @param error_out owned; may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_TYPE (an object of a peer, or one that no rpyc_class describes)
///
/// Threads: any thread. Since 0.1.
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

/// A function is short and never waits: answers to a burst of calls may leave together.
pub const RPYC_FUNCTION_QUICK: u64 = 1;
/// Calls of the function never overlap; while one of them waits in a function of this library, others run.
pub const RPYC_FUNCTION_SERIAL: u64 = 2;

/// Makes a C function a callable object, which Python peers see as a function.
///
/// @param name copied; NUL-terminated
/// @param call serves a call; gets userdata as its self
/// @param signature copied; as of rpyc_method; NULL: anything goes
/// @param doc copied; NULL: nothing to say
/// @param flags RPYC_FUNCTION_... or 0
/// @param userdata given to call
/// @param userdata_free ends userdata when neither this process nor a peer uses the function any more; may be NULL
/// @param object_out owned; free it with rpyc_object_free
/// @param error_out owned; may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_UTF8, RPYC_ERR_ARGUMENT (the signature), RPYC_ERR_ABI (flags without a meaning)
///
/// Threads: any thread. Since 0.1.
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
