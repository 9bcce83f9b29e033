//! The app: its context and its routes.

use baton_domain::definition::DefinitionKind;
use leptos::prelude::*;
use leptos_meta::{Title, provide_meta_context};
use leptos_router::{
    SsrMode,
    components::{FlatRoutes, Route, Router},
    path,
};

use crate::{clock::provide_clock, component::layout::Layout, html, live::provide_live, page::*};

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
                    <Route path=path!("/") view=OverviewPage ssr=whole.clone()/>
                    <Route path=path!("/flow") view=FlowPage ssr=whole.clone()/>
                    <Route path=path!("/conversations/:correlation_id") view=ConversationPage ssr=whole.clone()/>
                    <Route path=path!("/messages") view=MessagesPage ssr=whole.clone()/>
                    <Route path=path!("/messages/:id") view=MessagePage ssr=whole.clone()/>
                    <Route path=path!("/failures") view=FailuresPage ssr=whole.clone()/>
                    <Route path=path!("/processes") view=|| definitions_page(DefinitionKind::Process) ssr=whole.clone()/>
                    <Route path=path!("/sagas") view=|| definitions_page(DefinitionKind::Saga) ssr=whole.clone()/>
                    <Route path=path!("/processes/:name") view=|| definition_page(DefinitionKind::Process) ssr=whole.clone()/>
                    <Route path=path!("/sagas/:name") view=|| definition_page(DefinitionKind::Saga) ssr=whole.clone()/>
                    <Route path=path!("/processes/:name/compare") view=|| compare_page(DefinitionKind::Process) ssr=whole.clone()/>
                    <Route path=path!("/sagas/:name/compare") view=|| compare_page(DefinitionKind::Saga) ssr=whole.clone()/>
                    <Route path=path!("/processes/:name/start") view=StartPage ssr=whole.clone()/>
                    <Route path=path!("/instances") view=InstancesPage ssr=whole.clone()/>
                    <Route path=path!("/instances/:id") view=InstancePage ssr=whole.clone()/>
                    <Route path=path!("/tasks") view=TasksPage ssr=whole.clone()/>
                    <Route path=path!("/tasks/:id") view=TaskPage ssr=whole.clone()/>
                    <Route path=path!("/destinations") view=DestinationsPage ssr=whole.clone()/>
                    <Route path=path!("/settings") view=SettingsPage ssr=whole/>
                </FlatRoutes>
            </Layout>
        </Router>
    }
}
