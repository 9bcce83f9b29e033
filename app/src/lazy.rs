//! Pages whose code is loaded when somebody opens one of them: whoever looks at messages does not wait for the designer.
//!
//! There are few groups, since what some of them share becomes a part of its own, and small parts cost more than they save:
//! [`flow`] is what one sees first, [`messages`] what was sent and failed, [`desk`] what asks a person for something,
//! [`instances`] one instance and the lists of them, and [`designer`] the canvas and the comparison of versions.

use baton_domain::definition::DefinitionKind;
use leptos::prelude::*;
use leptos_router::LazyRoute;

use crate::{erased::Erase, page::*};

/// Makes a part of the bundle, and a route for each of its pages.
macro_rules! part {
    ($part:ident, $preload:ident, $pages:ident: $($page:ident $route:ident => $view:expr),* $(,)?) => {
        #[derive(Debug, Clone, Copy)]
        pub enum $pages {
            $($page,)*
        }

        #[lazy]
        pub fn $part(page: $pages) -> AnyView {
            match page {
                $($pages::$page => $view.erased(),)*
            }
        }

        $(
            pub struct $route;

            impl LazyRoute for $route {
                fn data() -> Self {
                    Self
                }

                async fn view(_: Self) -> AnyView {
                    $part($pages::$page).await
                }

                async fn preload() {
                    #[cfg(all(feature = "hydrate", target_arch = "wasm32"))]
                    $preload().await;
                }
            }
        )*
    };
}

part!(flow, __preload_flow, Flowing:
    Overview OverviewRoute => view! { <OverviewPage/> },
    Flow FlowRoute => view! { <FlowPage/> },
);

part!(messages, __preload_messages, Sent:
    Messages MessagesRoute => view! { <MessagesPage/> },
    Message MessageRoute => view! { <MessagePage/> },
    Conversation ConversationRoute => view! { <ConversationPage/> },
    Failures FailuresRoute => view! { <FailuresPage/> },
);

part!(desk, __preload_desk, Asked:
    Tasks TasksRoute => view! { <TasksPage/> },
    Task TaskRoute => view! { <TaskPage/> },
    Start StartRoute => view! { <StartPage/> },
    Processes ProcessesRoute => definitions_page(DefinitionKind::Process),
    Sagas SagasRoute => definitions_page(DefinitionKind::Saga),
    Destinations DestinationsRoute => view! { <DestinationsPage/> },
    Sources SourcesRoute => view! { <SourcesPage/> },
    NewSource NewSourceRoute => view! { <NewSourcePage/> },
    Settings SettingsRoute => view! { <SettingsPage/> },
);

part!(instances, __preload_instances, Monitored:
    Instances InstancesRoute => view! { <InstancesPage/> },
    Instance InstanceRoute => view! { <InstancePage/> },
);

part!(designer, __preload_designer, Drawn:
    Process ProcessRoute => definition_page(DefinitionKind::Process),
    Saga SagaRoute => definition_page(DefinitionKind::Saga),
    CompareProcess CompareProcessRoute => compare_page(DefinitionKind::Process),
    CompareSaga CompareSagaRoute => compare_page(DefinitionKind::Saga),
);
