//! What a rollback finds, and what it would do.
use crate::words::Table;

pub(super) const TABLE: Table = &[
    (
        "hau-ctl backup list shows the others; the bundle of that version can be installed again",
        "hau-ctl backup list 列出其他备份；也可以重新安装该版本的升级包",
    ),
    (
        "{} of {}, {} h {} min old: {} files, their checksums are right",
        "{}（版本 {}），{} 小时 {} 分钟前：{} 个文件，校验和正确",
    ),
    ("no known version", "未知"),
    (
        "left as it is: it is what the backup holds",
        "保持原样：与备份一致",
    ),
    ("put back: {}", "恢复：{}"),
    (
        "the release is installed as the backup holds it",
        "已安装的版本与备份一致",
    ),
    (
        "{} files of the installed release are missing or changed",
        "已安装的版本有 {} 个文件缺失或被改动",
    ),
    (
        "nothing: it is unpacked from the backup",
        "无需处理：会从备份解包",
    ),
    ("as the backup holds it", "与备份一致"),
    (
        "{} files are not as the backup holds them and are put back, {} for one",
        "{} 个文件与备份不同，将被恢复，例如 {}",
    ),
    (
        "afterwards what they replace is in {}",
        "恢复后，被替换的内容在 {}",
    ),
    (
        "the one in use is the backup's",
        "正在使用的就是备份中的密钥",
    ),
    (
        "{} becomes that of the backup again",
        "{} 将恢复为备份中的密钥",
    ),
    (
        "what was written under the newer key may need it: it stays in {}",
        "用新密钥写入的数据可能还需要它：它保留在 {}",
    ),
    (
        "the key of that time is not kept on this node: {}",
        "本节点没有保留当时的密钥：{}",
    ),
    ("the backup holds no dump of it", "备份中没有它的转储"),
    (
        "the {} transactions of the {} min since the backup",
        "备份后 {1} 分钟内的 {0} 个事务",
    ),
    (
        "restored from the backup without {}: they are lost to the service",
        "从备份恢复，不含{}：服务将丢失这些数据",
    ),
    (
        "the database of now stays on the primary as hau_replaced, until you drop it",
        "现在的数据库以 hau_replaced 之名留在主库上，直到你删除它",
    ),
    ("kept as it is, with {}", "保持原样，含{}"),
    (
        "kept as it is; what was written since the backup is not known: it does not answer",
        "保持原样；备份后写入了什么未知：数据库没有应答",
    ),
    (
        "the database hau_replaced is still there, from an earlier restore",
        "上一次恢复留下的数据库 hau_replaced 仍在",
    ),
    (
        "see whether anything of it is needed, then drop it",
        "请确认是否还需要其中的内容，然后删除它",
    ),
    (
        "nobody takes over while the services stop and start again",
        "服务停止并重新启动期间没有节点接管",
    ),
    (
        "nobody takes over while the services stop and start again: the start alone took {} the last time",
        "服务停止并重新启动期间没有节点接管：上次仅启动就用了 {}",
    ),
    (
        "where node {} can be brought back, do that first: both go back without a gap",
        "如果节点 {} 能恢复，请先恢复它：两个节点一起回滚，服务不中断",
    ),
    ("node {} is heard of", "收得到节点 {} 的消息"),
    (
        "hau-ctl rollback takes both nodes back without a gap, --node NAME one of them",
        "hau-ctl rollback 可不中断地回滚两个节点，--node NAME 只回滚其中一个",
    ),
    ("--local is this node, {}", "--local 指本节点 {}"),
    (
        "ask on the node that is to go back",
        "请在要回滚的节点上执行",
    ),
    ("--local restores no database", "--local 不恢复数据库"),
    (
        "--database keep; by hand the dump is restored as README says",
        "--database keep；手动恢复转储的方法见 README",
    ),
];
