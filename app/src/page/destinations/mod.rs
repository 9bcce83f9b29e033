//! Destinations and routes: where messages go beside the bus, how that goes, and what is done about it.

mod card;
mod form;
mod keys;
mod routes;
mod traffic;

use leptos::prelude::*;

use self::{
    card::card,
    form::{NEW_FORM, destination_form},
    routes::{draw_routes, route_form},
    traffic::traffic_table,
};
use crate::{
    call::{
        self, DeleteDestination, DeleteRoute, DropOldKeys, PauseDestination, PutDestination, PutRoute, RotateKey,
        TestDestination,
    },
    clock::Clock,
    component::{
        confirm::{Dialog, DialogButton, close_when_done, empty_when_done},
        empty::Empty,
        failure::refusal,
        loaded::loaded,
        page_head::PageHead,
    },
    erased::Erase,
    live::Live,
    model::{BusView, Destination},
    read::Read,
};

const NEW_DESTINATION: &str = "new-destination";
const NEW_ROUTE: &str = "new-route";

/// The writes of the page; they outlive every redrawing.
#[derive(Clone, Copy)]
struct Writes {
    put: ServerAction<PutDestination>,
    delete: ServerAction<DeleteDestination>,
    pause: ServerAction<PauseDestination>,
    test: ServerAction<TestDestination>,
    rotate: ServerAction<RotateKey>,
    drop_old_keys: ServerAction<DropOldKeys>,
    put_route: ServerAction<PutRoute>,
    delete_route: ServerAction<DeleteRoute>,
}

impl Writes {
    fn version(self) -> usize {
        let written = [
            self.put.version(),
            self.delete.version(),
            self.pause.version(),
            self.test.version(),
            self.rotate.version(),
            self.drop_old_keys.version(),
            self.put_route.version(),
            self.delete_route.version(),
        ];
        written.into_iter().map(|version| version.get()).sum()
    }
}

#[component]
pub fn DestinationsPage() -> AnyView {
    let (live, clock) = (Live::expect(), Clock::expect());
    let writes = Writes {
        put: ServerAction::new(),
        delete: ServerAction::new(),
        pause: ServerAction::new(),
        test: ServerAction::new(),
        rotate: ServerAction::new(),
        drop_old_keys: ServerAction::new(),
        put_route: ServerAction::new(),
        delete_route: ServerAction::new(),
    };
    // Rates fall while nothing happens, so time is a change too.
    let changed = move || (live.destinations(), live.messages(), writes.version(), clock.tick());
    let destinations = Read::new(changed, |_| call::list_destinations());
    let routes = Read::new(move || (live.destinations(), writes.version()), |_| call::list_routes());
    close_when_done(NEW_DESTINATION.to_owned(), move || {
        (writes.put.version().get(), matches!(writes.put.value().get(), Some(Ok(_))))
    });
    empty_when_done(NEW_FORM.to_owned(), move || {
        (writes.put.version().get(), matches!(writes.put.value().get(), Some(Ok(_))))
    });
    close_when_done(NEW_ROUTE.to_owned(), move || {
        (writes.put_route.version().get(), matches!(writes.put_route.value().get(), Some(Ok(_))))
    });
    let forget_put = Callback::new(move |()| writes.put.clear());
    view! {
        <PageHead title="Destinations">
            <DialogButton opens=NEW_ROUTE label="New route…" on_open=Callback::new(move |()| writes.put_route.clear())/>
            <DialogButton opens=NEW_DESTINATION label="New destination…" class="primary" on_open=forget_put/>
        </PageHead>
        <div class="content">
            <div role="status">{move || refused(writes)}</div>
            {loaded(destinations, move |destinations| draw_destinations(destinations, writes))}
            {loaded(routes, move |routes| draw_routes(routes, writes))}
        </div>
        <Dialog id=NEW_DESTINATION title="New destination">{destination_form(None, writes)}</Dialog>
        <Dialog id=NEW_ROUTE title="New route">{route_form(writes)}</Dialog>
    }
    .erased()
}

/// What a write without a dialog of its own met.
fn refused(writes: Writes) -> AnyView {
    let errors =
        [writes.test.value().get().and_then(Result::err), writes.delete_route.value().get().and_then(Result::err)];
    match errors.into_iter().flatten().next() {
        Some(error) => refusal(&error).erased(),
        None => ().erased(),
    }
}

fn draw_destinations((bus, destinations): (BusView, Vec<Destination>), writes: Writes) -> AnyView {
    let traffic = traffic_table(&bus, &destinations);
    let cards = if destinations.is_empty() {
        view! {
            <section class="card">
                <Empty title="Messages go to the bus only" text="A destination is an HTTP endpoint that receives messages as CloudEvents. Its answer may hold further messages, so that a participant is one small handler. Add one, then a route that leads there."/>
            </section>
        }
        .erased()
    } else {
        destinations.into_iter().map(|destination| card(destination, writes)).collect_view().erased()
    };
    view! { <div class="stacked">{traffic}{cards}</div> }.erased()
}
