//! A conversation: all messages with one correlation id, as a tree and as a sequence diagram.

use crate::{erased::Erase, read::Read};
use leptos::prelude::*;

use super::{plural, segment};
use crate::{
    call,
    clock::duration,
    component::{
        empty::Empty, loaded::loaded, message_table::message_table, page_head::PageHead, sequence::sequence_diagram,
        tree::conversation_tree,
    },
    link,
    live::Live,
    model::Conversation,
};

#[component]
pub fn ConversationPage() -> AnyView {
    let live = Live::expect();
    let id = segment("correlation_id");
    let read = Read::new(move || (id.get(), live.messages()), |(id, _)| call::get_conversation(id));
    view! {
        <PageHead title="Conversation" crumbs=vec![("Flow".to_owned(), "/flow".to_owned())] beside=move || view! { <span class="mono faint">{id}</span> }/>
        <div class="content">{loaded(read, draw)}</div>
    }
    .erased()
}

fn draw(conversation: Conversation) -> AnyView {
    let Conversation { messages, instance } = conversation;
    let Some((first, last)) = messages.first().zip(messages.last()) else {
        return view! {
            <Empty title="No messages" text="No kept message has this correlation id. Producers set correlation_id; commands of an instance carry the instance's id."/>
        }
        .erased();
    };
    let took = (last.created_at - first.created_at).num_milliseconds();
    let words = format!(
        "{}, {} from the first to the last",
        plural(messages.len() as u64, "message", "messages"),
        duration(took)
    );
    let instance = instance.map(|id| view! { " · "<a href=link::instance(id)>"Open the instance"</a> });
    view! {
        <p class="faint">{words}{instance}</p>
        <section class="card" aria-labelledby="sequence-title">
            <h2 id="sequence-title">"Sequence"<small>"commands solid, events dashed"</small></h2>
            {sequence_diagram(&messages)}
        </section>
        <section class="card" aria-labelledby="tree-title">
            <h2 id="tree-title">"By cause"</h2>
            {conversation_tree(&messages, None)}
        </section>
        <section class="card" aria-labelledby="messages-title">
            <h2 id="messages-title">"In order"</h2>
            {message_table(messages, "Messages of the conversation, oldest first")}
        </section>
    }
    .erased()
}
