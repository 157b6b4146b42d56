//! What the steps note, what keeps them waiting, and why they fail.
use crate::words::Table;

pub(super) const TABLE: Table = &[
    ("{} took too long: {}", "{} 超时：{}"),
    (
        "hau-ctl retry when the other node serves with the VIP",
        "等另一个节点持有 VIP 并提供服务后 hau-ctl retry",
    ),
    (
        "mend that, then hau-ctl retry; or hau-ctl abort",
        "请解决后 hau-ctl retry；或 hau-ctl abort",
    ),
    ("mend that, then hau-ctl retry", "请解决后 hau-ctl retry"),
    (
        "hau-ctl abort, and start again",
        "请 hau-ctl abort，然后重新开始",
    ),
    (
        "hau-ctl abort, which removes it, and start again",
        "请 hau-ctl abort（它会删除该版本），然后重新开始",
    ),
    ("start it again with one", "请带上升级包重新发起"),
    (
        "start it again: hau-ctl rollback",
        "请重新发起：hau-ctl rollback",
    ),
    ("this plan goes back to no backup", "此计划没有要回到的备份"),
    ("this plan has no bundle", "此计划没有升级包"),
    // Services.
    ("{} has ended ({})", "{} 已退出（{}）"),
    ("{}; its last lines: {}", "{}；它最后的日志：{}"),
    (
        "look at the service's own log, then hau-ctl retry or hau-ctl abort",
        "请查看服务自身的日志，然后 hau-ctl retry 或 hau-ctl abort",
    ),
    ("{} is starting", "{} 正在启动"),
    ("{} does not listen on {} yet", "{} 尚未监听 {}"),
    ("{} still has processes", "{} 仍有进程"),
    ("port {} is still served", "端口 {} 仍在被监听"),
    ("hau-ctl retry when it is gone", "等它退出后 hau-ctl retry"),
    (
        "a service was restarted during the soak",
        "观察期内有服务被重启",
    ),
    (
        "see the service's log, then hau-ctl retry or abort",
        "请查看服务的日志，然后 hau-ctl retry 或 abort",
    ),
    ("{} good checks", "{} 次检查正常"),
    ("{} of {} good checks", "{}/{} 次检查正常"),
    // Bundles and releases.
    ("current is {}, not {}", "current 指向 {}，不是 {}"),
    (
        "{} is not a symbolic link to a release",
        "{} 不是指向某个版本的符号链接",
    ),
    (
        "hau-ctl doctor says how releases are laid out",
        "hau-ctl doctor 会说明版本应如何放置",
    ),
    // Files in a fixed folder.
    (
        "{} is a symbolic link, and files are put into the folder itself",
        "{} 是符号链接，而文件要放入目录本身",
    ),
    (
        "name the folder that it points to as [release] in_place in hau.toml",
        "请在 hau.toml 的 [release] in_place 中填写它指向的目录",
    ),
    ("{} is no folder that is there", "目录 {} 不存在"),
    (
        "make it, or correct [release] in_place in hau.toml",
        "请创建它，或改正 hau.toml 中的 [release] in_place",
    ),
    (
        "{} is a symbolic link, and files of the release go below it",
        "{} 是符号链接，而版本的文件要放在它下面",
    ),
    (
        "{} is a file, and files of the release go below it",
        "{} 是文件，而版本的文件要放在它下面",
    ),
    (
        "{} is a symbolic link, and a file of the release goes there",
        "{} 是符号链接，而版本的一个文件要放在那里",
    ),
    (
        "{} is a folder, and a file of the release goes there",
        "{} 是目录，而版本的一个文件要放在那里",
    ),
    (
        "move it elsewhere: hau follows no link there, and removes nothing that no release lists",
        "请把它移走：hau 在那里不跟随链接，也不删除任何版本都没有列出的内容",
    ),
    (
        "{} is to be what it was, and something that hau did not put there has its name",
        "{} 应恢复原样，但这个名字已被不是 hau 放置的内容占用",
    ),
    (
        "move it elsewhere, then hau-ctl retry",
        "请把它移走，然后 hau-ctl retry",
    ),
    ("{} is not as the release has it", "{} 与版本中的不一致"),
    (
        "this plan puts files into [release] in_place, and hau.toml names none",
        "此计划要向 [release] in_place 放置文件，而 hau.toml 中没有填写",
    ),
    (
        "write it back into hau.toml, systemctl restart hau-sidecar, then hau-ctl retry",
        "请在 hau.toml 中写回，systemctl restart hau-sidecar，然后 hau-ctl retry",
    ),
    (
        "{} is not the bundle this rollout was planned with",
        "{} 不是本次发布计划所用的升级包",
    ),
    (
        "the bundle holds version {}, the plan says {}",
        "升级包的版本是 {}，计划中是 {}",
    ),
    (
        "the running release {} differs from its bundle",
        "正在运行的版本 {} 与其升级包不同",
    ),
    (
        "find out who changed the installed files",
        "请查明是谁改动了已安装的文件",
    ),
    (
        "remove it on both nodes and start again",
        "请在两个节点上删除它，然后重新开始",
    ),
    (
        "fetched {} of {}, the rest was here",
        "取回了 {}（共 {}），其余本节点已有",
    ),
    ("fetched {}", "取回了 {}"),
    ("{} is not UTF-8 text", "{} 不是 UTF-8 文本"),
    ("build the bundle again", "请重新制作升级包"),
    // The VIP and the roles.
    ("this node is not MASTER yet", "本节点还不是 MASTER"),
    ("this node is not MASTER", "本节点不是 MASTER"),
    ("{} is not here yet", "{} 还不在本节点"),
    ("the VIP is still here", "VIP 还在本节点"),
    ("the VIP is not back yet", "VIP 还没有回来"),
    ("goes on without: {}", "不使用它继续：{}"),
    ("it is not in force yet", "尚未生效"),
    (
        "mend that, then hau-ctl retry; or write handoff.enabled = \"auto\"",
        "请解决后 hau-ctl retry；或写 handoff.enabled = \"auto\"",
    ),
    ("the database here is not primary", "本节点的数据库不是主库"),
    (
        "the database of this node is not the primary",
        "本节点的数据库不是主库",
    ),
    ("the database here is {}", "本节点的数据库为 {}"),
    ("the standby is {} bytes behind", "备库滞后 {} 字节"),
    ("not yet at {}", "尚未到达 {}"),
    ("it does not stream yet", "尚未开始流复制"),
    (
        "the old primary has not said where it stopped",
        "旧主库没有报告它停在哪里",
    ),
    (
        "hau-ctl retry when the other node is heard again, or hau-ctl abort",
        "等收到另一个节点的消息后 hau-ctl retry，或 hau-ctl abort",
    ),
    ("primary from {} on", "从 {} 起为主库"),
    (
        "the other node is heard again, or this was given up meanwhile",
        "又收到另一个节点的消息，或已被放弃",
    ),
    ("no fencing command is configured", "没有配置隔离命令"),
    (
        "node {} may still be on: {} ended with {}",
        "节点 {} 可能仍未断电：{} 的结束状态为 {}",
    ),
    (
        "see what the fencing command says when run by hand; when the other node is off for certain: hau-ctl failover --fenced --reason …",
        "请手动运行隔离命令看它的输出；确认另一个节点已断电后：hau-ctl failover --fenced --reason …",
    ),
    ("{} says that node {} is off", "{} 报告节点 {} 已断电"),
    // Configuration and keys.
    ("config sync is not active yet", "配置同步尚未运行"),
    ("config sync is still active", "配置同步仍在运行"),
    ("after the push, {}", "推送之后，{}"),
    ("both nodes are equal", "两个节点一致"),
    (
        "the nodes' configuration differs: {}",
        "两个节点的配置不同：{}",
    ),
    (
        "hau-ctl sync check shows each file; hau-ctl sync push makes them equal",
        "hau-ctl sync check 列出每个文件；hau-ctl sync push 使其一致",
    ),
    ("one root key on both nodes", "两个节点使用同一根密钥"),
    (
        "the root keys of the two nodes differ",
        "两个节点的根密钥不同",
    ),
    (
        "see why the service makes a key of its own at every start",
        "请查明服务为何每次启动都自行生成密钥",
    ),
    (
        "{} shows another key than the one on disk",
        "{} 使用的密钥与磁盘上的不同",
    ),
    ("something is left", "还有残留"),
    // Back to a backup.
    ("this node is back already", "本节点已经恢复"),
    ("not as in the backup: {}", "与备份不同：{}"),
    ("of {}, {} min old", "{}，{} 分钟前"),
    ("{} holds {}, not {}", "{} 中是 {}，不是 {}"),
    ("the backup's root key is in use", "正在使用备份的根密钥"),
    ("{} is not the backup's key", "{} 不是备份的密钥"),
    (
        "the root key of that time is not kept here: {}",
        "这里没有保留当时的根密钥：{}",
    ),
    ("{}; then hau-ctl retry", "{}；然后 hau-ctl retry"),
    (
        "{}; or by hand on node {}, then hau-ctl retry: {}",
        "{}；或在节点 {} 上手动处理，然后 hau-ctl retry：{}",
    ),
    (
        "hau-ctl abort, and name another one by --to",
        "请 hau-ctl abort，并用 --to 指定另一个",
    ),
    (
        "go back to another one (hau-ctl backup list), or install the bundle of that version again",
        "请回到另一个备份（hau-ctl backup list），或重新安装该版本的升级包",
    ),
    (
        "see who else changes it, then hau-ctl retry",
        "请查明还有谁在改动它，然后 hau-ctl retry",
    ),
    (
        "hau-ctl abort; bring VIP and primary together first",
        "请 hau-ctl abort；先让 VIP 和主库在同一个节点上",
    ),
    (
        "hau-ctl abort; the dump is not what the backup says: name another backup",
        "请 hau-ctl abort；转储与备份的记录不符：请指定另一个备份",
    ),
    (
        "see whether anything of it is needed, drop it, then hau-ctl retry",
        "请确认是否还需要其中的内容，删除它，然后 hau-ctl retry",
    ),
    ("the restored database is not there", "恢复出的数据库不存在"),
    ("{} tables restored", "已恢复 {} 张表"),
];
