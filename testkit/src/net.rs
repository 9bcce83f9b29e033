//! Ports on loopback.

use std::net::{Ipv4Addr, TcpListener};

use anyhow::{Context, Result};

/// A TCP port on 127.0.0.1 that was free a moment ago. Somebody else may take it before the caller binds it: whoever
/// starts a server on it has to be ready to try again with another one.
pub fn free_port() -> Result<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("bind a free port on loopback")?;
    Ok(listener.local_addr().context("read the port that was bound")?.port())
}
