//! Relay and deliveries, as services around a real database and real HTTP endpoints on loopback.
//!
//! Every test named in `on_both!` runs on SQLite and on PostgreSQL. What is asserted is what receivers got and what
//! stands in the store.

#[path = "../support/arrivals.rs"]
mod arrivals;
mod chains;
mod cleaner;
mod crash;
mod floods;
mod foreign;
mod guard;
mod late;
mod limits;
mod log;
mod log_faults;
mod nodes;
mod order;
mod outage;
mod repair;
mod requests;
mod sink;
mod world;

/// The same test on both databases.
macro_rules! on_both {
    ($($name:ident),+ $(,)?) => {
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                super::$name(crate::world::Database::sqlite()).await;
            })+
        }
        mod postgres {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                super::$name(crate::world::Database::postgres()).await;
            })+
        }
    };
}
pub(crate) use on_both;
