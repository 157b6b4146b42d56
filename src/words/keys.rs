//! What the verbs of `hau-ctl keys` say, and what is found of the keys that a node trusts.
use crate::words::Table;

pub(super) const TABLE: Table = &[
    // Making a set.
    (
        "see hau-ctl keys new --help",
        "用法见 hau-ctl keys new --help",
    ),
    ("this would be no key set: {}", "这样不成密钥集：{}"),
    ("the set before has no key {}", "前一个密钥集中没有公钥 {}"),
    (
        "hau-ctl keys show lists its keys",
        "hau-ctl keys show 可列出其中的公钥",
    ),
    ("there is a key {} already", "已有名为 {} 的公钥"),
    (
        "name each file as its person, or --drop the old key",
        "请按持有人给每个文件命名，或用 --drop 去掉旧公钥",
    ),
    ("no product is given", "没有给出产品"),
    ("no threshold is given", "没有给出签名门限"),
    ("no number is higher than {}", "没有比 {} 更大的编号"),
    (
        "{} of {} must sign it: hau-ctl keys sign {} --key NAME.key",
        "{1} 中须有 {0} 个签名：hau-ctl keys sign {2} --key NAME.key",
    ),
    (
        "{} of {} must sign it, and {} of key set {}: hau-ctl keys sign {} --key NAME.key",
        "{1} 中须有 {0} 个签名，密钥集 {3} 中须有 {2} 个签名：hau-ctl keys sign {4} --key NAME.key",
    ),
    // Signing it, and looking at it.
    (
        "hau-ctl keys show says who has",
        "hau-ctl keys show 可查看谁已签名",
    ),
    ("signed with key {}", "已用密钥 {} 签名"),
    ("{} holds more than one key set", "{} 中有多个密钥集"),
    ("name a file with one", "请指定只含一个密钥集的文件"),
    ("its signatures are none: {}", "其中的签名不是有效签名：{}"),
    (
        "take the file without them and have it signed anew",
        "请去掉文件中的签名，重新签名",
    ),
    (
        "{} key set {}: {} of {} keys must sign; expires {}",
        "{0} 密钥集 {1}：{3} 个公钥中须有 {2} 个签名；{4} 到期",
    ),
    ("signed", "已签名"),
    ("signed with keys of set {}: {}", "密钥集 {} 中已签名的：{}"),
    ("signed with other keys: {}", "另有其他密钥签名：{}"),
    ("missing: {}", "还缺：{}"),
    (
        "whole; --after SET says whether it may follow the one before",
        "签名齐全；加 --after SET 可查看能否接在前一个之后",
    ),
    (
        "whole: hau-ctl keys install on both nodes",
        "签名齐全：请在两个节点上运行 hau-ctl keys install",
    ),
    // Installing it.
    (
        "key set {} is installed already: {}",
        "密钥集 {} 已经安装：{}",
    ),
    (
        "key set {} is in force: {} of {} keys must sign a bundle ({})",
        "密钥集 {0} 已生效：升级包须由 {2} 个公钥中的 {1} 个签名（{3}）",
    ),
    (
        "removed {}: the set alone counts",
        "已删除 {}：只有密钥集有效",
    ),
    (
        "next: the same on the other node; hau-ctl doctor compares both",
        "下一步：在另一个节点上同样执行；hau-ctl doctor 会比对两个节点",
    ),
];

/// What travels.
pub(super) const TOLD_TABLE: Table = &[
    // What a node trusts: a sentence within the others.
    (
        "key set {} ({} of {} keys)",
        "密钥集 {0}（{2} 个公钥中须 {1} 个签名）",
    ),
    ("the plain key {}", "单独的公钥 {}"),
    ("any of the plain keys ({})", "任一单独的公钥（{}）"),
    ("{} on both nodes", "两个节点均为{}"),
    (
        "{} on both nodes; the highest counter installed is {}",
        "两个节点均为{}；已安装的最大计数为 {}",
    ),
    (
        "this node trusts {}, the other one {}",
        "本节点信任{}，另一个节点信任{}",
    ),
    (
        "hau-ctl keys install, or the same .pub files, on both nodes",
        "请在两个节点上运行 hau-ctl keys install，或放置相同的 .pub 文件",
    ),
    ("the other node's keys: {}", "另一个节点的可信公钥：{}"),
    (
        "the .pub file of hau-ctl bundle keygen, or a key set (hau-ctl keys install), belongs there, on both nodes",
        "那里应有 hau-ctl bundle keygen 生成的 .pub 文件，或密钥集（hau-ctl keys install），两个节点都要",
    ),
    ("{} expires on {}", "{}将于 {} 到期"),
    (
        "{} expired on {}: nothing can be installed",
        "{}已于 {} 到期：无法安装任何升级包",
    ),
    (
        "ask the publishers for the next key set: hau-ctl keys install",
        "请向发布者索取轮换后的下一个密钥集：hau-ctl keys install",
    ),
    (
        "this node has seen {} already, and its clock says it is earlier: what had expired by then has expired",
        "本节点已经历过 {}，而它的时钟显示更早的时间：届时已到期的仍视为到期",
    ),
    (
        "set the clock right (timedatectl); if it had been wrong then, the next key set clears it",
        "请校正时钟（timedatectl）；如果是当时的时钟有误，安装下一个密钥集即可消除",
    ),
    (
        "the bundle brings key set {}: in force on both nodes from when it is staged, whatever becomes of the upgrade",
        "该升级包带来密钥集 {}：自暂存时起在两个节点生效，不论升级结果如何",
    ),
    (
        "what it says: tar xOf BUNDLE manifest.toml.keys | hau-ctl keys show /dev/stdin",
        "其中的内容：tar xOf BUNDLE manifest.toml.keys | hau-ctl keys show /dev/stdin",
    ),
];
