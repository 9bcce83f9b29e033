//! The connection to the server.

use std::{future::Future, sync::Arc, time::Duration};

use baton_domain::source::DocumentSource;
use mongodb::{
    Client, Collection, Database,
    bson::{Document, RawDocumentBuf, doc},
    error::ErrorKind,
    options::{ClientOptions, CollectionOptions, ReadConcern, ServerAddress},
};
use tokio::time::timeout;

use super::error::{Place, is_about_no_list};
use crate::source::{SourceError, Surroundings, address};

/// How long the server is looked for.
const FOUND_WITHIN: Duration = Duration::from_secs(5);
/// How long one question may take.
const ANSWERED_WITHIN: Duration = Duration::from_secs(30);
const CONNECTIONS_MAX: u32 = 4;
const NAME: &str = "baton-source";

/// An address that was understood. It holds a password, so it is never shown.
#[derive(Clone)]
pub struct Address(ClientOptions);

impl Address {
    /// Follows `reference` (`env:NAME` or `file:PATH`), anew each time.
    pub async fn find(reference: &str, surroundings: &Surroundings) -> Result<Self, SourceError> {
        let address = Self::parse(address::resolve(reference).await?.trim(), reference).await?;
        if surroundings.allow_private {
            return Ok(address);
        }
        // Those that it begins with; whichever others these tell of are followed.
        for server in &address.0.hosts {
            let ServerAddress::Tcp { host, .. } = server else {
                return Err(SourceError::Address(format!(
                    "The address leads to a socket of this machine. {}",
                    address::ADVICE
                )));
            };
            address::public_host(host).await?;
        }
        Ok(address)
    }

    /// What the driver says about an address may repeat parts of it, and with it the password; so it is not passed on.
    async fn parse(address: &str, reference: &str) -> Result<Self, SourceError> {
        if !(address.starts_with("mongodb://") || address.starts_with("mongodb+srv://")) {
            return Err(SourceError::Address(format!(
                "What stands in {reference} is not an address of MongoDB: it looks like mongodb://USER:PASSWORD@HOST/?authSource=admin \
                 or mongodb+srv://USER:PASSWORD@NAME/."
            )));
        }
        let mut options = match timeout(FOUND_WITHIN, ClientOptions::parse(address)).await {
            Ok(Ok(options)) => options,
            Ok(Err(error)) if matches!(error.kind.as_ref(), ErrorKind::DnsResolve { .. }) => {
                return Err(SourceError::Unreachable(format!(
                    "The name of the address in {reference} leads to no MongoDB: it has no SRV record."
                )));
            }
            Ok(Err(_)) => {
                return Err(SourceError::Address(format!(
                    "The address in {reference} cannot be read: check its hosts and options, and write what is special in user and \
                     password percent-encoded (`@` as %40, `/` as %2F)."
                )));
            }
            Err(_) => {
                return Err(SourceError::Unreachable(format!(
                    "The name of the address in {reference} was not resolved within {} s.",
                    FOUND_WITHIN.as_secs()
                )));
            }
        };
        options.app_name.get_or_insert_with(|| NAME.to_owned());
        options.server_selection_timeout.get_or_insert(FOUND_WITHIN);
        options.connect_timeout.get_or_insert(FOUND_WITHIN);
        options.max_pool_size.get_or_insert(CONNECTIONS_MAX);
        Ok(Self(options))
    }

    /// Nothing is connected before something is asked.
    pub fn reach(&self, settings: &DocumentSource) -> Result<Arc<Reached>, SourceError> {
        let hosts: Vec<String> = self.0.hosts.iter().map(ToString::to_string).collect();
        let place = Place::new(settings, hosts.join(", "));
        let client = Client::with_options(self.0.clone()).map_err(|error| place.error("be connected to", &error))?;
        let database = client.database(&settings.database);
        // What a majority has cannot be taken back by a change of the primary: no event is taken in that never was.
        let options = CollectionOptions::builder().read_concern(ReadConcern::majority()).build();
        let collection = database.collection_with_options(&settings.collection, options);
        Ok(Arc::new(Reached { place, database, collection }))
    }
}

/// A collection of a server.
#[derive(Debug)]
pub struct Reached {
    pub place: Place,
    pub database: Database,
    pub collection: Collection<RawDocumentBuf>,
}

impl Reached {
    /// Asks something; `doing` is what for, as in "read `shop.orders`".
    pub async fn ask<T>(
        &self,
        doing: &str,
        question: impl Future<Output = mongodb::error::Result<T>>,
    ) -> Result<T, SourceError> {
        match timeout(ANSWERED_WITHIN, question).await {
            Ok(answer) => answer.map_err(|error| self.place.error(doing, &error)),
            Err(_) => Err(self.place.unreachable(&format!("no answer within {} s", ANSWERED_WITHIN.as_secs()))),
        }
    }

    /// Updates in one command. Where something cannot be updated, the others still are.
    pub async fn update(&self, doing: &str, command: Document) -> Result<(), SourceError> {
        let answer = self.ask(doing, async { self.database.run_command(command).await }).await?;
        let errors = answer.get_array("writeErrors").map(Vec::as_slice).unwrap_or_default();
        for error in errors.iter().filter_map(|error| error.as_document()) {
            let (code, said) = (error.get_i32("code").unwrap_or_default(), error.get_str("errmsg").unwrap_or_default());
            if !is_about_no_list(code, said) {
                return Err(self.place.refused(doing, code, said));
            }
        }
        Ok(())
    }

    /// Whether the server can tell of changes: it is a member of a replica set, or a router to several.
    pub async fn tells_of_changes(&self) -> Result<bool, SourceError> {
        let hello = self.ask("answer", async { self.database.run_command(doc! { "hello": 1 }).await }).await?;
        Ok(hello.contains_key("setName") || hello.get_str("msg").is_ok_and(|what| what == "isdbgrid"))
    }
}
