//! Why the daemon refuses what it is asked for.
use crate::words::Table;

pub(super) const TABLE: Table = &[
    ("ask again in a moment", "请稍后再试"),
    (
        "be root or a member of the group hau",
        "请使用 root 或 hau 组的成员",
    ),
    ("hau-sidecar is ending", "hau-sidecar 正在退出"),
    ("report this", "请上报此问题"),
    ("rollout {} is under way", "发布 {} 正在进行"),
    ("see hau-ctl --help", "见 hau-ctl --help"),
    (
        "see the log of hau-sidecar on that node",
        "请查看该节点上 hau-sidecar 的日志",
    ),
    ("see the man page for its shape", "格式见 man 手册页"),
    ("the request is not understood: {}", "看不懂请求：{}"),
    ("there is no {}", "没有 {}"),
    ("this caller may not do that", "调用者无权执行此操作"),
    // Of one node alone.
    (
        "bring that node back if it can be; else --accept-data-loss",
        "如果可能，请恢复那个节点；否则用 --accept-data-loss",
    ),
    (
        "hau-ctl status; start the database if it is down",
        "hau-ctl status；如果数据库已停止，请启动它",
    ),
    (
        "hau-ctl switch moves the roles while both nodes live; if it hangs, take its power first",
        "两个节点都正常时用 hau-ctl switch 切换角色；如果那个节点挂死，请先断电",
    ),
    (
        "node {} did not become primary after this one: there is nothing to rejoin",
        "节点 {} 没有在本节点之后成为主库：无需重新加入",
    ),
    (
        "node {} is heard, or its keepalived is",
        "收得到节点 {} 或其 keepalived 的消息",
    ),
    (
        "nothing makes sure that the other node is off",
        "没有办法确认另一个节点已断电",
    ),
    (
        "see to it yourself, then hau-ctl failover --fenced",
        "请自行确认，然后 hau-ctl failover --fenced",
    ),
    (
        "the database here is neither a standby that answers nor a primary that is held",
        "本节点的数据库既不是有应答的备库，也不是被禁止启动的主库",
    ),
    (
        "the database here may lack what node {} acknowledged before it was gone",
        "本节点的数据库可能缺少节点 {} 失联前已确认的数据",
    ),
    // Backups and the sync.
    ("ask for the list again", "请重新获取列表"),
    (
        "config sync is paused: nothing would be pushed",
        "配置同步已暂停：不会推送任何内容",
    ),
    (
        "hau-ctl backup list shows them",
        "hau-ctl backup list 列出备份",
    ),
    (
        "make a new one: hau-ctl backup create",
        "请重新制作：hau-ctl backup create",
    ),
    (
        "no configuration file has this content any more",
        "已没有配置文件是这个内容",
    ),
    ("{} is not a backup's name", "{} 不是备份名"),
    (
        "hau-sidecar has not looked at this host yet",
        "hau-sidecar 尚未检查过本机",
    ),
    (
        "hau.toml has nothing under [notify]: nobody is told of anything",
        "hau.toml 的 [notify] 下没有内容：不会通知任何人",
    ),
    (
        "the same hau.toml belongs on both nodes",
        "两个节点应使用同一份 hau.toml",
    ),
    (
        "this node waits for {}, not {}",
        "本节点等待的是 {}，不是 {}",
    ),
    (
        "write one, see hau.toml(5), and restart hau-sidecar",
        "请按 hau.toml(5) 添加，并重启 hau-sidecar",
    ),
    // Rollouts and orders.
    (
        "a bundle is asked for by its plain name",
        "升级包须以文件名指定",
    ),
    ("a rollout is under way", "有发布正在进行"),
    ("ask again when it has ended", "请等它结束后再试"),
    ("copy it to one of the nodes", "请把它复制到其中一个节点"),
    (
        "free some space under /var/lib/hau",
        "请在 /var/lib/hau 下腾出空间",
    ),
    (
        "hau-ctl history shows past ones",
        "hau-ctl history 列出以往的发布",
    ),
    (
        "hau-ctl retry or hau-ctl abort",
        "hau-ctl retry 或 hau-ctl abort",
    ),
    (
        "hau-ctl retry when the cause is mended, or hau-ctl confirm --reason for what may be overruled",
        "排除原因后 hau-ctl retry；可以人工放行的用 hau-ctl confirm --reason",
    ),
    (
        "hau-ctl retry when the cause is mended: once promote is done, hau-ctl rollback goes back",
        "排除原因后 hau-ctl retry：promote 完成后可用 hau-ctl rollback 回滚",
    ),
    (
        "hau-ctl rollback --database restore says how much, and asks; in a script: --accept-data-loss",
        "hau-ctl rollback --database restore 会说明丢失多少并询问；在脚本中：--accept-data-loss",
    ),
    (
        "hau-ctl rollback --local shows what it would do, and asks; in a script: --accept-downtime",
        "hau-ctl rollback --local 会显示将做什么并询问；在脚本中：--accept-downtime",
    ),
    (
        "hau-ctl rollback, without --local; or ask again in 5 seconds",
        "hau-ctl rollback，不加 --local；或 5 秒后再试",
    ),
    (
        "hau-ctl status shows what goes on",
        "hau-ctl status 可查看正在做什么",
    ),
    (
        "hau-ctl status; hau-ctl retry or abort if it is halted",
        "hau-ctl status；如果已停止，hau-ctl retry 或 abort",
    ),
    ("no bundle {} here", "这里没有升级包 {}"),
    ("no rollout is under way", "没有正在进行的发布"),
    (
        "nobody is served while this node goes back alone",
        "本节点单独回滚期间服务中断",
    ),
    (
        "node {} may be there: it was heard of within the last seconds",
        "节点 {} 可能还在：几秒内收到过它的消息",
    ),
    (
        "see that hau-sidecar runs there",
        "请确认那里的 hau-sidecar 在运行",
    ),
    (
        "something that was asked for by hand is under way: a backup, the sync, a stage",
        "有手动发起的操作正在进行：备份、同步或暂存",
    ),
    ("start is not an order", "start 不是可下达的命令"),
    ("the rollout is being given up already", "发布已经在放弃"),
    ("the rollout is not halted", "发布没有停止"),
    (
        "the standby may have been told to become primary and may yet do so: the old primary, started beside it, would be a second one",
        "备库可能已被要求提升，且仍可能成为主库：这时再启动旧主库会出现两个主库",
    ),
    ("there is no room for the journal", "journal 没有空间了"),
    (
        "what failed cannot be confirmed by hand",
        "失败的步骤不能人工放行",
    ),
    (
        "what was begun cannot be taken back any more",
        "已开始的操作无法再撤销",
    ),
    (
        "what was written since the backup is not in the database that it would be restored to",
        "备份之后写入的数据不在将要恢复的数据库中",
    ),
    // Pairing.
    (
        "hau-ctl pair CODE on the other node",
        "请在另一个节点上 hau-ctl pair 配对码",
    ),
    (
        "hau-ctl pair on the other node shows a new code",
        "另一个节点上的 hau-ctl pair 会显示新的配对码",
    ),
    (
        "hau-ctl pair shows a new code",
        "hau-ctl pair 会显示新的配对码",
    ),
    (
        "node {} does not accept the code: {}",
        "节点 {} 不接受此配对码：{}",
    ),
    ("only a node may pair", "只有节点可以配对"),
    (
        "see that hau-sidecar runs there and that its hau-ctl pair still waits",
        "请确认那里的 hau-sidecar 在运行，且其 hau-ctl pair 仍在等待",
    ),
    ("the proof is not text", "证明不是文本"),
    ("try again", "请重试"),
    (
        "type it as hau-ctl pair shows it on the other node",
        "请按另一个节点上 hau-ctl pair 显示的内容输入",
    ),
    // Plans.
    (
        "a rolling upgrade needs backward-compatible schema scripts: split the release in two",
        "滚动升级要求 schema 脚本向后兼容：请把此版本拆成两个",
    ),
    ("asking the other node ended badly", "询问另一个节点失败"),
    (
        "bring both nodes to one version first",
        "请先让两个节点版本一致",
    ),
    (
        "hau-ctl status and keepalived's log on both nodes",
        "请在两个节点上查看 hau-ctl status 和 keepalived 的日志",
    ),
    ("mend that and stage again", "请解决后重新 stage"),
    ("name {} or {}", "请指定 {} 或 {}"),
    ("no bundle is named", "没有指定升级包"),
    ("node {} already holds the VIP", "节点 {} 已持有 VIP"),
    ("node {} is not heard of", "收不到节点 {} 的消息"),
    (
        "node {} is {} and node {} is {}: one must be MASTER and one BACKUP",
        "节点 {} 为 {}，节点 {} 为 {}：必须一个是 MASTER，一个是 BACKUP",
    ),
    (
        "node {} runs {} and node {} runs {}",
        "节点 {} 运行 {}，节点 {} 运行 {}",
    ),
    ("node {}: {}", "节点 {}：{}"),
    ("nothing to do", "无需操作"),
    (
        "put it there, or name it by its path",
        "请放到那里，或用路径指定",
    ),
    (
        "see that hau-sidecar runs there and the nodes are paired",
        "请确认那里的 hau-sidecar 在运行，且两个节点已配对",
    ),
    (
        "see that hau-sidecar runs there, and hau-ctl pair",
        "请确认那里的 hau-sidecar 在运行，并 hau-ctl pair",
    ),
    (
        "set [release] user in hau.toml on both nodes",
        "请在两个节点的 hau.toml 中设置 [release] 的 user",
    ),
    (
        "the bundle has hooks and nobody to run them as",
        "升级包带有钩子，但没有指定以谁的身份运行",
    ),
    (
        "the bundle says that the running version does not bear its schema",
        "升级包声明正在运行的版本不兼容其 schema",
    ),
    ("the pair is not fit", "这对节点不满足条件"),
    ("there is no bundle {} in {}", "{1} 中没有升级包 {0}"),
    ("there is no node {}", "没有节点 {}"),
    (
        "hau-ctl abort gives it up; when it is halted, hau-ctl rollback goes back from there",
        "hau-ctl abort 可放弃它；停止后可从那里 hau-ctl rollback",
    ),
    (
        "hau-ctl backup list on each node; the bundle of the version before can be installed again",
        "请在每个节点上 hau-ctl backup list；也可以重新安装上一版本的升级包",
    ),
    (
        "hau-ctl backup list on that node",
        "请在该节点上 hau-ctl backup list",
    ),
    (
        "hau-ctl backup list shows others, --to names one",
        "hau-ctl backup list 列出其他备份，用 --to 指定",
    ),
    (
        "hau-ctl switch --to {}, then again; hau-ctl rollback takes both nodes back",
        "先 hau-ctl switch --to {}，再重试；hau-ctl rollback 回滚两个节点",
    ),
    ("no backup of node {} is {}", "节点 {} 没有备份 {}"),
    (
        "node {} has no backup in common",
        "与节点 {} 没有共同的备份",
    ),
    (
        "node {} holds the VIP: its services are not stopped",
        "节点 {} 持有 VIP：不停止其服务",
    ),
    (
        "the database is that of both nodes: it is not restored for one",
        "数据库属于两个节点：不能只为一个节点恢复",
    ),
    (
        "without --node, or with --database keep",
        "请不加 --node，或用 --database keep",
    ),
    (
        "node {} runs {} already, which is what {} holds",
        "节点 {} 已在运行 {}，与备份 {} 相同",
    ),
    (
        "both nodes run {} already, which is what {} holds",
        "两个节点都已在运行 {}，与备份 {} 相同",
    ),
    (
        "--stop-before switchover stops in front of it",
        "--stop-before switchover 会停在它之前",
    ),
    (
        "nobody is kept waiting in the middle of a switchover, as in {}",
        "不能停在切换中途，例如 {}",
    ),
    ("one of: switchover, {}", "可选：switchover, {}"),
    ("there is no phase {}", "没有阶段 {}"),
];
