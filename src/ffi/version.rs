//! Which version of the library this is.

use crate::ffi::border::boundary;
use std::ffi::{CStr, c_char};

/// Major version of this header. It is raised when programs must be changed.
pub const RPYC_VERSION_MAJOR: u32 = 0;
/// Minor version of this header. It is raised when something is added.
pub const RPYC_VERSION_MINOR: u32 = 1;
/// Patch version of this header. It is raised for corrections.
pub const RPYC_VERSION_PATCH: u32 = 0;

const TEXT: &CStr = match CStr::from_bytes_with_nul(concat!(env!("CARGO_PKG_VERSION"), "\0").as_bytes()) {
    Ok(text) => text,
    Err(_) => panic!("a version without NUL"),
};

/// Returns the version of the loaded library as a string, such as "0.1.0".
///
/// @return borrowed, valid until the process ends; never NULL
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub extern "C" fn rpyc_version_string() -> *const c_char {
    boundary::ffi_boundary_or(TEXT.as_ptr(), || TEXT.as_ptr())
}

/// Returns the version of the loaded library as one number: major * 65536 + minor * 256 + patch.
///
/// ```c
/// if (rpyc_version_number() < 0x000100)
///     fprintf(stderr, "librpyc 0.1.0 or later is required, not %s\n", rpyc_version_string());
/// ```
///
/// @return the number, which increases from version to version
///
/// Threads: any. Since: 0.1.
#[unsafe(no_mangle)]
pub extern "C" fn rpyc_version_number() -> u32 {
    boundary::ffi_boundary_or(0, || (RPYC_VERSION_MAJOR << 16) | (RPYC_VERSION_MINOR << 8) | RPYC_VERSION_PATCH)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_version_everywhere() {
        // SAFETY: the text is a constant.
        let text = unsafe { CStr::from_ptr(rpyc_version_string()) }.to_str().unwrap();
        assert_eq!(text, env!("CARGO_PKG_VERSION"));
        assert_eq!(text, format!("{RPYC_VERSION_MAJOR}.{RPYC_VERSION_MINOR}.{RPYC_VERSION_PATCH}"));
        assert_eq!(rpyc_version_number(), 0x0100);
    }
}
