//! The guest's side of the WIT contract; the only `generate!` of the SDK.
//!
//! Public only because [`export_analytic!`](crate::export_analytic) expands in
//! the analytic's crate. Use the modules of the SDK instead.

#![allow(missing_docs, reason = "generated; the WIT files document every item")]
#![allow(clippy::all, clippy::restriction, reason = "generated")]

wit_bindgen::generate!({
    path: "../wit",
    world: "analytic",
    pub_export_macro: true,
    default_bindings_module: "sandtrap_sdk::bindings",
    additional_derives: [PartialEq],
});
