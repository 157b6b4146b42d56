//! What help says of the verbs, and beside their examples.
use crate::words::Table;

pub(super) const TABLE: Table = &[
    (
        "Upgrades a two-node active/standby pair without its users noticing",
        "升级双机主备系统，用户无感知",
    ),
    ("The usual day:", "日常操作："),
    ("is this pair fit to be upgraded?", "这对节点能否升级？"),
    (
        "what would happen, nothing touched",
        "会做什么，不改动任何东西",
    ),
    (
        "both nodes, live, ends with what moved and how long it took",
        "升级两个节点，实时显示，最后说明切换了什么、用时多久",
    ),
    (
        "what holds, what runs, what is next",
        "当前状态、正在做什么、下一步是什么",
    ),
    (
        "\nExit codes: 0 done, 1 failed or a negative finding, 2 usage, 3 refused or not fit, 4 halted,\n5 daemon not reachable, 6 busy, 130 detached by q or Ctrl-C (the rollout goes on)",
        "\n退出码：0 完成，1 失败或检查结果为否，2 用法错误，3 被拒绝或不满足条件，4 已停止等待人工处理，\n5 联系不上守护进程，6 正忙，130 按 q 或 Ctrl-C 脱离（发布继续进行）",
    ),
    ("Example:", "示例："),
    ("Print help", "显示帮助"),
    ("Print version", "显示版本"),
    (
        "Print this message or the help of the given subcommand(s)",
        "显示本帮助或指定子命令的帮助",
    ),
    (
        "Write hau.toml and keepalived's part for this host, from what is found on it; needs no daemon",
        "根据本机现状生成 hau.toml 和 keepalived 的相应配置；不需要守护进程",
    ),
    ("shows it, writes nothing", "只显示，不写入"),
    (
        "who may open the root key in a backup",
        "谁可以解开备份中的根密钥",
    ),
    (
        "Make both nodes trust each other: shows a code here, takes it there",
        "让两个节点互相信任：在这边显示配对码，在那边输入",
    ),
    (
        "on one node: shows a code and waits",
        "在一个节点上：显示配对码并等待",
    ),
    (
        "on the other node: reads the code from stdin",
        "在另一个节点上：从标准输入读取配对码",
    ),
    (
        "Is this pair fit to be upgraded? Every precondition of both nodes, with remedies",
        "这对节点能否升级？检查两个节点的全部前提条件，并给出处理办法",
    ),
    (
        "before the first rollout on a kind of database that is new to you",
        "第一次在不熟悉的数据库类型上发布之前",
    ),
    (
        "What an upgrade would do, row by row; nothing is touched",
        "升级会做什么，逐步列出；不改动任何东西",
    ),
    (
        "Distribute a bundle, verify and unpack it beside the running release on both nodes",
        "把升级包分发到两个节点，校验并解包到运行版本旁边",
    ),
    (
        "Upgrade both nodes, one after the other, without a gap in service",
        "依次升级两个节点，服务不中断",
    ),
    ("then: hau-ctl retry", "之后：hau-ctl retry"),
    (
        "Who holds the VIP, who is primary, what is happening, what is next",
        "谁持有 VIP、谁是主库、正在做什么、下一步是什么",
    ),
    (
        "The same, live, until q or Ctrl-C; ? shows the keys",
        "实时显示状态，直到按 q 或 Ctrl-C；? 显示按键",
    ),
    (
        "Move VIP and primary to the other node, with the same care and no new version",
        "把 VIP 和主库切到另一个节点，同样谨慎，不换版本",
    ),
    (
        "After a halt: do the failed row again; after --stop-before: go on",
        "发布停止后：重做失败的步骤；--stop-before 之后：继续",
    ),
    (
        "After a halt: accept a failed health check by hand; recorded with your name",
        "发布停止后：人工放行失败的健康检查；会记录你的名字",
    ),
    (
        "Give the rollout up and leave things safe: what can be taken back is",
        "放弃发布并保持安全：能撤销的都撤销",
    ),
    (
        "Back to the last backup: code, configuration and root key of both nodes, one after the other without a gap in service; the database stays as it is, unless it is asked for",
        "回到上一次备份：依次恢复两个节点的代码、配置和根密钥，服务不中断；除非明确要求，数据库保持不变",
    ),
    (
        "would it work? nothing is touched",
        "能否回滚？不改动任何东西",
    ),
    ("both nodes", "两个节点"),
    (
        "that node alone, which must be BACKUP",
        "只回滚该节点，它必须是 BACKUP",
    ),
    (
        "the other node is dead: this one, with a gap in service",
        "另一个节点已宕机：只回滚本节点，服务会中断",
    ),
    (
        "the database, too: says what is lost by it, and asks",
        "连同数据库：说明会丢失什么，并询问",
    ),
    (
        "The other node is gone: make this one's database primary",
        "另一个节点失联：把本节点的数据库提升为主库",
    ),
    (
        "The other node became primary while this one was away: follow it",
        "本节点离线期间另一个节点成为主库：跟随它",
    ),
    ("copy everything anew", "全部重新复制"),
    ("Backups of this node", "本节点的备份"),
    (
        "Back up code, configuration, root key (encrypted) and database of this node",
        "备份本节点的代码、配置、根密钥（加密）和数据库",
    ),
    (
        "The backups of this node, oldest first",
        "本节点的备份，最早的在前",
    ),
    (
        "Read every byte of a backup back and compare checksums",
        "回读备份的每个字节并比对校验和",
    ),
    (
        "Does the encrypted root key of a backup open, and is it the key that the manifest names? Needs the files of the backup and no daemon; the key is not written anywhere",
        "备份中加密的根密钥能否解开，是否就是清单记录的密钥？只需备份文件，不需要守护进程；密钥不会写到任何地方",
    ),
    ("The site's own sync of configuration", "现场自有的配置同步"),
    (
        "Does it run? If not: by whom it was paused, and what has changed since",
        "是否在运行？如果没有：由谁暂停，之后有哪些改动",
    ),
    (
        "Stop it on both nodes and keep it stopped, over reboots too",
        "在两个节点上停止并保持停止，重启后也不恢复",
    ),
    ("Let it run again", "恢复运行"),
    (
        "Compare both nodes' configuration; exit code 1 if it differs",
        "比对两个节点的配置；不同则退出码为 1",
    ),
    (
        "Push the configuration once, from the MASTER",
        "从 MASTER 推送一次配置",
    ),
    (
        "Who is told of events: programs, webhooks, mail, as hau.toml names them under [notify]",
        "事件通知给谁：程序、webhook、邮件，见 hau.toml 的 [notify]",
    ),
    (
        "Tell each of them once, on this node, that this is a test; exit code 1 if one was not told",
        "在本节点上向每个接收方发送一次测试；有未送达的则退出码为 1",
    ),
    (
        "Make, look at and verify bundles; needs no daemon",
        "制作、查看和校验升级包；不需要守护进程",
    ),
    (
        "Make a key pair: NAME.pub for every node, NAME.key for the publisher alone",
        "生成密钥对：NAME.pub 放到每个节点，NAME.key 只由发布者保管",
    ),
    ("on both nodes", "在两个节点上"),
    (
        "Build and sign NAME-VERSION.hau from a folder with manifest.toml and the files of a release",
        "从含 manifest.toml 和版本文件的目录制作并签名 NAME-VERSION.hau",
    ),
    (
        "What a bundle says of itself; only its signature is checked",
        "升级包的自述；只检查签名",
    ),
    (
        "Would this pair take the bundle? Signature, every checksum, product, version; exit code 3 if not",
        "这对节点会接受此升级包吗？检查签名、全部校验和、产品、版本；不接受则退出码为 3",
    ),
    ("not on a node", "不在节点上时"),
    (
        "Look at schema scripts before they run; needs no daemon",
        "在执行前检查 schema 脚本；不需要守护进程",
    ),
    (
        "Which statements break the running version, or lock a table for as long as it is big, and how it is done without that; exit code 3 if there is one",
        "哪些语句会影响正在运行的版本，或按表的大小长时间锁表，以及如何避免；有则退出码为 3",
    ),
    ("every *.sql below it", "其下所有 *.sql"),
    ("Past rollouts, newest last", "以往的发布，最新的在最后"),
    (
        "One rollout as a report: who asked, every row with its time, downtime against budget",
        "一次发布的报告：谁发起、每一步的用时、停机时间与预算对比",
    ),
    (
        "one file, to read, print or hand on",
        "单个文件，可阅读、打印或转发",
    ),
    (
        "Who asked for what, from where and why, and what came of it: the audit trail of both nodes, or of this one if the other is away",
        "谁、从哪里、为什么发起了什么，结果如何：两个节点的审计记录；另一个节点不在时只有本节点的",
    ),
    (
        "Is a copy of a trail whole, and did the other node sign it? With both nodes' trails: do they agree? Exit code 3 if not",
        "审计记录的副本是否完整、是否由另一个节点签名？给出两个节点的记录时：是否一致？否则退出码为 3",
    ),
    ("and of b", "节点 b 同样"),
    ("on copies, anywhere", "对副本校验，在任何机器上均可"),
    ("The health report of both nodes", "两个节点的健康报告"),
];
