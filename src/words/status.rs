//! `status`, and what stands in every picture.
use crate::words::Table;

pub(super) const TABLE: Table = &[
    // Labels.
    ("peer", "对端"),
    ("on its own", "单独操作"),
    ("VIP", "VIP"),
    ("VRRP", "VRRP"),
    ("happening", "当前"),
    // Between parts.
    (", ", "，"),
    ("; ", "；"),
    (" and ", " 和 "),
    ("{}: {}", "{}：{}"),
    ("{}, {}", "{}，{}"),
    ("{}; {}", "{}；{}"),
    ("{} ({})", "{}（{}）"),
    ("{}, {}: {}", "{}，{}：{}"),
    ("{}, {} ({})", "{}，{}（{}）"),
    ("{} ({}): {}", "{}（{}）：{}"),
    // The rollout's name.
    ("upgrade {}: {} {} {}", "升级 {}: {} {} {}"),
    ("switch {}: {} {} {}", "切换 {}: {} {} {}"),
    ("rollback {}: {} {} {}", "回滚 {}: {} {} {}"),
    (
        "rollback {} of {}: {} {} {}",
        "回滚 {}（节点 {}）: {} {} {}",
    ),
    ("rollback {} ({}): {} → {}", "回滚 {} ({}): {} → {}"),
    ("failover {}: to {}", "故障切换 {}: 切到 {}"),
    ("failover {}: → {}", "故障切换 {}: → {}"),
    ("rejoin {}: of {}", "重新加入 {}: 节点 {}"),
    ("rejoin {}: {}", "重新加入 {}: {}"),
    ("{} on {}", "{0}（节点 {1}）"),
    ("{} on node {}", "节点 {1} 执行 {0}"),
    // The VIP.
    (
        "not on {}; whether {} holds it cannot be seen from here",
        "不在 {} 上；从本节点看不到 {} 是否持有",
    ),
    (
        "on neither node: the service cannot be reached",
        "两个节点都没有：服务不可访问",
    ),
    (
        "not on {}; {} held it when it was last heard",
        "不在 {} 上；最后一次收到 {} 的消息时，由它持有",
    ),
    (
        "{} holds it (MASTER, priority {})",
        "由 {} 持有（MASTER，优先级 {}）",
    ),
    ("{} holds it (MASTER)", "由 {} 持有（MASTER）"),
    ("{} is {}, priority {}", "{} 为 {}，优先级 {}"),
    ("{} is {}", "{} 为 {}"),
    (
        "on {}, but keepalived there says {}: not sure who is MASTER",
        "在 {} 上，但那里的 keepalived 状态为 {}：不确定谁是 MASTER",
    ),
    (
        "on BOTH nodes: they do not hear each other's advertisements",
        "两个节点上都有：它们互相收不到对方的 VRRP 通告",
    ),
    // The database.
    ("no node is known to be primary", "没有已知的主库"),
    (
        "{} was primary when it was last heard",
        "最后一次收到 {} 的消息时，它是主库",
    ),
    ("{}; the standby {} is {} behind", "{}；备库 {} 滞后 {}"),
    (
        "{}; the standby {} is behind by an unknown amount",
        "{}；备库 {} 滞后量未知",
    ),
    ("{}; no standby is seen", "{}；没有看到备库"),
    (
        "BOTH nodes say that they are primary: two writers",
        "两个节点都自称主库：双写！",
    ),
    ("{}, {} behind", "{}，滞后 {}"),
    // The other node, and versions.
    (
        "{} cannot be reached ({}): what is said of it here is old",
        "联系不上 {}（{}）：这里关于它的内容是旧的",
    ),
    ("last heard {} ago", "最后一次收到消息是 {} 前"),
    ("{} (this node)", "{}（本节点）"),
    ("{} (weight {})", "{}（权重 {}）"),
    ("1 service up", "1 个服务运行中"),
    ("{} services up", "{} 个服务运行中"),
    ("{} DOWN", "{} 停止"),
    // What is happening.
    ("nothing, and nothing has been", "没有操作，也没有历史记录"),
    ("{}, for {} (since {})", "{}，已用 {}（自 {} 起）"),
    ("{}, phase {}", "{}，阶段 {}"),
    ("{} {} {} of {}", "{} {} {}（上限 {}）"),
    (
        "{} is HALTED (under way since {})",
        "{} 已停止，等待人工处理（自 {} 起）",
    ),
    (
        "nothing; the last was {}, {}: {} after {}",
        "没有操作；上一次是 {}，{}：{}，用时 {}",
    ),
    (
        "nothing; hau-ctl doctor says whether the pair is fit to be upgraded",
        "无；运行 hau-ctl doctor 检查这对节点能否升级",
    ),
    (
        "see on {} what systemctl status hau-sidecar says, and the link between the nodes",
        "在 {} 上查看 systemctl status hau-sidecar，并检查两个节点之间的网络",
    ),
    ("{}, {} waits: {}", "{}，{} 在等待：{}"),
    ("{} days", "{} 天"),
];
