//! rpyc_decoder: streams as people read them.

use crate::config::Dialect;
use crate::ffi::border::boundary::{ffi_boundary_or, ffi_boundary_status};
use crate::ffi::border::handle::{self, Handle};
use crate::ffi::border::pointer::bytes;
use crate::ffi::border::status::{Failure, RPYC_ERR_ABI, rpyc_status};
use crate::ffi::border::types::rpyc_decoder;
use crate::protocol::{Decoded, DecodedKind, Decoder};
use std::ffi::{CString, c_char, c_void};
use std::mem::offset_of;
use std::ptr;

impl Handle for rpyc_decoder {
    type Inner = Tracing;
    const WORD: [u8; 8] = *b"decoder\0";
}

/// The data behind an rpyc_decoder, with the strings that C has borrowed from it.
#[derive(Default)]
pub(crate) struct Tracing {
    decoder: Decoder,
    text: CString,
    fault: CString,
    handler: CString,
}

/// Kind of rpyc_decoded: not a frame, or a frame whose content is not RPyC.
pub const RPYC_DECODED_GARBAGE: i32 = 0;
/// Kind of rpyc_decoded: a request.
pub const RPYC_DECODED_REQUEST: i32 = 1;
/// Kind of rpyc_decoded: a reply with a value.
pub const RPYC_DECODED_REPLY: i32 = 2;
/// Kind of rpyc_decoded: a reply with an exception.
pub const RPYC_DECODED_EXCEPTION: i32 = 3;

/// One message of a decoder. Set struct_size; each call fills the other members. Strings are NUL-terminated UTF-8,
/// borrowed until the decoder is used again.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct rpyc_decoded {
    /// sizeof(rpyc_decoded)
    pub struct_size: usize,
    /// Offset of the frame in the stream.
    pub offset: u64,
    /// Size of the frame as sent, in bytes.
    pub size: u64,
    /// Size of its decompressed content, in bytes.
    pub payload_size: u64,
    /// 1 if the content was sent compressed.
    pub compressed: i32,
    /// RPYC_DECODED_...
    pub kind: i32,
    /// 6 or 5; 0 if the message does not show it.
    pub dialect: i32,
    /// Number of a request's handler; 0 for none.
    pub handler: i32,
    /// Number of the request, also in its reply; -1 if it is not an int.
    pub sequence: i64,
    /// With bind_threads, the id of the sending thread; otherwise 0.
    pub from_thread: u64,
    /// With bind_threads, the id of the receiving thread; otherwise 0.
    pub to_thread: u64,
    /// RPyC's name of the handler, such as "CALLATTR"; "" for none.
    pub handler_name: *const c_char,
    /// The message on one line, such as "CALLATTR your calc.Calculator#3 'add' (40, 2)". Objects of the sender are
    /// "my", objects of the receiver "your".
    pub text: *const c_char,
    /// Reason why the message was not, or only partly, decoded; "" for none.
    pub fault: *const c_char,
    /// Offset of the fault in the stream; for a compressed frame, that of the frame.
    pub fault_offset: u64,
}

/// Makes a decoder for one direction of one connection.
///
/// @return owned, free with rpyc_decoder_free(); never NULL
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub extern "C" fn rpyc_decoder_new() -> *mut rpyc_decoder {
    ffi_boundary_or(ptr::null_mut(), || handle::new(Tracing::default()))
}

/// Frees a decoder.
///
/// @param decoder consumed; NULL does nothing
///
/// Threads: one at a time per handle. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_decoder_free(decoder: *mut rpyc_decoder) {
    // SAFETY: the contract of the border.
    ffi_boundary_or((), || drop(unsafe { handle::take(decoder) }));
}

/// Limits the printed length of a value. Longer ones are cut and show their length.
///
/// @param decoder borrowed
/// @param width in characters, 120 by default; 0 for no limit
/// @return RPYC_OK, RPYC_ERR_NULL
///
/// Threads: one at a time per handle. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_decoder_set_width(decoder: *mut rpyc_decoder, width: usize) -> rpyc_status {
    ffi_boundary_status(|| {
        // SAFETY: the contract of the border.
        unsafe { handle::require_mut(decoder, "decoder") }?.decoder.set_width(width);
        Ok(())
    })
}

/// Adds bytes of the stream, in pieces of any size.
///
/// @param decoder borrowed
/// @param data copied
/// @param length number of bytes
/// @return RPYC_OK, RPYC_ERR_NULL
///
/// Threads: one at a time per handle. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_decoder_feed(
    decoder: *mut rpyc_decoder,
    data: *const c_void,
    length: usize,
) -> rpyc_status {
    // SAFETY: the contract of the border.
    ffi_boundary_status(|| unsafe {
        handle::require_mut(decoder, "decoder")?.decoder.feed(bytes(data.cast(), length, "data")?);
        Ok(())
    })
}

/// Marks the end of the stream. The rest of it is returned as garbage.
///
/// @param decoder borrowed
/// @return RPYC_OK, RPYC_ERR_NULL
///
/// Threads: one at a time per handle. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_decoder_end(decoder: *mut rpyc_decoder) -> rpyc_status {
    ffi_boundary_status(|| {
        // SAFETY: the contract of the border.
        unsafe { handle::require_mut(decoder, "decoder") }?.decoder.end();
        Ok(())
    })
}

/// Gets the next complete message.
///
/// ```c
/// static void print_messages(rpyc_decoder *decoder, const void *data, size_t length)
/// {
///     rpyc_decoded message;
///     bool found = false;
///
///     message.struct_size = sizeof message;
///     rpyc_decoder_feed(decoder, data, length);
///     while (!rpyc_decoder_next(decoder, &message, &found) && found)
///         printf("%llu: %s\n", (unsigned long long)message.offset, message.text);
/// }
/// ```
///
/// @param decoder borrowed
/// @param decoded filled if there is a message; its struct_size must be set
/// @param found_out whether there is a message
/// @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_ABI (struct_size)
///
/// Threads: one at a time per handle. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_decoder_next(
    decoder: *mut rpyc_decoder,
    decoded: *mut rpyc_decoded,
    found_out: *mut bool,
) -> rpyc_status {
    ffi_boundary_status(|| {
        // SAFETY: the contract of the border.
        let (found, tracing) = unsafe {
            let found = crate::ffi::border::pointer::output(found_out, "found_out")?;
            if decoded.is_null() {
                return Err(Failure::null("decoded"));
            }
            (found, handle::require_mut(decoder, "decoder")?)
        };
        // SAFETY: not NULL, so it begins with its size.
        let size = unsafe { decoded.cast::<usize>().read() };
        let least = offset_of!(rpyc_decoded, fault_offset) + size_of::<u64>();
        if size < least || size > least + 4096 {
            return Err(Failure::new(RPYC_ERR_ABI, format_args!("decoded.struct_size cannot be {size}")));
        }
        let Some(message) = tracing.decoder.next_message() else { return Ok(()) };
        let lent = tracing.lend(message, size);
        // SAFETY: it has room for as much as it says, which is all that is known here, or more.
        unsafe { decoded.write(lent) };
        found.put(true)
    })
}

impl Tracing {
    fn lend(&mut self, message: Decoded, struct_size: usize) -> rpyc_decoded {
        let text = |text: &str| CString::new(text.replace('\0', "\u{fffd}")).unwrap_or_default();
        let (fault_offset, fault) = message.fault.as_ref().map_or((0, ""), |fault| (fault.offset, fault.text.as_str()));
        (self.text, self.fault, self.handler) = (text(&message.text), text(fault), text(message.handler_name()));
        let (from_thread, to_thread) = message.threads.unwrap_or_default();
        rpyc_decoded {
            struct_size,
            offset: message.offset,
            size: message.size as u64,
            payload_size: message.payload as u64,
            compressed: message.compressed.into(),
            kind: match message.kind {
                DecodedKind::Garbage => RPYC_DECODED_GARBAGE,
                DecodedKind::Request => RPYC_DECODED_REQUEST,
                DecodedKind::Reply => RPYC_DECODED_REPLY,
                DecodedKind::Exception => RPYC_DECODED_EXCEPTION,
            },
            dialect: match message.dialect {
                Dialect::Auto => 0,
                Dialect::V5 => 5,
                Dialect::V6 => 6,
            },
            handler: message.handler.and_then(|number| i32::try_from(number).ok()).unwrap_or(0),
            sequence: message.sequence.unwrap_or(-1),
            from_thread,
            to_thread,
            handler_name: self.handler.as_ptr(),
            text: self.text.as_ptr(),
            fault: self.fault.as_ptr(),
            fault_offset,
        }
    }
}
