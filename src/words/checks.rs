//! What `doctor`, a plan and a health report find.
use crate::words::Table;

pub(super) const TABLE: Table = &[
    // Services and releases.
    (
        "name the unit as systemctl list-units does",
        "请按 systemctl list-units 中的名字填写单元",
    ),
    ("{}: {} is {} ({})", "{}：{} 状态为 {}（{}）"),
    ("{}: nothing listens on port {}", "{}：没有程序监听端口 {}"),
    (
        "correct its ports in hau.toml, or mend the service",
        "请改正 hau.toml 中的端口，或修复服务",
    ),
    ("mend the service first", "请先修复服务"),
    ("{} answers {}", "{} 返回 {}"),
    ("{} does not answer {}", "{} 没有返回 {}"),
    (
        "{} is active, its ports and health checks answer",
        "{} 运行中，端口和健康检查均正常",
    ),
    ("{} points to {}", "{} 指向 {}"),
    (
        "{} points to {}, which is not there",
        "{} 指向 {}，但后者不存在",
    ),
    (
        "link it to the folder of the running release under releases/",
        "请把它链接到 releases/ 下正在运行的版本目录",
    ),
    ("{} is not a symbolic link", "{} 不是符号链接"),
    (
        "lay releases out as releases/VERSION with current linking to one of them",
        "请按 releases/VERSION 放置版本，并让 current 链接到其中之一",
    ),
    ("{} holds {} file for file", "{} 与 {} 逐个文件一致"),
    (
        "{} files in {} are not as {} has them, {} for one",
        "{1} 中有 {0} 个文件与 {2} 中的不一致，例如 {3}",
    ),
    (
        "the next upgrade replaces them, and no rollback brings them back: what the site changes belongs into files that no release has, what the release lacks into its folder",
        "下次升级会替换它们，回滚也无法恢复：现场要改的内容应放在任何版本都没有的文件中，版本缺少的文件应放入版本目录",
    ),
    (
        "mend that: files of the release are read there",
        "请解决此问题：版本的文件要在那里读取",
    ),
    // VRRP.
    (
        "MASTER, and every VIP is on this host",
        "MASTER，全部 VIP 都在本机",
    ),
    ("BACKUP, and no VIP is on this host", "BACKUP，本机没有 VIP"),
    (
        "keepalived has not said what state it is in",
        "keepalived 尚未报告其状态",
    ),
    (
        "see that keepalived runs and that its configuration includes hau's lines",
        "请确认 keepalived 在运行，且其配置包含 hau 的内容",
    ),
    (
        "keepalived says {}, but that is not what the addresses of this host say",
        "keepalived 报告 {}，但与本机实际地址不符",
    ),
    (
        "see the log of keepalived; do not add or remove the VIP by hand",
        "请查看 keepalived 的日志；不要手动添加或删除 VIP",
    ),
    // The sync, space, keys.
    ("{} is not active", "{} 未启用"),
    ("{} is known to systemd", "systemd 中有 {}"),
    ("name the unit that starts the sync", "请填写启动同步的单元"),
    ("{}: {} MiB free", "{}：剩余 {} MiB"),
    ("{} MiB free", "剩余 {} MiB"),
    (
        "{} has {} MiB free and {} MiB may be needed",
        "{} 剩余 {} MiB，可能需要 {} MiB",
    ),
    ("free some space there", "请在那里腾出空间"),
    (
        "see that the path exists on a local disk",
        "请确认该路径存在且在本地磁盘上",
    ),
    ("see that it is a local disk", "请确认它是本地磁盘"),
    ("{} is not there", "{} 不存在"),
    ("correct [root_key] path", "请改正 [root_key] 的 path"),
    (
        "[backup] recipients is empty: {} cannot be backed up",
        "[backup] 的 recipients 为空：{} 无法备份",
    ),
    (
        "age-keygen makes a key pair; put its public key there",
        "用 age-keygen 生成密钥对，并把公钥填在那里",
    ),
    ("{} is backed up encrypted", "{} 会加密备份"),
    // The database.
    ("Primary", "主库"),
    ("Standby", "备库"),
    ("Unknown", "未知"),
    ("None", "无"),
    ("{}, as the VRRP state wants it", "{}，与 VRRP 状态相符"),
    (
        "the database is {} where keepalived is {}",
        "数据库为{}，而 keepalived 为 {}",
    ),
    (
        "bring VIP and primary together on one node first",
        "请先让 VIP 和主库在同一个节点上",
    ),
    ("hau's role may restore a dump", "hau 的角色有权恢复转储"),
    (
        "hau's role may make no databases there, and a backup is proved by restoring it",
        "hau 的角色无权创建数据库，而备份要通过恢复来验证",
    ),
    (
        "make it a superuser (GaussDB: alter user hau sysadmin), or write prove = \"verify\" into [backup] and database = \"keep\" into [rollback]",
        "请授予超级用户（GaussDB：alter user hau sysadmin），或在 [backup] 中写 prove = \"verify\"、在 [rollback] 中写 database = \"keep\"",
    ),
    (
        "change the setting and reload the database",
        "请修改该设置并重新加载数据库",
    ),
    ("streams, {} bytes behind", "流复制正常，滞后 {} 字节"),
    (
        "streams, but its lag is not known",
        "流复制正常，但滞后量未知",
    ),
    ("try again in a moment", "请稍后再试"),
    ("the standby does not stream", "备库没有在流复制"),
    (
        "mend the replication: without it there is nowhere to switch to",
        "请修复复制：没有它就无处可切",
    ),
    ("both databases are of one origin", "两个数据库同源"),
    (
        "the databases of the nodes are not copies of one another",
        "两个节点的数据库不是彼此的副本",
    ),
    (
        "build the standby anew from the primary",
        "请从主库重建备库",
    ),
    (
        "none says timeline: a former primary that comes up after a failover is not told from the new one, and takes the VIP back where its priority is the higher one",
        "没有命令给出 timeline：故障切换后重新启动的旧主库无法与新主库区分，如果它优先级更高就会抢回 VIP",
    ),
    (
        "add timeline = [...] to [database.commands]: a number that grows with each promotion, as the example in hooks/db does",
        "请在 [database.commands] 中添加 timeline = [...]：每次提升都增大的数字，参见 hooks/db 中的示例",
    ),
    // The other node.
    ("equal on both nodes", "两个节点一致"),
    ("differs between the nodes: {}", "两个节点不同：{}"),
    (
        "hau-ctl sync push on the MASTER makes them equal",
        "在 MASTER 上运行 hau-ctl sync push 可使其一致",
    ),
    (
        "hau-ctl pair, and see that the other node runs",
        "hau-ctl pair，并确认另一个节点在运行",
    ),
    ("both nodes agree on the time", "两个节点时间一致"),
    (
        "the clocks of the nodes are {} ms apart",
        "两个节点的时钟相差 {} 毫秒",
    ),
    (
        "see that both follow the same time servers (timedatectl)",
        "请确认两者使用相同的时间服务器（timedatectl）",
    ),
    (
        "the other node does not say what time it is",
        "另一个节点没有报告它的时间",
    ),
    // Programs that run as root.
    (
        "{} can be run, and changed by root alone",
        "{} 可执行，且只有 root 能修改",
    ),
    (
        "{} can be run, and changed by root alone; it has {} s",
        "{} 可执行，且只有 root 能修改；限时 {} 秒",
    ),
    ("{} is a symbolic link to {}", "{} 是指向 {} 的符号链接"),
    ("write the program itself in {}", "请在 {} 中直接写程序本身"),
    ("{} is not there, or is no file", "{} 不存在，或不是文件"),
    ("install it, or correct {}", "请安装它，或改正 {}"),
    ("{} is not executable", "{} 不可执行"),
    (
        "{} runs as root, and others than root can change it",
        "{} 以 root 运行，但 root 以外的用户可以修改它",
    ),
    // Schema scripts.
    (
        "hau-ctl bundle verify says more",
        "hau-ctl bundle verify 可查看详情",
    ),
    (
        "{} to apply, {} applied before: hau sees nothing in them that breaks the running version",
        "{} 个待执行，{} 个已执行过：没有发现会影响正在运行的版本的语句",
    ),
    (
        "{}; or put -- hau: allow REASON above the statement, and build the bundle again",
        "{}；或在语句上方写 -- hau: allow 原因，并重新制作升级包",
    ),
    ("allowed in the script: {}", "脚本中已允许：{}"),
    // Who is told.
    (
        "see what {} says, and run hau-ctl notify test",
        "请查看 {} 的输出，并运行 hau-ctl notify test",
    ),
    ("exit code 0", "退出码 0"),
    ("it ended with {}", "结束时为 {}"),
    (
        "the event cannot be written as JSON: {}",
        "事件无法写成 JSON：{}",
    ),
    ("report this as an error of hau", "请作为 hau 的缺陷上报"),
    (
        "name a file with the certificate of your CA (PEM) in ca_file",
        "请在 ca_file 中指定你的 CA 证书（PEM）文件",
    ),
    (
        "{}: what it needs is there; hau-ctl notify test tells more",
        "{}：所需的都已具备；hau-ctl notify test 可实际测试",
    ),
    // The audit trail.
    (
        "nothing is done that cannot be written down; what only looks goes on",
        "无法记录的操作一律不做；只查看的操作照常",
    ),
    (
        "nothing that is asked for is done until then",
        "在此之前不执行任何请求",
    ),
    (
        "hau-ctl audit verify on copies of both trails says more; keep them, and where it is explained hau-ctl pair begins anew",
        "对两份记录的副本运行 hau-ctl audit verify 可查看详情；请保留副本，查明原因后用 hau-ctl pair 重新开始",
    ),
    (
        "the audit trail of node {} was changed or lost its end: {}",
        "节点 {} 的审计记录被改动或丢失了末尾：{}",
    ),
    (
        "node {} does not sign the audit trail of this node: {}",
        "节点 {} 不为本节点的审计记录签名：{}",
    ),
    (
        "{} entries wait for the signature of node {}: {}",
        "{} 条等待节点 {} 签名：{}",
    ),
    (
        "they are signed by themselves when it is back",
        "它恢复后会自动签名",
    ),
    (
        "{} entries, signed by node {} up to {}",
        "{} 条，节点 {} 已签名到第 {} 条",
    ),
    // The handoff.
    (
        "switched off: requests in flight are cut when the VIP moves",
        "已关闭：VIP 切换时正在处理的请求会中断",
    ),
    (
        "connections that are open when the VIP moves are forwarded",
        "VIP 切换时已打开的连接会被转发",
    ),
    (
        "{}; requests in flight are cut when the VIP moves",
        "{}；VIP 切换时正在处理的请求会中断",
    ),
    (
        "mend that, or write handoff.enabled = \"never\"",
        "请解决，或写 handoff.enabled = \"never\"",
    ),
    (
        "no unicast_peer is in the network of {}: forwarding needs one segment",
        "没有 unicast_peer 在 {} 的网段内：转发需要同一网段",
    ),
    (
        "give both nodes an address in one network on the interface of VRRP",
        "请在 VRRP 的网卡上给两个节点配置同一网段的地址",
    ),
    (
        "{}, and VRRP is on {}: requests in flight there are cut when the VIP moves",
        "{}，而 VRRP 在 {}：VIP 切换时那里正在处理的请求会中断",
    ),
    (
        "put it on the interface of its vrrp_instance",
        "请把它放到其 vrrp_instance 的网卡上",
    ),
    (
        "{} has WatchdogSec={}: systemd would kill it while it is held",
        "{} 设置了 WatchdogSec={}：暂挂期间 systemd 会杀掉它",
    ),
    (
        "take WatchdogSec= out of the unit, or write handoff.park = \"never\"",
        "请从单元中去掉 WatchdogSec=，或写 handoff.park = \"never\"",
    ),
    (
        "{} lets {} connections wait on port {}: more than that come a second late",
        "{0} 在端口 {2} 上最多让 {1} 个连接等待：超出的会晚一秒",
    ),
    (
        "give its listening socket a longer backlog (and net.core.somaxconn)",
        "请加大其监听套接字的 backlog（以及 net.core.somaxconn）",
    ),
    (
        "new connections are parked while the primary moves",
        "主库切换期间暂挂新连接",
    ),
];
