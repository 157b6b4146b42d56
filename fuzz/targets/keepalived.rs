//! A keepalived.conf of any text.
#![no_main]
use hau::keepalived::{
    conf::Tree,
    instance::{Globals, Instance, VrrpScript},
};
use libfuzzer_sys::fuzz_target;
use std::path::Path;

fuzz_target!(|data: &[u8]| {
    let text = String::from_utf8_lossy(data);
    // Files that it includes are those of whoever fuzzes.
    if text.contains("include") {
        return;
    }
    if let Ok(tree) = Tree::parse(&text, Path::new("keepalived.conf"), "a") {
        let _ = Globals::read(&tree);
        let _ = VrrpScript::all(&tree);
        let _ = Instance::find(&tree, "web");
    }
});
