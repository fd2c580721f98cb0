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

/// What an rpyc_decoder stands for, with what it has lent.
#[derive(Default)]
pub(crate) struct Tracing {
    decoder: Decoder,
    text: CString,
    fault: CString,
    handler: CString,
}

/// What stands in a frame is not RPyC, or it is no frame.
pub const RPYC_DECODED_GARBAGE: i32 = 0;
/// A request.
pub const RPYC_DECODED_REQUEST: i32 = 1;
/// An answer.
pub const RPYC_DECODED_REPLY: i32 = 2;
/// An exception as the answer.
pub const RPYC_DECODED_EXCEPTION: i32 = 3;

/// One message. Set struct_size; each call fills the rest anew. Texts are NUL-terminated UTF-8, borrowed until the decoder
/// is used again.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct rpyc_decoded {
    /// sizeof(rpyc_decoded)
    pub struct_size: usize,
    /// Where the frame begins in the stream.
    pub offset: u64,
    /// Bytes of the frame as it travels.
    pub size: u64,
    /// Bytes of what is in it, decompressed.
    pub payload_size: u64,
    /// 1: it travels compressed.
    pub compressed: i32,
    /// RPYC_DECODED_...
    pub kind: i32,
    /// 6, 5, or 0 where it cannot be told.
    pub dialect: i32,
    /// The number of a request's handler; 0: there is none.
    pub handler: i32,
    /// The number of the request, also in its answer; -1 where it is no int.
    pub sequence: i64,
    /// With bind_threads: of the thread that sent it; else 0.
    pub from_thread: u64,
    /// With bind_threads: of the thread that it is for; else 0.
    pub to_thread: u64,
    /// As RPyC names it, such as "CALLATTR"; "" where there is none.
    pub handler_name: *const c_char,
    /// The message in one line, such as "CALLATTR your calc.Calculator#3 'add' (40, 2)". Objects are "my" those of the side
    /// that sent it, "your" those of the other.
    pub text: *const c_char,
    /// Why it could not be read, or only in part; "" where nothing is wrong.
    pub fault: *const c_char,
    /// Where in the stream that is; of what lies in a compressed frame, that of the frame.
    pub fault_offset: u64,
}

/// Makes a decoder, for one direction of one connection.
///
/// @return owned; free it with rpyc_decoder_free; never NULL
///
/// Threads: any thread. Since 0.1.
#[unsafe(no_mangle)]
pub extern "C" fn rpyc_decoder_new() -> *mut rpyc_decoder {
    ffi_boundary_or(ptr::null_mut(), || handle::new(Tracing::default()))
}

/// Frees a decoder.
///
/// @param decoder consumed; NULL does nothing
///
/// Threads: one thread at a time per handle. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_decoder_free(decoder: *mut rpyc_decoder) {
    // SAFETY: the contract of the border.
    ffi_boundary_or((), || drop(unsafe { handle::take(decoder) }));
}

/// Sets how long the text of a value may be. Longer ones are cut, and say how long they are.
///
/// @param decoder borrowed
/// @param width characters, 120 at first; 0: nothing is cut
/// @return RPYC_OK, RPYC_ERR_NULL
///
/// Threads: one thread at a time per handle. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_decoder_set_width(decoder: *mut rpyc_decoder, width: usize) -> rpyc_status {
    ffi_boundary_status(|| {
        // SAFETY: the contract of the border.
        unsafe { handle::require_mut(decoder, "decoder") }?.decoder.set_width(width);
        Ok(())
    })
}

/// Takes in bytes of the stream, in pieces of any size.
///
/// @param decoder borrowed
/// @param data copied
/// @param length bytes
/// @return RPYC_OK, RPYC_ERR_NULL
///
/// Threads: one thread at a time per handle. Since 0.1.
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

/// Says that the stream is over: what is left of it comes as garbage.
///
/// @param decoder borrowed
/// @return RPYC_OK, RPYC_ERR_NULL
///
/// Threads: one thread at a time per handle. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rpyc_decoder_end(decoder: *mut rpyc_decoder) -> rpyc_status {
    ffi_boundary_status(|| {
        // SAFETY: the contract of the border.
        unsafe { handle::require_mut(decoder, "decoder") }?.decoder.end();
        Ok(())
    })
}

/// The next message that is here as a whole.
///
/// @param decoder borrowed
/// @param decoded filled where there is one; its struct_size must be set
/// @param found_out whether there is one
/// @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_ABI (struct_size)
///
/// Threads: one thread at a time per handle. Since 0.1.
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
