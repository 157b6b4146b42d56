//! What `init` says and asks. The file that it writes is English.
use crate::words::Table;

pub(super) const TABLE: Table = &[
    (
        "only root sees which unit listens on a port and asks the database",
        "只有 root 能看到哪个单元在监听端口，并询问数据库",
    ),
    ("would write {}:", "将写入 {}："),
    ("wrote  {}", "已写入  {}"),
    ("is there already  {}", "已存在且相同  {}"),
    (
        "kept   {}, which says something else: move it away and run this again, or compare it with --check --json",
        "保留了 {}，其内容不同：请把它移走后重新运行，或用 --check --json 比较",
    ),
    (
        "mend it, then hau-ctl init again",
        "请解决后重新运行 hau-ctl init",
    ),
    ("What keepalived needs:", "keepalived 需要的改动："),
    ("Next, on both nodes:", "接下来，在两个节点上："),
    (
        "read {}, answer what is asked in it; the same file belongs on the other node",
        "查看 {} 并填写其中的问题；另一个节点使用同一份文件",
    ),
    ("{}    # the BACKUP first", "{}    # 先做 BACKUP 节点"),
    (
        "hau works beside a keepalived that runs; --keepalived FILE names its configuration",
        "hau 需要已在运行的 keepalived；可用 --keepalived FILE 指定其配置",
    ),
    (
        "hau needs a vrrp_instance with a virtual_ipaddress",
        "hau 需要一个带 virtual_ipaddress 的 vrrp_instance",
    ),
    ("no instance among {} has a VIP", "{} 中没有带 VIP 的实例"),
    // Questions.
    (
        "what is the product called, in its bundles, too?",
        "产品叫什么名字（升级包中使用同一名字）？",
    ),
    (
        "which address does this host have beside the VIP?",
        "除 VIP 外，本机的地址是什么？",
    ),
    (
        "which address does the other host have?",
        "另一台主机的地址是什么？",
    ),
    (
        "there are {}, too: which one holds the address that clients use?",
        "还有 {}：客户端使用的地址在哪个实例上？",
    ),
    (
        "where do the versions lie? ROOT/releases/VERSION, with a link ROOT/current to one of them",
        "各版本放在哪里？应为 ROOT/releases/VERSION，并由链接 ROOT/current 指向其中之一",
    ),
    (
        "whom may hooks of a bundle run as? Without it a bundle with hooks is refused",
        "升级包的钩子以哪个用户运行？不填则拒绝带钩子的升级包",
    ),
    (
        "no unit starts anything below RELEASES/current; which belong to the product? These listen: {}",
        "没有单元从 RELEASES/current 启动程序；哪些属于本产品？正在监听的有：{}",
    ),
    (
        "which URL says that it is healthy? Without one no downtime is measured",
        "哪个 URL 表示服务健康？不填则不测量停机时间",
    ),
    (
        "which of its databases is the product's? There are: {}",
        "其中哪个数据库属于本产品？现有：{}",
    ),
    (
        "it has no superuser hau; say this on the primary, and let root in as hau by peer authentication (README, PostgreSQL)",
        "没有超级用户 hau；请在主库上执行此语句，并允许 root 通过 peer 认证以 hau 登录（见 README 的 PostgreSQL 一节）",
    ),
    (
        "which of its databases is the product's? create user hau monadmin there (README, GaussDB)",
        "其中哪个数据库属于本产品？请在其中创建具有 monadmin 权限的用户 hau（见 README 的 GaussDB 一节）",
    ),
    ("where does it keep its data?", "数据目录在哪里？"),
    (
        "what is $GAUSSHOME of its system user?",
        "其系统用户的 $GAUSSHOME 是什么？",
    ),
    ("which system user does it run as?", "以哪个系统用户运行？"),
    (
        "no timer of this host runs rsync; does anything else copy configuration from node to node?",
        "本机没有定时器运行 rsync；是否有其他方式在节点间复制配置？",
    ),
    ("which folders does it keep equal?", "它同步哪些目录？"),
    (
        "{} runs rsync: hau pauses units only; make a timer of it if it copies configuration",
        "{} 会运行 rsync：hau 只能暂停 systemd 单元；如果它复制配置，请改为定时器",
    ),
    (
        "which folders hold the product's configuration?",
        "产品的配置在哪些目录？",
    ),
    (
        "{}: does the product encrypt with it? A backup of it needs a public key of age-keygen: hau-ctl init --recipient age1…",
        "{}：产品用它加密吗？备份它需要 age-keygen 的公钥：hau-ctl init --recipient age1…",
    ),
    (
        "keepalived writes its events to {}: can its reader use `notify_fifo` instead?",
        "keepalived 把事件写到 {}：读取它的程序能否改用 `notify_fifo`？",
    ),
    (
        "keepalived calls this, too: if it promotes a database take it out, for exactly one may do that",
        "keepalived 还会调用它：如果它会提升数据库，请去掉，只能由一方来做",
    ),
];
