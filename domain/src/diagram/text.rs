//! The words on a diagram.

use chrono::TimeDelta;

use crate::{
    expression::Template,
    process::definition::{Moment, Node, NodeKind, Outcome},
};

/// The most characters of a node's two lines at the width of a node.
pub const TITLE_CHARS_MAX: usize = 22;
pub const SUBTITLE_CHARS_MAX: usize = 26;

/// `book-flight` → `Book flight`.
pub fn humanise(name: &str) -> String {
    let words = name.replace(['_', '-'], " ");
    let mut letters = words.chars();
    letters.next().map_or(String::new(), |first| first.to_uppercase().collect::<String>() + letters.as_str())
}

/// At most `chars_max` characters, the last of them an ellipsis when something was cut off.
pub fn shorten(text: &str, chars_max: usize) -> String {
    if text.chars().count() <= chars_max {
        return text.to_owned();
    }
    text.chars().take(chars_max - 1).chain(['…']).collect()
}

/// The second line of a node: what it does.
pub fn subtitle(node: &Node) -> String {
    match &node.kind {
        NodeKind::Start { .. } => String::new(),
        NodeKind::Command(command) => format!("{} → {}", command.send, command.to),
        NodeKind::Wait { awaits } => {
            let types: Vec<&str> = awaits.on.keys().map(String::as_str).collect();
            format!("for {}", types.join(", "))
        }
        NodeKind::Decide { cases, .. } => match cases.len() {
            1 => "one condition".to_owned(),
            several => format!("{several} conditions"),
        },
        NodeKind::Compute { port } => {
            let names: Vec<&str> = port.set.iter().map(|(name, _)| name.as_str()).collect();
            format!("sets {}", names.join(", "))
        }
        NodeKind::Approval(approval) => match approval.assignee.as_ref().or(approval.group.as_ref()) {
            Some(who) => template(who),
            None => "anybody".to_owned(),
        },
        NodeKind::Timer { until, .. } => moment(until),
        NodeKind::End { outcome: Outcome::Completed, .. } => "end · completed".to_owned(),
        NodeKind::End { outcome: Outcome::Failed, .. } => "end · failed".to_owned(),
        NodeKind::End { outcome: Outcome::Compensated, .. } => "end · compensated".to_owned(),
        NodeKind::Compensate { .. } => "undoes what was done".to_owned(),
        NodeKind::Fork(fork) => match fork.branches.len() {
            1 => "one branch".to_owned(),
            several => format!("{several} branches at once"),
        },
        NodeKind::Call(call) => format!("calls {}", call.process),
        NodeKind::Join { .. } => "waits for all branches".to_owned(),
        NodeKind::ForEach(each) => match each.limit {
            1 => format!("each {}, one by one", each.item),
            limit => format!("each {}, {limit} at once", each.item),
        },
    }
}

/// What stands beside an edge: nothing where there is only one way to go.
pub fn port_label(node: &Node, port: &str) -> String {
    match &node.kind {
        NodeKind::Start { .. }
        | NodeKind::Compute { .. }
        | NodeKind::Timer { .. }
        | NodeKind::Compensate { .. }
        | NodeKind::Join { .. }
        | NodeKind::End { .. } => String::new(),
        NodeKind::ForEach(_) => match port {
            "do" => "each".to_owned(),
            "next" => "then".to_owned(),
            other => other.to_owned(),
        },
        NodeKind::Decide { cases, .. } => {
            let index = port.strip_prefix("case-").and_then(|number| number.parse::<usize>().ok());
            match index.and_then(|number| cases.get(number.checked_sub(1)?)) {
                Some(case) => shorten(case.when.source(), 20),
                None => "otherwise".to_owned(),
            }
        }
        NodeKind::Command(_)
        | NodeKind::Wait { .. }
        | NodeKind::Approval(_)
        | NodeKind::Fork(_)
        | NodeKind::Call(_) => port.to_owned(),
    }
}

fn template(template: &Template) -> String {
    let mut source = None;
    template.each_expression("", &mut |expression, _| source = Some(expression.source().to_owned()));
    source.unwrap_or_else(|| "a fixed name".to_owned())
}

fn moment(moment: &Moment) -> String {
    match moment {
        Moment::After(length) => length_words(*length),
        Moment::At(instant) => format!("until {}", instant.format("%Y-%m-%d %H:%M")),
        Moment::Computed(expression) => format!("until {}", expression.source()),
    }
}

/// `after 5 min`
pub fn length_words(length: TimeDelta) -> String {
    let minutes = length.num_minutes();
    match (minutes / 1440, minutes / 60 % 24, minutes % 60) {
        (0, 0, 0) => format!("after {} s", length.num_seconds()),
        (0, 0, minutes) => format!("after {minutes} min"),
        (0, hours, _) => format!("after {hours} h"),
        (1, _, _) => "after a day".to_owned(),
        (days, _, _) => format!("after {days} days"),
    }
}
