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

/// A member that is called.
pub const RPYC_MEMBER_METHOD: i32 = 0;
/// A member whose every use is an event, as its access allows.
pub const RPYC_MEMBER_PROPERTY: i32 = 1;
/// A value that never changes, and of which the application hears nothing.
pub const RPYC_MEMBER_VALUE: i32 = 2;

/// The property can be read.
pub const RPYC_ACCESS_GET: u32 = 1;
/// The property can be set.
pub const RPYC_ACCESS_SET: u32 = 2;
/// The property can be deleted.
pub const RPYC_ACCESS_DEL: u32 = 4;

/// One member of a class.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct rpyc_session_member {
    /// Comes with each event about this member.
    pub id: u64,
    /// The literal name, such as "exposed_add" or "__len__". NUL-terminated.
    pub name: *const c_char,
    /// Of a method; as of rpyc_method. NULL: anything goes.
    pub signature: *const c_char,
    /// For Python's help(). NULL: nothing to say.
    pub doc: *const c_char,
    /// RPYC_MEMBER_...
    pub kind: i32,
    /// Of a property: RPYC_ACCESS_..., added up.
    pub access: u32,
    /// Of RPYC_MEMBER_VALUE: copied; NULL: None.
    pub value: *const rpyc_value,
}

/// Reading an attribute is asked for by name, whatever the rules say: RPyC's _rpyc_getattr.
pub const RPYC_SESSION_CLASS_OWN_GET: u64 = 1;
/// Setting an attribute is asked for by name: RPyC's _rpyc_setattr.
pub const RPYC_SESSION_CLASS_OWN_SET: u64 = 2;
/// Deleting an attribute is asked for by name: RPyC's _rpyc_delattr.
pub const RPYC_SESSION_CLASS_OWN_DEL: u64 = 4;
/// There are attributes beyond the members: RPYC_ASK_EXISTS comes, then their use by name; setting one comes
/// without it. The usual rules hold.
pub const RPYC_SESSION_CLASS_DYNAMIC: u64 = 8;
/// The class can be called, which is RPYC_ASK_CONSTRUCT with the class's token.
pub const RPYC_SESSION_CLASS_CALLABLE: u64 = 16;

/// Describes a class. All of it is copied by rpyc_session_class_new. What is 0 or NULL has the meaning that is said of it.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct rpyc_session_class_table {
    /// sizeof(rpyc_session_class_table)
    pub struct_size: usize,
    /// sizeof(rpyc_session_member); may be 0 where there are no members
    pub member_size: usize,
    /// The module that the class says it belongs to. NULL: "librpyc".
    pub module: *const c_char,
    /// Such as "CalculatorService". Not NULL.
    pub name: *const c_char,
    /// For Python's help(). NULL: nothing to say.
    pub doc: *const c_char,
    /// Members and access rules are inherited from it. NULL: there is none.
    pub base: *const rpyc_class,
    /// RPYC_SESSION_CLASS_... or 0. Bits without a meaning are refused.
    pub flags: u64,
    /// What the class has; NULL with member_count 0: nothing.
    pub members: *const rpyc_session_member,
    /// How many members.
    pub member_count: usize,
    /// Of a root: its names. NULL: its class name without "Service", in upper case.
    pub aliases: *const *const c_char,
    /// How many aliases.
    pub alias_count: usize,
    /// A class of another session that is the same one for peers: both have one id, and isinstance takes objects of one for
    /// objects of the other. NULL: a class of its own.
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
            kind => return Err(Failure::new(RPYC_ERR_ARGUMENT, format_args!("member '{text}' is of no kind: {kind}"))),
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

/// Makes a class of objects that the application knows by a token each. What is asked of them becomes events.
///
/// What every object of Python has (__repr__, __str__, __eq__, __hash__, __dir__, __doc__, ...), isinstance, the attribute
/// rules, signatures, and iteration over __iter__ and __next__ are answered by the library, unless the class has such
/// members.
///
/// @param session borrowed; the one whose events tell of calls of the class; NULL, if it cannot be called: the class may be
///        used in every session
/// @param token comes with RPYC_ASK_CONSTRUCT
/// @param table copied, with everything that it points to
/// @param class_out owned; free it with rpyc_class_free; the class itself as an object is rpyc_class_object
/// @param error_out owned; may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_UTF8, RPYC_ERR_ABI (a size cannot be right, or flags or members are set that
///         this version does not have), RPYC_ERR_ARGUMENT (a signature, name or kind); the message says which
///
/// Threads: any thread. Since 0.1.
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

/// A token for an object or function that may be sent over several sessions. With it peers know it as one, whatever session
/// they have it from; one that is known by another number is another object to peers of another session.
///
/// @return a number that nobody else has in this process
///
/// Threads: any thread. Since 0.1.
#[unsafe(no_mangle)]
pub extern "C" fn rpyc_session_new_token() -> u64 {
    ffi_boundary_or(0, ids::next)
}

/// The object of the application that has a token: the one that lives, wherever it is held, or a new one.
///
/// A token names an object, so that peers see the same one each time it is sent. The application may free the handle as
/// soon as the object is sent; RPYC_EVENT_RELEASED tells when nobody holds the object any more. Objects and functions
/// share the tokens of a session.
///
/// @param session borrowed
/// @param class_ copied reference; its class, if it is made; from rpyc_session_class_new
/// @param token comes with the events of the object
/// @param object_out owned; free it with rpyc_object_free
/// @param error_out owned; may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_ARGUMENT (a function or other object of this token lives)
///
/// Threads: any thread. Since 0.1.
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

/// The function of the application that has a token: the one that lives, or a new one. Python peers see a function.
///
/// @param session borrowed
/// @param token comes with the events of the function; as of rpyc_session_object_new
/// @param name copied; NUL-terminated
/// @param signature copied; as of rpyc_method; NULL: anything goes
/// @param doc copied; NULL: nothing to say
/// @param object_out owned; free it with rpyc_object_free
/// @param error_out owned; may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_UTF8, RPYC_ERR_ARGUMENT (the signature; another object of this token lives)
///
/// Threads: any thread. Since 0.1.
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

/// Gives the session the object that the peer gets as root. It has the names of a service, and refuses that attributes are
/// set, as RPyC's services do.
///
/// @param session borrowed
/// @param class_ copied reference; from rpyc_session_class_new
/// @param token comes with the events of the root; as of rpyc_session_object_new
/// @param error_out owned; may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_FORKED, RPYC_ERR_ARGUMENT (another object of this token lives)
///
/// Threads: any thread. Since 0.1.
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

/// Was an object lent by the peer of this session? Only then can it be asked and sent here.
///
/// @param session borrowed
/// @param object borrowed
/// @return false for objects of this process, and where one is NULL
///
/// Threads: any thread. Since 0.1.
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

/// An object that stands for one of another session or connection, and is sent instead of it, so that the application knows
/// it by a token, which comes with RPYC_ASK_FORWARD and, once the peer does not hold it any more, with RPYC_EVENT_RELEASED.
/// Where it comes back, it is the object that it stands for. An object that is sent without this has no token.
///
/// @param session borrowed; one with RPYC_SESSION_FORWARDS
/// @param object borrowed; of another session or connection
/// @param token as of rpyc_session_object_new
/// @param object_out owned; free it with rpyc_object_free, also right after it was sent
/// @param error_out owned; may be NULL
/// @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_TYPE (an object of this process), RPYC_ERR_STATE (the session does not forward),
///         RPYC_ERR_ARGUMENT (an object of this session's peer; another object of this token lives)
///
/// Threads: any thread. Since 0.1.
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

/// The token under which an object of another session or connection is known to the peer of this one.
///
/// @param session borrowed
/// @param object borrowed; as it came back, for example
/// @param token_out what rpyc_session_stand_in was given; may be NULL
/// @return false where nothing stands for it, or something without a token, and where one is NULL
///
/// Threads: any thread. Since 0.1.
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

/// The session over whose peer an object was received.
///
/// @param object borrowed
/// @return what rpyc_session_set_id was given; 0 where that was not called or the session has been freed, for objects of
///         connections and of this process, and for NULL
///
/// Threads: any thread. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_object_session_id(object: *const rpyc_object) -> u64 {
    // SAFETY: the contract of the border.
    ffi_boundary_or(0, || match unsafe { handle::as_ref(object) }.map(|object| &object.reference) {
        Some(Reference::Remote(proxy)) => session::id_of(proxy),
        _ => 0,
    })
}

/// The token of an object or function of the application.
///
/// @param object borrowed
/// @param token_out the token; may be NULL
/// @return false where it is not one that has a token, and for NULL
///
/// Threads: any thread. Since 0.1.
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
