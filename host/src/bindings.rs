//! The host's side of the WIT contract; the only `bindgen!` of the host.

#![allow(missing_docs, reason = "generated; the WIT files document every item")]
#![allow(clippy::all, clippy::restriction, reason = "generated")]

wasmtime::component::bindgen!({
    path: "../wit",
    world: "analytic",
    imports: { default: trappable },
});
