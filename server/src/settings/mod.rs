//! Settings: flag, then environment (`BATON_…`), then `baton.toml`, then default.
//!
//! Every setting is one field of [`Settings`]: its flag, variable and key in the file have the same name, so `--help`
//! is the whole reference. Nothing here opens or connects to anything. What to read next: [`file`] for how the file
//! takes its place between the environment and the defaults.

mod file;
mod value;

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use clap::{ArgAction, Args, ValueEnum, builder::BoolishValueParser};
pub use file::{ParseError, parse};
use url::Url;

use crate::{
    bus::BusTarget,
    relay::SourceMode,
    retention::{Contradiction, Days, Retention},
};

/// What stands in place of a secret wherever settings are shown.
const MASK: &str = "••••••";

/// An address with a mistake in it is judged where it is used when it may hold a password: clap repeats what it refuses.
pub type BusUrl = Result<BusTarget, String>;

/// The settings in force.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Settings (flag, then environment, then baton.toml)")]
pub struct Settings {
    /// A file with settings in TOML; keys are the flags' names with underscores
    #[arg(long, env = "BATON_CONFIG", default_value = "baton.toml", global = true, value_name = "FILE")]
    pub config: PathBuf,

    /// The database: sqlite://FILE or postgres://USER:PASSWORD@HOST/NAME
    #[arg(
        long,
        env = "BATON_DATABASE_URL",
        default_value = "sqlite://baton.db",
        global = true,
        value_name = "URL",
        hide_env_values = true,
        value_parser = value::database_url
    )]
    pub database_url: String,

    /// The most connections to the database at a time
    #[arg(
        long,
        env = "BATON_CONNECTIONS_MAX",
        default_value = "10",
        global = true,
        value_name = "N",
        value_parser = clap::value_parser!(u32).range(2..=200)
    )]
    pub connections_max: u32,

    /// The address to listen on; anything but loopback is reachable by others
    #[arg(
        long,
        env = "BATON_LISTEN",
        default_value = "127.0.0.1:4400",
        global = true,
        value_name = "ADDRESS:PORT",
        value_parser = value::listen
    )]
    pub listen: SocketAddr,

    /// The address that people type, when a proxy stands in front: https://baton.example.com
    #[arg(long, env = "BATON_PUBLIC_URL", global = true, value_name = "URL", value_parser = value::public_url)]
    pub public_url: Option<Url>,

    /// Host names, separated by commas, by which this server may be called beside localhost
    #[arg(long, env = "BATON_HOSTS", global = true, value_name = "NAMES", value_delimiter = ',')]
    pub hosts: Vec<String>,

    /// Where messages are published: memory:, nats://HOST:PORT, amqp://USER:PASSWORD@HOST:PORT/VHOST, kafka://HOST:PORT
    #[arg(
        long,
        env = "BATON_BUS_URL",
        default_value = "memory:",
        global = true,
        value_name = "URL",
        hide_env_values = true,
        value_parser = value::bus_url
    )]
    pub bus_url: BusUrl,

    /// What subjects, streams, exchanges and topics of Baton on the bus begin with
    #[arg(
        long,
        env = "BATON_BUS_PREFIX",
        default_value = "baton",
        global = true,
        value_name = "NAME",
        value_parser = value::bus_prefix
    )]
    pub bus_prefix: String,

    /// Subjects (NATS), queues (RabbitMQ) or topics (Kafka), separated by commas, to take messages in from
    #[arg(long, env = "BATON_BUS_SUBSCRIBE", global = true, value_name = "NAMES", value_delimiter = ',')]
    pub bus_subscribe: Vec<String>,

    /// Let destinations point to private and loopback addresses
    #[arg(
        long,
        env = "BATON_ALLOW_PRIVATE_DESTINATIONS",
        default_value = "false",
        default_missing_value = "true",
        num_args = 0..=1,
        require_equals = true,
        global = true,
        value_name = "BOOL",
        action = ArgAction::Set,
        value_parser = BoolishValueParser::new()
    )]
    pub allow_private_destinations: bool,

    /// A bearer token with every right, for the first steps and for scripts
    #[arg(long, env = "BATON_ADMIN_TOKEN", global = true, value_name = "TOKEN", hide_env_values = true)]
    pub admin_token: Option<String>,

    /// Send the session cookie over https only (implied by a public URL with https)
    #[arg(
        long,
        env = "BATON_SECURE_COOKIE",
        default_value = "false",
        default_missing_value = "true",
        num_args = 0..=1,
        require_equals = true,
        global = true,
        value_name = "BOOL",
        action = ArgAction::Set,
        value_parser = BoolishValueParser::new()
    )]
    pub secure_cookie: bool,

    /// The largest body of a request, in bytes
    #[arg(
        long,
        env = "BATON_BODY_LIMIT_BYTES",
        default_value = "8388608",
        global = true,
        value_name = "BYTES",
        value_parser = clap::value_parser!(u64).range(1_024..=268_435_456)
    )]
    pub body_limit_bytes: u64,

    /// A folder with the web assets, instead of those inside the program (or target/site)
    #[arg(long, env = "BATON_SITE_DIR", global = true, value_name = "FOLDER")]
    pub site_dir: Option<PathBuf>,

    /// How many messages the relay takes at a time
    #[arg(
        long,
        env = "BATON_RELAY_BATCH",
        default_value = "500",
        global = true,
        value_name = "N",
        value_parser = clap::value_parser!(u32).range(1..=5_000)
    )]
    pub relay_batch: u32,

    /// How the relay finds messages: by asking the outbox (poll), or by reading PostgreSQL's log (log)
    #[arg(long, env = "BATON_RELAY_SOURCE", default_value = "poll", global = true, value_enum)]
    pub relay_source: SourceMode,

    /// The replication slot from which the log is read [default: baton_ and the database's name]
    #[arg(long, env = "BATON_LOG_SLOT", global = true, value_name = "NAME", value_parser = value::slot)]
    pub log_slot: Option<String>,

    /// How far behind in the log, in MB, the relay may be before it is an alarm
    #[arg(
        long,
        env = "BATON_LOG_LAG_MAX_MB",
        default_value = "1000",
        global = true,
        value_name = "MB",
        value_parser = clap::value_parser!(u64).range(1..=10_000_000)
    )]
    pub log_lag_max_mb: u64,

    /// Delete messages once they are published, instead of marking them
    #[arg(
        long,
        env = "BATON_DELETE_PUBLISHED",
        default_value = "false",
        default_missing_value = "true",
        num_args = 0..=1,
        require_equals = true,
        global = true,
        value_name = "BOOL",
        action = ArgAction::Set,
        value_parser = BoolishValueParser::new()
    )]
    pub delete_published: bool,

    /// How many days published messages are kept; 0 keeps them for ever
    #[arg(
        long,
        env = "BATON_RETENTION_DAYS",
        default_value = "30",
        global = true,
        value_name = "DAYS",
        value_parser = clap::value_parser!(u32).range(0..=36_500)
    )]
    pub retention_days: u32,

    /// How many days the attempts of ended deliveries are kept [default: as long as their message]
    #[arg(
        long,
        env = "BATON_ATTEMPT_RETENTION_DAYS",
        global = true,
        value_name = "DAYS",
        value_parser = clap::value_parser!(u32).range(0..=36_500)
    )]
    pub attempt_retention_days: Option<u32>,

    /// How many days it is known what was taken in, 7 at least or 0 [default: as long as messages, 7 at least]
    #[arg(
        long,
        env = "BATON_INBOX_RETENTION_DAYS",
        global = true,
        value_name = "DAYS",
        value_parser = value::inbox_days
    )]
    pub inbox_retention_days: Option<u32>,

    /// How many days ended instances are kept with their history [default: 30, or as long as the inbox if that is longer]
    #[arg(
        long,
        env = "BATON_INSTANCE_RETENTION_DAYS",
        global = true,
        value_name = "DAYS",
        value_parser = clap::value_parser!(u32).range(0..=36_500)
    )]
    pub instance_retention_days: Option<u32>,

    /// How many days the audit is kept, by whole months on PostgreSQL; 0 keeps it for ever
    #[arg(
        long,
        env = "BATON_AUDIT_RETENTION_DAYS",
        default_value = "365",
        global = true,
        value_name = "DAYS",
        value_parser = clap::value_parser!(u32).range(0..=36_500)
    )]
    pub audit_retention_days: u32,

    /// The name of this node among others [default: the machine and where it listens]
    #[arg(long, env = "BATON_NODE_NAME", global = true, value_name = "NAME")]
    pub node_name: Option<String>,

    /// What is logged: a level, or levels by module such as info,baton_server=debug
    #[arg(long, env = "BATON_LOG", default_value = "info", global = true, value_name = "FILTER")]
    pub log: String,

    /// How it is logged
    #[arg(long, env = "BATON_LOG_FORMAT", default_value = "text", global = true, value_enum)]
    pub log_format: LogFormat,

    /// Add a small simulated world that talks to Baton (`baton demo` does the same); allows private destinations
    #[arg(
        long,
        env = "BATON_DEMO",
        default_value = "false",
        default_missing_value = "true",
        num_args = 0..=1,
        require_equals = true,
        global = true,
        value_name = "BOOL",
        action = ArgAction::Set,
        value_parser = BoolishValueParser::new()
    )]
    pub demo: bool,

    /// How many seconds the simulated world waits between two stories, on average
    #[arg(
        long,
        visible_alias = "pace",
        env = "BATON_DEMO_PACE",
        default_value = "6",
        global = true,
        value_name = "SECONDS",
        value_parser = value::seconds
    )]
    pub demo_pace: Duration,

    /// How likely a participant of the simulated world fails, from 0 to 1
    #[arg(
        long,
        visible_alias = "failures",
        env = "BATON_DEMO_FAILURES",
        default_value = "0.1",
        global = true,
        value_name = "FRACTION",
        value_parser = value::fraction
    )]
    pub demo_failures: f64,

    /// Seeds the choices of the simulated world, so that a run can be repeated
    #[arg(long, visible_alias = "seed", env = "BATON_DEMO_SEED", default_value = "7", global = true, value_name = "N")]
    pub demo_seed: u64,

    /// Where each value came from, filled in by [`parse`].
    #[arg(skip)]
    pub origins: Origins,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    Text,
    Json,
}

/// Where each setting's value came from, in the order of `--help`.
pub type Origins = Vec<(&'static str, Origin)>;

/// Where a setting's value came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    Flag,
    Environment,
    File,
    Default,
}

impl Origin {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Flag => "flag",
            Self::Environment => "environment",
            Self::File => "file",
            Self::Default => "default",
        }
    }
}

impl Settings {
    /// The settings that nothing but defaults give, for tests and tools.
    pub fn defaults() -> Self {
        #[derive(clap::Parser)]
        struct Alone {
            #[command(flatten)]
            settings: Settings,
        }
        <Alone as clap::Parser>::try_parse_from(["baton"]).expect("every setting has a default or is optional").settings
    }

    /// Name, value (secrets masked) and origin of every setting, for the settings page.
    pub fn sources(&self) -> Vec<(String, String, String)> {
        self.origins
            .iter()
            .map(|(name, origin)| ((*name).to_owned(), self.shown(name), origin.as_str().to_owned()))
            .collect()
    }

    /// A setting's value as people may see it.
    fn shown(&self, name: &str) -> String {
        match name {
            "config" => self.config.display().to_string(),
            "database_url" => value::without_password(&self.database_url),
            "connections_max" => self.connections_max.to_string(),
            "listen" => self.listen.to_string(),
            "public_url" => self.public_url.as_ref().map(Url::to_string).unwrap_or_default(),
            "hosts" => self.hosts.join(", "),
            "bus_url" => self.bus_url.as_ref().map_or_else(|_| MASK.to_owned(), BusTarget::to_string),
            "bus_prefix" => self.bus_prefix.clone(),
            "bus_subscribe" => self.bus_subscribe.join(", "),
            "allow_private_destinations" => self.allow_private_destinations.to_string(),
            "admin_token" => self.admin_token.as_ref().map(|_| MASK.to_owned()).unwrap_or_default(),
            "secure_cookie" => self.secure_cookie.to_string(),
            "body_limit_bytes" => self.body_limit_bytes.to_string(),
            "site_dir" => self.site_dir.as_ref().map(|dir| dir.display().to_string()).unwrap_or_default(),
            "relay_batch" => self.relay_batch.to_string(),
            "relay_source" => match self.relay_source {
                SourceMode::Poll => "poll".to_owned(),
                SourceMode::Log => "log".to_owned(),
            },
            "log_slot" => self.log_slot.clone().unwrap_or_default(),
            "log_lag_max_mb" => self.log_lag_max_mb.to_string(),
            "delete_published" => self.delete_published.to_string(),
            "retention_days" => self.retention_days.to_string(),
            "attempt_retention_days" => optional(self.attempt_retention_days),
            "inbox_retention_days" => optional(self.inbox_retention_days),
            "instance_retention_days" => optional(self.instance_retention_days),
            "audit_retention_days" => self.audit_retention_days.to_string(),
            "node_name" => self.node_name(),
            "log" => self.log.clone(),
            "log_format" => match self.log_format {
                LogFormat::Text => "text".to_owned(),
                LogFormat::Json => "json".to_owned(),
            },
            "demo" => self.demo.to_string(),
            "demo_pace" => self.demo_pace.as_secs_f64().to_string(),
            "demo_failures" => self.demo_failures.to_string(),
            "demo_seed" => self.demo_seed.to_string(),
            other => unreachable!("{other} is not a setting; a test walks all of them"),
        }
    }

    /// How long what is kept; an error names two settings that cannot both be had.
    pub fn retention(&self) -> Result<Retention, Contradiction> {
        Days {
            messages: self.retention_days,
            attempts: self.attempt_retention_days,
            inbox: self.inbox_retention_days,
            instances: self.instance_retention_days,
            audit: self.audit_retention_days,
        }
        .retention()
    }

    /// The name of this node: as set, else the machine's and where it listens.
    pub fn node_name(&self) -> String {
        let set = self.node_name.clone().filter(|name| !name.is_empty());
        set.unwrap_or_else(|| crate::node::default_name(&self.listen.to_string()))
    }

    /// Whether the session cookie may travel over https only.
    pub fn cookie_is_secure(&self) -> bool {
        self.secure_cookie || self.public_url.as_ref().is_some_and(|url| url.scheme() == "https")
    }

    /// The address to print and to put into links, without a trailing slash.
    pub fn address(&self) -> String {
        match &self.public_url {
            Some(url) => url.as_str().trim_end_matches('/').to_owned(),
            None if self.listen.ip().is_unspecified() => format!("http://127.0.0.1:{}", self.listen.port()),
            None => format!("http://{}", self.listen),
        }
    }
}

fn optional(days: Option<u32>) -> String {
    days.map(|days| days.to_string()).unwrap_or_default()
}

#[cfg(test)]
mod tests;
