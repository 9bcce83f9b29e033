//! Real servers for tests and benchmarks, without containers.
//!
//! Nothing of Baton is in here: `xtask` and the tests of `server` both use it, and it depends on neither. It never
//! listens or connects anywhere but on loopback, and whatever it starts ends with the process that started it, even
//! when that process is killed. What to read next: [`postgres`], then [`install`] for how a missing program is found.

pub mod install;
pub mod mongodb;
pub mod nats;
pub mod net;
pub mod postgres;
pub mod proxy;
pub mod python;
pub mod rabbitmq;
pub mod server;
pub mod user;

pub use mongodb::MongoDb;
pub use nats::Nats;
pub use net::free_port;
pub use postgres::{Durability, Postgres};
pub use proxy::Proxy;
pub use rabbitmq::RabbitMq;
