//! What the verbs of hau-ctl say themselves, and why they refuse.
use crate::words::Table;

pub(super) const TABLE: Table = &[
    // The daemon.
    ("it does not answer in time", "没有及时应答"),
    (
        "no daemon answers at {} ({})",
        "{} 上没有守护进程应答（{}）",
    ),
    (
        "systemctl start hau-sidecar; journalctl -u hau-sidecar says why it ended",
        "systemctl start hau-sidecar；journalctl -u hau-sidecar 可查看它为何退出",
    ),
    (
        "the daemon's answer is not understood ({})",
        "看不懂守护进程的应答（{}）",
    ),
    (
        "see that hau-ctl and hau-sidecar are of one version: hau-ctl --version, hau-sidecar --version",
        "请确认 hau-ctl 与 hau-sidecar 版本一致：hau-ctl --version、hau-sidecar --version",
    ),
    ("cannot begin: {}", "无法启动：{}"),
    ("cannot listen for Ctrl-C: {}", "无法监听 Ctrl-C：{}"),
    ("try again with --detach", "请加 --detach 重试"),
    // Following a rollout.
    ("detached; rollout {} goes on", "已脱离；发布 {} 继续进行"),
    (
        "hau-ctl watch shows it, hau-ctl abort gives it up",
        "hau-ctl watch 可继续查看，hau-ctl abort 放弃发布",
    ),
    ("{}; trying again for 30 s", "{}；将重试 30 秒"),
    (
        "rollout {} was superseded by rollout {} of {}: two were asked for at once",
        "发布 {0} 已被发布 {1}（发起人 {2}）取代：两个发布被同时发起",
    ),
    (
        "rollout {} was superseded: two were asked for at once",
        "发布 {} 已被取代：两个发布被同时发起",
    ),
    (
        "hau-ctl watch shows the one that goes on; ask again when it has ended",
        "hau-ctl watch 可查看正在进行的那个；等它结束后再发起",
    ),
    (
        "rollout {} is under way; hau-ctl watch shows it",
        "发布 {} 已开始；hau-ctl watch 可查看",
    ),
    (
        "it was given up: the other node is heard again",
        "已放弃：又收到另一个节点的消息了",
    ),
    ("{}: done. {}", "{}：完成。{}"),
    ("there was no rollout {}", "没有编号为 {} 的发布"),
    (
        "hau-ctl history lists what there was",
        "hau-ctl history 列出以往的发布",
    ),
    // Beginning one.
    ("{} is not a file's name", "{} 不是文件名"),
    ("there is no bundle {}", "没有升级包 {}"),
    ("give the path of a .hau file", "请给出 .hau 文件的路径"),
    ("cannot copy {} to {}: {}", "无法把 {} 复制到 {}：{}"),
    (
        "be root, or put the bundle there yourself and name it without a path",
        "请用 root 身份执行，或者自己把升级包放到那里，再只用文件名指定",
    ),
    (
        "the other node fetched {} of {}",
        "另一个节点取回了 {}（共 {}）",
    ),
    (
        "verified and unpacked on both nodes; next: hau-ctl upgrade {}",
        "已在两个节点上校验并解包；下一步：hau-ctl upgrade {}",
    ),
    ("Type \"{}\" to do it:", "请输入 \"{}\" 以确认执行："),
    ("in a script: {}", "在脚本中请用：{}"),
    (
        "it asks, and nobody is at a terminal to answer",
        "需要确认，但没有终端可供回答",
    ),
    ("cannot read the answer: {}", "无法读取回答：{}"),
    (
        "those were not the words: nothing has been touched",
        "输入不符：没有改动任何东西",
    ),
    // Files.
    ("cannot read {}: {}", "无法读取 {}：{}"),
    (
        "name copies of /var/lib/hau/audit/trail and of /etc/hau/tls/cert.pem, or a folder with them",
        "请指定 /var/lib/hau/audit/trail 和 /etc/hau/tls/cert.pem 的副本，或包含它们的目录",
    ),
    ("{} holds no certificate", "{} 中没有证书"),
    (
        "there is no trail among these files",
        "这些文件中没有审计记录",
    ),
    (
        "name a script, a folder with scripts or a bundle",
        "请指定脚本、含脚本的目录或升级包",
    ),
    ("there is no *.sql below {}", "{} 下没有 *.sql 文件"),
    // Pairing.
    (
        "nobody used the code in time, or it was mistyped",
        "配对码没有及时使用，或输入有误",
    ),
    (
        "hau-ctl pair shows a new one",
        "hau-ctl pair 会显示新的配对码",
    ),
    (
        "cannot read the code from stdin: {}",
        "无法从标准输入读取配对码：{}",
    ),
    ("give it on a line of its own", "请单独放在一行"),
    // Backups.
    ("{} is no name of a backup", "{} 不是备份名"),
    (
        "hau-ctl backup list shows the names",
        "hau-ctl backup list 列出备份名",
    ),
    (
        "name the file that age-keygen wrote",
        "请指定 age-keygen 生成的文件",
    ),
    ("{} is no backup: {}", "{} 不是备份：{}"),
    (
        "name the folder of a backup, as /var/lib/hau/backups/backup_…",
        "请指定备份目录，例如 /var/lib/hau/backups/backup_…",
    ),
    ("{} holds no root key", "{} 中没有根密钥"),
    (
        "[root_key] was not configured when it was made",
        "制作备份时没有配置 [root_key]",
    ),
    (
        "try the identity of another recipient; hau-ctl backup verify says whether the file is whole",
        "请换另一个接收者的私钥；hau-ctl backup verify 可检查文件是否完整",
    ),
    ("{} does not open: {}", "{} 无法解密：{}"),
    (
        "{} opens, but is not the key that the manifest names",
        "{} 可以解密，但不是清单中记录的那个密钥",
    ),
    ("cannot write the key: {}", "无法写出密钥：{}"),
    (
        "the root key opens and is the one that belongs to {} (SHA-256 {})",
        "根密钥可以解密，正是 {} 所用的密钥（SHA-256 {}）",
    ),
    // Bundles.
    ("key {}", "密钥 {}"),
    (
        "{}  to /etc/hau/keys of both nodes",
        "{}  放到两个节点的 /etc/hau/keys",
    ),
    (
        "{}  stays with the publisher: who has it can upgrade the pair",
        "{}  由发布者保管：拿到它就能升级这对节点",
    ),
    (
        "next: copy it to a node; there hau-ctl plan {}",
        "下一步：复制到一个节点，在那里运行 hau-ctl plan {}",
    ),
    (
        "every checksum is right; fits over {}",
        "校验和全部正确；可从 {} 升级",
    ),
    (
        "every checksum is right; not compared with what is installed",
        "校验和全部正确；没有与已安装的版本比较",
    ),
    (
        "correct it, or on a machine that is no node give --keys DIR (and for verify --product NAME)",
        "请改正配置；如果这台机器不是节点，请给出 --keys DIR（verify 还需 --product NAME）",
    ),
    (
        "nothing was touched; get the bundle anew from its publisher",
        "没有改动任何东西；请向发布者重新获取升级包",
    ),
    (
        "hau-ctl bundle keygen makes a key pair",
        "hau-ctl bundle keygen 可生成密钥对",
    ),
    (
        "correct the path or what is there",
        "请改正路径或其中的内容",
    ),
    (
        "give another key, or its password with --password-stdin",
        "请换一个密钥，或用 --password-stdin 提供它的密码",
    ),
    ("see to space and rights there", "请检查那里的空间和权限"),
    (
        "cannot read the password from stdin: {}",
        "无法从标准输入读取密码：{}",
    ),
    // The language.
    (
        "--lang zh needs a locale of UTF-8: LC_ALL, LC_CTYPE or LANG",
        "--lang zh 需要 UTF-8 的区域设置：LC_ALL、LC_CTYPE 或 LANG",
    ),
    // The headings of help.
    ("Commands", "命令"),
    ("Arguments", "参数"),
    ("Options", "选项"),
    ("{} [default: {}]", "{} [默认：{}]"),
    // A delta.
    (
        "it is the full bundle, byte for byte",
        "与完整升级包逐字节相同",
    ),
    ("delta", "增量包"),
    ("of {}: {}", "基于 {}：{}"),
    ("{} instead of {} ({})", "{}，完整包为 {}（{}）"),
    // Key sets, of a bundle.
    (
        "{} {} (counter {}) is signed with {}",
        "{} {}（计数 {}）已由 {} 签名",
    ),
    (
        "it brings key set {}, in force from when it is staged",
        "它带来密钥集 {}，自暂存时起生效",
    ),
    (
        "hau-ctl keys install puts a key set in the place of plain keys",
        "hau-ctl keys install 用密钥集取代普通公钥",
    ),
    (
        "nothing was touched; have the key set made and signed anew",
        "没有改动任何东西；请重新制作密钥集并签名",
    ),
    (
        "nothing is installed before it is mended",
        "修复之前不安装任何东西",
    ),
];
