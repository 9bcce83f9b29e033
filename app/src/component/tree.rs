//! A conversation as a tree: every message under the one that caused it.

use crate::erased::Erase;
use leptos::prelude::*;
use uuid::Uuid;

use super::{
    badge::{kind_badge, state_badge},
    time::at_time,
};
use crate::{link, model::MessageSummary};

/// A message with its depth in the tree.
#[derive(Debug, Clone, PartialEq)]
struct Branch<'a> {
    depth: usize,
    message: &'a MessageSummary,
}

/// Deeper than this a line is not moved further to the right.
const DEPTH_SHOWN_MAX: usize = 12;

/// Depth first, in the order of the list. A message whose cause is not in the list is a root, and so is one that no
/// root leads to (causes in a circle): every message has exactly one line.
fn branches(messages: &[MessageSummary]) -> Vec<Branch<'_>> {
    let ids: Vec<String> = messages.iter().map(|message| message.id.to_string()).collect();
    let cause_of = |message: &MessageSummary| {
        let cause = message.causation_id.as_ref()?;
        ids.iter().position(|id| id == cause).filter(|index| messages[*index].id != message.id)
    };
    let causes: Vec<Option<usize>> = messages.iter().map(cause_of).collect();
    let mut shown = vec![false; messages.len()];
    let mut branches = Vec::with_capacity(messages.len());
    let roots = (0..messages.len()).filter(|index| causes[*index].is_none());
    for root in roots.chain(0..messages.len()) {
        let mut waiting = vec![(0, root)];
        while let Some((depth, index)) = waiting.pop() {
            if std::mem::replace(&mut shown[index], true) {
                continue;
            }
            branches.push(Branch { depth, message: &messages[index] });
            let children = (0..messages.len()).rev().filter(|child| causes[*child] == Some(index));
            waiting.extend(children.map(|child| (depth + 1, child)));
        }
    }
    branches
}

/// `selected` is marked as the current one.
pub fn conversation_tree(messages: &[MessageSummary], selected: Option<Uuid>) -> AnyView {
    let lines = branches(messages).into_iter().map(|branch| line(branch, selected)).collect_view();
    view! { <ol class="tree" aria-label="Messages by cause">{lines}</ol> }.erased()
}

fn line(branch: Branch<'_>, selected: Option<Uuid>) -> AnyView {
    let message = branch.message;
    let current = (selected == Some(message.id)).then_some("true");
    let key = format!("{}/{}", message.aggregate_type, message.aggregate_id);
    view! {
        <li class=format!("depth-{}", branch.depth.min(DEPTH_SHOWN_MAX)) aria-current=current>
            {kind_badge(&message.kind)}
            <a class="mono" href=link::message(message.id)>{message.message_type.clone()}</a>
            <span class="faint mono cut" title=key.clone()>{key.clone()}</span>
            <span class="end">{state_badge(&message.state)}{at_time(message.created_at)}</span>
        </li>
    }
    .erased()
}

#[cfg(test)]
pub mod tests {
    use super::*;

    /// A message for tests; `cause` is another's number.
    pub fn a_message(number: u128, cause: Option<u128>) -> MessageSummary {
        MessageSummary {
            id: Uuid::from_u128(number),
            seq: 0,
            kind: "event".to_owned(),
            message_type: format!("M{number}"),
            source: "test".to_owned(),
            aggregate_type: "thing".to_owned(),
            aggregate_id: "1".to_owned(),
            state: "published".to_owned(),
            attempts: 0,
            last_error: None,
            next_attempt_at: None,
            correlation_id: None,
            causation_id: cause.map(|cause| Uuid::from_u128(cause).to_string()),
            created_at: chrono::DateTime::UNIX_EPOCH,
            published_at: None,
        }
    }

    fn check(messages: &[MessageSummary], expected: &[(u128, usize)]) {
        let lines: Vec<_> =
            branches(messages).iter().map(|branch| (branch.message.id.as_u128(), branch.depth)).collect();
        assert_eq!(lines, expected);
    }

    #[test]
    fn messages_stand_under_their_cause_in_order() {
        let messages = [a_message(1, None), a_message(2, Some(1)), a_message(3, Some(1)), a_message(4, Some(2))];
        check(&messages, &[(1, 0), (2, 1), (4, 2), (3, 1)]);
    }

    #[test]
    fn a_message_whose_cause_is_elsewhere_is_a_root_and_a_circle_loses_nothing() {
        check(&[a_message(1, Some(9)), a_message(2, Some(3)), a_message(3, Some(2))], &[(1, 0), (2, 0), (3, 1)]);
    }
}
