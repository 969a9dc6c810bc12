//! The contract for operators.

/// The messages and stubs for operators, as generated.
#[allow(missing_docs, clippy::all, rustdoc::all)]
#[rustfmt::skip]
#[path = "generated/weir.admin.v1.rs"]
pub mod v1;
