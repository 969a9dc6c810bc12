//! How does a Rust program call Weir? With a [`Client`], and the stubs in [`v1`] below it.
//!
//! ```no_run
//! # async fn example() -> Result<(), weir_client::Error> {
//! let client = weir_client::Client::new("localhost:50051")?;
//! let mut stream = client.stream_chat("Hello").await?;
//! while let Some(text) = stream.next_text().await? {
//!     print!("{text}");
//! }
//! # Ok(())
//! # }
//! ```
//!
//! The feature `transport` is on by default; without it there are the messages, the fold and the
//! errors. The feature `server` adds the other side of the stubs, for stand-ins of a server in tests.

pub mod admin;
mod code;
mod details;
mod error;
mod fold;
mod messages;

#[cfg(feature = "transport")]
mod address;
#[cfg(feature = "transport")]
mod balance;
#[cfg(feature = "transport")]
mod call;
#[cfg(feature = "transport")]
mod client;
#[cfg(feature = "transport")]
mod failure;
#[cfg(feature = "transport")]
mod health;
#[cfg(feature = "transport")]
mod retry;
#[cfg(feature = "transport")]
mod stream;
#[cfg(feature = "transport")]
mod transport;

pub use code::Code;
pub use details::{QuotaViolation, ResourceInfo};
pub use error::{Error, ErrorKind};
pub use fold::{Fold, fold_chat, fold_complete};

#[cfg(feature = "transport")]
pub use {
    address::{Tls, TlsFiles},
    call::{CallOptions, Priority},
    client::{Client, ClientBuilder},
    health::HealthStatus,
    stream::{Answer, AnswerStream, ChatStream, CompleteStream, TextStream},
    transport::Transport,
};

/// The version of the contract that the stubs speak; the same number as this crate's.
pub const CONTRACT_VERSION: &str = env!("CARGO_PKG_VERSION");

/// The messages and stubs of the contract, as generated.
#[allow(missing_docs, clippy::all, rustdoc::all)]
#[rustfmt::skip]
#[path = "generated/weir.v1.rs"]
pub mod v1;

/// The README's examples compile.
#[cfg(all(doctest, feature = "transport"))]
#[doc = include_str!("../README.md")]
struct Readme;
