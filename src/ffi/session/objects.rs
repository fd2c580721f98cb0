//! rpyc_session: objects of the application as data; what is asked of them becomes events.

use crate::ffi::border::boundary::{ffi_boundary, ffi_boundary_or};
use crate::ffi::border::handle;
use crate::ffi::border::pointer::{Output, array, name, output};
use crate::ffi::border::status::{Failure, RPYC_ERR_ARGUMENT, RPYC_ERR_TYPE, Result, rpyc_status};
use crate::ffi::border::table::{self, entries, known_flags, optional};
use crate::ffi::border::types::{rpyc_class, rpyc_error, rpyc_object, rpyc_session, rpyc_value};
use crate::ffi::session::event::checked;
use crate::ids;
use crate::objects::{Class, Definition, Dynamic, Member, Service, Signature};
use crate::session::{self, Access, Asks};
use crate::value::{Local, Reference, Text};
use std::ffi::c_char;
use std::mem::offset_of;
use std::sync::Arc;

/// Kind of rpyc_session_member: a method.
pub const RPYC_MEMBER_METHOD: i32 = 0;
/// Kind of rpyc_session_member: a property. Each permitted access is an event.
pub const RPYC_MEMBER_PROPERTY: i32 = 1;
/// Kind of rpyc_session_member: a constant value. Access to it is not an event.
pub const RPYC_MEMBER_VALUE: i32 = 2;

/// Flag of rpyc_session_member: the property can be read.
pub const RPYC_ACCESS_GET: u32 = 1;
/// Flag of rpyc_session_member: the property can be set.
pub const RPYC_ACCESS_SET: u32 = 2;
/// Flag of rpyc_session_member: the property can be deleted.
pub const RPYC_ACCESS_DEL: u32 = 4;

/// A member of a class of a session.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct rpyc_session_member {
    /// Returned in each event for this member.
    pub id: u64,
    /// Literal name, such as "exposed_add" or "__len__". NUL-terminated.
    pub name: *const c_char,
    /// Signature of a method, as in rpyc_method. NULL for any arguments.
    pub signature: *const c_char,
    /// Description, for Python's help(). NULL for none.
    pub doc: *const c_char,
    /// RPYC_MEMBER_...
    pub kind: i32,
    /// For a property: RPYC_ACCESS_... flags.
    pub access: u32,
    /// For RPYC_MEMBER_VALUE: copied; NULL for None.
    pub value: *const rpyc_value,
}

/// Flag of rpyc_session_class_table: reading any attribute is a request by name, without the access rules. Like RPyC's
/// _rpyc_getattr.
pub const RPYC_SESSION_CLASS_OWN_GET: u64 = 1;
/// Flag of rpyc_session_class_table: setting any attribute is a request by name. Like RPyC's _rpyc_setattr.
pub const RPYC_SESSION_CLASS_OWN_SET: u64 = 2;
/// Flag of rpyc_session_class_table: deleting any attribute is a request by name. Like RPyC's _rpyc_delattr.
pub const RPYC_SESSION_CLASS_OWN_DEL: u64 = 4;
/// Flag of rpyc_session_class_table: objects have attributes beyond the members. For each use there is an
/// RPYC_ASK_EXISTS event and then a request by name; setting has no RPYC_ASK_EXISTS. The usual rules apply.
pub const RPYC_SESSION_CLASS_DYNAMIC: u64 = 8;
/// Flag of rpyc_session_class_table: the class can be called. The event is RPYC_ASK_CONSTRUCT with the class's token.
pub const RPYC_SESSION_CLASS_CALLABLE: u64 = 16;

/// Describes a class of a session. rpyc_session_class_new() copies all of it. A member that is 0 or NULL takes the
/// default documented for it.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct rpyc_session_class_table {
    /// sizeof(rpyc_session_class_table)
    pub struct_size: usize,
    /// sizeof(rpyc_session_member). May be 0 without members.
    pub member_size: usize,
    /// Module of the class. NULL for "librpyc".
    pub module: *const c_char,
    /// Name of the class, such as "CalculatorService". Not NULL.
    pub name: *const c_char,
    /// Description, for Python's help(). NULL for none.
    pub doc: *const c_char,
    /// Base class. Its members and access rules are inherited. NULL for none.
    pub base: *const rpyc_class,
    /// RPYC_SESSION_CLASS_... or 0. Unknown bits are rejected.
    pub flags: u64,
    /// Members of the class. NULL, with member_count 0, for none.
    pub members: *const rpyc_session_member,
    /// Number of members.
    pub member_count: usize,
    /// For a root: names of the service. NULL for its class name without "Service", in upper case.
    pub aliases: *const *const c_char,
    /// Number of aliases.
    pub alias_count: usize,
    /// A class of another session that is the same class for peers. Both have one id, and isinstance accepts objects
    /// of either as objects of the other. NULL for a class of its own.
    pub same_as: *const rpyc_class,
}

/// # Safety
/// The entry is as its documentation asks.
unsafe fn member(entry: &rpyc_session_member) -> Result<Member> {
    // SAFETY: the same is asked of our caller.
    unsafe {
        let text = name(entry.name, "member.name")?;
        let access = match entry.kind {
            RPYC_MEMBER_METHOD => Access::Method { signature: signature(entry.signature, text)? },
            RPYC_MEMBER_PROPERTY => {
                let all = RPYC_ACCESS_GET | RPYC_ACCESS_SET | RPYC_ACCESS_DEL;
                known_flags(entry.access.into(), all.into(), format_args!("member '{text}'"))?;
                let can = |access| entry.access & access != 0;
                Access::Property { get: can(RPYC_ACCESS_GET), set: can(RPYC_ACCESS_SET), del: can(RPYC_ACCESS_DEL) }
            }
            RPYC_MEMBER_VALUE => {
                Access::Value(handle::value_get(entry.value).map(|value| value.into_owned()).unwrap_or_default())
            }
            kind => return Err(Failure::new(RPYC_ERR_ARGUMENT, format_args!("member '{text}': unknown kind {kind}"))),
        };
        Ok(session::member(text, optional(entry.doc, "member.doc")?, entry.id, access))
    }
}

/// # Safety
/// The pointer is NULL or leads to a NUL-terminated text.
unsafe fn signature(text: *const c_char, name: &str) -> Result<Option<Signature>> {
    // SAFETY: the same is asked of our caller.
    match unsafe { optional(text, "signature") }? {
        Some(signature) => Ok(Some(Signature::parse(signature)?.of(name)?)),
        None => Ok(None),
    }
}

/// Makes a class of objects that the application identifies by tokens. Requests for them become events.
///
/// The library itself answers everything that each object of Python has (__repr__, __str__, __eq__, __hash__, __dir__,
/// __doc__, ...), isinstance, the attribute rules, signatures, and iteration over __iter__ and __next__, unless the
/// class has such members.
///
/// @param session borrowed; its events report calls of the class. NULL if the class cannot be called; it may then be
///         used in every session
/// @param token returned with RPYC_ASK_CONSTRUCT
/// @param table copied, with everything that it points to
/// @param class_out owned, free with rpyc_class_free(); for the class as an object, see rpyc_class_object()
/// @param error_out owned, free with rpyc_error_free(); may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_UTF8, RPYC_ERR_ABI (a size is invalid, or flags or members are set that
///         this version does not have), RPYC_ERR_ARGUMENT (an invalid signature, name or kind); the message says which
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_session_class_new(
    session: *mut rpyc_session,
    token: u64,
    table: *const rpyc_session_class_table,
    class_out: *mut *mut rpyc_class,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: the contract of the border.
    unsafe {
        ffi_boundary(error_out, || {
            let out = output(class_out, "class_out")?;
            let least = offset_of!(rpyc_session_class_table, alias_count) + size_of::<usize>();
            let table = table::table(table, least, "table", "rpyc_session_class_table")?;
            let class_name = name(table.name, "name")?;
            let has = |flag| table.flags & flag != 0;
            let by = |flag, asks| has(flag).then(|| session::by_name(asks));
            known_flags(table.flags, 2 * RPYC_SESSION_CLASS_CALLABLE - 1, format_args!("class '{class_name}'"))?;
            let least = size_of::<rpyc_session_member>();
            let members = entries(table.members, table.member_count, table.member_size, least, "members")?;
            let aliases = array(table.aliases, table.alias_count, "aliases")?;
            let construct = match handle::as_ref(session) {
                _ if !has(RPYC_SESSION_CLASS_CALLABLE) => None,
                Some(session) => Some(session::construct(token, session.bare.queue())),
                None => return Err(Failure::null("session")),
            };
            out.put(handle::new(Class::new(Definition {
                module: optional(table.module, "module")?.unwrap_or_default().to_owned(),
                name: class_name.to_owned(),
                doc: optional(table.doc, "doc")?.map(Text::new),
                base: handle::as_ref(table.base).cloned(),
                members: members.iter().map(|entry| member(entry)).collect::<Result<_>>()?,
                construct,
                construct_signature: None,
                get_attr: by(RPYC_SESSION_CLASS_OWN_GET, Asks::Get),
                set_attr: by(RPYC_SESSION_CLASS_OWN_SET, Asks::Set),
                del_attr: by(RPYC_SESSION_CLASS_OWN_DEL, Asks::Del),
                dynamic: has(RPYC_SESSION_CLASS_DYNAMIC).then(|| Dynamic {
                    // The session's events ask this instead, wherever a peer asks.
                    has: Some(Arc::new(|_, _| true)),
                    get: Some(session::by_name(Asks::Get)),
                    set: Some(session::by_name(Asks::Set)),
                    del: Some(session::by_name(Asks::Del)),
                }),
                service: Some(Service {
                    aliases: aliases.iter().map(|alias| name(*alias, "alias").map(Text::new)).collect::<Result<_>>()?,
                    create: Box::new(|_| Box::new(())),
                    on_connect: None,
                    on_disconnect: None,
                    shared: false,
                }),
                numpy: false,
                serial: false,
                owner: None,
                same_as: handle::as_ref(table.same_as).cloned(),
            })?))
        })
    }
}

fn put_object(out: Output<*mut rpyc_object>, object: Arc<dyn Local>) -> Result<()> {
    out.put(handle::new(Reference::Local(object).into()))
}

/// Gets a token for an object or function that may be sent over several sessions. Peers then recognize it as one
/// object, from whatever session they have it. Under a different token, it is a different object to peers of another
/// session.
///
/// @return a number that is unique in this process
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub extern "C" fn rpyc_session_new_token() -> u64 {
    ffi_boundary_or(0, ids::next)
}

/// Gets the object of the application with a token: the existing one, if it is referenced anywhere, or a new one.
///
/// A token identifies an object, so that peers see the same one each time it is sent. The application may free the
/// handle as soon as the object is sent. RPYC_EVENT_RELEASED is reported when the object is no longer referenced.
/// Objects and functions share the tokens of a session.
///
/// ```c
/// static void answer_with_row(rpyc_session *session, rpyc_class *row_class, rpyc_call *call)
/// {
///     rpyc_object *row = NULL;
///
///     if (!rpyc_session_object_new(session, row_class, 17, &row, NULL)) // 17 identifies the row
///         rpyc_call_return_object(call, row);
///     rpyc_object_free(row);
///     rpyc_call_free(call);
/// }
/// ```
///
/// @param session borrowed
/// @param class_ copied (a reference); from rpyc_session_class_new(); the class of a new object
/// @param token returned in the events of the object
/// @param object_out owned, free with rpyc_object_free()
/// @param error_out owned, free with rpyc_error_free(); may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_ARGUMENT (the token belongs to a function or another object)
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_session_object_new(
    session: *mut rpyc_session,
    class_: *const rpyc_class,
    token: u64,
    object_out: *mut *mut rpyc_object,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: the contract of the border.
    unsafe {
        ffi_boundary(error_out, || {
            let out = output(object_out, "object_out")?;
            let (session, class_) = (checked(session)?, handle::require(class_, "class_")?);
            put_object(out, session::object(session.bare.queue(), class_, token)?)
        })
    }
}

/// Gets the function of the application with a token: the existing one, or a new one. Python peers see a function.
///
/// @param session borrowed
/// @param token returned in the events of the function; as for rpyc_session_object_new()
/// @param name copied; NUL-terminated
/// @param signature copied; as in rpyc_method; NULL for any arguments
/// @param doc copied; NULL for none
/// @param object_out owned, free with rpyc_object_free()
/// @param error_out owned, free with rpyc_error_free(); may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_UTF8, RPYC_ERR_ARGUMENT (the signature; the token belongs to another
///         object)
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_session_function_new(
    session: *mut rpyc_session,
    token: u64,
    name: *const c_char,
    signature: *const c_char,
    doc: *const c_char,
    object_out: *mut *mut rpyc_object,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: the contract of the border.
    unsafe {
        ffi_boundary(error_out, || {
            let out = output(object_out, "object_out")?;
            let session = checked(session)?;
            let text = crate::ffi::border::pointer::name(name, "name")?;
            let signature = self::signature(signature, text)?;
            let member = session::callable(text, signature, optional(doc, "doc")?);
            put_object(out, session::function(session.bare.queue(), token, member)?)
        })
    }
}

/// Sets the object that the peer gets as root. It has the names of a service. As with RPyC's services, its attributes
/// cannot be set by the peer.
///
/// @param session borrowed
/// @param class_ copied (a reference); from rpyc_session_class_new()
/// @param token returned in the events of the root; as for rpyc_session_object_new()
/// @param error_out owned, free with rpyc_error_free(); may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_FORKED, RPYC_ERR_ARGUMENT (the token belongs to another object)
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_session_set_root(
    session: *mut rpyc_session,
    class_: *const rpyc_class,
    token: u64,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: the contract of the border.
    unsafe {
        ffi_boundary(error_out, || {
            let (session, class_) = (checked(session)?, handle::require(class_, "class_")?);
            Ok(session.bare.set_root(session::root(session.bare.queue(), class_, token)?)?)
        })
    }
}

/// Returns whether an object belongs to the peer of this session. Only such objects can be requested and sent here.
///
/// @param session borrowed
/// @param object borrowed
/// @return false for objects of this process, and if an argument is NULL
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_session_owns(session: *const rpyc_session, object: *const rpyc_object) -> bool {
    // SAFETY: the contract of the border.
    ffi_boundary_or(false, || match unsafe { (handle::as_ref(session), handle::as_ref(object)) } {
        (Some(session), Some(object)) => match &object.reference {
            Reference::Remote(proxy) => session.bare.owns(proxy),
            Reference::Local(_) => false,
        },
        _ => false,
    })
}

/// Makes an object that represents one of another session or connection and is sent instead of it.
///
/// The application then identifies it by a token, which is in RPYC_ASK_FORWARD events and, when the peer no longer
/// references it, in RPYC_EVENT_RELEASED. When the peer sends it back, it arrives as the original object. An object
/// that is sent without this function has no token.
///
/// @param session borrowed; with RPYC_SESSION_FORWARDS
/// @param object borrowed; of another session or connection
/// @param token as for rpyc_session_object_new()
/// @param object_out owned, free with rpyc_object_free(), also right after sending it
/// @param error_out owned, free with rpyc_error_free(); may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_TYPE (an object of this process), RPYC_ERR_STATE (the session does not
///         forward), RPYC_ERR_ARGUMENT (an object of this session's peer, or the token belongs to another object)
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_session_stand_in(
    session: *mut rpyc_session,
    object: *const rpyc_object,
    token: u64,
    object_out: *mut *mut rpyc_object,
    error_out: *mut *mut rpyc_error,
) -> rpyc_status {
    // SAFETY: the contract of the border.
    unsafe {
        ffi_boundary(error_out, || {
            let out = output(object_out, "object_out")?;
            let session = checked(session)?;
            match &handle::require(object, "object")?.reference {
                Reference::Remote(proxy) => put_object(out, session.bare.stand_in(proxy, token)?),
                Reference::Local(_) => {
                    Err(Failure::new(RPYC_ERR_TYPE, "object: expected one of a peer, got one of this process"))
                }
            }
        })
    }
}

/// Gets the token under which the peer of this session knows an object of another session or connection.
///
/// @param session borrowed
/// @param object borrowed; for example as the peer sent it back
/// @param token_out the token given to rpyc_session_stand_in(); may be NULL
/// @return whether there is such a token; false also if an argument is NULL
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_session_stand_in_token(
    session: *const rpyc_session,
    object: *const rpyc_object,
    token_out: *mut u64,
) -> bool {
    ffi_boundary_or(false, || {
        // SAFETY: the contract of the border.
        let token = match unsafe { (handle::as_ref(session), handle::as_ref(object)) } {
            (Some(session), Some(object)) => match &object.reference {
                Reference::Remote(proxy) => session.bare.token_of_other(proxy),
                Reference::Local(_) => None,
            },
            _ => None,
        };
        if !token_out.is_null() {
            // SAFETY: not NULL, so it can be written to.
            unsafe { token_out.write(token.unwrap_or_default()) };
        }
        token.is_some()
    })
}

/// Gets the id of the session from whose peer an object was received.
///
/// @param object borrowed
/// @return the number given to rpyc_session_set_id(); 0 if there was none or the session has been freed, for objects
///         of connections and of this process, and for NULL
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_object_session_id(object: *const rpyc_object) -> u64 {
    // SAFETY: the contract of the border.
    ffi_boundary_or(0, || match unsafe { handle::as_ref(object) }.map(|object| &object.reference) {
        Some(Reference::Remote(proxy)) => session::id_of(proxy),
        _ => 0,
    })
}

/// Gets the token of an object or function of the application.
///
/// @param object borrowed
/// @param token_out the token; may be NULL
/// @return whether the object has a token; false also for NULL
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_object_token(object: *const rpyc_object, token_out: *mut u64) -> bool {
    ffi_boundary_or(false, || {
        // SAFETY: the contract of the border.
        let token = match unsafe { handle::as_ref(object) }.map(|object| &object.reference) {
            Some(Reference::Local(local)) => session::token_of(&**local),
            _ => None,
        };
        if !token_out.is_null() {
            // SAFETY: not NULL, so it can be written to.
            unsafe { token_out.write(token.unwrap_or_default()) };
        }
        token.is_some()
    })
}
