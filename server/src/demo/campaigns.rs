//! An application that knows nothing of Baton but its outbox table: campaigns.
//!
//! Activating a campaign changes the application's own table and inserts the event into the outbox with plain SQL, in
//! one transaction of its own: that is the whole outbox pattern from the producer's side.

use sqlx::{Connection as _, PgConnection, SqliteConnection, sqlite::SqliteConnectOptions};
use tokio_util::sync::CancellationToken;

use super::{World, dice::Dice, pause};

const TITLES: [&str; 6] =
    ["Spring sale", "Night flights", "City breaks", "Back to school", "First snow", "Last minute"];

struct Campaign {
    id: String,
    title: &'static str,
    budget: i64,
}

pub async fn run(world: &World, shutdown: CancellationToken) -> anyhow::Result<()> {
    let mut dice = Dice::new(world.seed ^ 0xcab);
    let mut database = Database::connect(&world.database_url).await?;
    let mut last: Option<Campaign> = None;
    while pause(world.pace, &mut dice, &shutdown).await {
        // Now and then the same campaign is activated again, so that one key has several messages.
        let campaign = match last.take() {
            Some(again) if dice.chance(0.3) => again,
            _ => Campaign {
                id: format!("c-{:05x}", dice.next() & 0xf_ffff),
                title: dice.pick::<&'static str>(&TITLES),
                budget: dice.between(5, 90) as i64 * 100,
            },
        };
        if let Err(error) = database.activate(&campaign).await {
            tracing::warn!(%error, "a campaign could not be activated; connecting again");
            if let Ok(again) = Database::connect(&world.database_url).await {
                database = again;
            }
        }
        last = Some(campaign);
    }
    Ok(())
}

enum Database {
    Postgres(PgConnection),
    Sqlite(SqliteConnection),
}

impl Database {
    async fn connect(url: &str) -> anyhow::Result<Self> {
        Ok(if url.starts_with("postgres") {
            let mut connection = PgConnection::connect(url).await?;
            sqlx::raw_sql(
                "create schema if not exists demo;
                 create table if not exists demo.campaign (id text primary key, title text not null,
                   budget bigint not null, activations int not null)",
            )
            .execute(&mut connection)
            .await?;
            Self::Postgres(connection)
        } else {
            let options: SqliteConnectOptions = url.parse()?;
            let options = options.busy_timeout(std::time::Duration::from_secs(10));
            let mut connection = SqliteConnection::connect_with(&options).await?;
            sqlx::raw_sql(
                "create table if not exists demo_campaign (id text primary key, title text not null,
                   budget integer not null, activations integer not null)",
            )
            .execute(&mut connection)
            .await?;
            Self::Sqlite(connection)
        })
    }

    /// The state and the event, in one transaction.
    async fn activate(&mut self, campaign: &Campaign) -> sqlx::Result<()> {
        let payload =
            serde_json::json!({"campaign_id": campaign.id, "title": campaign.title, "budget": campaign.budget});
        match self {
            Self::Postgres(connection) => {
                let mut transaction = connection.begin().await?;
                sqlx::query(
                    "insert into demo.campaign values ($1, $2, $3, 1)
                     on conflict (id) do update set activations = demo.campaign.activations + 1",
                )
                .bind(&campaign.id)
                .bind(campaign.title)
                .bind(campaign.budget)
                .execute(&mut *transaction)
                .await?;
                sqlx::query(
                    "insert into baton.outbox (type, source, aggregate_type, aggregate_id, payload)
                     values ('CampaignActivated', 'marketing', 'campaign', $1, $2)",
                )
                .bind(&campaign.id)
                .bind(&payload)
                .execute(&mut *transaction)
                .await?;
                transaction.commit().await
            }
            Self::Sqlite(connection) => {
                let mut transaction = connection.begin_with("begin immediate").await?;
                sqlx::query(
                    "insert into demo_campaign values (?1, ?2, ?3, 1)
                     on conflict (id) do update set activations = activations + 1",
                )
                .bind(&campaign.id)
                .bind(campaign.title)
                .bind(campaign.budget)
                .execute(&mut *transaction)
                .await?;
                sqlx::query(
                    "insert into outbox (type, source, aggregate_type, aggregate_id, payload)
                     values ('CampaignActivated', 'marketing', 'campaign', ?1, ?2)",
                )
                .bind(&campaign.id)
                .bind(payload.to_string())
                .execute(&mut *transaction)
                .await?;
                transaction.commit().await
            }
        }
    }
}
