//! Reasons for what is missing.

/// Notes the reason for each of these fields that is missing. A field's name is that of the type, so
/// that none can be misspelt or forgotten when it is renamed.
///
/// ```
/// let mut window = report::trial::Window::default();
/// report::explain_missing!(window, "the kernel doesn't tell", [read_lag_us, unread_share]);
/// assert_eq!(window.not_measured["unread_share"], "the kernel doesn't tell");
/// ```
#[macro_export]
macro_rules! explain_missing {
    ($of:expr, $reason:expr, [$($field:ident),+ $(,)?]) => {{
        $(if $of.$field.is_none() {
            let reason: &str = $reason;
            $of.not_measured.insert(stringify!($field).to_owned(), reason.to_owned());
        })+
    }};
}
