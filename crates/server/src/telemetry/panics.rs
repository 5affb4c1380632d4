use std::panic::PanicHookInfo;

/// Has every panic logged as an error with its place, instead of the standard hook's free text.
pub(super) fn log_them() {
    std::panic::set_hook(Box::new(log));
}

fn log(info: &PanicHookInfo<'_>) {
    let message = info.payload_as_str().unwrap_or("a panic without a message");
    let place = info.location().map(ToString::to_string).unwrap_or_default();
    let thread = std::thread::current();
    let thread = thread.name().unwrap_or("unnamed");
    metrics::counter!("stanchion_panics_total").increment(1);
    tracing::error!(panic.place = place, thread, "panic: {message}");
}
