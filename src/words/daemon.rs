//! What the daemon says of itself: what comes next, what keeps a row from beginning, what a person must see to.
use crate::words::Table;

pub(super) const TABLE: Table = &[
    // What comes next.
    ("nothing: it is done", "无：已完成"),
    ("nothing: node {} runs {}", "无：节点 {} 运行 {}"),
    ("nothing: both nodes run {}", "无：两个节点都运行 {}"),
    ("nothing: the roles are switched", "无：角色已切换"),
    ("nothing: it was given up", "无：已放弃"),
    (
        "hau-ctl retry, when the cause is mended",
        "排除原因后运行 hau-ctl retry",
    ),
    (
        "hau-ctl retry, when the cause is mended; or hau-ctl confirm --reason",
        "排除原因后运行 hau-ctl retry；或 hau-ctl confirm --reason",
    ),
    (
        "hau-ctl retry, when the cause is mended; or hau-ctl abort",
        "排除原因后运行 hau-ctl retry；或 hau-ctl abort",
    ),
    (
        "hau-ctl retry goes on; hau-ctl abort gives up",
        "hau-ctl retry 继续；hau-ctl abort 放弃",
    ),
    ("what was begun is taken back", "正在撤销已开始的操作"),
    ("the end", "结束"),
    ("{} failed", "{} 失败"),
    ("see the log of that node", "请查看该节点的日志"),
    // What keeps a row from beginning.
    (
        "node {} has lost its journal: what it did in this rollout is not known there any more. hau-ctl abort takes back what this node did; what that one did is a person's to look at",
        "节点 {} 丢失了 journal（状态记录）：它已不知道自己在本次发布中做过什么。hau-ctl abort 可撤销本节点所做的；那个节点所做的需要人工检查",
    ),
    (
        "node {} is not heard of: nothing new begins until it is",
        "收不到节点 {} 的消息：在收到之前不会开始新的步骤",
    ),
    (
        "node {} has not yet taken the newest order",
        "节点 {} 尚未接受最新的命令",
    ),
    ("waits for {} on node {}", "等待节点 {1} 的 {0}"),
    ("the plan was asked to stop here", "按要求停在这里"),
    (
        "waits for what was asked for by hand on that node (a backup, the sync)",
        "等待该节点上手动发起的操作（备份、同步）",
    ),
    (
        "this node may hold the VIP: its service is not touched",
        "本节点可能持有 VIP：不触碰其服务",
    ),
    (
        "the database here is kept from starting as primary",
        "本节点的数据库被禁止以主库启动",
    ),
    (
        "node {} does not hold the VIP with its service up",
        "节点 {} 没有在服务运行的状态下持有 VIP",
    ),
    // What a person must see to.
    (
        "node {} became primary while this one was away: the database here is not to be written to any more",
        "本节点离线期间，节点 {} 已成为主库：不得再写入本节点的数据库",
    ),
    (
        "node {} is primary, and the database here is down and does not follow it",
        "节点 {} 是主库，而本节点的数据库已停止，没有跟随它",
    ),
    (
        "hau-ctl rejoin; where that is refused hau-ctl rejoin --rebuild",
        "hau-ctl rejoin；如被拒绝则 hau-ctl rejoin --rebuild",
    ),
    (
        "the database here was primary and does not start: node {} has begun to become primary and has not ended",
        "本节点的数据库原为主库，现不启动：节点 {} 已开始提升为主库，尚未结束",
    ),
    (
        "hau-ctl status on node {}",
        "在节点 {} 上运行 hau-ctl status",
    ),
    (
        "the database here was primary and does not start: node {} is not heard, or does not hear this one, and may have become primary meanwhile",
        "本节点的数据库原为主库，现不启动：收不到节点 {} 的消息，或它收不到本节点的消息，它可能已成为主库",
    ),
    (
        "bring node {} back; if it stays off: hau-ctl failover --fenced --accept-data-loss --reason …",
        "请恢复节点 {}；如果它无法恢复：hau-ctl failover --fenced --accept-data-loss --reason …",
    ),
    (
        "the databases of this node and of node {} were both primary, neither knowing of the other: neither starts",
        "本节点与节点 {} 的数据库都曾是主库，且互不知情：两边都不启动",
    ),
    (
        "on the node that holds the VIP, if its data is what counts: hau-ctl failover --fenced --accept-data-loss --reason …; then hau-ctl rejoin --rebuild on the other one",
        "如果以持有 VIP 的节点的数据为准，在该节点上：hau-ctl failover --fenced --accept-data-loss --reason …；然后在另一个节点上 hau-ctl rejoin --rebuild",
    ),
    (
        "the failover of this node did not end well, and its database may become primary yet",
        "本节点的故障切换没有正常结束，其数据库仍可能成为主库",
    ),
    (
        "see the database's own log, then hau-ctl failover --fenced --reason … once more",
        "请查看数据库自身的日志，然后再次运行 hau-ctl failover --fenced --reason …",
    ),
    (
        "node {} is gone, the VIP is here, and the database here is a standby: nothing can be written; {}",
        "节点 {} 已失联，VIP 在本节点，而本节点的数据库是备库：无法写入；{}",
    ),
    (
        "make sure that node {} is off, then hau-ctl failover --fenced --reason …",
        "请确认节点 {} 已断电，然后 hau-ctl failover --fenced --reason …",
    ),
    (
        "make sure that node {} is off, then hau-ctl failover --fenced --accept-data-loss --reason …",
        "请确认节点 {} 已断电，然后 hau-ctl failover --fenced --accept-data-loss --reason …",
    ),
    (
        "it had not followed to the end, so it may lack what the other one acknowledged",
        "它没有跟到最后，可能缺少另一个节点已确认的数据",
    ),
    (
        "it has what the other one sent, and a person promotes ([database] failover = \"manual\")",
        "它已收到另一个节点发送的全部数据，由人工提升（[database] failover = \"manual\"）",
    ),
    (
        "it has what the other one sent, and the failover did not end well (hau-ctl history)",
        "它已收到另一个节点发送的全部数据，但故障切换没有正常结束（hau-ctl history）",
    ),
    // Of a copy of the audit trail.
    (
        "behind the last entry is what is none: a write that a power cut tore, or one that went on while it was copied",
        "最后一条之后有不完整的内容：断电中断的写入，或复制时正在进行的写入",
    ),
    (
        "one of the two headers of the file is damaged; it says nothing that the entries do not",
        "文件的两个文件头之一已损坏；其中没有条目之外的信息",
    ),
    // Before a rollout.
    (
        "the nodes differ: {} runs {}, {} runs {}",
        "两个节点不同：{} 运行 {}，{} 运行 {}",
    ),
    (
        "the rollout under way makes them equal: hau-ctl status",
        "正在进行的发布会使它们一致：hau-ctl status",
    ),
    (
        "hau-ctl status says what was left half-way; upgrade, or roll that node back",
        "hau-ctl status 可查看哪里半途而止；请升级，或回滚那个节点",
    ),
    (
        "{} was installed here before and rolled back",
        "{} 曾在这里安装过并被回滚",
    ),
    (
        "it is allowed, and recorded with your name",
        "已允许，并记录了你的名字",
    ),
    (
        "install a mended version; or, if it was not to blame: --allow-known-bad",
        "请安装修复后的版本；如果与该版本无关：--allow-known-bad",
    ),
    (
        "no switchover of this pair was measured yet",
        "这对节点还没有测量过切换",
    ),
    (
        "at most {} without an answer is to be expected, of {}",
        "预计无应答时间最多 {}，预算 {}",
    ),
    (
        "the last switchovers left users without an answer for up to {}, and limits.downtime_budget is {}",
        "最近几次切换让用户无应答最长达 {}，而 limits.downtime_budget 为 {}",
    ),
    (
        "look into hau-ctl history for where the time went, or allow for it in hau.toml",
        "请用 hau-ctl history 查看时间花在哪里，或在 hau.toml 中放宽",
    ),
];
