//! A scenario made of an instance.

use leptos::prelude::*;

use crate::{
    call::MakeScenario,
    component::{confirm::SubmitButton, failure::refusal, post::PostForm},
    erased::Erase,
    model::InstanceDetail,
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

/// Why it was not made. When it was, the page goes on at the draft.
pub fn scenario_refused(making: Making) -> AnyView {
    view! { <div role="status">{move || making.value().get().and_then(Result::err).map(|error| refusal(&error))}</div> }
        .erased()
}
