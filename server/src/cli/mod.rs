//! The command line: `baton serve` (the default), and small commands that talk to a running server over HTTP or, where
//! none has to run, to the database itself.
//!
//! Exit codes: 0 when it worked, 1 when it did not, 2 when the command line or the settings are not understood.

mod batch;
mod bench;
mod database;
mod definition;
mod exchange;
mod instance;
mod log;
mod migration;
mod nodes;
mod remote;
mod retry;
mod serve;
mod start;
mod task;

use std::{ffi::OsString, io::IsTerminal, path::PathBuf, process::ExitCode};

use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand};
use uuid::Uuid;

use self::remote::Server;
use crate::settings::{self, LogFormat, ParseError, Settings};

#[derive(Debug, Parser)]
#[command(
    name = "baton",
    version,
    about = "Messages out of your database, processes and sagas over them, and screens to watch and repair it all.",
    after_help = "Settings can also stand in the environment (BATON_…) or in baton.toml; `baton serve --help` lists them."
)]
struct Cli {
    #[command(flatten)]
    settings: Settings,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the server (what `baton` alone does)
    Serve,
    /// Run the server with a small simulated world around it
    Demo,
    /// Bring the database's tables up to date, and end
    Migrate,
    /// Make tokens and sign-in links
    #[command(subcommand)]
    Token(TokenCommand),
    /// Publish definitions, read and write them as files, and have instances go on by other versions of them
    #[command(subcommand)]
    Definition(DefinitionCommand),
    /// Start an instance of a process
    Start(start::Arguments),
    /// Look at and operate instances of processes and sagas
    #[command(subcommand)]
    Instance(instance::Command),
    /// Follow and control operations on many instances
    #[command(subcommand)]
    Batch(batch::Command),
    /// See to what waits for a person
    #[command(subcommand)]
    Task(task::Command),
    /// Print the servers that work on the database, a line each
    Nodes(nodes::Arguments),
    /// Try failed deliveries again
    Retry(retry::Arguments),
    /// Look after the place in PostgreSQL's log from which the relay reads (BATON_RELAY_SOURCE=log)
    #[command(subcommand)]
    Log(log::Command),
    /// Measure; `cargo xtask bench` calls it
    #[command(hide = true)]
    Bench(bench::Arguments),
}

#[derive(Debug, Subcommand)]
enum TokenCommand {
    /// Make an API token and print it, this once
    ///
    /// With a token at hand (BATON_TOKEN) it asks the running server, otherwise it writes to the database, which on
    /// SQLite no server may have open at the same time.
    Create {
        /// Whose token it is; stands in the history beside what is done with it
        #[arg(long)]
        name: String,
        #[command(flatten)]
        server: Server,
    },
    /// Print a sign-in link that works once, for 24 hours
    ///
    /// Writes to the database, which on SQLite no server may have open at the same time.
    Link,
}

#[derive(Debug, Subcommand)]
enum DefinitionCommand {
    /// Print a definition that ships with Baton; without a name, their names
    Example { name: Option<String> },
    /// Publish the definitions in files (YAML or JSON) as new versions
    Apply {
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
        /// What is new in it
        #[arg(long)]
        note: Option<String>,
        /// Also those with scenarios that come out otherwise than they should
        #[arg(long)]
        force: bool,
        #[command(flatten)]
        server: Server,
    },
    /// Write a definition to a file: YAML, JSON, BPMN or SVG
    Export(exchange::Export),
    /// Save a file (YAML, JSON or BPMN) as the draft of a definition
    ///
    /// Prints what of it could not be taken over, and what the rules say. The exit code is 1 when the file is no
    /// definition; one with findings is saved.
    Import(exchange::Import),
    /// Run the scenarios of the definitions in files, here and without a server
    ///
    /// Prints how each came out, and what they cover. The exit code is 1 when one came out otherwise than it should.
    Test {
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
    },
    /// Have the instances of a definition go on by another version of it
    ///
    /// Those that cannot stay as they are; each is printed with what is in the way, and the exit code is 1 then.
    Migrate(migration::Arguments),
}

/// What a delivery has to be to be retried.
#[derive(Debug, Args)]
#[group(required = true, multiple = true)]
struct Which {
    /// The deliveries of this message
    #[arg(long, value_name = "ID")]
    message: Option<Uuid>,
    /// Those to this destination
    #[arg(long, value_name = "NAME")]
    destination: Option<String>,
    /// Those that failed like this, such as http-503 or timeout
    #[arg(long, value_name = "CLASS")]
    failure_class: Option<String>,
    /// Those of messages of this type
    #[arg(long = "type", value_name = "TYPE")]
    message_type: Option<String>,
    /// Every failed delivery
    #[arg(long)]
    all: bool,
}

/// Runs the program with `arguments` (its name first) and returns its exit code.
pub fn run(arguments: &[OsString]) -> ExitCode {
    let cli = match parse(arguments) {
        Ok(cli) => cli,
        Err(ParseError::Usage(error)) => {
            // Nothing can be done when there is nowhere to print to.
            let _ = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
        }
        Err(error) => {
            eprintln!("error: {error}");
            return ExitCode::from(2);
        }
    };
    // Which provider of cryptography TLS uses is a choice of the whole process; a second choice changes nothing.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let is_server = matches!(cli.command, None | Some(Command::Serve | Command::Demo));
    log_as_set(&cli.settings, is_server);
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return failed(&error.into()),
    };
    match runtime.block_on(execute(cli)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failed(&error),
    }
}

fn parse(arguments: &[OsString]) -> Result<Cli, ParseError> {
    let (matches, origins) = settings::parse(Cli::command(), arguments)?;
    let mut cli = Cli::from_arg_matches(&matches)?;
    cli.settings.origins = origins;
    Ok(cli)
}

async fn execute(Cli { mut settings, command }: Cli) -> anyhow::Result<()> {
    match command.unwrap_or(Command::Serve) {
        Command::Serve => serve::run(settings).await,
        Command::Demo => {
            settings.demo = true;
            serve::run(settings).await
        }
        Command::Migrate => database::migrate(&settings).await,
        Command::Token(TokenCommand::Create { name, server }) => {
            database::create_token(&settings, &server, &name).await
        }
        Command::Token(TokenCommand::Link) => database::create_link(&settings).await,
        Command::Definition(DefinitionCommand::Example { name }) => definition::example(name.as_deref()),
        Command::Definition(DefinitionCommand::Test { files }) => definition::test(&files),
        Command::Definition(DefinitionCommand::Apply { files, note, force, server }) => {
            definition::apply(&server, &files, note.as_deref(), force).await
        }
        Command::Definition(DefinitionCommand::Export(arguments)) => exchange::export(arguments).await,
        Command::Definition(DefinitionCommand::Import(arguments)) => exchange::import(arguments).await,
        Command::Definition(DefinitionCommand::Migrate(arguments)) => migration::run(arguments).await,
        Command::Start(arguments) => start::run(arguments).await,
        Command::Instance(command) => instance::run(command).await,
        Command::Batch(command) => batch::run(command).await,
        Command::Task(command) => task::run(command).await,
        Command::Nodes(arguments) => nodes::run(arguments).await,
        Command::Retry(arguments) => retry::run(arguments).await,
        Command::Log(command) => log::run(&settings, command).await,
        Command::Bench(arguments) => bench::run(arguments).await,
    }
}

fn failed(error: &anyhow::Error) -> ExitCode {
    eprintln!("error: {}", whole(error));
    ExitCode::FAILURE
}

/// An error with its causes. Many errors say their cause in their own text, and that is enough.
fn whole(error: &anyhow::Error) -> String {
    let mut text = String::new();
    for cause in error.chain().map(ToString::to_string).filter(|cause| !cause.is_empty()) {
        if !text.contains(cause.trim_end_matches('.')) {
            text = if text.is_empty() { cause } else { format!("{text}: {cause}") };
        }
    }
    text
}

/// Commands print their own result; only a server logs what it does.
fn log_as_set(settings: &Settings, is_server: bool) {
    let filter = if is_server { settings.log.as_str() } else { "warn" };
    let filter = tracing_subscriber::EnvFilter::try_new(filter).unwrap_or_else(|error| {
        eprintln!("warning: BATON_LOG is not understood ({error}); logging at info");
        tracing_subscriber::EnvFilter::new("info")
    });
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr);
    // A second subscriber is refused; there is only one in a process that starts here.
    let _ = match settings.log_format {
        LogFormat::Text => builder.try_init(),
        LogFormat::Json => builder.json().flatten_event(true).try_init(),
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(arguments: &[&str]) -> Result<Cli, ParseError> {
        let arguments: Vec<OsString> =
            std::iter::once("baton").chain(arguments.iter().copied()).map(Into::into).collect();
        parse(&arguments)
    }

    #[test]
    fn an_error_says_each_of_its_causes_once() {
        let cause = || std::io::Error::other("no such host");
        let says_it = anyhow::Error::new(cause()).context("cannot reach the server (no such host). Is it there?");
        assert_eq!(whole(&says_it), "cannot reach the server (no such host). Is it there?");
        let does_not = anyhow::Error::new(cause()).context("cannot reach the server");
        assert_eq!(whole(&does_not), "cannot reach the server: no such host");
    }

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn settings_stand_before_or_after_the_command() {
        for arguments in [["--listen", "127.0.0.1:9", "serve"], ["serve", "--listen", "127.0.0.1:9"]] {
            assert_eq!(given(&arguments).unwrap().settings.listen.port(), 9, "{arguments:?}");
        }
        assert_eq!(given(&["demo", "--failures", "0.5"]).unwrap().settings.demo_failures, 0.5);
    }

    #[test]
    fn a_retry_of_nothing_in_particular_has_to_say_all() {
        assert!(given(&["retry"]).is_err());
        assert!(given(&["retry", "--all"]).is_ok());
        assert!(given(&["retry", "--destination", "shop", "--type", "OrderPaid"]).is_ok());
    }

    #[test]
    fn help_lists_every_setting_with_its_variable_and_default() {
        let help = Cli::command().render_long_help().to_string();
        for expected in ["BATON_LISTEN", "127.0.0.1:4400", "sqlite://baton.db", "BATON_ALLOW_PRIVATE_DESTINATIONS"] {
            assert!(help.contains(expected), "{expected} is missing:\n{help}");
        }
    }
}
