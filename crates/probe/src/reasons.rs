//! Reasons for what is missing.

/// Notes the reason for each of these fields that is missing. A field's name is that of the type, so
/// that none can be misspelt or forgotten when it is renamed.
macro_rules! explain_missing {
    ($of:expr, $reason:expr, [$($field:ident),+ $(,)?]) => {
        $(if $of.$field.is_none() {
            let reason: &str = $reason;
            $of.not_measured.insert(stringify!($field).to_owned(), reason.to_owned());
        })+
    };
}

pub(crate) use explain_missing;
