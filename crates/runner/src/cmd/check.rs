//! `runner check`: holds models to the conformance suite.

use crate::cli::ModelArgs;
use clap::Args;
use std::process::ExitCode;

#[derive(Args, Debug)]
pub(crate) struct CheckArgs {
    #[command(flatten)]
    models: ModelArgs,
}

pub(crate) fn check(_args: &CheckArgs) -> anyhow::Result<ExitCode> {
    anyhow::bail!("not yet")
}
