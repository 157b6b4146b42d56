//! What is found in keepalived's configuration.
use crate::words::Table;

pub(super) const TABLE: Table = &[
    ("correct keepalived.conf", "请改正 keepalived.conf"),
    (
        "{} was edited and keepalived has not read it again: {}",
        "{} 已被修改，但 keepalived 还没有重新读取：{}",
    ),
    (
        "systemctl reload keepalived, or take the change back: until then weights go by what keepalived runs with",
        "systemctl reload keepalived，或撤回修改：在此之前权重按 keepalived 正在使用的配置计算",
    ),
    (
        "keepalived does not track our file: a new weight was not acknowledged",
        "keepalived 没有跟踪我们的文件：新权重没有得到确认",
    ),
    (
        "reload keepalived after {} exists",
        "请在 {} 存在之后重新加载 keepalived",
    ),
    (
        "keepalived does not call hau-sidecar check",
        "keepalived 没有调用 hau-sidecar check",
    ),
    (
        "keepalived calls hau-sidecar check",
        "keepalived 在调用 hau-sidecar check",
    ),
    (
        "see that vrrp_script runs hau-sidecar check and that keepalived's log does not disable it",
        "请确认 vrrp_script 运行 hau-sidecar check，且 keepalived 日志中没有将其禁用",
    ),
    // Events.
    (
        "this keepalived has no notify FIFO: events come from hooks, which may be late or out of order",
        "此 keepalived 没有通知 FIFO：事件来自钩子，可能迟到或乱序",
    ),
    (
        "upgrade keepalived to 2.0 or later when you can",
        "请在方便时升级 keepalived 到 2.0 或更高版本",
    ),
    ("events come through {}", "事件经由 {}"),
    ("vrrp_notify_fifo is {}", "vrrp_notify_fifo 为 {}"),
    (
        "set `vrrp_notify_fifo {}` in global_defs; another reader can use `notify_fifo`",
        "请在 global_defs 中设置 `vrrp_notify_fifo {}`；其他读取程序可用 `notify_fifo`",
    ),
    (
        "keepalived writes its events to no FIFO",
        "keepalived 没有把事件写到 FIFO",
    ),
    (
        "set `vrrp_notify_fifo {}` in global_defs",
        "请在 global_defs 中设置 `vrrp_notify_fifo {}`",
    ),
    (
        "this keepalived does not tell changes of priority: hau asks for a dump after each weight",
        "此 keepalived 不通知优先级变化：hau 在每次改权重后索取转储",
    ),
    (
        "upgrade keepalived to 2.0.17 or later when you can",
        "请在方便时升级 keepalived 到 2.0.17 或更高版本",
    ),
    (
        "keepalived acknowledges each weight",
        "keepalived 会确认每次权重变化",
    ),
    (
        "keepalived does not acknowledge weights",
        "keepalived 不确认权重变化",
    ),
    (
        "set `vrrp_notify_priority_changes true` in global_defs",
        "请在 global_defs 中设置 `vrrp_notify_priority_changes true`",
    ),
    ("hooks call the sidecar: {}", "钩子会调用 sidecar：{}"),
    (
        "add `notify \"{} notify\"` to the instance",
        "请在实例中添加 `notify \"{} notify\"`",
    ),
    (
        "not every change of state calls the sidecar",
        "并非每次状态变化都调用 sidecar",
    ),
    (
        "{}: {} seems to promote a database ({})",
        "{}：{} 似乎会提升数据库（{}）",
    ),
    (
        "keep exactly one owner of promotion: remove it there, or set `[database] kind` accordingly",
        "只能由一方负责提升：请从那里去掉，或相应设置 `[database] kind`",
    ),
    (
        "no notify script promotes a database",
        "没有通知脚本会提升数据库",
    ),
    // Timing and the rest.
    (
        "nopreempt with state MASTER: keepalived ignores nopreempt",
        "state MASTER 时的 nopreempt：keepalived 会忽略 nopreempt",
    ),
    (
        "write `state BACKUP`, or remove nopreempt",
        "请写 `state BACKUP`，或去掉 nopreempt",
    ),
    (
        "nopreempt: a lower weight moves nothing, so the VIP would stay on a node whose services are down",
        "nopreempt：降低权重不会切换，VIP 会停留在服务已停止的节点上",
    ),
    (
        "remove nopreempt on both nodes: hau's weights keep the VIP where it is",
        "请在两个节点上去掉 nopreempt：hau 的权重会让 VIP 留在原处",
    ),
    (
        "the other node has nopreempt, this one has not",
        "另一个节点有 nopreempt，本节点没有",
    ),
    (
        "remove nopreempt there: hau's weights keep the VIP where it is",
        "请在那里去掉 nopreempt：hau 的权重会让 VIP 留在原处",
    ),
    ("a weight can move the VIP", "权重可以切换 VIP"),
    (
        "a weight moves the VIP without delay",
        "权重可以立即切换 VIP",
    ),
    (
        "preempt_delay makes a move by weight {} s longer",
        "preempt_delay 使按权重的切换延长 {} 秒",
    ),
    ("remove preempt_delay", "请去掉 preempt_delay"),
    (
        "advert_int {} with VRRP version 2, which knows whole seconds",
        "advert_int 为 {}，而 VRRP 版本 2 只支持整秒",
    ),
    (
        "add `version 3` on both nodes, or use `advert_int 1`",
        "请在两个节点上添加 `version 3`，或使用 `advert_int 1`",
    ),
    (
        "VRRP version {}, one advert each {} s",
        "VRRP 版本 {}，每 {} 秒一次通告",
    ),
    (
        "auth_type AH: hau cannot hear the other node's adverts",
        "auth_type AH：hau 收不到另一个节点的通告",
    ),
    (
        "use `auth_type PASS`, or no authentication and a firewall",
        "请使用 `auth_type PASS`，或不用认证而用防火墙",
    ),
    (
        "hau can hear the other node's adverts",
        "hau 能收到另一个节点的通告",
    ),
    ("not compared with the other node", "没有与另一个节点比较"),
    (
        "pair the nodes, then run doctor again",
        "请先配对两个节点，再运行 doctor",
    ),
    (
        "both nodes agree on id, version, interval and addresses",
        "两个节点的 ID、版本、间隔和地址一致",
    ),
    ("the nodes differ in {}", "两个节点的 {} 不同"),
    (
        "make them the same: else both may hold the VIP",
        "请改为一致：否则两边可能同时持有 VIP",
    ),
    (
        "vrrp_rt_priority without a time limit that is long enough: the kernel kills keepalived in a switch",
        "设置了 vrrp_rt_priority，但时间上限不够长：切换时内核会杀掉 keepalived",
    ),
    (
        "set `vrrp_rlimit_rttime {}` or more, or remove vrrp_rt_priority",
        "请把 `vrrp_rlimit_rttime` 设为 {} 或更大，或去掉 vrrp_rt_priority",
    ),
    (
        "keepalived's real-time limit is long enough",
        "keepalived 的实时时间上限足够",
    ),
    (
        "keepalived runs without real-time priority",
        "keepalived 没有使用实时优先级",
    ),
    (
        "after a healed partition clients may stay on the wrong node (measured: 7 s and more)",
        "网络分区恢复后，客户端可能停留在错误的节点上（实测 7 秒以上）",
    ),
    (
        "set `vrrp_higher_prio_send_advert true` in global_defs",
        "请在 global_defs 中设置 `vrrp_higher_prio_send_advert true`",
    ),
    (
        "the second gratuitous ARP comes only after {} s",
        "第二次免费 ARP 要等 {} 秒",
    ),
    (
        "set `vrrp_garp_master_delay 1` in global_defs",
        "请在 global_defs 中设置 `vrrp_garp_master_delay 1`",
    ),
    (
        "clients are told of a move again",
        "会再次通知客户端 VIP 已切换",
    ),
    ("script security is on", "脚本安全已开启"),
    (
        "script security is off: keepalived logs a violation at each start",
        "脚本安全未开启：keepalived 每次启动都会记录违规",
    ),
    (
        "set `enable_script_security` and `script_user root` in global_defs",
        "请在 global_defs 中设置 `enable_script_security` 和 `script_user root`",
    ),
    // What changes the priority.
    ("add `{}` to the instance", "请在实例中添加 `{}`"),
    ("{}: tracked file {} is {}", "{}：跟踪文件 {} 为 {}"),
    ("no vrrp_track_file is {}", "没有 vrrp_track_file 为 {}"),
    (
        "add `include /etc/keepalived/hau.conf` before the instance",
        "请在实例之前添加 `include /etc/keepalived/hau.conf`",
    ),
    (
        "instance {} tracks the file {}, which is not defined",
        "实例 {} 跟踪的文件 {} 没有定义",
    ),
    (
        "define it or remove the name (`keepalived -t` may hang on this)",
        "请定义它或去掉这个名字（`keepalived -t` 可能因此挂起）",
    ),
    (
        "instance {} tracks it with weight 1",
        "实例 {} 以权重 1 跟踪它",
    ),
    (
        "instance {} tracks {} with weight {}",
        "实例 {0} 以权重 {2} 跟踪 {1}",
    ),
    (
        "write `{} weight 1`: hau's arithmetic counts in units",
        "请写 `{} weight 1`：hau 按单位计算",
    ),
    ("instance {} does not track {}", "实例 {} 没有跟踪 {}"),
    ("{}: init_file is set", "{}：设置了 init_file"),
    (
        "remove it: keepalived 2.2.8 to 2.3.2 overwrite the weight at each start",
        "请去掉：keepalived 2.2.8 到 2.3.2 每次启动都会覆盖权重",
    ),
    (
        "keepalived does not write the weight itself",
        "keepalived 不会自己写权重",
    ),
    ("the directory of {} does not exist", "{} 所在的目录不存在"),
    (
        "run `systemd-tmpfiles --create hau.conf`, then reload keepalived",
        "请运行 `systemd-tmpfiles --create hau.conf`，再重新加载 keepalived",
    ),
    (
        "{} is made anew at each start of the sidecar (RuntimeDirectory={})",
        "{} 在 sidecar 每次启动时都会重建（RuntimeDirectory={}）",
    ),
    (
        "remove RuntimeDirectory= from the unit: keepalived loses the file for ever when its directory is replaced",
        "请从单元中去掉 RuntimeDirectory=：目录被替换后 keepalived 就永远丢失该文件",
    ),
    (
        "{} exists and outlives the sidecar",
        "{} 存在，且不随 sidecar 消失",
    ),
    (
        "the weights of both nodes are not proved: the peer has not said its priority",
        "两个节点的权重未经验证：对端还没有报告优先级",
    ),
    (
        "the check's weight is {} here and {} on the other node",
        "检查的权重在本节点为 {}，在另一个节点为 {}",
    ),
    (
        "use the same weight on both nodes",
        "请在两个节点上使用相同的权重",
    ),
    (
        "priorities {} and {} with check weight {} hold in every condition",
        "优先级 {} 和 {}、检查权重 {} 在各种情况下都成立",
    ),
    (
        "the weights of both nodes cannot hold in every condition",
        "两个节点的权重不能在各种情况下都成立",
    ),
    (
        "add a vrrp_script `{} check --draining` with weight -25 and track it",
        "请添加权重为 -25 的 vrrp_script `{} check --draining` 并跟踪它",
    ),
    (
        "keepalived 1.x has no tracked file, and no weighted drain script takes its place",
        "keepalived 1.x 没有跟踪文件，也没有带权重的 drain 脚本代替它",
    ),
    (
        "draining, this node has {}; it must be between the other's {} failing and {} healthy",
        "排空时本节点为 {}；它必须在另一个节点异常时的 {} 与正常时的 {} 之间",
    ),
    (
        "change the weight of the drain script; -25 fits 110 and 100 with check weight -40",
        "请修改 drain 脚本的权重；-25 适合 110 和 100、检查权重 -40",
    ),
    ("draining, this node has {}", "排空时本节点为 {}"),
    (
        "instance {} does not track `{} check`",
        "实例 {} 没有跟踪 `{} check`",
    ),
    ("{}: {} has weight {}", "{}：{} 的权重为 {}"),
    (
        "{}: {} has weight 0: two unhealthy nodes would leave no VIP at all",
        "{}：{} 的权重为 0：两个节点都异常时就没有 VIP 了",
    ),
    ("give it `weight -40`", "请设为 `weight -40`"),
    (
        "{}: {} has the positive weight {}",
        "{}：{} 的权重 {} 是正数",
    ),
    ("{} can be run", "{} 可执行"),
    (
        "{} cannot be run, which keepalived takes for success",
        "{} 无法执行，而 keepalived 会当作成功",
    ),
    ("install it with mode 0755", "请以 0755 权限安装"),
    (
        "nothing else changes the priority",
        "没有其他因素改变优先级",
    ),
    (
        "{} also change the priority: hau's arithmetic does not know them",
        "{} 也会改变优先级：hau 的计算不包含它们",
    ),
    (
        "give them weight 0 (FAULT), or let hau check what they check",
        "请把它们的权重设为 0（FAULT），或让 hau 来检查",
    ),
    (
        "{} has weighted trackers of its own inside the sync group {}: keepalived makes their weight 0, and any value FAULT on both nodes",
        "{} 在同步组 {} 内有自己的带权重跟踪项：keepalived 会把权重当作 0，任何值都会让两个节点进入 FAULT",
    ),
    (
        "move track_file and track_script into the vrrp_sync_group",
        "请把 track_file 和 track_script 移到 vrrp_sync_group 中",
    ),
    ("the sync group {} keeps the weight", "同步组 {} 保留权重"),
    ("no sync group", "没有同步组"),
    (
        "priority 255 (address owner) ignores every weight",
        "优先级 255（地址所有者）会忽略一切权重",
    ),
    (
        "use 110 on one node and 100 on the other",
        "请在一个节点上用 110，另一个用 100",
    ),
    (
        "priority {} can be changed by weights",
        "优先级 {} 可由权重改变",
    ),
];
