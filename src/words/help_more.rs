//! What help says of options and arguments, and beside its examples.
use crate::words::Table;

pub(super) const TABLE: Table = &[
    // Options and arguments.
    (
        "One JSON object instead of words; one a line where it goes on",
        "输出 JSON 对象而不是文字；持续输出时每行一个",
    ),
    ("The daemon's socket", "守护进程的套接字"),
    (
        "The configuration, for verbs that work without the daemon",
        "配置文件，供不需要守护进程的命令使用",
    ),
    (
        "The language of what is said; default: as LC_ALL, LC_MESSAGES and LANG say. JSON is always English",
        "输出的语言；默认按 LC_ALL、LC_MESSAGES、LANG。JSON 始终为英文",
    ),
    (
        "The code that the other node shows; none: show one here",
        "另一个节点显示的配对码；不填：在本节点显示一个",
    ),
    (
        "The database alone: what it answers, and what only a person can try",
        "只检查数据库：它的应答，以及只能由人来试的项目",
    ),
    (
        "A path, or a file name in the incoming folder (/var/lib/hau/incoming)",
        "路径，或接收目录（/var/lib/hau/incoming）中的文件名",
    ),
    (
        "Wait in front of this phase; `switchover` is where the VIP moves",
        "在此阶段之前等待；`switchover` 是 VIP 切换之处",
    ),
    (
        "Install a version that was rolled back here before; recorded with your name",
        "安装曾在这里回滚过的版本；会记录你的名字",
    ),
    ("Why; kept in the audit trail", "原因；保存在审计记录中"),
    (
        "Return at once; the rollout goes on, hau-ctl watch shows it",
        "立即返回；发布继续进行，hau-ctl watch 可查看",
    ),
    (
        "Return at once; the rollout goes on",
        "立即返回；发布继续进行",
    ),
    (
        "The node that shall hold the VIP; default: the one that does not",
        "应持有 VIP 的节点；默认：当前未持有的那个",
    ),
    (
        "Why this is right; kept in the audit trail",
        "为什么可以放行；保存在审计记录中",
    ),
    (
        "Only look: is the backup whole, are the keys there, what would be done; exit code 3 if not",
        "只检查：备份是否完整、密钥是否齐全、将做什么；不可行时退出码为 3",
    ),
    (
        "That node alone; it must be BACKUP",
        "只回滚该节点；它必须是 BACKUP",
    ),
    (
        "A backup's name, or a version; default: the newest backup that both nodes have",
        "备份名或版本；默认：两个节点都有的最新备份",
    ),
    (
        "The other node is dead: this one alone, where it is. Nobody is served meanwhile; it asks first",
        "另一个节点已宕机：只就地回滚本节点。期间服务中断；会先询问",
    ),
    (
        "Do not ask, where nobody is served meanwhile",
        "期间服务会中断时也不询问",
    ),
    (
        "Keep the database, or put the backup's dump in its place: what was written since is lost, and the service is away for as long as it takes to start; it asks first. Default: as hau.toml says",
        "保留数据库，或用备份的转储替换它：此后写入的数据会丢失，服务在启动期间中断；会先询问。默认：按 hau.toml",
    ),
    (
        "Do not ask, where what was written since the backup is lost",
        "备份后写入的数据会丢失时也不询问",
    ),
    (
        "You have made sure that the other node is off; without this the fencing command does",
        "你已确认另一个节点断电；不加则由隔离命令来确认",
    ),
    (
        "Though this database may lack what the other node acknowledged last",
        "即使本库可能缺少另一个节点最后确认的数据",
    ),
    (
        "Copy the new primary's database anew instead of taking back what it never got",
        "重新复制新主库的数据库，而不是撤回它从未收到的数据",
    ),
    ("The backup's folder, or a copy of it", "备份目录或其副本"),
    (
        "Only see that it opens; without this the key is written to stdout",
        "只检查能否解密；不加则把密钥写到标准输出",
    ),
    (
        "The secret half of a recipient, as age-keygen writes it; - reads it from stdin",
        "接收者的私钥，即 age-keygen 生成的文件；- 表示从标准输入读取",
    ),
    ("Only show what would be written", "只显示将要写入的内容"),
    ("keepalived's configuration", "keepalived 的配置文件"),
    (
        "Who may open the root key in a backup: a public key of age-keygen; may be given several times",
        "谁可以解开备份中的根密钥：age-keygen 的公钥；可多次指定",
    ),
    ("The folder for both files", "存放两个文件的目录"),
    (
        "Read the password of the secret key from the first line of stdin",
        "从标准输入的第一行读取私钥的密码",
    ),
    ("The publisher's secret key", "发布者的私钥"),
    ("The folder for the bundle", "存放升级包的目录"),
    (
        "Trusted keys; default: as the configuration says",
        "受信任的公钥；默认：按配置文件",
    ),
    (
        "The product it must be for; the configuration and what is installed are not looked at",
        "必须属于的产品；不查看配置文件和已安装的版本",
    ),
    (
        "Scripts, folders with scripts (*.sql), bundles (*.hau)",
        "脚本、含脚本的目录（*.sql）、升级包（*.hau）",
    ),
    (
        "Trusted keys for bundles; default: as the configuration says",
        "升级包的受信任公钥；默认：按配置文件",
    ),
    (
        "The rollout's number, as hau-ctl history shows it; default: the newest",
        "发布编号，见 hau-ctl history；默认：最新的",
    ),
    (
        "A whole page on stdout, which needs no other file",
        "把完整的网页写到标准输出，不依赖其他文件",
    ),
    ("So many entries of each node", "每个节点显示这么多条"),
    (
        "Only those since then: 2026-11-01, or 2026-11-01T08:00:00Z",
        "只显示此后的条目：2026-11-01 或 2026-11-01T08:00:00Z",
    ),
    (
        "Trails, the nodes' certificates (PEM), folders with them",
        "审计记录、节点的证书（PEM）或包含它们的目录",
    ),
    ("Only what concerns that rollout", "只看与该发布有关的条目"),
    (
        "Make a delta: a bundle that is NEW where OLD is installed, and holds only what differs",
        "制作增量包：在已安装 OLD 的地方等同于 NEW，只含差异",
    ),
    (
        "Trusted keys that signed OLD and NEW; default: this key",
        "签署 OLD 和 NEW 的可信公钥；默认：本密钥",
    ),
    (
        "Default: NAME-OLD-NEW.hau, with both versions",
        "默认：NAME-OLD-NEW.hau，含两个版本号",
    ),
    (
        "Make the full bundle again of a delta and its base, as a node does by itself",
        "由增量包及其基础重新得到完整升级包，节点会自己这样做",
    ),
    (
        "The bundle that it was made from, or the folder where that is unpacked",
        "制作它时的基础升级包，或其解包后的目录",
    ),
];
