//! Standard output and standard error, without a buffer.

use core::ffi::c_int;
use core::fmt;

/// Where to print to.
#[derive(Clone, Copy)]
pub enum Console {
    /// Standard output.
    Out,
    /// Standard error.
    Err,
}

impl Console {
    const fn descriptor(self) -> c_int {
        match self {
            Self::Out => libc::STDOUT_FILENO,
            Self::Err => libc::STDERR_FILENO,
        }
    }
}

impl fmt::Write for Console {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let mut rest = text.as_bytes();
        while !rest.is_empty() {
            // SAFETY: pointer and length are those of a slice that lives.
            let written =
                unsafe { libc::write(self.descriptor(), rest.as_ptr().cast(), rest.len()) };
            match usize::try_from(written) {
                Ok(written @ 1..) => rest = &rest[written..],
                Ok(0) | Err(_) => return Err(fmt::Error),
            }
        }
        Ok(())
    }
}
