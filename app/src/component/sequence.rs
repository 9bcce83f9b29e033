//! A conversation as a sequence diagram: a lifeline for each participant, commands solid, events dashed.

use std::collections::HashMap;

use crate::erased::Erase;
use leptos::prelude::*;

use crate::{clock::duration, link, model::MessageSummary};

const COLUMN: f64 = 190.0;
const ROW: f64 = 38.0;
const HEAD: f64 = 46.0;
const LEFT: f64 = 100.0;

/// One arrow. An event that nobody in the conversation took up ends beside its own lifeline (`to` is `None`).
#[derive(Debug, Clone, PartialEq)]
struct Arrow<'a> {
    from: usize,
    to: Option<usize>,
    message: &'a MessageSummary,
    /// Whether it repeats the message of the arrow above for another receiver.
    again: bool,
}

/// The participants in the order of their first appearance, and the arrows between them.
///
/// A command goes from its source to the aggregate type that receives it. A reply to a command comes from there,
/// whatever its source calls itself. An event goes to where that comes from which it caused; a reply that caused nothing
/// goes back to the sender of its command, who waited for it.
fn arrows(messages: &[MessageSummary]) -> (Vec<String>, Vec<Arrow<'_>>) {
    let mut lifelines: Vec<String> = Vec::new();
    let mut lifeline = |name: &str| match lifelines.iter().position(|known| known == name) {
        Some(index) => index,
        None => {
            lifelines.push(name.to_owned());
            lifelines.len() - 1
        }
    };
    let commands: HashMap<String, &MessageSummary> = messages
        .iter()
        .filter(|message| message.kind == "command")
        .map(|command| (command.id.to_string(), command))
        .collect();
    let answered = |message: &MessageSummary| {
        message.causation_id.as_ref().filter(|_| message.kind != "command").and_then(|id| commands.get(id)).copied()
    };
    let home = |message: &MessageSummary| {
        answered(message).map_or_else(|| message.source.clone(), |command| command.aggregate_type.clone())
    };
    let mut arrows = Vec::new();
    for message in messages {
        let own = home(message);
        let from = lifeline(&own);
        let receivers: Vec<usize> = if message.kind == "command" {
            vec![lifeline(&message.aggregate_type)]
        } else {
            let id = message.id.to_string();
            let mut names: Vec<String> = messages
                .iter()
                .filter(|other| other.causation_id.as_deref() == Some(id.as_str()))
                .map(home)
                .filter(|name| *name != own)
                .collect();
            names.dedup();
            if let Some(command) = answered(message).filter(|command| names.is_empty() && command.source != own) {
                names.push(command.source.clone());
            }
            names.iter().map(|name| lifeline(name)).collect()
        };
        if receivers.is_empty() {
            arrows.push(Arrow { from, to: None, message, again: false });
        }
        for (index, to) in receivers.into_iter().enumerate() {
            arrows.push(Arrow { from, to: Some(to), message, again: index > 0 });
        }
    }
    (lifelines, arrows)
}

pub fn sequence_diagram(messages: &[MessageSummary]) -> AnyView {
    let (lifelines, arrows) = arrows(messages);
    // What ends beside the last lifeline has its words to the right of it.
    let room =
        if arrows.iter().any(|arrow| arrow.to.is_none_or(|to| to == arrow.from) && arrow.from + 1 == lifelines.len()) {
            130.0
        } else {
            0.0
        };
    let width = LEFT * 2.0 + room + COLUMN * (lifelines.len().max(1) - 1) as f64;
    let height = HEAD + ROW * arrows.len() as f64 + 24.0;
    let heads = lifelines.iter().enumerate().map(|(index, name)| {
        let x = x_of(index);
        view! {
            <path class="lifeline" d=format!("M{x} {HEAD}V{}", height - 8.0)/>
            <rect class="head" x=(x - 80.0).to_string() y="8" width="160" height="28" rx="7"/>
            <text class="head" x=x.to_string() y="26">{cut(name, 22)}<title>{name.clone()}</title></text>
        }
    });
    let start = messages.first().map(|message| message.created_at);
    let lines = arrows.iter().enumerate().map(|(row, arrow)| {
        let after_ms = start.map_or(0, |start| (arrow.message.created_at - start).num_milliseconds());
        arrow_view(arrow, HEAD + ROW * (row as f64 + 0.8), after_ms)
    });
    view! {
        <div class="canvas" tabindex="0" role="region" aria-label="Sequence diagram">
            <svg class="sequence" width=width.to_string() height=height.to_string() viewBox=format!("0 0 {width} {height}")
                role="group" aria-label=format!("{} messages between {} participants", messages.len(), lifelines.len())>
                <defs>{["event", "command"].map(head_of).collect_view()}</defs>
                <g aria-hidden="true">{heads.collect_view()}</g>
                {lines.collect_view()}
            </svg>
        </div>
    }
    .erased()
}

fn x_of(lifeline: usize) -> f64 {
    LEFT + COLUMN * lifeline as f64
}

fn head_of(kind: &'static str) -> impl IntoView {
    view! {
        <marker id=format!("head-{kind}") class=format!("arrow {kind}") viewBox="0 0 8 8" refX="7.500" refY="4"
            markerWidth="8" markerHeight="8" markerUnits="userSpaceOnUse" orient="auto"><path d="M0 .5 8 4 0 7.500z"/></marker>
    }
}

fn arrow_view(arrow: &Arrow<'_>, y: f64, after_ms: i64) -> AnyView {
    let message = arrow.message;
    let from = x_of(arrow.from);
    let (path, label_x) = match arrow.to {
        Some(to) if to == arrow.from => (format!("M{from} {y}h34v14h-30", y = y - 8.0), from + 40.0),
        Some(to) => {
            let to_x = x_of(to);
            let gap = if to_x > from { -2.0 } else { 2.0 };
            (format!("M{from} {y}H{}", to_x + gap), from.min(to_x) + 10.0)
        }
        None => (format!("M{from} {y}h26"), from + 34.0),
    };
    let label_y = if arrow.to.is_some_and(|to| to != arrow.from) { y - 6.0 } else { y + 4.0 };
    let failed = matches!(message.state.as_str(), "dead" | "retrying");
    let class = format!("message {}{}", message.kind, if failed { " failed" } else { "" });
    let words = format!(
        "{} {}, {} after the first, {}",
        message.kind,
        message.message_type,
        duration(after_ms),
        message.state,
    );
    let loose = arrow
        .to
        .is_none()
        .then(|| view! { <circle class="loose" cx=(from + 28.0).to_string() cy=y.to_string() r="2.500"/> });
    let text = (!arrow.again).then(|| {
        view! { <text x=label_x.to_string() y=label_y.to_string()>{cut(&message.message_type, 26)}</text> }
    });
    view! {
        <g class=class>
            <a href=link::message(message.id) aria-label=words.clone()>
                <title>{words.clone()}</title>
                <path class="hit" d=path.clone()/>
                <path class="line" d=path.clone() marker-end=arrow.to.map(|_| format!("url(#head-{})", message.kind))/>
                {loose}
                {text}
            </a>
        </g>
    }
    .erased()
}

fn cut(text: &str, letters_max: usize) -> String {
    if text.chars().count() <= letters_max {
        return text.to_owned();
    }
    let kept: String = text.chars().take(letters_max - 1).collect();
    format!("{kept}…")
}

#[cfg(test)]
mod tests {
    use super::{super::tree::tests::a_message, *};

    #[test]
    fn commands_go_to_their_aggregate_and_events_to_what_they_caused() {
        // given a campaign's event, the saga's command, its answer, and an event that nobody takes up
        let mut event = a_message(1, None);
        event.source = "campaign".to_owned();
        let mut command = a_message(2, Some(1));
        command.kind = "command".to_owned();
        command.source = "saga".to_owned();
        command.aggregate_type = "ads".to_owned();
        let mut answer = a_message(3, Some(2));
        answer.source = "/network/ads-service".to_owned();
        let mut stray = a_message(4, None);
        stray.source = "campaign".to_owned();
        let messages = [event, command, answer, stray];
        // when they are drawn
        let (lifelines, arrows) = arrows(&messages);
        // then
        assert_eq!(lifelines, ["campaign", "saga", "ads"]);
        let ends: Vec<_> = arrows.iter().map(|arrow| (arrow.from, arrow.to)).collect();
        assert_eq!(ends, [(0, Some(1)), (1, Some(2)), (2, Some(1)), (0, None)]);
    }
}
