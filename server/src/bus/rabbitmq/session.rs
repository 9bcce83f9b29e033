//! One connection to RabbitMQ with a channel in confirm mode, from its beginning to the first thing that goes wrong.

use std::time::Duration;

use lapin::{
    Channel, Connection, ConnectionProperties, Error, ErrorKind, ExchangeKind,
    options::{ConfirmSelectOptions, ExchangeDeclareOptions},
    types::FieldTable,
    uri::{AMQPAuthority, AMQPQueryString, AMQPScheme, AMQPUri, AMQPUserInfo},
};

use crate::{
    bus::{target::BusTarget, unavailable},
    store::rows::Failure,
};

const CONNECT_WITHIN: Duration = Duration::from_secs(5);
/// A connection that says nothing is given up after two of these.
const HEARTBEAT_S: u16 = 10;

pub struct Session {
    connection: Connection,
    pub channel: Channel,
}

impl Session {
    /// Connects, and makes the exchange when it is not there.
    pub async fn open(target: &BusTarget, exchange: &str) -> Result<Self, Failure> {
        let connection = connect(target).await?;
        let channel = connection.create_channel().await.map_err(|error| classify(&error))?;
        let durable = ExchangeDeclareOptions { durable: true, ..ExchangeDeclareOptions::default() };
        let declared = channel.exchange_declare(exchange.into(), ExchangeKind::Topic, durable, FieldTable::default());
        declared.await.map_err(|error| match said(&error) {
            Some((406, text)) => unavailable(format!(
                "RabbitMQ has an exchange `{exchange}` that is no durable topic exchange ({text}). Delete it, or set \
                 another BATON_BUS_PREFIX."
            )),
            Some((403, text)) => unavailable(format!(
                "RabbitMQ does not let this user declare the exchange `{exchange}` ({text}). Give it the permissions \
                 configure and write for it."
            )),
            _ => classify(&error),
        })?;
        channel.confirm_select(ConfirmSelectOptions::default()).await.map_err(|error| classify(&error))?;
        Ok(Self { connection, channel })
    }

    pub fn works(&self) -> bool {
        self.connection.status().connected() && self.channel.status().connected()
    }

    /// Whether the broker takes messages now.
    pub fn check(&self) -> Result<(), Failure> {
        if self.connection.status().blocked() {
            return Err(unavailable(
                "RabbitMQ takes nothing now: its memory or its disk is nearly full. Make room there; publishing goes on by \
                 itself.",
            ));
        }
        Ok(())
    }
}

/// A connection to the first host that answers.
pub async fn connect(target: &BusTarget) -> Result<Connection, Failure> {
    let mut last = unavailable("BATON_BUS_URL names no host.");
    for host in &target.hosts {
        let options = ConnectionProperties::default().with_connection_name("baton".into());
        match tokio::time::timeout(CONNECT_WITHIN, Connection::connect_uri(uri(target, host), options)).await {
            Ok(Ok(connection)) => return Ok(connection),
            Ok(Err(error)) => last = about_connecting(host, &error),
            Err(_) => last = unavailable(format!("RabbitMQ at {host} cannot be reached: it does not answer in time.")),
        }
    }
    Err(last)
}

fn uri(target: &BusTarget, host: &str) -> AMQPUri {
    let (name, port) = host.rsplit_once(':').unwrap_or((host, "5672"));
    let guest = || "guest".to_owned();
    AMQPUri {
        scheme: if target.tls { AMQPScheme::AMQPS } else { AMQPScheme::AMQP },
        authority: AMQPAuthority {
            userinfo: AMQPUserInfo {
                username: target.user.clone().unwrap_or_else(guest),
                password: target.password.clone().unwrap_or_else(guest),
            },
            host: name.to_owned(),
            port: port.parse().unwrap_or(5672),
        },
        vhost: target.vhost.clone(),
        query: AMQPQueryString { heartbeat: Some(HEARTBEAT_S), ..AMQPQueryString::default() },
    }
}

fn about_connecting(host: &str, error: &Error) -> Failure {
    unavailable(match said(error) {
        Some((403, _)) => {
            format!("RabbitMQ at {host} does not let us in. Check user, password and virtual host in BATON_BUS_URL.")
        }
        Some((530, text)) => format!("RabbitMQ at {host} refuses the virtual host of BATON_BUS_URL: {text}."),
        _ => format!("RabbitMQ at {host} cannot be reached ({error}). Is it running, and is the address right?"),
    })
}

/// What the broker itself said: AMQP's reply code and its text.
pub fn said(error: &Error) -> Option<(u16, String)> {
    match error.kind() {
        ErrorKind::ProtocolError(said) => Some((said.get_id(), said.get_message().to_string())),
        _ => None,
    }
}

/// What an error of the connection or the channel means for whoever publishes.
pub fn classify(error: &Error) -> Failure {
    unavailable(match said(error) {
        Some((403, text)) => format!("RabbitMQ does not allow it: {text}. Give this user the permission it names."),
        Some((404, text)) => format!("RabbitMQ does not have it any more: {text}. It is made again."),
        Some((_, text)) => format!("RabbitMQ refuses: {text}."),
        None => format!("The connection to RabbitMQ broke: {error}."),
    })
}

/// What the broker says when it does not let this user publish a message.
pub fn not_allowed(error: &Error) -> Option<String> {
    said(error).filter(|(code, _)| *code == 403).map(|(_, text)| text)
}

/// The largest body that the broker takes, when that is what it complains about: `message size 11534336 is larger than
/// configured max size 1048576`.
pub fn too_large(error: &Error) -> Option<usize> {
    let (code, text) = said(error)?;
    if code != 406 || !text.contains("message size") {
        return None;
    }
    text.split(|c: char| !c.is_ascii_digit())
        .filter_map(|digits| digits.parse().ok())
        .min_by_key(|bytes: &usize| *bytes)
}
