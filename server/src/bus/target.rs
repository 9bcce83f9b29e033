//! Which bus, and where: `BATON_BUS_URL`, read once. Its password never leaves this file but for the client.

use std::fmt;

use url::Url;

/// What stands in place of a secret.
const MASK: &str = "••••••";
const EXPECTED: &str = "expected memory:, nats://HOST:PORT, amqp://USER:PASSWORD@HOST:PORT/VHOST, amqps://… or \
                        kafka://HOST:PORT; several hosts are separated by commas";

/// The kinds of buses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BusKind {
    /// Inside this process, nothing beside it.
    Memory,
    Nats,
    RabbitMq,
    Kafka,
}

/// A bus and how to get in.
#[derive(Clone, PartialEq, Eq)]
pub struct BusTarget {
    pub kind: BusKind,
    /// RabbitMQ over TLS (`amqps`).
    pub tls: bool,
    /// Without a password this is NATS's token, and as secret.
    pub user: Option<String>,
    pub password: Option<String>,
    /// `host:port`; never empty but for [`BusKind::Memory`].
    pub hosts: Vec<String>,
    /// RabbitMQ's virtual host.
    pub vhost: String,
}

impl BusTarget {
    pub fn memory() -> Self {
        Self { kind: BusKind::Memory, tls: false, user: None, password: None, hosts: Vec::new(), vhost: "/".to_owned() }
    }

    /// Reads an address; the error says what was expected and shows no part of what was given.
    pub fn parse(text: &str) -> Result<Self, String> {
        if matches!(text, "memory:" | "memory") {
            return Ok(Self::memory());
        }
        let (scheme, rest) = text.split_once("://").ok_or(EXPECTED)?;
        let (kind, tls, port) = match scheme {
            "nats" => (BusKind::Nats, false, 4222),
            "amqp" => (BusKind::RabbitMq, false, 5672),
            "amqps" => (BusKind::RabbitMq, true, 5671),
            "kafka" => (BusKind::Kafka, false, 9092),
            _ => return Err(EXPECTED.to_owned()),
        };
        let (credentials, rest) = match rest.rsplit_once('@') {
            Some((credentials, rest)) => (Some(credentials), rest),
            None => (None, rest),
        };
        let (hosts, path) = rest.split_once('/').unwrap_or((rest, ""));
        let decoded =
            |text: &str| decode(text).ok_or("the name and the password in the address must be percent-encoded");
        let (user, password) = match credentials.map(|credentials| credentials.split_once(':').ok_or(credentials)) {
            None => (None, None),
            Some(Ok((user, password))) => (Some(decoded(user)?), Some(decoded(password)?)),
            Some(Err(user)) => (Some(decoded(user)?), None),
        };
        let hosts = hosts.split(',').map(|host| with_port(host, port)).collect::<Result<Vec<_>, _>>()?;
        if kind != BusKind::RabbitMq && !path.is_empty() {
            return Err("the address has a path, which only amqp:// has (the virtual host)".to_owned());
        }
        let vhost = if path.is_empty() { "/".to_owned() } else { decoded(path)? };
        Ok(Self { kind, tls, user, password, hosts, vhost })
    }

    /// The hosts, for people.
    pub fn hosts(&self) -> String {
        self.hosts.join(", ")
    }
}

/// The address as people may see it.
impl fmt::Display for BusTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = match self.kind {
            BusKind::Memory => return f.write_str("memory:"),
            BusKind::Nats => "nats",
            BusKind::RabbitMq if self.tls => "amqps",
            BusKind::RabbitMq => "amqp",
            BusKind::Kafka => "kafka",
        };
        write!(f, "{scheme}://")?;
        match (&self.user, &self.password) {
            (Some(user), Some(_)) => write!(f, "{user}:{MASK}@")?,
            (Some(_), None) => write!(f, "{MASK}@")?,
            (None, _) => {}
        }
        f.write_str(&self.hosts.join(","))?;
        if self.vhost != "/" { write!(f, "/{}", self.vhost) } else { Ok(()) }
    }
}

impl fmt::Debug for BusTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BusTarget({self})")
    }
}

fn with_port(host: &str, port: u16) -> Result<String, String> {
    let wrong = || "a host of the address is not HOST or HOST:PORT".to_owned();
    // A scheme of no known port, so that none is left out.
    let url = Url::parse(&format!("bus://{host}")).map_err(|_| wrong())?;
    let name = url.host_str().filter(|name| !name.is_empty()).ok_or_else(wrong)?;
    if !matches!(url.path(), "" | "/") || url.query().is_some() || url.fragment().is_some() {
        return Err(wrong());
    }
    Ok(format!("{name}:{}", url.port().unwrap_or(port)))
}

fn decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => {
                let digit = |byte: u8| char::from(byte).to_digit(16);
                let (high, low) = (digit(rest.next()?)?, digit(rest.next()?)?);
                u8::try_from(high * 16 + low).ok()?
            }
            other => other,
        });
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn shown(text: &str) -> String {
        BusTarget::parse(text).map_or_else(|error| error, |target| target.to_string())
    }

    #[test]
    fn addresses_are_read_and_shown_without_secrets() {
        assert_eq!(shown("memory:"), "memory:");
        assert_eq!(shown("nats://localhost"), "nats://localhost:4222");
        assert_eq!(shown("nats://a:1,b:2"), "nats://a:1,b:2");
        assert_eq!(shown("nats://t0ken@a:1"), "nats://••••••@a:1");
        assert_eq!(shown("amqp://me:p%40ss@mq/shop"), "amqp://me:••••••@mq:5672/shop");
        assert_eq!(shown("amqps://mq"), "amqps://mq:5671");
        assert_eq!(shown("kafka://k1:9093,k2"), "kafka://k1:9093,k2:9092");
        assert_eq!(BusTarget::parse("amqp://me:p%40s%3As@mq").unwrap().password.as_deref(), Some("p@s:s"));
        assert!(!format!("{:?}", BusTarget::parse("amqp://me:secret@mq").unwrap()).contains("secret"));
    }

    #[test]
    fn what_is_no_address_is_refused_without_being_repeated() {
        for wrong in
            ["redis://x", "nats", "nats://", "nats://u:secret@", "nats://u:secret%zz@h", "kafka://u:secret@h/p"]
        {
            let error = BusTarget::parse(wrong).unwrap_err();
            assert!(!error.contains("secret"), "{error}");
        }
    }
}
