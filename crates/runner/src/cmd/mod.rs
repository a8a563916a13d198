//! One file per subcommand.

pub(crate) mod calibrate;
pub(crate) mod ceiling;
pub(crate) mod check;
pub(crate) mod compare;
pub(crate) mod completions;
pub(crate) mod doctor;
pub(crate) mod export;
pub(crate) mod guard;
pub(crate) mod keep;
pub(crate) mod list;
pub(crate) mod man;
pub(crate) mod new;
pub(crate) mod report;
pub(crate) mod run;
