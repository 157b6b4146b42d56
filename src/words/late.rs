//! What to do about a row that was not done within its limit: where to look, and what to type.
use super::Table;

pub(super) const TABLE: Table = &[
    ("look at {}; {}", "请查看：{}；{}"),
    (
        "hau-ctl retry when the cause is mended",
        "排除原因后执行 hau-ctl retry",
    ),
    (
        "hau-ctl retry when the cause is mended; if you have looked and all is well: hau-ctl confirm --reason …",
        "排除原因后执行 hau-ctl retry；如已查看且一切正常：hau-ctl confirm --reason …",
    ),
];

/// Where to look; `steps` has the same in its table.
pub(super) const LOOKS: Table = &[
    (
        "hau-ctl sync status, and what the units of [config_sync] do",
        "hau-ctl sync status，以及 [config_sync] 各单元在做什么",
    ),
    (
        "the standby's log, and queries on it that hold replay up",
        "备库的日志，以及备库上挡住回放的查询",
    ),
    (
        "systemctl status of the service, and ss -lntp for who holds its port",
        "该服务的 systemctl status，以及用 ss -lntp 看谁占着端口",
    ),
    ("journalctl -u of the service", "该服务的 journalctl -u"),
    (
        "hau-ctl health, and the service's own log",
        "hau-ctl health，以及服务自己的日志",
    ),
    (
        "how far the standby is behind, and the logs of both databases",
        "备库滞后多少，以及两边数据库的日志",
    ),
    (
        "hau-ctl doctor for keepalived, and journalctl -u keepalived on both nodes",
        "hau-ctl doctor 的 keepalived 各行，以及两个节点的 journalctl -u keepalived",
    ),
    (
        "ip address show, and journalctl -u keepalived on both nodes",
        "ip address show，以及两个节点的 journalctl -u keepalived",
    ),
    (
        "systemctl status of the service",
        "该服务的 systemctl status",
    ),
    ("the database's own log", "数据库自己的日志"),
    (
        "the database's own log, and what hau-ctl status says is next",
        "数据库自己的日志，以及 hau-ctl status 所说的下一步",
    ),
    (
        "hau-ctl health, and whether the database takes a write",
        "hau-ctl health，以及数据库能否写入",
    ),
    (
        "the log of the database here, and how it connects to the primary",
        "本节点数据库的日志，以及它如何连接主库",
    ),
    (
        "the service's own log: why it makes a key of its own",
        "服务自己的日志：它为什么自己生成密钥",
    ),
    (
        "hau-ctl sync status, and systemctl status of its units",
        "hau-ctl sync status，以及各单元的 systemctl status",
    ),
    ("what hau-ctl sync check finds", "hau-ctl sync check 的结果"),
];
