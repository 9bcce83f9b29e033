//! What an operator can do to an instance at this moment, and between what they can choose: screens offer what will be
//! accepted, and say why where something will not be.

use serde_json::{Map, Value};

use super::{
    Definition, Place, State, Token,
    definition::Node,
    operate::{check_scope, skippable_ports},
    restart,
};

/// For how many tokens choices are worked out: nobody chooses between the 100,000 of a loop. Those that failed come first.
const TOKENS_MAX: usize = 50;

/// What can be done to an instance, each with the reason why not now. `None`: it can be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choices {
    pub retry: Option<String>,
    pub suspend: Option<String>,
    pub resume: Option<String>,
    pub cancel: Option<String>,
    /// Cancelling with what was done undone first.
    pub compensate: Option<String>,
    pub skip: Option<String>,
    pub relocate: Option<String>,
    pub set_variables: Option<String>,
    pub settle: Option<String>,
    pub abandon: Option<String>,
    /// To another version, if there is one.
    pub migrate: Option<String>,
    /// As a new instance, from an earlier point.
    pub restart: Option<String>,
    pub tokens: Vec<TokenChoice>,
}

/// What can be done to one token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenChoice {
    pub token: u32,
    pub node: String,
    /// Which item of a loop it is for, counted from 0.
    pub index: Option<u32>,
    /// What is wrong there, if something is.
    pub incident: Option<String>,
    /// The ports by which its step can be skipped.
    pub ports: Vec<String>,
    /// Whether it is at an undo that can be left out.
    pub skips_undo: bool,
    /// The nodes to which it can be moved.
    pub targets: Vec<String>,
    /// The variables that it has for itself, inside a loop.
    pub own: Map<String, Value>,
}

/// Works out the choices. Without the definition (its version is not known here) nothing can be skipped or moved.
pub fn choices(definition: Option<&Definition>, state: &State) -> Choices {
    let status = state.status();
    let ended = status.is_terminal().then(|| format!("The instance is {}; that never changes.", status.as_str()));
    let suspended = state.suspended.then(|| "It is suspended; resume it first.".to_owned());
    let held = ended.clone().or(suspended);
    let unless = |holds: bool, why: &str| (!holds).then(|| why.to_owned());
    let undoing = state.compensation.is_some();
    let tokens: Vec<TokenChoice> = match definition {
        Some(definition) => {
            let others = state.tokens.iter().filter(|it| !matches!(it.place, Place::Incident(_)));
            let tokens = state.incidents().map(|(token, _)| token).chain(others).take(TOKENS_MAX);
            tokens.map(|token| token_choice(definition, state, token)).collect()
        }
        None => Vec::new(),
    };
    let can_skip = tokens.iter().any(|it| it.skips_undo || !it.ports.is_empty());
    let can_move = tokens.iter().any(|it| !it.targets.is_empty());
    let has_undo = !state.done.is_empty() || under_way(definition, state);
    Choices {
        retry: held
            .clone()
            .or(unless(state.incident().is_some(), "Nothing has failed: there is no step to try again.")),
        suspend: ended.clone().or(unless(!state.suspended, "It is suspended already.")),
        resume: ended.clone().or(unless(state.suspended, "It is not suspended.")),
        cancel: ended.clone(),
        compensate: ended
            .clone()
            .or(unless(!undoing, "What was done is being undone already."))
            .or(unless(has_undo, "Nothing was done yet that could be undone.")),
        skip: held.clone().or(unless(can_skip, "It stands nowhere that could be skipped.")),
        relocate: held
            .clone()
            .or(unless(!undoing, "What was done is being undone; abandon that first."))
            .or(unless(can_move, "There is nowhere to move to.")),
        set_variables: ended.clone(),
        settle: held.or(unless(!state.unsettled.is_empty(), "Every command was answered.")),
        migrate: ended
            .clone()
            .or(unless(!undoing, "What was done is being undone; a version changes nothing about that.")),
        restart: restart::refuse(definition, state).err().map(|it| it.message),
        abandon: ended.or(unless(undoing, "Nothing is being undone.")),
        tokens,
    }
}

/// Whether a command is under way, or was left without an answer, that would have to be undone if it were done.
fn under_way(definition: Option<&Definition>, state: &State) -> bool {
    let undoes = |node: &str| {
        let node = definition.and_then(|it| it.nodes.get(node));
        node.and_then(Node::undo).is_some()
    };
    state.tokens.iter().any(|token| matches!(token.waiting(), Place::Call { .. }) || undoes(&token.node))
        || state.unsettled.iter().any(|entry| undoes(&entry.node))
}

fn token_choice(definition: &Definition, state: &State, token: &Token) -> TokenChoice {
    let undoing = matches!(token.waiting(), Place::Compensating { .. });
    let is_fork = matches!(token.place, Place::Fork { .. });
    let ports = if undoing || is_fork { Vec::new() } else { skippable_ports(definition, &token.node) };
    let can_move = state.compensation.is_none();
    let targets = definition.nodes.keys().filter(|to| can_move && check_scope(definition, state, token, to).is_ok());
    TokenChoice {
        token: token.id,
        node: token.node.clone(),
        index: token.index,
        incident: match &token.place {
            Place::Incident(incident) => Some(incident.reason.clone()),
            _ => None,
        },
        ports,
        skips_undo: undoing && !state.done.is_empty() && state.unsettled.is_empty(),
        targets: targets.cloned().collect(),
        own: token.frame.clone().unwrap_or_default(),
    }
}
