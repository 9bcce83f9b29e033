//! What every bus guarantees, tried on each of them against a real server: one suite, instantiated for each.
//!
//! A case is a function of a [`rig::Rig`], named by the behaviour it shows; [`on_all!`] makes a test of it for each bus.
//! What only one bus has stands in the file of that bus.

#[path = "../support/mod.rs"]
mod support;

mod incoming;
#[cfg(feature = "kafka")]
mod kafka;
mod nats;
mod publishing;
mod rabbitmq;
mod rig;
mod whole;

/// One test for each bus of each case.
macro_rules! on_all {
    ($($case:ident),+ $(,)?) => {
        mod nats {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $case() {
                super::$case(crate::nats::NatsRig::start("")).await;
            })+
        }
        #[cfg(feature = "kafka")]
        mod kafka {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $case() {
                super::$case(crate::kafka::KafkaRig::start()).await;
            })+
        }
        mod rabbitmq {
            /// One after the other, on one server: see there.
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn every_case() {
                let server = crate::rabbitmq::server();
                $(
                    eprintln!("{}", stringify!($case));
                    super::$case(crate::rabbitmq::RabbitRig::start(&server).await).await;
                )+
            }
        }
    };
}
pub(crate) use on_all;
