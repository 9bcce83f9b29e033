//! A small simulated world around Baton: campaigns and ad publishing; orders, stock, payments and shipping; flights,
//! hotels, employees and managers.
//!
//! It talks to Baton only the way real participants do: campaigns and orders insert into the outbox with plain SQL, in the
//! transaction that changes their own table; the others are HTTP endpoints that receive commands and answer with
//! CloudEvents; people start trips and decide tasks over the HTTP API. Nothing here reaches into the server.
//!
//! - [`participants`]: the endpoints that receive commands
//! - [`campaigns`], [`orders`]: applications with tables of their own ([`database`]) and an outbox
//! - [`travel`]: people who travel and people who approve
//! - [`setup`]: destinations, routes and definitions that the world needs

mod campaigns;
mod database;
mod dice;
mod orders;
mod participants;
mod setup;
mod travel;

use std::time::Duration;

use anyhow::Context as _;
use tokio_util::sync::CancellationToken;

/// How the world behaves.
#[derive(Debug, Clone)]
pub struct World {
    /// Where Baton listens, such as `http://127.0.0.1:4400`.
    pub baton_url: String,
    /// A bearer token for its API.
    pub token: String,
    /// The database that campaigns and orders share with Baton.
    pub database_url: String,
    /// The mean time between two new campaigns, two new orders, and two new trips.
    pub pace: Duration,
    /// The probability (0 to 1) that a participant fails for the moment; refusals and lasting failures follow from it.
    pub failures: f64,
    /// Seeds every choice, so that a run can be repeated.
    pub seed: u64,
}

/// Sets the world up and runs it until `shutdown`.
pub async fn run(world: World, shutdown: CancellationToken) -> anyhow::Result<()> {
    let client = setup::Client::new(&world)?;
    let participants = participants::start(&world, shutdown.clone()).await.context("starting the participants")?;
    setup::apply(&client, &participants).await.context("setting up destinations, routes and definitions")?;
    tracing::info!(participants = %participants, "the demo world runs");
    tokio::try_join!(
        campaigns::run(&world, shutdown.clone()),
        orders::run(&world, shutdown.clone()),
        travel::start_trips(&world, &client, shutdown.clone()),
        travel::decide_tasks(&world, &client, shutdown.clone()),
    )?;
    Ok(())
}

/// Waits about `mean` (half to one and a half of it); returns `false` when it is time to stop.
async fn pause(mean: Duration, dice: &mut dice::Dice, shutdown: &CancellationToken) -> bool {
    let wait = mean.mul_f64(0.5 + dice.fraction());
    tokio::select! {
        () = shutdown.cancelled() => false,
        () = tokio::time::sleep(wait) => true,
    }
}
