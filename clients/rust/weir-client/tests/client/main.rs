//! Does the client keep its promises against a real server? One binary, for linking takes time.

mod answers;
mod calls;
mod connections;
mod failures;
mod folds;
mod scripted;
mod streams;
