//! What the toolchain's own `alloc` wants of std: it comes compiled to unwind, although a panic of
//! this program aborts, and so names the two functions that unwinding needs. Nobody calls them.

use core::ffi::c_void;

/// Would tell the unwinder what a frame of Rust wants.
// SAFETY: std, which also has a function of this name, is not linked.
#[unsafe(no_mangle)]
extern "C" fn rust_eh_personality() {
    never();
}

/// Would go on unwinding after a clean-up.
// SAFETY: no unwinder, which also has a function of this name, is linked.
#[unsafe(no_mangle)]
extern "C" fn _Unwind_Resume(_: *mut c_void) -> ! {
    never()
}

fn never() -> ! {
    // SAFETY: ends the process, whatever its state.
    unsafe { libc::abort() }
}
