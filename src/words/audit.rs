//! The audit trail, and what is proven of a copy.
use crate::words::Table;

pub(super) const TABLE: Table = &[
    (
        "nothing of that is in the audit trail",
        "审计记录中没有符合的条目",
    ),
    (
        "of node {} alone: the other one does not answer",
        "仅为节点 {} 的记录：另一个节点没有应答",
    ),
    ("{}, because: {}", "{}，原因：{}"),
    ("hau-sidecar {} has started", "hau-sidecar {} 已启动"),
    ("the nodes were paired", "两个节点已配对"),
    ("{} overrules {}", "{} 强制放行：{}"),
    (
        "{} {} begins, asked for by {} on node {}",
        "{0} {1} 开始，由 {2} 在节点 {3} 上发起",
    ),
    (
        "{} {} begins from {} to {}, asked for by {} on node {}",
        "{0} {1} 开始，从 {2} 到 {3}，由 {4} 在节点 {5} 上发起",
    ),
    (
        "{} of rollout {}, ordered by {} on node {}",
        "发布 {1} 的 {0}，由 {2} 在节点 {3} 上下达",
    ),
    ("rollout {} has ended: {}", "发布 {} 已结束：{}"),
    (
        "the trail of node {} is not signed any more: {}",
        "节点 {} 的审计记录不再被签名：{}",
    ),
    (
        "a power cut had left a part of an entry; it was removed",
        "断电留下了不完整的条目，已删除",
    ),
    (
        "signed node {}'s trail up to {}",
        "已为节点 {} 的记录签名，到第 {} 条",
    ),
    ("was signed up to {}", "已被签名，到第 {} 条"),
    (
        "something that only a later hau-ctl can read",
        "只有更新版本的 hau-ctl 才能读懂的条目",
    ),
    ("no answer (yet)", "（尚）无应答"),
    ("rollout {}", "发布 {}"),
    ("from {}", "来自 {}"),
    ("plan of {}", "{} 的计划"),
    // Kinds of rollouts.
    ("upgrade", "升级"),
    ("switch", "切换"),
    ("rollback", "回滚"),
    ("failover", "故障切换"),
    ("rejoin", "重新加入"),
    // Verifying copies.
    ("1 entry", "1 条"),
    ("{} entries", "{} 条"),
    ("1 problem", "1 个问题"),
    ("{} problems", "{} 个问题"),
    (
        "Whole: up to where it is signed nothing was changed, added or left out.",
        "完整：在已签名的范围内没有改动、添加或遗漏。",
    ),
    ("Not to be relied on: {}.", "不可信：{}。"),
    ("{}: node {}, {}, {} to {}", "{}：节点 {}，{}，{} 至 {}"),
    (
        "every entry follows the one before it",
        "每一条都与前一条相接",
    ),
    (
        "signed by the other node up to entry {}",
        "另一个节点已签名到第 {} 条",
    ),
    (
        "… with the certificate {}, which this file names itself: compare it with `openssl x509 -in /etc/hau/tls/cert.pem -outform der | sha256sum` on the other node, or give that file",
        "…签名证书 {} 是此文件自己声明的：请在另一个节点上用 `openssl x509 -in /etc/hau/tls/cert.pem -outform der | sha256sum` 核对，或者提供那个证书文件",
    ),
    (
        "the other trail says the same of it up to entry {}",
        "到第 {} 条为止，另一份记录与它一致",
    ),
    (
        "up to {} more entries are newer than that: they may be signed yet",
        "之后还有最多 {} 条更新的条目：可能稍后才签名",
    ),
];
