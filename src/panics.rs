//! Catches panics in the library: at the C interface, and on the threads of a server.

use std::any::Any;
use std::cell::Cell;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Once;

thread_local! {
    /// This thread is in the library. False while it runs code of the application.
    static INSIDE: Cell<bool> = const { Cell::new(false) };
    /// The place of the last panic there.
    static PLACE: Cell<Option<String>> = const { Cell::new(None) };
}

static HOOK: Once = Once::new();

/// Silences panics of threads in the library, and passes all others to the previous hook. Installed once.
pub fn silence() {
    // The hook cannot be changed by a thread that is panicking; a later call does it.
    if HOOK.is_completed() || std::thread::panicking() {
        return;
    }
    HOOK.call_once(|| {
        let previous = panic::take_hook();
        panic::set_hook(Box::new(move |info| match INSIDE.get() {
            true => drop(PLACE.try_with(|place| place.set(info.location().map(ToString::to_string)))),
            false => previous(info),
        }));
    });
}

/// Runs code of the library. The error of a panic is its place and message.
#[inline]
pub fn inside<T>(body: impl FnOnce() -> T) -> Result<T, String> {
    let place = Place::enter(true);
    // State that the body leaves inconsistent belongs to a connection, which is ended, or to the call, which is over.
    let result = panic::catch_unwind(AssertUnwindSafe(body));
    drop(place);
    result.map_err(text_of)
}

/// Runs code of the application: a callback or a destructor. A panic there belongs to the application.
#[inline]
pub fn outside<T>(callback: impl FnOnce() -> T) -> T {
    let _place = Place::enter(false);
    callback()
}

/// Returns whether this thread is in the library.
#[cfg(test)]
pub fn is_inside() -> bool {
    INSIDE.get()
}

/// Marks where the thread is until it is dropped.
struct Place {
    before: bool,
}

impl Place {
    #[inline]
    fn enter(inside: bool) -> Place {
        Place { before: INSIDE.replace(inside) }
    }
}

impl Drop for Place {
    #[inline]
    fn drop(&mut self) {
        INSIDE.set(self.before);
    }
}

#[cold]
fn text_of(payload: Box<dyn Any + Send>) -> String {
    let text = match payload.downcast::<&str>().map_err(|payload| payload.downcast::<String>()) {
        Ok(text) => text.to_string(),
        Err(Ok(text)) => *text,
        Err(Err(payload)) => {
            // Dropping it could panic once more.
            std::mem::forget(payload);
            "without a text".into()
        }
    };
    let place = PLACE.try_with(Cell::take).ok().flatten().unwrap_or_else(|| "an unknown place".into());
    format!("the library panicked at {place}: {text}")
}
