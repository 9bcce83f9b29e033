//! `baton serve` and `baton demo`: a node, with HTTP in front of it, until somebody asks it to end.

use std::{net::SocketAddr, sync::Arc};

use anyhow::{Context, anyhow, ensure};
use baton_app::model::About;
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
};
use tokio_util::sync::CancellationToken;

use crate::{
    bus, cleaner, demo,
    http::{self, Api, Foundation},
    node::{Node, Options},
    relay,
    settings::Settings,
    store::OpenOptions,
};

/// A shorter admin token can be guessed.
const ADMIN_TOKEN_CHARS_MIN: usize = 16;

pub async fn run(mut settings: Settings) -> anyhow::Result<()> {
    check_admin_token(settings.admin_token.as_deref(), settings.listen)?;
    // Before anything else: when the port is taken, nothing was touched.
    let listener = listen(settings.listen).await?;
    settings.listen = listener.local_addr()?;
    // The simulated world has its participants on this machine.
    settings.allow_private_destinations |= settings.demo;
    let settings = Arc::new(settings);

    let node = Node::start(options(&settings)?).await?;
    let shutdown = CancellationToken::new();
    let api = Api::new(Foundation {
        backend: node.service.clone(),
        store: node.store.clone(),
        changes: node.service.changes.clone(),
        settings: settings.clone(),
        shutdown: shutdown.clone(),
    });
    tokio::spawn(end_on_signal(shutdown.clone())?);
    if settings.demo {
        begin_demo(&api, &settings, shutdown.clone())?;
    }
    announce(&api, &settings).await?;

    let served = http::serve(listener, api).await.context("serving HTTP");
    shutdown.cancel();
    node.stop().await;
    served
}

/// Refuses a token that others could guess; on this machine alone it is only told.
fn check_admin_token(token: Option<&str>, listen: SocketAddr) -> anyhow::Result<()> {
    let chars = token.unwrap_or_default().chars().count();
    if chars == 0 || chars >= ADMIN_TOKEN_CHARS_MIN {
        return Ok(());
    }
    let advice = "take 16 characters or more, such as those of `openssl rand -hex 24`";
    ensure!(
        listen.ip().is_loopback(),
        "BATON_ADMIN_TOKEN has {chars} characters, and others can reach {listen} and guess it; {advice}"
    );
    tracing::warn!("BATON_ADMIN_TOKEN has {chars} characters and can be guessed; {advice}");
    Ok(())
}

async fn listen(address: SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address).await.map_err(|error| match error.kind() {
        std::io::ErrorKind::AddrInUse => anyhow!(
            "{address} is in use: another program (perhaps another baton) listens there. Stop it, or choose another \
             address with --listen or BATON_LISTEN, such as --listen 127.0.0.1:4401"
        ),
        std::io::ErrorKind::AddrNotAvailable => {
            anyhow!("{address} is not an address of this machine; choose another one with --listen or BATON_LISTEN")
        }
        std::io::ErrorKind::PermissionDenied => {
            anyhow!("this user may not listen on {address}; choose a port above 1023 with --listen or BATON_LISTEN")
        }
        _ => anyhow::Error::new(error).context(format!("cannot listen on {address}")),
    })
}

pub(super) fn store_options(settings: &Settings) -> OpenOptions {
    OpenOptions { connections_max: settings.connections_max }
}

fn options(settings: &Settings) -> anyhow::Result<Options> {
    let target = settings.bus_url.clone().map_err(|error| anyhow!("BATON_BUS_URL (--bus-url) is wrong: {error}"))?;
    let retention = settings.retention().context("the settings contradict each other")?;
    Ok(Options {
        database_url: settings.database_url.clone(),
        store: store_options(settings),
        relay: relay::Config {
            batch: settings.relay_batch,
            delete_published: settings.delete_published,
            source: settings.relay_source,
            log_slot: settings.log_slot.clone(),
            log_lag_max_bytes: settings.log_lag_max_mb * 1_000_000,
            ..relay::Config::default()
        },
        cleaner: cleaner::Config { retention, ..cleaner::Config::default() },
        allow_private: settings.allow_private_destinations,
        lease_ttl: relay::TTL,
        node_name: settings.node_name(),
        about: About {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            store: if settings.database_url.starts_with("sqlite") { "SQLite" } else { "PostgreSQL" }.to_owned(),
            bus: target.to_string(),
            bus_condition: None,
            log: None,
            node: settings.node_name(),
            settings: settings.sources(),
        },
        bus: bus::Config { target, prefix: settings.bus_prefix.clone(), subscribe: settings.bus_subscribe.clone() },
        subscribers: Vec::new(),
    })
}

/// Says where it listens and how to get in.
async fn announce(api: &Api, settings: &Settings) -> anyhow::Result<()> {
    let address = settings.address();
    println!("Baton {} listens on {address}", env!("CARGO_PKG_VERSION"));
    if !settings.listen.ip().is_loopback() && !settings.cookie_is_secure() {
        tracing::warn!(
            "others can reach {} without https; put a proxy with TLS in front and set BATON_PUBLIC_URL",
            settings.listen
        );
    }
    let has_way_in = api.access.has_way_in().await.map_err(|error| anyhow!(error.detail))?;
    if !has_way_in {
        let link = api.access.make_link().await.map_err(|error| anyhow!(error.detail))?;
        println!("Sign in with this link, once, within 24 hours: {address}/sign-in?link={link}");
    }
    Ok(())
}

/// Starts the simulated world with a token of its own.
fn begin_demo(api: &Api, settings: &Settings, shutdown: CancellationToken) -> anyhow::Result<()> {
    let token = api.access.lend_token("demo").map_err(|error| anyhow!(error.detail))?;
    let port = settings.listen.port();
    let ip = settings.listen.ip();
    let local = if ip.is_unspecified() { SocketAddr::from(([127, 0, 0, 1], port)) } else { settings.listen };
    let world = demo::World {
        baton_url: format!("http://{local}"),
        token,
        database_url: settings.database_url.clone(),
        pace: settings.demo_pace,
        failures: settings.demo_failures,
        seed: settings.demo_seed,
    };
    tokio::spawn(async move {
        if let Err(error) = demo::run(world, shutdown).await {
            tracing::error!("the demo world ended: {error:#}");
        }
    });
    Ok(())
}

/// Ends the server at the first signal, in order; at the second one, at once.
fn end_on_signal(shutdown: CancellationToken) -> std::io::Result<impl Future<Output = ()>> {
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    Ok(async move {
        tokio::select! { _ = interrupt.recv() => {}, _ = terminate.recv() => {} }
        tracing::info!("ending; a second signal ends at once");
        shutdown.cancel();
        tokio::select! { _ = interrupt.recv() => {}, _ = terminate.recv() => {} }
        std::process::exit(1);
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_admin_token_is_refused_where_others_can_try_it() {
        let (here, everywhere) = ("127.0.0.1:4400".parse().unwrap(), "0.0.0.0:4400".parse().unwrap());
        let error = check_admin_token(Some("fifteen-letters"), everywhere).unwrap_err().to_string();
        assert!(error.contains("15 characters"), "{error}");
        assert!(check_admin_token(Some("fifteen-letters"), here).is_ok());
        assert!(check_admin_token(Some("sixteen--letters"), everywhere).is_ok());
        assert!(check_admin_token(None, everywhere).is_ok());
    }
}
