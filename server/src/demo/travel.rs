//! People who travel and people who approve, over the HTTP API.

use std::time::Duration;

use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{World, dice::Dice, pause, setup::Client};

const PEOPLE: [(&str, &str); 5] =
    [("mina", "sora"), ("jonas", "sora"), ("amara", "kofi"), ("leo", "kofi"), ("yuki", "sora")];
const TRIPS: [(&str, &str); 6] =
    [("ICN", "CDG"), ("ICN", "FRA"), ("FRA", "JFK"), ("CDG", "NRT"), ("GMP", "HND"), ("LHR", "ICN")];
const HOTELS: [&str; 4] = ["Hotel Lumen", "Parkside Inn", "The Meridian", "Maison Verte"];

/// Starts a trip now and then.
pub async fn start_trips(world: &World, client: &Client, shutdown: CancellationToken) -> anyhow::Result<()> {
    let mut dice = Dice::new(world.seed ^ 0x7219);
    while pause(world.pace, &mut dice, &shutdown).await {
        let (employee, manager) = *dice.pick(&PEOPLE);
        let (from, to) = *dice.pick(&TRIPS);
        let first_hotel = dice.between(0, 2) as usize;
        let depart = chrono::Utc::now().date_naive() + chrono::Days::new(dice.between(5, 60));
        let back = depart + chrono::Days::new(dice.between(2, 9));
        let body = json!({
            "business_key": format!("{from} → {to}, {employee}, {depart}"),
            "input": {
                "employee": employee, "manager": manager, "from": from, "to": to,
                "depart": depart.to_string(), "return": back.to_string(),
                "hotels": HOTELS[first_hotel..first_hotel + 2],
            },
        });
        if let Err(error) = client.post("/processes/trip-booking/instances", &body).await {
            tracing::warn!(%error, "a trip could not be started");
        }
    }
    Ok(())
}

/// Decides open tasks: most are approved, some get another route, some are left for whoever watches.
pub async fn decide_tasks(world: &World, client: &Client, shutdown: CancellationToken) -> anyhow::Result<()> {
    let mut dice = Dice::new(world.seed ^ 0x7a5c);
    while pause(world.pace.min(Duration::from_secs(2)), &mut dice, &shutdown).await {
        let tasks = match client.get("/tasks?state=open&limit=50").await {
            Ok(tasks) => tasks,
            Err(error) => {
                tracing::warn!(%error, "the tasks cannot be read");
                continue;
            }
        };
        for task in tasks["items"].as_array().into_iter().flatten() {
            let Some(id) = task["id"].as_str().and_then(|id| id.parse::<Uuid>().ok()) else { continue };
            // Every fifth task is left for a person to decide; the others wait a while, as people do.
            let mut fate = Dice::of(world.seed, &id.to_string());
            if fate.chance(0.2) || !dice.chance(0.4) {
                continue;
            }
            let body = decision(&mut fate, client, id).await;
            // Somebody at a screen may have been faster.
            if let Ok(body) = body
                && let Err(error) = client.post(&format!("/tasks/{id}/complete"), &body).await
            {
                tracing::debug!(%error, %id, "a task was decided by somebody else");
            }
        }
    }
    Ok(())
}

async fn decision(fate: &mut Dice, client: &Client, id: Uuid) -> anyhow::Result<Value> {
    let task = client.get(&format!("/tasks/{id}")).await?;
    let offers = |name: &str| task["outcomes"].as_array().into_iter().flatten().any(|outcome| outcome["name"] == name);
    if offers("other-route") && fate.chance(0.35) {
        let quotes = task["variables"]["quotes"].as_array().cloned().unwrap_or_default();
        if !quotes.is_empty() {
            let route = fate.pick(&quotes).clone();
            return Ok(json!({"outcome": "other-route", "data": {"code": route["code"]}}));
        }
    }
    if offers("reject") && fate.chance(0.15) {
        return Ok(json!({"outcome": "reject", "data": {"reason": "Please take the cheapest one this time."}}));
    }
    let first = task["outcomes"][0]["name"].as_str().unwrap_or("approve").to_owned();
    Ok(json!({"outcome": if offers("approve") { "approve".to_owned() } else { first }}))
}
