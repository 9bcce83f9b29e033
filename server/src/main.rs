//! The `baton` program: see [`baton_server::cli`].

use std::process::ExitCode;

fn main() -> ExitCode {
    baton_server::cli::run(&std::env::args_os().collect::<Vec<_>>())
}
