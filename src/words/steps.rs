//! What each step of the table does, as `plan` says it. `tests.rs` holds it against `steps`.
use crate::words::Table;

pub(super) const TABLE: Table = &[
    (
        "look whether the node is fit: services, database, keepalived, space, keys",
        "检查节点是否就绪：服务、数据库、keepalived、空间、密钥",
    ),
    (
        "stop config sync and keep it stopped, over reboots too",
        "停止配置同步并保持停止，重启后也不恢复",
    ),
    (
        "fetch, verify and unpack the bundle beside the running release; read it back",
        "获取、校验升级包，解包到运行版本旁边；回读核对",
    ),
    (
        "back up code, configuration, root key (encrypted) and database; read the checksums back",
        "备份代码、配置、根密钥（加密）和数据库；回读校验和",
    ),
    (
        "restore the dump into a database beside the running one; compare tables and rows; drop it",
        "把转储恢复到旁边的临时数据库；比对表和行数；然后删除",
    ),
    ("drop the previous backup", "删除上一次备份"),
    (
        "apply the schema scripts on the primary",
        "在主库上执行 schema 脚本",
    ),
    (
        "wait until the standby has replayed the schema",
        "等待备库回放完 schema 变更",
    ),
    (
        "run the bundle's hook for the database engine",
        "运行升级包的数据库引擎钩子",
    ),
    (
        "run the bundle's hook before the services stop",
        "停服务前运行升级包的钩子",
    ),
    (
        "stop the services; see that their processes are gone",
        "停止服务；确认进程已全部退出",
    ),
    (
        "make the new release the current one",
        "把新版本设为当前版本",
    ),
    (
        "put the release's files into the product's fixed folder, one by one; keep what they replace",
        "把版本的文件逐个放入产品的固定目录；保留被替换的内容",
    ),
    (
        "run the bundle's hook before the new version starts",
        "新版本启动前运行升级包的钩子",
    ),
    (
        "start the services in dependency order; wait until their ports listen",
        "按依赖顺序启动服务；等待端口开始监听",
    ),
    (
        "run the bundle's hook after the new version has started",
        "新版本启动后运行升级包的钩子",
    ),
    (
        "ask the services' own health checks, ports and database; warm them up",
        "检查服务自身的健康检查、端口和数据库；预热",
    ),
    (
        "watch the new version: good checks spread over the soak time, no restart",
        "观察新版本：观察期内检查持续正常，且没有重启",
    ),
    (
        "checkpoint the primary and see that the standby streams, so that its stop is short",
        "在主库做检查点，确认备库在流复制，以缩短停库时间",
    ),
    (
        "forward to the old MASTER what belongs to connections that began there",
        "把属于旧 MASTER 已有连接的流量转发给它",
    ),
    (
        "hold the services here, so that new connections wait until the primary has moved",
        "暂挂本节点的服务，让新连接等到主库切换完成",
    ),
    (
        "keep the VIP on lo, unannounced, for the connections that are open when it moves",
        "在 lo 上保留 VIP（不通告），供切换时已打开的连接使用",
    ),
    (
        "see the VIP arrive: keepalived is MASTER and the address is on the interface",
        "确认 VIP 到达：keepalived 为 MASTER，地址已在网卡上",
    ),
    (
        "lower this node's weight until the VIP is on the other one",
        "降低本节点的权重，直到 VIP 转到另一个节点",
    ),
    (
        "let the old MASTER's services finish their requests and stop; reset what is left at the limit",
        "让旧 MASTER 的服务处理完请求后停止；到上限时重置剩余连接",
    ),
    ("stop the primary cleanly", "正常停止主库"),
    (
        "promote the standby when the last of the old primary's log is replayed",
        "回放完旧主库的最后日志后，把备库提升为主库",
    ),
    (
        "see that the new MASTER serves and its database takes writes",
        "确认新 MASTER 提供服务，其数据库可写",
    ),
    (
        "start the old primary as standby of the new one",
        "把旧主库作为新主库的备库启动",
    ),
    (
        "give this node the other one's configuration and root key",
        "把另一个节点的配置和根密钥传给本节点",
    ),
    (
        "see that both nodes use one root key; carry it again and restart where not",
        "确认两个节点使用同一根密钥；不同则重新传送并重启",
    ),
    ("let config sync run again", "恢复配置同步"),
    (
        "push the configuration once from the MASTER",
        "从 MASTER 推送一次配置",
    ),
    (
        "compare both nodes' configuration and root key; VIP, primary, replication, health",
        "比对两个节点的配置和根密钥；检查 VIP、主库、复制、健康",
    ),
    (
        "hold the measured downtime against the budget",
        "对照预算检查测得的停机时间",
    ),
    (
        "remove what only this rollout needed; keep the last releases and the backup",
        "清理仅本次发布所需的内容；保留最近的版本和备份",
    ),
    // Back to a backup.
    (
        "read the backup's checksums back; see that the root key of that time is at hand",
        "回读备份的校验和；确认当时的根密钥可用",
    ),
    (
        "stop the services, unless this node is as the backup holds it",
        "停止服务（如果本节点已与备份一致则不停）",
    ),
    (
        "put back code, configuration and root key from the backup; keep what they replace",
        "从备份恢复代码、配置和根密钥；保留被替换的内容",
    ),
    (
        "see that the backup's root key is in use; put it back again and restart where not",
        "确认正在使用备份的根密钥；否则重新放回并重启",
    ),
    (
        "restore the backup's dump into a database beside the running one; compare tables and rows",
        "把备份的转储恢复到运行库旁边的数据库；比对表和行数",
    ),
    (
        "stop the services, put the restored database in the place of the running one, start them",
        "停止服务，用恢复的数据库替换运行库，再启动服务",
    ),
    // Of one node alone.
    (
        "make sure that the other node is off, by the fencing command",
        "用隔离命令确认另一个节点已断电",
    ),
    (
        "make this node's database primary with what it has received",
        "以已收到的数据把本节点的数据库提升为主库",
    ),
    (
        "take back what the new primary never got from this database",
        "撤回新主库从未收到的本库数据",
    ),
    (
        "copy the new primary's database anew",
        "重新复制新主库的数据库",
    ),
];
