//! Hearing of inserts of other programs without asking again and again.

use async_trait::async_trait;

use super::StoreError;

/// Rings when something is inserted into the outbox. Only a hint: whoever waits for it still looks now and then.
///
/// The order is: [`arm`](Bell::arm), then read the outbox, then [`wait`](Bell::wait). What is committed before it was
/// armed is found by reading, what is committed after it rings; there is nothing in between.
#[async_trait]
pub trait Bell: Send {
    /// `false`: not now, because an insert is under way that would not ring.
    async fn arm(&mut self) -> Result<bool, StoreError>;

    /// Ends when it rang, also when that was before the call. May be given up at any point. An error says that it is
    /// broken: rings may have been lost, and another one has to be made.
    async fn wait(&mut self) -> Result<(), StoreError>;

    /// Inserts do not ring any more (ringing costs them something).
    async fn disarm(&mut self) -> Result<(), StoreError>;
}
