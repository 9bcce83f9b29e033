//! Publishing many messages at once with order per key: one chain for each key.
//!
//! The messages of one key go out one after the other, each after the broker has acknowledged the one before it; chains of
//! different keys run at the same time. So when one fails, nothing later of its key has been stored, whatever the broker
//! does with what is under way: a stream that is full for a moment, a leader that changes, a connection that breaks
//! between two messages. Pipelining within a key would be faster for a key that is busy alone, and cannot promise that.

use std::{collections::HashMap, sync::Arc};

use baton_domain::message::{Key, Message};
use futures::{StreamExt, stream};

use super::behind_failure;
use crate::store::rows::Failure;

/// How many chains run at the same time at most, so how many messages wait for an acknowledgement.
const CHAINS_MAX: usize = 1_000;

/// One result per message, in the order given. `send` returns when the broker has stored the message.
pub async fn publish<F>(messages: &[Arc<Message>], send: impl Fn(Arc<Message>) -> F) -> Vec<Result<(), Failure>>
where
    F: Future<Output = Result<(), Failure>>,
{
    let mut results = vec![Ok(()); messages.len()];
    let send = &send;
    // Boxed, or the compiler cannot see that it is `Send`.
    let chains: Vec<_> = chains(messages).into_iter().map(|chain| run(messages, chain, send)).collect();
    let mut ended = stream::iter(chains).buffer_unordered(CHAINS_MAX);
    while let Some(chain) = ended.next().await {
        for (index, result) in chain {
            results[index] = result;
        }
    }
    drop(ended);
    results
}

async fn run<F>(
    messages: &[Arc<Message>],
    chain: Vec<usize>,
    send: &impl Fn(Arc<Message>) -> F,
) -> Vec<(usize, Result<(), Failure>)>
where
    F: Future<Output = Result<(), Failure>>,
{
    let mut results = Vec::with_capacity(chain.len());
    let mut failed = false;
    for index in chain {
        let result = match failed {
            true => Err(behind_failure()),
            false => send(Arc::clone(&messages[index])).await,
        };
        failed |= result.is_err();
        results.push((index, result));
    }
    results
}

/// The messages of each key, by index, in order.
fn chains(messages: &[Arc<Message>]) -> Vec<Vec<usize>> {
    let mut of_key: HashMap<&Key, usize> = HashMap::with_capacity(messages.len());
    let mut chains: Vec<Vec<usize>> = Vec::with_capacity(messages.len());
    for (index, message) in messages.iter().enumerate() {
        let chain = *of_key.entry(&message.key).or_insert_with(|| {
            chains.push(Vec::new());
            chains.len() - 1
        });
        chains[chain].push(index);
    }
    chains
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;
    use crate::{bus::BEHIND_FAILURE, relay::fixtures::a_message};

    #[tokio::test]
    async fn a_failure_ends_its_chain_and_no_other() {
        let messages: Vec<_> =
            ["a", "b", "a", "b", "a"].iter().zip(1..).map(|(key, n)| Arc::new(a_message(n, key))).collect();
        let sent = Mutex::new(Vec::new());
        let results = publish(&messages, |message| {
            let sent = &sent;
            async move {
                // Somebody else's turn: chains interleave.
                tokio::task::yield_now().await;
                let n = message.id.0.as_u128();
                sent.lock().unwrap().push(n);
                if n == 3 { Err(Failure { class: "refused".into(), error: String::new() }) } else { Ok(()) }
            }
        })
        .await;
        let shown: Vec<_> = results.iter().map(|result| result.as_ref().map_err(|f| f.class.as_str())).collect();
        assert_eq!(shown, [Ok(&()), Ok(&()), Err("refused"), Ok(&()), Err(BEHIND_FAILURE)]);
        let mut sent = sent.into_inner().unwrap();
        sent.sort_unstable();
        assert_eq!(sent, [1, 2, 3, 4]);
    }
}
