//! An application that activates campaigns.

use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::{
    World,
    database::{Change, Table},
    dice::Dice,
    pause,
};

const TITLES: [&str; 6] =
    ["Spring sale", "Night flights", "City breaks", "Back to school", "First snow", "Last minute"];

struct Campaign {
    id: String,
    title: &'static str,
    budget: i64,
    activations: u32,
}

pub async fn run(world: &World, shutdown: CancellationToken) -> anyhow::Result<()> {
    let mut dice = Dice::new(world.seed ^ 0xcab);
    let mut table = Table::open(&world.database_url, "campaign").await?;
    let mut last: Option<Campaign> = None;
    while pause(world.pace, &mut dice, &shutdown).await {
        // Now and then the same campaign is activated again, so that one key has several messages.
        let campaign = match last.take() {
            Some(again) if dice.chance(0.3) => Campaign { activations: again.activations + 1, ..again },
            _ => Campaign {
                id: format!("c-{:05x}", dice.next() & 0xf_ffff),
                title: dice.pick::<&'static str>(&TITLES),
                budget: dice.between(5, 90) as i64 * 100,
                activations: 1,
            },
        };
        let Campaign { id, title, budget, activations } = &campaign;
        let change = Change {
            id,
            document: &json!({"title": title, "budget": budget, "activations": activations}),
            event: "CampaignActivated",
            source: "marketing",
            payload: &json!({"campaign_id": id, "title": title, "budget": budget}),
        };
        table.commit(&change).await;
        last = Some(campaign);
    }
    Ok(())
}
