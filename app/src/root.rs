//! The app: its context and its routes.

use leptos::prelude::*;
use leptos_meta::{Title, provide_meta_context};
use leptos_router::{
    Lazy, SsrMode,
    components::{FlatRoutes, Route, Router},
    path,
};

use crate::{clock::provide_clock, component::layout::Layout, html, lazy::*, live::provide_live, page::NotFound};

fn titled(title: String) -> String {
    html::escaped(if title.is_empty() { "Baton".to_owned() } else { format!("{title} · Baton") })
}

/// Everything inside `<body>`. Every route answers with the whole page: it is complete without script.
#[component]
pub fn App() -> impl IntoView {
    provide_meta_context();
    provide_clock();
    provide_live();
    let whole = SsrMode::Async;
    view! {
        <Title formatter=titled/>
        <Router>
            <Layout>
                <FlatRoutes fallback=NotFound>
                    <Route path=path!("/") view={Lazy::<OverviewRoute>::new()} ssr=whole.clone()/>
                    <Route path=path!("/flow") view={Lazy::<FlowRoute>::new()} ssr=whole.clone()/>
                    <Route path=path!("/conversations/:correlation_id") view={Lazy::<ConversationRoute>::new()} ssr=whole.clone()/>
                    <Route path=path!("/messages") view={Lazy::<MessagesRoute>::new()} ssr=whole.clone()/>
                    <Route path=path!("/messages/:id") view={Lazy::<MessageRoute>::new()} ssr=whole.clone()/>
                    <Route path=path!("/failures") view={Lazy::<FailuresRoute>::new()} ssr=whole.clone()/>
                    <Route path=path!("/processes") view={Lazy::<ProcessesRoute>::new()} ssr=whole.clone()/>
                    <Route path=path!("/sagas") view={Lazy::<SagasRoute>::new()} ssr=whole.clone()/>
                    <Route path=path!("/processes/:name") view={Lazy::<ProcessRoute>::new()} ssr=whole.clone()/>
                    <Route path=path!("/sagas/:name") view={Lazy::<SagaRoute>::new()} ssr=whole.clone()/>
                    <Route path=path!("/processes/:name/compare") view={Lazy::<CompareProcessRoute>::new()} ssr=whole.clone()/>
                    <Route path=path!("/sagas/:name/compare") view={Lazy::<CompareSagaRoute>::new()} ssr=whole.clone()/>
                    <Route path=path!("/processes/:name/start") view={Lazy::<StartRoute>::new()} ssr=whole.clone()/>
                    <Route path=path!("/instances") view={Lazy::<InstancesRoute>::new()} ssr=whole.clone()/>
                    <Route path=path!("/instances/:id") view={Lazy::<InstanceRoute>::new()} ssr=whole.clone()/>
                    <Route path=path!("/tasks") view={Lazy::<TasksRoute>::new()} ssr=whole.clone()/>
                    <Route path=path!("/tasks/:id") view={Lazy::<TaskRoute>::new()} ssr=whole.clone()/>
                    <Route path=path!("/destinations") view={Lazy::<DestinationsRoute>::new()} ssr=whole.clone()/>
                    <Route path=path!("/sources") view={Lazy::<SourcesRoute>::new()} ssr=whole.clone()/>
                    <Route path=path!("/sources/new") view={Lazy::<NewSourceRoute>::new()} ssr=whole.clone()/>
                    <Route path=path!("/settings") view={Lazy::<SettingsRoute>::new()} ssr=whole/>
                </FlatRoutes>
            </Layout>
        </Router>
    }
}
