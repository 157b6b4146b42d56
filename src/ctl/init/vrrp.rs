//! `[vrrp]`: which instance of keepalived moves the VIP.
use super::{Part, quoted, scene::Scene};
use std::path::Path;

pub(super) const CONF: &str = "/etc/keepalived/keepalived.conf";

pub(super) fn find(scene: &Scene<'_>) -> Part {
    let mut part = Part::default();
    let vips: Vec<String> = scene
        .instance
        .vips
        .iter()
        .map(|vip| vip.addr.to_string())
        .collect();
    part.line("[vrrp]");
    part.line(format!(
        "instance = {}    # holds {}",
        quoted(&scene.instance.name),
        vips.join(", ")
    ));
    if scene.conf != Path::new(CONF) {
        part.line(format!(
            "config = {}",
            quoted(&scene.conf.to_string_lossy())
        ));
    }
    if !scene.other_instances.is_empty() {
        let others = scene.other_instances.join(", ");
        part.ask(
            &format!("instance = {}", quoted(&scene.other_instances[0])),
            sentence!(
                "there are {}, too: which one holds the address that clients use?",
                others
            ),
        );
    }
    part
}
