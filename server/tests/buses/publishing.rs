//! Publishing: what is accepted is stored, in order per key, whatever happens to the broker or on the way.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use baton_server::bus::{BEHIND_FAILURE, UNAVAILABLE};
use baton_testkit::Proxy;

use crate::rig::{
    BATCH, Progress, Rig, broker, check, check_repeating, class, event, events, publish_all, publish_noting, until,
};

crate::on_all! {
    what_is_accepted_is_stored,
    the_same_id_twice_is_one_message,
    what_is_too_large_fails_alone,
    a_broker_killed_while_publishing_loses_nothing,
    connections_cut_while_publishing_lose_nothing,
    a_broker_that_is_away_is_told_and_waited_for,
    a_user_that_is_not_let_in_is_told_without_the_password,
}

/// With a kill between: what was acknowledged is on disk.
async fn what_is_accepted_is_stored(mut rig: impl Rig) {
    let (bus, sent) = (broker(&rig.url()), events(1_000, 30));
    for batch in sent.chunks(250) {
        assert!(bus.publish(batch).await.iter().all(Result::is_ok));
    }
    rig.kill();
    rig.resume();
    let stored = rig.stored(sent.len()).await;
    check(&sent, &stored);
    assert!(stored.iter().all(|message| message.message_type == "OrderPlaced"));
}

async fn the_same_id_twice_is_one_message<R: Rig>(rig: R) {
    let (bus, sent) = (broker(&rig.url()), events(20, 4));
    publish_all(&bus, &sent).await;
    publish_all(&bus, &sent).await;
    let last = event("k0", 1_000);
    publish_all(&bus, std::slice::from_ref(&last)).await;
    let stored = rig.stored(sent.len() + 1).await;
    check_repeating(&[sent, vec![last]].concat(), &stored, if R::DEDUPLICATES { 0 } else { 20 });
}

async fn what_is_too_large_fails_alone(rig: impl Rig) {
    let bus = broker(&rig.url());
    let mut huge = (*event("a", 1)).clone();
    huge.payload = "x".repeat(10 << 20).into();
    let sent = [event("a", 0), Arc::new(huge), event("a", 2), event("b", 0)];
    let results = bus.publish(&sent).await;
    assert_eq!(results.iter().map(class).collect::<Vec<_>>(), ["stored", "too-large", BEHIND_FAILURE, "stored"]);
    let error = &results[1].as_ref().unwrap_err().error;
    assert!(error.contains("bytes") && error.contains("retry or discard"), "{error}");
    check(&[sent[0].clone(), sent[3].clone()], &rig.stored(2).await);
}

async fn a_broker_killed_while_publishing_loses_nothing(mut rig: impl Rig) {
    let (bus, sent) = (broker(&rig.url()), events(8_000, 25));
    let (of_task, all, progress) = (bus.clone(), sent.clone(), Arc::new(Progress::default()));
    let noting = progress.clone();
    let publishing = tokio::spawn(async move { publish_noting(&of_task, &all, &noting).await });
    for kill in 1..=2 {
        // In the middle of it, however fast it goes.
        while progress.stored.load(Ordering::SeqCst) < kill * 1_500 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        rig.kill();
        rig.resume();
        assert!(progress.stored.load(Ordering::SeqCst) < sent.len(), "all was stored before the broker was killed");
    }
    publishing.await.unwrap();
    // None where the client itself tries again, as Kafka's does.
    let failed = progress.failed.load(Ordering::SeqCst);
    check_repeating(&sent, &rig.stored(sent.len()).await, failed * BATCH);
}

async fn connections_cut_while_publishing_lose_nothing(rig: impl Rig) {
    let proxy = Proxy::start(rig.port()).unwrap();
    let url = rig.url().replace(&format!(":{}", rig.port()), &format!(":{}", proxy.port()));
    let (bus, sent) = (broker(&url), events(6_000, 25));
    let (all, progress) = (sent.clone(), Arc::new(Progress::default()));
    let noting = progress.clone();
    let publishing = tokio::spawn(async move { publish_noting(&bus, &all, &noting).await });
    for n in 0..6 {
        tokio::time::sleep(Duration::from_millis(60 + n * 25)).await;
        proxy.refuse(n % 2 == 0);
        proxy.cut();
        tokio::time::sleep(Duration::from_millis(30)).await;
        proxy.refuse(false);
    }
    publishing.await.unwrap();
    let failed = progress.failed.load(Ordering::SeqCst);
    check_repeating(&sent, &rig.stored(sent.len()).await, failed * BATCH);
}

async fn a_broker_that_is_away_is_told_and_waited_for(mut rig: impl Rig) {
    let bus = broker(&rig.url());
    rig.kill();
    let sent = events(10, 2);
    let results = bus.publish(&sent).await;
    let failure = results[0].as_ref().unwrap_err();
    assert_eq!(class(&results[0]), UNAVAILABLE);
    assert!(results.iter().all(|result| [UNAVAILABLE, BEHIND_FAILURE].contains(&class(result))), "{results:?}");
    assert!(failure.error.contains("cannot be reached") && failure.error.contains("127.0.0.1"), "{}", failure.error);
    rig.resume();
    until("the broker is back", || async { bus.check().await.is_ok() }).await;
    publish_all(&bus, &sent).await;
    // What was sent when it went may have been stored.
    check_repeating(&sent, &rig.stored(sent.len()).await, sent.len());
}

async fn a_user_that_is_not_let_in_is_told_without_the_password(rig: impl Rig) {
    let bus = broker(&rig.wrong_url());
    let results = bus.publish(&events(3, 1)).await;
    assert_eq!(class(&results[0]), UNAVAILABLE);
    assert!(results.iter().all(Result::is_err), "{results:?}");
    let error = &results[0].as_ref().unwrap_err().error;
    assert!(error.contains("BATON_BUS_URL") && !error.contains("hunter2"), "{error}");
}
