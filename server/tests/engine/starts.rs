//! Starting an instance: once for one key, and not at all with what breaks the rules.

use baton_app::{
    model::*,
    port::{AppError, Backend as _},
};
use serde_json::{Value, json};

use crate::fixture::{World, actor};

on_both!(starts:
    two_starts_with_one_key_are_one_instance,
    a_key_of_another_start_is_refused,
    an_input_that_breaks_the_schema_is_refused_with_its_place,
    an_unknown_definition_is_refused,
);

pub const WAITER: &str = "
baton: process/1
name: waiter
input: {type: object, additionalProperties: false, required: [n], properties: {n: {type: integer}}}
nodes:
  start: {kind: start, next: ask}
  ask:
    kind: approval
    title: Go on?
    outcomes: {yes: {next: done}, no: {next: refused}}
  done: {kind: end, outcome: completed}
  refused: {kind: end, outcome: failed}
";

pub async fn two_starts_with_one_key_are_one_instance(world: World) {
    world.publish(WAITER).await;
    let start = || world.start_with("waiter", json!({"n": 1}), Some("order-42"));
    let (a, b, c, d) = tokio::join!(start(), start(), start(), start());
    let all = [a.unwrap(), b.unwrap(), c.unwrap(), d.unwrap()];
    assert_eq!(all.iter().filter(|started| started.created).count(), 1);
    assert!(all.iter().all(|started| started.id == all[0].id));

    let later = world.start_with("waiter", json!({"n": 1}), Some("order-42")).await.unwrap();
    assert_eq!((later.id, later.created), (all[0].id, false));
    let page = world.service().instances(InstanceQuery::default()).await.unwrap();
    assert_eq!(page.items.len(), 1);
    world.stop().await;
}

pub async fn a_key_of_another_start_is_refused(world: World) {
    let source = WAITER.replace("{n: {type: integer}}", "{n: {type: number}, m: {default: 0.1}}");
    world.publish(&source).await;
    let request = |input: Value| StartRequest {
        definition: "waiter".to_owned(),
        version: None,
        input,
        business_key: Some("b".to_owned()),
        idempotency_key: Some("k".to_owned()),
    };
    // What is left out and what the schema puts in its place are the same request; a number is what it was.
    let input = json!({"n": 0.300_000_000_000_000_04_f64});
    let first = world.service().start(actor(), request(input.clone())).await.unwrap();
    assert_eq!(world.publish(&source.replace("Go on?", "Go on then?")).await, 2);
    let same = [
        request(input.clone()),
        request(json!({"n": 0.300_000_000_000_000_04_f64, "m": 0.1})),
        StartRequest { version: Some(1), ..request(input.clone()) },
    ];
    for again in same {
        let answered = world.service().start(actor(), again.clone()).await.unwrap();
        assert_eq!((answered.id, answered.created), (first.id, false), "{again:?}");
    }

    let others = [
        request(json!({"n": 0.3})),
        request(json!({"n": "no number"})),
        StartRequest { business_key: None, ..request(input.clone()) },
        StartRequest { version: Some(2), ..request(input.clone()) },
    ];
    for other in others {
        let refused = world.service().start(actor(), other.clone()).await.unwrap_err();
        let AppError::KeyReused(message) = &refused else { panic!("{other:?}: {refused:?}") };
        assert!(message.contains(&first.id.to_string()), "{message}");
    }
    let page = world.service().instances(InstanceQuery::default()).await.unwrap();
    assert_eq!(page.items.len(), 1);
    world.stop().await;
}

pub async fn an_input_that_breaks_the_schema_is_refused_with_its_place(world: World) {
    world.publish(WAITER).await;
    let refused = world.start_with("waiter", json!({"n": "one"}), None).await.unwrap_err();
    let AppError::Invalid(found) = refused else { panic!("{refused:?}") };
    assert_eq!(found[0].pointer, "/input/n");
    assert!(world.service().instances(InstanceQuery::default()).await.unwrap().items.is_empty());
    world.stop().await;
}

pub async fn an_unknown_definition_is_refused(world: World) {
    let refused = world.start_with("nowhere", json!({}), None).await.unwrap_err();
    assert!(matches!(&refused, AppError::NotFound(why) if why.contains("nowhere")), "{refused:?}");
    world.stop().await;
}
