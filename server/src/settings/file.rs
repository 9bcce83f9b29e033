//! The settings file, and the one pass that reads flags, environment and file.
//!
//! The file's values become the defaults of the flags before the command line is parsed, so all three go through the
//! same checks and clap decides which one wins.

use std::{
    collections::BTreeMap,
    ffi::OsString,
    fs, io,
    path::{Path, PathBuf},
};

use clap::{ArgMatches, Args, Command, parser::ValueSource};

use super::{Origin, Origins, Settings};

/// Why a command line was not understood. Ends the program with exit code 2 (0 for `--help`).
#[derive(Debug, thiserror::Error)]
pub enum ParseError {
    #[error(transparent)]
    Usage(#[from] clap::Error),
    #[error("the settings file {} cannot be read: {source}", path.display())]
    Unreadable { path: PathBuf, source: io::Error },
    #[error("the settings file {} is not valid TOML: {source}", path.display())]
    Toml { path: PathBuf, source: Box<toml::de::Error> },
    #[error("the settings file {} has `{key}`, which is not a setting; known are {known}", path.display())]
    UnknownKey { path: PathBuf, key: String, known: String },
    #[error("the settings file {} has a value for `{key}` that is not valid: {why}", path.display())]
    BadValue { path: PathBuf, key: String, why: String },
}

/// Parses `arguments` (the program's name first) for `command`, with the settings file in its place, and returns the
/// matches and where each setting came from.
pub fn parse(mut command: Command, arguments: &[OsString]) -> Result<(ArgMatches, Origins), ParseError> {
    let names = names();
    let (path, required) = file_named(arguments);
    let in_file = read(&path, required, &names)?;
    for (key, value) in &in_file {
        check(key, value).map_err(|why| ParseError::BadValue { path: path.clone(), key: key.clone(), why })?;
        // A handful of short texts, once per process: clap wants them for ever.
        let value: &'static str = value.clone().leak();
        command = command.mut_arg(key, |arg| arg.default_value(value));
    }
    let matches = command.try_get_matches_from(arguments)?;
    let origins = names
        .into_iter()
        .map(|name| {
            let origin = match matches.value_source(name) {
                Some(ValueSource::CommandLine) => Origin::Flag,
                Some(ValueSource::EnvVariable) => Origin::Environment,
                _ if in_file.contains_key(name) => Origin::File,
                _ => Origin::Default,
            };
            (name, origin)
        })
        .collect();
    Ok((matches, origins))
}

/// The names of all settings, in the order of `--help`.
pub(super) fn names() -> Vec<&'static str> {
    Settings::augment_args(Command::new("baton"))
        .get_arguments()
        .map(|argument| &*argument.get_id().as_str().to_owned().leak())
        .collect()
}

/// The file to read, and whether somebody named it (then it has to be there).
fn file_named(arguments: &[OsString]) -> (PathBuf, bool) {
    let mut arguments = arguments.iter().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.to_str() {
            Some("--") => break,
            Some("--config") => {
                if let Some(path) = arguments.next() {
                    return (path.into(), true);
                }
            }
            Some(text) => {
                if let Some(path) = text.strip_prefix("--config=") {
                    return (path.into(), true);
                }
            }
            None => {}
        }
    }
    match std::env::var_os("BATON_CONFIG") {
        Some(path) if !path.is_empty() => (path.into(), true),
        _ => ("baton.toml".into(), false),
    }
}

fn read(path: &Path, required: bool, names: &[&str]) -> Result<BTreeMap<String, String>, ParseError> {
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound && !required => return Ok(BTreeMap::new()),
        Err(source) => return Err(ParseError::Unreadable { path: path.to_owned(), source }),
    };
    let table: toml::Table =
        text.parse().map_err(|source| ParseError::Toml { path: path.to_owned(), source: Box::new(source) })?;
    let mut values = BTreeMap::new();
    for (key, value) in table {
        if !names.contains(&key.as_str()) || key == "config" {
            let known = names.iter().filter(|name| **name != "config").copied().collect::<Vec<_>>().join(", ");
            return Err(ParseError::UnknownKey { path: path.to_owned(), key, known });
        }
        let value = plain(&value).ok_or_else(|| ParseError::BadValue {
            path: path.to_owned(),
            key: key.clone(),
            why: "expected a text, a whole number, true or false, or a list of texts".to_owned(),
        })?;
        values.insert(key, value);
    }
    Ok(values)
}

fn plain(value: &toml::Value) -> Option<String> {
    match value {
        toml::Value::String(text) => Some(text.clone()),
        toml::Value::Integer(number) => Some(number.to_string()),
        toml::Value::Boolean(flag) => Some(flag.to_string()),
        toml::Value::Array(items) => {
            items.iter().map(|item| item.as_str()).collect::<Option<Vec<_>>>().map(|items| items.join(","))
        }
        _ => None,
    }
}

/// Checks one value from the file alone, so that the error can name the file.
fn check(key: &str, value: &str) -> Result<(), String> {
    let flag = format!("--{}={value}", key.replace('_', "-"));
    let alone = Settings::augment_args(Command::new("baton")).mut_args(|argument| argument.env(None::<&str>));
    alone.try_get_matches_from(["baton", &flag]).map(|_| ()).map_err(|error| {
        let text = error.to_string();
        text.lines().next().unwrap_or_default().trim_start_matches("error: ").to_owned()
    })
}
