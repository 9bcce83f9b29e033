//! The endpoints that receive commands: flights, hotels, ad publishing, campaigns, stock, payments
//! and shipping.
//!
//! Each is one small HTTP handler, as a participant is meant to be: a CloudEvent comes in, a CloudEvent goes back.
//! They remember which commands they have seen and give the same answer again, because delivery is at least once.

use std::{
    collections::HashMap,
    fmt,
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use axum::{
    Json, Router,
    extract::{Path, State},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::post,
};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{World, dice::Dice};

/// How many answers are remembered before the oldest knowledge is dropped.
const MEMORY_MAX: usize = 20_000;

/// Where the participants listen.
#[derive(Debug, Clone, Copy)]
pub struct Participants {
    pub address: SocketAddr,
}

impl fmt::Display for Participants {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "http://{}", self.address)
    }
}

/// The aggregate types that commands are sent to; each is a path of the endpoint.
pub const NAMES: [&str; 7] = ["flights", "hotels", "ad-publishing", "campaign", "stock", "payments", "shipping"];

struct Memory {
    seed: u64,
    failures: f64,
    answers: Mutex<HashMap<String, Value>>,
    calls: Mutex<Dice>,
}

pub async fn start(world: &World, shutdown: CancellationToken) -> std::io::Result<Participants> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let memory = Arc::new(Memory {
        seed: world.seed,
        failures: world.failures,
        answers: Mutex::default(),
        calls: Mutex::new(Dice::new(world.seed ^ 0xca11)),
    });
    let router = Router::new().route("/{participant}", post(receive)).with_state(memory);
    tokio::spawn(async move {
        let serve = axum::serve(listener, router).with_graceful_shutdown(shutdown.cancelled_owned());
        if let Err(error) = serve.await {
            tracing::error!(%error, "the participants stopped");
        }
    });
    Ok(Participants { address })
}

async fn receive(
    State(memory): State<Arc<Memory>>,
    Path(participant): Path<String>,
    Json(command): Json<Value>,
) -> Response {
    let text = |name: &str| command[name].as_str().unwrap_or_default().to_owned();
    let (id, message_type, key) = (text("id"), text("type"), text("aggregateid"));
    let (wait_ms, fails) = {
        let mut calls = memory.calls.lock().unwrap_or_else(PoisonError::into_inner);
        (calls.between(5, 60), calls.chance(memory.failures))
    };
    tokio::time::sleep(Duration::from_millis(wait_ms)).await;
    if fails {
        return (StatusCode::SERVICE_UNAVAILABLE, format!("{participant} is overloaded for the moment"))
            .into_response();
    }
    // A few keys are cursed: whatever is sent for them fails until somebody gives up.
    if participant == "ad-publishing" && Dice::of(memory.seed, &key).chance(memory.failures / 4.0) {
        return (StatusCode::UNPROCESSABLE_ENTITY, format!("no ad account is linked to campaign {key}"))
            .into_response();
    }
    let known = memory.answers.lock().unwrap_or_else(PoisonError::into_inner).get(&id).cloned();
    let answer = known.or_else(|| {
        let (event, payload) = answer(&memory, &message_type, &key, &command["data"])?;
        Some(json!({
            "specversion": "1.0",
            "id": Uuid::new_v5(&Uuid::NAMESPACE_OID, format!("{id}/{event}").as_bytes()),
            "source": format!("/demo/{participant}"),
            "type": event,
            "subject": format!("{participant}/{key}"),
            "aggregatetype": participant,
            "aggregateid": key,
            "causationid": id,
            "correlationid": command["correlationid"],
            "datacontenttype": "application/json",
            "data": payload,
        }))
    });
    let Some(answer) = answer else {
        return StatusCode::NO_CONTENT.into_response();
    };
    let mut answers = memory.answers.lock().unwrap_or_else(PoisonError::into_inner);
    if answers.len() >= MEMORY_MAX {
        answers.clear();
    }
    answers.insert(id, answer.clone());
    ([(header::CONTENT_TYPE, "application/cloudevents+json")], answer.to_string()).into_response()
}

/// What a participant answers to a command: an event's type and payload, or nothing.
fn answer(memory: &Memory, message_type: &str, key: &str, data: &Value) -> Option<(&'static str, Value)> {
    // Whoever asks what became of a command gets the answer to that command.
    let message_type = message_type.strip_prefix("Query").unwrap_or(message_type);
    // The fate of a command depends on its key and type alone, so that a repeated one gets the same answer.
    let mut dice = Dice::of(memory.seed, &format!("{message_type}/{key}"));
    let refusal = memory.failures * 2.0;
    Some(match message_type {
        "RequestQuotes" if dice.chance(refusal / 8.0) => ("NoFlights", json!({"reason": "no seats on these dates"})),
        // A participant with a defect: a quote without a price leaves the process stuck, for somebody to look at.
        "RequestQuotes" if dice.chance(refusal / 10.0) => {
            ("QuotesReceived", json!({"quotes": [{"code": "XX404", "carrier": "Unknown Air"}]}))
        }
        "RequestQuotes" => ("QuotesReceived", json!({"quotes": quotes(&mut dice, data)})),
        "BookFlight" if dice.chance(refusal / 6.0) => ("FlightRefused", json!({"reason": "the fare is sold out"})),
        "BookFlight" => ("FlightBooked", json!({"pnr": code(&mut dice, 6)})),
        "BookHotel" if dice.chance(refusal) => ("NoHotelFree", json!({"reason": "fully booked for these nights"})),
        "BookHotel" => {
            let hotel = data["hotel"].as_str().map(str::to_owned).or_else(|| {
                data["hotels"].as_array().and_then(|hotels| hotels.first()).and_then(Value::as_str).map(str::to_owned)
            });
            ("HotelBooked", json!({"hotel": hotel, "confirmation": code(&mut dice, 8)}))
        }
        "CancelFlight" => ("FlightCancelled", json!({"refund": dice.between(50, 400)})),
        "SubmitAdvertisement" if dice.chance(refusal / 2.0) => {
            ("PublishingRejected", json!({"campaign_id": key, "reason": "the image has too much text"}))
        }
        "SubmitAdvertisement" => ("PublishingConfirmed", json!({"campaign_id": key, "ad_id": code(&mut dice, 10)})),
        "ReserveStock" if dice.chance(refusal / 2.0) => {
            ("OutOfStock", json!({"order_id": key, "sku": data["items"][0]["sku"]}))
        }
        "ReserveStock" => ("StockReserved", json!({"order_id": key, "shelf": dice.between(1, 40)})),
        "ReleaseStock" => ("StockReleased", json!({"order_id": key})),
        "ChargePayment" if dice.chance(refusal / 2.0) => {
            ("PaymentDeclined", json!({"order_id": key, "reason": "no cover"}))
        }
        "ChargePayment" => ("PaymentCharged", json!({"order_id": key, "payment_id": code(&mut dice, 8)})),
        "RefundPayment" if dice.chance(refusal) => {
            ("RefundRefused", json!({"order_id": key, "reason": "the card is closed"}))
        }
        "RefundPayment" => ("PaymentRefunded", json!({"order_id": key})),
        "ShipOrder" if dice.chance(refusal) => {
            ("ShipmentRefused", json!({"order_id": key, "reason": "no carrier takes it"}))
        }
        "ShipOrder" => ("OrderShipped", json!({"order_id": key, "parcel": code(&mut dice, 12)})),
        // A campaign only takes notice.
        _ => return None,
    })
}

fn quotes(dice: &mut Dice, data: &Value) -> Vec<Value> {
    let carriers = [("KE", "Korean Air"), ("AF", "Air France"), ("LH", "Lufthansa"), ("OZ", "Asiana")];
    let day = data["on"].as_str().or_else(|| data["depart"].as_str()).unwrap_or("2026-12-01").to_owned();
    (0..dice.between(2, 5))
        .map(|_| {
            let (code, carrier) = *dice.pick(&carriers);
            json!({
                "code": format!("{code}{}", dice.between(100, 999)),
                "carrier": carrier,
                "price": dice.between(420, 1650),
                "departs": format!("{day}T{:02}:{:02}:00Z", dice.between(6, 22), dice.between(0, 11) * 5),
            })
        })
        .collect()
}

fn code(dice: &mut Dice, length: usize) -> String {
    const LETTERS: &[u8] = b"ABCDEFGHJKLMNPQRSTUVWXYZ23456789";
    (0..length).map(|_| char::from(*dice.pick(LETTERS))).collect()
}
