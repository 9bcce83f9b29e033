use super::*;

fn at(scene: &Scene, id: &str) -> Point {
    scene.node(id).unwrap_or_else(|| panic!("{id} is not drawn")).centre()
}

#[test]
fn steps_stand_in_a_row_with_what_undoes_them_below() {
    let scene = Scene::of(&shipped("order-fulfilment"));
    let row: Vec<Point> = ["start", "reserve", "charge", "ship", "completed"].map(|id| at(&scene, id)).to_vec();
    assert!(row.windows(2).all(|pair| pair[0].0 + 150.0 < pair[1].0), "{row:?}");
    for undone in ["reserve", "charge"] {
        let (step, undo) = (at(&scene, undone), at(&scene, &format!("undo/{undone}")));
        assert!(step.0 == undo.0 && step.1 + 60.0 < undo.1, "{undone}: {step:?} {undo:?}");
    }
    assert!(scene.node("undo/ship").is_none());
    assert!(at(&scene, "compensated").0 < at(&scene, "undo/reserve").0);
    let boxes: Vec<Rect> = scene.nodes().iter().map(SceneNode::rect).collect();
    for (number, rect) in boxes.iter().enumerate() {
        assert!(!boxes[number + 1..].iter().any(|other| other.overlaps(rect)), "nothing lies on {rect:?}");
    }
}

#[test]
fn the_way_back_leads_from_right_to_left_through_what_was_done() {
    let document = shipped("order-fulfilment");
    let back = |scene: &Scene| -> Vec<String> {
        let edges = scene.edges().iter().filter(|edge| edge.role == Role::Back);
        edges.map(|edge| format!("{} {} {}", edge.shape.from, edge.shape.port, edge.shape.to)).collect()
    };
    assert_eq!(
        back(&Scene::of(&document)),
        [
            "undo/reserve back compensated",
            "reserve failed compensated",
            "undo/charge back undo/reserve",
            "charge failed undo/reserve",
            "ship failed undo/charge"
        ]
    );
    // What is not undone is passed by.
    let mut document = small();
    document.value_mut()["steps"][1]["undo"] = Value::Null;
    assert_eq!(back(&Scene::of(&document)), ["undo/a back compensated", "b failed undo/a", "c failed undo/a"]);
}

#[test]
fn what_happens_stands_beside_the_edges_and_time_is_a_note() {
    let scene = Scene::of(&shipped("order-fulfilment"));
    let label = |text: &str| scene.edge(&port(text)).map(|edge| edge.shape.label.clone()).unwrap_or_default();
    assert_eq!(
        [label("reserve.next"), label("ship.next"), label("charge.failed")],
        ["StockReserved", "OrderShipped", "PaymentDeclined"]
    );
    assert_eq!(scene.node("ship").map(|node| node.notes.clone()), Some(vec!["after 1 h: ask".to_owned()]));
    let names: Vec<String> = ["start", "charge", "ship", "undo/charge"]
        .iter()
        .map(|id| outline::node_name(&shipped("order-fulfilment"), id))
        .collect();
    assert_eq!(
        names,
        [
            "OrderPlaced, starts it · event.payload.order…",
            "Charge payment, step 2 of 3, ChargePayment → payments, after 10 min: ask; undone by RefundPayment",
            "Ship order, step 3 of 3, ShipOrder → shipping, after 1 h: ask; not undone",
            "Undo: Charge payment, RefundPayment → payments, after 10 min: stuck",
        ]
    );
}

#[test]
fn reactions_stand_one_below_the_other() {
    let scene = Scene::of(&reactions());
    assert!(at(&scene, "on/A").1 < at(&scene, "on/B").1 && at(&scene, "on/A").1 == at(&scene, "do/A").1);
    assert!(at(&scene, "on/B").0 < at(&scene, "do/B").0);
    assert_eq!(
        scene.edge(&PortRef::new("on/B", "next")).map(|edge| edge.shape.label.as_str()),
        Some("if event.payload.big")
    );
}

#[test]
fn whatever_is_broken_is_drawn_as_far_as_it_goes() {
    let odd = json!({"baton": "saga/1", "start": 7, "steps": [1, {"name": "a"}, {"name": "a"}, {"name": "start"}, {"undo": 3}]});
    let document = Document::new(odd);
    assert_eq!(steps(&document), "#0 a #2 #3 #4!");
    let scene = Scene::of(&document);
    for id in ["start", "#0", "a", "#2", "#3", "#4", "undo/#4", "completed", "compensated"] {
        assert!(scene.node(id).is_some(), "{id}");
        assert!(!outline::node_name(&document, id).is_empty());
    }
    for value in [json!(null), json!({"baton": "saga/1"}), json!({"baton": "saga/1", "steps": 3, "on": []})] {
        let _ = Scene::of(&Document::new(value));
    }
    assert_eq!(Scene::of(&empty()).nodes().len(), 0);
}

#[test]
fn a_pointer_leads_to_what_is_drawn_of_it() {
    let document = small();
    for (pointer, id) in [
        ("/steps/1", Some("b")),
        ("/steps/1/timeout/after", Some("b")),
        ("/steps/1/undo/send", Some("undo/b")),
        ("/steps/2/undo", Some("c")),
        ("/steps/9", None),
        ("/steps", None),
        ("/correlate", Some("start")),
        ("/start/0", Some("start")),
        ("/name", None),
    ] {
        assert_eq!(document.drawn_at(pointer).as_deref(), id, "{pointer}");
    }
    assert_eq!(reactions().drawn_at("/on/A/when").as_deref(), Some("do/A"));
    assert_eq!(super::super::small().drawn_at("/nodes/ask/outcomes/yes").as_deref(), Some("ask"));
}

#[test]
fn a_saga_is_found_by_what_it_says() {
    assert_eq!(selection::find(&shipped("order-fulfilment"), "refund"), ["charge", "undo/charge"].map(str::to_owned));
    assert_eq!(selection::find(&reactions(), "dob").first().map(String::as_str), Some("do/B"));
}

#[test]
fn nothing_of_a_saga_has_a_place_in_the_text() {
    let mut document = small();
    let before = document.clone();
    document.place_missing(&[("a".to_owned(), (1.0, 2.0))].into());
    assert_eq!(document, before);
}

#[test]
fn names_are_offered_by_what_a_place_of_a_saga_can_see() {
    let document = shipped("order-fulfilment");
    let offered = |pointer: &str, text: &str| -> Vec<String> {
        let place = complete::Place { node: "", pointer, is_json: false };
        let found = complete::complete(&document, place, text, text.len());
        found.into_iter().flat_map(|found| found.candidates).map(|candidate| candidate.text).collect()
    };
    assert_eq!(offered("/steps/2/payload", "=vars.p"), ["payment"]);
    assert_eq!(offered("/steps/1/payload", "=vars.p"), [""; 0]);
    assert_eq!(offered("/steps/1/undo/payload", "=vars.p"), ["payment"]);
    assert_eq!(offered("/steps/0/payload", "=input.o"), ["order_id"]);
    assert_eq!(offered("/correlate", "=inp"), [""; 0]);
    assert_eq!(offered("/correlate", "=event.payl"), ["payload"]);
    assert_eq!(offered("/steps/0/send", "=eve"), [""; 0]);
    assert_eq!(offered("/steps/0/set", "=eve"), ["event"]);
    let sample = sample::sample_of(&document);
    assert_eq!(sample["input"]["order_id"], json!("o-1"));
    assert_eq!(sample["event"]["payload"]["payment_id"], json!("p-9"));
}

#[test]
fn parts_have_the_kinds_that_they_are_shown_as() {
    let document = small();
    for part in Saga::of(&document).parts() {
        let id = part.id(&Saga::of(&document).ids());
        assert_eq!(Part::of(&document, &id), Some(part.clone()), "{id}");
        assert_eq!(document.kind_of(&id), part.kind());
        assert_eq!(Scene::of(&document).node(&id).map(|node| node.kind), Some(part.kind()), "{id}");
    }
}
