//! What does the Rust client show? Reads lines of JSON, makes each call with a client of its own, and
//! tells what came of it in a line of JSON.

mod ask;
mod calls;
mod contract;
mod shown;

use std::{
    any::Any,
    io::{self, BufRead, Write},
};

use serde_json::{Value, json};
use tokio::runtime;

use ask::Ask;
use shown::Shown;

type Failure = Box<dyn std::error::Error>;

fn main() -> Result<(), Failure> {
    let runtime = runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()?;
    for line in io::stdin().lock().lines() {
        let ask: Ask = Ask::read(&line?)?;
        match ask.what.as_str() {
            "describe" => say(&describe(&ask))?,
            "exit_with_open_stream" => {
                let (told, _open) = runtime.block_on(open(&ask))?;
                say(&told)?;
                return Ok(());
            }
            _ => say(&runtime.block_on(answer(&ask))?)?,
        }
    }
    Ok(())
}

fn describe(ask: &Ask) -> Value {
    json!({
        "id": ask.id,
        "language": "rust",
        "client_version": env!("CARGO_PKG_VERSION"),
        "contract_version": weir_client::CONTRACT_VERSION,
        "runtime": concat!("rust ", env!("CARGO_PKG_RUST_VERSION"), " or newer, tonic 0.14, prost 0.14"),
    })
}

async fn answer(ask: &Ask) -> Result<Value, Failure> {
    let mut shown = Shown::new();
    calls::make(ask, &mut shown).await?;
    Ok(shown.line(&ask.id))
}

/// Open a stream and read its first message; the stream stays open as long as it is held.
async fn open(ask: &Ask) -> Result<(Value, Box<dyn Any>), Failure> {
    let mut stream = ask
        .client()?
        .stream_chat(ask.request::<weir_client::v1::StreamChatRequest>()?)
        .await?;
    stream.next_message().await?;
    Ok((json!({"id": ask.id}), Box::new(stream)))
}

fn say(line: &Value) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{line}")?;
    out.flush()
}
