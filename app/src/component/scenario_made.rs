//! A scenario made of an instance: the button, and what came of it.

use leptos::prelude::*;

use crate::{
    call::MakeScenario,
    component::{confirm::SubmitButton, failure::refusal, post::PostForm},
    erased::Erase,
    link,
    model::{InstanceDetail, ScenarioMade},
};

pub type Making = ServerAction<MakeScenario>;

/// For instances that have ended.
pub fn scenario_button(instance: &InstanceDetail, making: Making) -> Option<AnyView> {
    let id = instance.summary.id.to_string();
    instance.summary.ended_at.map(|_| {
        view! {
            <PostForm action=making>
                <input type="hidden" name="instance" value=id/>
                <SubmitButton label="Make a scenario of it" pending=making.pending() class="quiet"/>
            </PostForm>
        }
        .erased()
    })
}

pub fn scenario_made(making: Making) -> AnyView {
    let said = move || {
        making.value().get().map(|answer| match answer.and_then(|made| made.decode()) {
            Ok(made) => notice(made),
            Err(error) => refusal(&error).into_view().erased(),
        })
    };
    view! { <div role="status">{said}</div> }.erased()
}

fn notice(made: ScenarioMade) -> AnyView {
    let draft = format!("{}?draft=1", link::definition(made.kind, &made.definition));
    let kept = match made.kept.len() {
        0 => " All its texts, numbers and dates are masked.".to_owned(),
        _ => format!(" Masked, but for what it goes another way without: {}.", made.kept.join("; ")),
    };
    view! {
        <p class="notice">"“"{made.name}"” is a scenario in "<a href=draft>"the draft of "{made.definition}</a>" now."{kept}</p>
    }
    .erased()
}
