//! How does the contract become Rust? One module per package, from a descriptor set, without protoc.
//!
//!     weir-client-generator DESCRIPTOR_SET OUT_DIR

use std::{env, error::Error, fs, path::PathBuf};

use prost::Message;
use prost_types::FileDescriptorSet;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = env::args_os().skip(1).map(PathBuf::from);
    let (Some(contract), Some(out), None) = (arguments.next(), arguments.next(), arguments.next())
    else {
        return Err("usage: weir-client-generator DESCRIPTOR_SET OUT_DIR".into());
    };
    let files = FileDescriptorSet::decode(fs::read(contract)?.as_slice())?;
    fs::create_dir_all(&out)?;
    tonic_prost_build::configure()
        .out_dir(out)
        .emit_rerun_if_changed(false)
        .build_transport(false)
        // A stand-in of a server in a test writes only the methods that it needs.
        .generate_default_stubs(true)
        // Messages load without gRPC; each half of the stubs has a feature of its own.
        .client_mod_attribute(".", "#[cfg(feature = \"transport\")]")
        .server_mod_attribute(".", "#[cfg(feature = \"server\")]")
        .btree_map(".")
        .compile_fds(files)?;
    Ok(())
}
