//! Lists: findings, past rollouts, backups, the sync, the pairing, bundles, schema scripts.
use crate::words::Table;

pub(super) const TABLE: Table = &[
    // Findings.
    ("1 failure", "1 项失败"),
    ("{} failures", "{} 项失败"),
    ("1 warning", "1 项警告"),
    ("{} warnings", "{} 项警告"),
    ("Fit to be upgraded.", "可以升级。"),
    ("Fit to be upgraded, {}.", "可以升级，{}。"),
    ("Not fit to be upgraded: {}.", "不能升级：{}。"),
    ("Not fit to be upgraded: {}, {}.", "不能升级：{}，{}。"),
    // Backups.
    ("backup", "备份"),
    ("made", "时间"),
    ("size", "大小"),
    ("1 file", "1 个文件"),
    ("{} files", "{} 个文件"),
    ("with root key", "含根密钥"),
    ("was never finished: it cannot be used", "没有做完：不可用"),
    (
        "there is no backup on this node; hau-ctl backup create makes one",
        "本节点没有备份；hau-ctl backup create 可创建",
    ),
    (
        "{} is whole: {} read back, every checksum right",
        "{} 完整：回读 {}，校验和全部正确",
    ),
    // The sync.
    ("config sync is running", "配置同步运行中"),
    ("no config sync is configured", "没有配置同步"),
    ("config sync is PAUSED", "配置同步已暂停"),
    ("config sync is PAUSED: {}", "配置同步已暂停：{}"),
    ("changed meanwhile:", "暂停期间的改动："),
    (
        "config sync is paused; hau-ctl sync resume lets it run again",
        "配置同步已暂停；hau-ctl sync resume 可恢复",
    ),
    ("config sync runs again", "配置同步已恢复"),
    (
        "the configuration has been pushed; hau-ctl sync check compares both nodes",
        "配置已推送；hau-ctl sync check 可比对两个节点",
    ),
    (
        "the configuration of both nodes is equal",
        "两个节点的配置一致",
    ),
    // The pairing.
    ("other node", "对端节点"),
    (
        "Type on the other node, as root:",
        "请在另一个节点上以 root 身份输入：",
    ),
    ("The nodes trust each other.", "两个节点已互相信任。"),
    (
        "This node waits for the other one to pair.",
        "本节点正在等待另一个节点配对。",
    ),
    (
        "This node is not paired; hau-ctl pair shows a code for the other one.",
        "本节点尚未配对；hau-ctl pair 会显示供另一个节点使用的配对码。",
    ),
    // A bundle.
    ("product", "产品"),
    ("signed by", "签名者"),
    ("upgrades", "可升级自"),
    ("expires", "有效期至"),
    ("files", "文件"),
    ("schema", "schema 变更"),
    ("hooks", "钩子"),
    ("{} {} (counter {})", "{} {}（序号 {}）"),
    (
        "only where nothing is installed",
        "仅限尚未安装任何版本的节点",
    ),
    ("  or  ", "  或  "),
    ("1 script", "1 个脚本"),
    ("{} scripts", "{} 个脚本"),
    (
        "{}; the running version works with them",
        "{}；与正在运行的版本兼容",
    ),
    (
        "{}; NOT compatible with the running version",
        "{}；与正在运行的版本不兼容",
    ),
    // Schema scripts.
    ("allowed: {}", "已允许：{}"),
    ("{} allowed", "{} 项已允许"),
    (
        "{}: hau sees nothing that breaks the running version.",
        "{}：没有发现会影响正在运行的版本的语句。",
    ),
    ("{}: {}.", "{}：{}。"),
    // Who is told.
    ("{} was told: {}", "{} 已通知：{}"),
    ("{} was not told: {}", "{} 未能通知：{}"),
];
