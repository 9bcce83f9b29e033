//! Lanes: how keys are spread over nodes.

/// How many lanes there are.
pub const LANES: u16 = 64;
