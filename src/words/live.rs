//! The live view.
use crate::words::Table;

pub(super) const TABLE: Table = &[
    // Its head.
    ("the pair, as {} sees it", "从 {} 看到的这对节点"),
    ("asking the daemon", "正在询问守护进程"),
    ("is given up, for {}", "正在放弃，已用 {}"),
    ("goes on, for {}", "进行中，已用 {}"),
    ("HALTED after {}", "已停止，等待人工处理，已用 {}"),
    ("succeeded in {}", "成功，用时 {}"),
    ("rolled back after {}", "已回滚，用时 {}"),
    ("given up after {}", "已放弃，用时 {}"),
    ("refused after {}", "被拒绝，用时 {}"),
    ("by {}", "发起人 {}"),
    ("by {}: {}", "发起人 {}：{}"),
    ("phase {} of {}, {}", "阶段 {}/{}：{}"),
    ("about {} more", "大约还需 {}"),
    ("at least {} more", "至少还需 {}"),
    ("downtime {}", "停机时间 {}"),
    ("downtime not measured yet", "停机时间尚未测量"),
    ("writes paused for {}", "写入中断 {}"),
    // Rows.
    ("{}  {} (max {})", "{}  {}（上限 {}）"),
    ("{}  failed after {}", "{}  失败，用时 {}"),
    ("{}  is taken back, {}", "{}  正在撤销，{}"),
    ("{}  taken back", "{}  已撤销"),
    ("{}  not taken back", "{}  撤销失败"),
    ("{} begins when both are done", "两边都完成后开始 {}"),
    ("{} begins when this is done", "本阶段完成后开始 {}"),
    (
        "longer than the moment it took before",
        "以前瞬间完成，这次更久",
    ),
    ("longer than the {} it took before", "已超过以前所用的 {}"),
    ("usually a moment", "通常瞬间完成"),
    ("usually {}", "通常 {}"),
    ("{} more above", "上面还有 {} 行"),
    ("{} more below", "下面还有 {} 行"),
    // Details of a row.
    ("does", "内容"),
    ("note", "备注"),
    ("problem", "问题"),
    ("for {}", "已用 {}"),
    ("at most {}", "上限 {}"),
    ("begun {}", "开始于 {}"),
    (
        "no earlier rollout says how long it takes",
        "没有以往发布可参考用时",
    ),
    (
        "leaves it: there is nothing to take back",
        "保留：没有需要撤销的",
    ),
    ("takes it back", "会撤销这一步"),
    (
        "stops in front of it: past it there is no way back but a rollback",
        "到它为止：过了这一步只能回滚",
    ),
    (
        "leaves it: it lies before a row of no return",
        "保留：后面有不可撤销的步骤已执行",
    ),
    // The question before an abort.
    ("abort", "放弃"),
    ("Give up {}?", "放弃 {}？"),
    ("Reason: ", "原因："),
    ("given up in the live view", "在实时视图中放弃"),
    (
        "hau refuses where that would leave nobody to serve. It goes back row by row, and this view shows it.",
        "如果放弃会导致没有节点提供服务，hau 会拒绝。撤销逐步进行，本视图会显示。",
    ),
    (
        "{} on {} is done: what was done before it stays, and there is no way back over it but hau-ctl rollback.",
        "{1} 的 {0} 已完成：它之前的操作会保留，要越过它往回走只能用 hau-ctl rollback。",
    ),
    (
        "{} on {} has begun and is not done: until it is, nobody knows which database counts, and hau refuses.",
        "{1} 的 {0} 已开始但未完成：在它完成之前无法确定以哪个数据库为准，hau 会拒绝放弃。",
    ),
    ("on {} {}", "{} 上 {}"),
    (
        "Nothing that was done needs taking back.",
        "已做的操作都不需要撤销。",
    ),
    ("Taken back, last first: {}.", "将撤销（后做的先撤）：{}。"),
    (
        "it has ended: there is nothing to give up",
        "发布已结束：没有可放弃的",
    ),
    ("it is being taken back already", "已经在撤销了"),
    (
        "no rollout is under way that could be given up",
        "当前没有可放弃的发布",
    ),
    (
        "no rollout is in sight whose rows could be shown",
        "当前没有可显示步骤的发布",
    ),
    (
        "ordered: what was begun is taken back",
        "已下达：正在撤销已开始的操作",
    ),
    ("not given up: {}. {}", "未能放弃：{}。{}"),
    // Keys.
    ("keys", "按键"),
    ("log", "日志"),
    (
        "nothing has happened since this was opened",
        "打开以来没有发生任何事",
    ),
    (
        "details of a row: note, problem, remedy, times, what an abort does to it",
        "步骤详情：备注、问题、处理办法、时间、放弃时如何处理",
    ),
    (
        "the row below or above; in the log older and newer lines",
        "下一个或上一个步骤；在日志中向新或向旧翻",
    ),
    ("to the row of the other node", "切到另一个节点的步骤"),
    (
        "log: what has happened, newest last",
        "日志：发生过的事，最新的在最后",
    ),
    (
        "give the rollout up: says what is taken back, and asks",
        "放弃发布：先说明会撤销什么，再询问",
    ),
    (
        "closes what is open, and goes back to the row at work",
        "关闭已打开的面板，回到正在执行的步骤",
    ),
    (
        "leave: the rollout goes on, hau-ctl watch shows it again",
        "离开：发布继续进行，hau-ctl watch 可再次查看",
    ),
    ("these keys", "显示这些按键"),
    (
        "type the reason   Enter done   Esc without one",
        "请输入原因   Enter 完成   Esc 不填",
    ),
    (
        "y give it up   r type a reason   any other key: go on as before",
        "y 确认放弃   r 填写原因   其他任意键：不放弃，照常继续",
    ),
    (
        "j k older and newer   l close   q leave   ? help",
        "j k 翻看   l 关闭   q 离开   ? 帮助",
    ),
    (
        "d details   j k choose   l log   a abort   q leave   ? help",
        "d 详情   j k 选择   l 日志   a 放弃   q 离开   ? 帮助",
    ),
    ("l log   q leave   ? help", "l 日志   q 离开   ? 帮助"),
    ("cannot draw on this terminal: {}", "无法在此终端上绘制：{}"),
    (
        "TERM=dumb hau-ctl … shows plain lines",
        "TERM=dumb hau-ctl … 以普通文本行显示",
    ),
];
