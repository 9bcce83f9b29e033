//! The connection to the server.

use std::{
    future::Future,
    sync::{Arc, OnceLock},
    time::Duration,
};

use baton_domain::source::DocumentSource;
use mongodb::{
    Client, Collection, Database,
    bson::{Document, RawDocumentBuf, doc},
    error::ErrorKind,
    event::{EventHandler, sdam::SdamEvent},
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
pub struct Address {
    options: ClientOptions,
    refused: Refused,
}

/// Why nothing may be asked there any more: a member that the servers told of has an address that is refused.
type Refused = Arc<OnceLock<SourceError>>;

impl Address {
    /// Follows `reference` (`env:NAME` or `file:PATH`), anew each time.
    pub async fn find(reference: &str, surroundings: &Surroundings) -> Result<Self, SourceError> {
        let mut address = Self::parse(address::resolve(reference).await?.trim(), reference).await?;
        if surroundings.allow_private {
            return Ok(address);
        }
        for server in &address.options.hosts {
            check_public(server).await?;
        }
        // Those are where it begins; the servers tell of further members, and the driver turns to them by itself.
        let refused = Arc::clone(&address.refused);
        address.options.sdam_event_handler = Some(EventHandler::callback(move |event| {
            if let SdamEvent::ServerOpening(event) = event {
                tokio::spawn(check_member(event.address, Arc::clone(&refused)));
            }
        }));
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
        Ok(Self { options, refused: Refused::default() })
    }

    /// Nothing is connected before something is asked.
    pub fn reach(&self, settings: &DocumentSource) -> Result<Arc<Reached>, SourceError> {
        let hosts: Vec<String> = self.options.hosts.iter().map(ToString::to_string).collect();
        let place = Place::new(settings, hosts.join(", "));
        let client =
            Client::with_options(self.options.clone()).map_err(|error| place.error("be connected to", &error))?;
        let database = client.database(&settings.database);
        // What a majority has cannot be taken back by a change of the primary: no event is taken in that never was.
        let options = CollectionOptions::builder().read_concern(ReadConcern::majority()).build();
        let collection = database.collection_with_options(&settings.collection, options);
        Ok(Arc::new(Reached { place, database, collection, refused: Arc::clone(&self.refused) }))
    }
}

async fn check_public(server: &ServerAddress) -> Result<(), SourceError> {
    match server {
        ServerAddress::Tcp { host, .. } => address::public_host(host).await.map(drop),
        _ => Err(SourceError::Address(format!("The address leads to a socket of this machine. {}", address::ADVICE))),
    }
}

async fn check_member(server: ServerAddress, refused: Refused) {
    if let Err(SourceError::Address(why)) = check_public(&server).await {
        let _ = refused.set(SourceError::Address(format!("A member of the replica set, {server}, is refused. {why}")));
    }
}

/// A collection of a server.
#[derive(Debug)]
pub struct Reached {
    pub place: Place,
    pub database: Database,
    pub collection: Collection<RawDocumentBuf>,
    refused: Refused,
}

impl Reached {
    /// Asks something; `doing` is what for, as in "read `shop.orders`".
    pub async fn ask<T>(
        &self,
        doing: &str,
        question: impl Future<Output = mongodb::error::Result<T>>,
    ) -> Result<T, SourceError> {
        if let Some(refused) = self.refused.get() {
            return Err(refused.clone());
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    async fn find(content: &str, allow_private: bool) -> Result<Address, SourceError> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("address");
        std::fs::write(&path, content).unwrap();
        let surroundings = Surroundings { own_url: "sqlite://baton.db".into(), allow_private };
        Address::find(&format!("file:{}", path.display()), &surroundings).await
    }

    #[tokio::test]
    async fn private_addresses_are_refused_unless_allowed() {
        for (address, says) in [
            ("mongodb://me:hush@127.0.0.1/", "loopback"),
            ("mongodb://me:hush@8.8.8.8,10.1.2.3:27018/", "private"),
            ("mongodb://me:hush@[::1]/", "loopback"),
            ("mongodb://me:hush@localhost/", "loopback"),
            ("mongodb://me:hush@%2Ftmp%2Fmongodb-27017.sock/", "socket"),
        ] {
            let said = find(address, false).await.err().map(|error| error.to_string()).unwrap_or_default();
            assert!(said.contains(says) && said.contains("BATON_ALLOW_PRIVATE_DESTINATIONS"), "{address}: {said}");
            assert!(!said.contains("hush"), "{said}");
            assert!(find(address, true).await.is_ok(), "{address}");
        }
        assert!(find("mongodb://me:hush@8.8.8.8/", false).await.is_ok());
    }

    #[tokio::test]
    async fn nothing_is_asked_once_a_member_has_a_private_address() {
        let address = find("mongodb://me:hush@8.8.8.8/", false).await.unwrap();
        let reached = address.reach(&DocumentSource::example("env:SHOP", "shop", "orders")).unwrap();
        let tell =
            async |host: &str| check_member(ServerAddress::parse(host).unwrap(), Arc::clone(&address.refused)).await;
        tell("8.8.4.4:27017").await;
        assert_eq!(reached.ask("count", async { Ok(7) }).await, Ok(7));
        tell("192.168.3.4:27017").await;
        let error = reached.ask("count", async { Ok(7) }).await.unwrap_err().to_string();
        assert!(error.contains("192.168.3.4:27017") && error.contains("private"), "{error}");
    }
}
