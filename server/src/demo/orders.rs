//! An application in which orders are placed.

use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::{
    World,
    database::{Change, Table},
    dice::Dice,
    pause,
};

const ARTICLES: [&str; 6] = ["lamp", "kettle", "rucksack", "notebook", "headphones", "umbrella"];

pub async fn run(world: &World, shutdown: CancellationToken) -> anyhow::Result<()> {
    let mut dice = Dice::new(world.seed ^ 0x0de2);
    let mut table = Table::open(&world.database_url, "customer_order").await?;
    while pause(world.pace, &mut dice, &shutdown).await {
        let id = format!("o-{:05x}", dice.next() & 0xf_ffff);
        let items: Vec<Value> = (0..dice.between(1, 3))
            .map(|_| json!({"sku": dice.pick::<&'static str>(&ARTICLES), "count": dice.between(1, 4)}))
            .collect();
        let amount = dice.between(15, 400);
        let change = Change {
            id: &id,
            document: &json!({"items": items, "amount": amount}),
            event: "OrderPlaced",
            source: "shop",
            payload: &json!({"order_id": id, "items": items, "amount": amount}),
        };
        table.commit(&change).await;
    }
    Ok(())
}
