//! The page's languages, and its own words in both. What people, programs and the daemon said stays as it was said.

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lang {
    En,
    Zh,
}

/// English, Chinese. Who looks a word up has it from here, so each is there in both.
const WORDS: &[(&str, &str)] = &[
    // The whole.
    ("status", "状态"),
    ("language", "语言"),
    ("read-only", "只读"),
    ("told by node", "数据来自节点"),
    ("times are UTC", "时间为 UTC"),
    ("not connected since", "连接已断开，自"),
    ("what stands here is as old as that", "以下内容停留在那一刻"),
    ("back to the status", "返回状态页"),
    // What holds.
    ("nothing is happening", "当前没有操作"),
    ("a person is needed", "需要人工处理"),
    ("a rollout is HALTED", "发布已停止，等待人工处理"),
    ("the other node is not heard", "收不到对端节点的消息"),
    ("a rollout waits", "发布正在等待"),
    ("a rollout goes on", "发布进行中"),
    ("this node works on its own", "本节点正在单独操作"),
    ("ALARM", "告警"),
    ("stopped", "停在"),
    ("do", "处理"),
    ("next", "下一步"),
    ("last heard", "最后一次收到消息"),
    ("ago", "前"),
    (
        "not heard since this daemon started",
        "守护进程启动以来未收到消息",
    ),
    ("what is said of it here is old", "这里关于它的内容是旧的"),
    ("primary", "主库"),
    ("standby", "备库"),
    ("versions", "版本"),
    ("the nodes differ", "两个节点不同"),
    ("nobody", "无"),
    ("BOTH nodes", "两个节点都是"),
    ("cannot be seen from here", "从本节点看不到"),
    ("when it was last heard", "最后一次收到消息时"),
    ("not sure who is MASTER", "不确定谁是 MASTER"),
    ("there is no database", "没有数据库"),
    ("behind", "滞后"),
    ("unknown", "未知"),
    ("none is seen", "未见到"),
    // The nodes.
    ("nodes", "节点"),
    ("this node", "本节点"),
    ("not heard", "收不到消息"),
    ("priority", "优先级"),
    ("weight", "权重"),
    ("database", "数据库"),
    ("VRRP unknown", "VRRP 未知"),
    ("database unknown", "数据库未知"),
    ("version", "版本"),
    ("services", "服务"),
    ("up", "运行"),
    ("DOWN", "停止"),
    ("sync", "配置同步"),
    ("running", "运行中"),
    ("paused", "已暂停"),
    ("health", "健康"),
    ("pass", "正常"),
    ("warn", "警告"),
    ("FAIL", "异常"),
    // A rollout.
    ("upgrade", "升级"),
    ("switch", "切换"),
    ("rollback", "回滚"),
    ("failover", "故障切换"),
    ("rejoin", "重新加入"),
    ("rollout", "发布"),
    ("rows done", "步骤完成"),
    ("asked", "发起"),
    ("then", "之后"),
    ("first", "先升级"),
    ("second", "后升级"),
    ("result", "结果"),
    ("bundle", "升级包"),
    ("took", "用时"),
    ("for", "已用"),
    ("downtime", "停机时间"),
    ("downtime so far", "目前停机时间"),
    ("last probe", "最近一次探测"),
    ("no writes for", "不可写时间"),
    ("none", "无"),
    ("not measured", "未测量"),
    ("phase", "阶段"),
    ("node", "节点"),
    ("step", "步骤"),
    ("begun", "开始"),
    ("limit", "上限"),
    ("state", "状态"),
    ("of at most", "上限"),
    ("usually", "通常"),
    ("goes on", "进行中"),
    ("succeeded", "成功"),
    ("HALTED", "已停止"),
    ("rolled back", "已回滚"),
    ("given up", "已放弃"),
    ("refused", "被拒绝"),
    ("not begun", "未开始"),
    ("at work", "执行中"),
    ("done", "完成"),
    ("failed", "失败"),
    ("is taken back", "正在撤销"),
    ("taken back", "已撤销"),
    ("not taken back", "撤销失败"),
    ("Timeline", "时间线"),
    ("Rows", "步骤"),
    ("from 0 to", "从 0 到"),
    ("Switchover", "切换过程"),
    ("requests through the VIP", "经 VIP 的探测请求"),
    ("slowest", "最慢"),
    ("measured by", "测量节点"),
    ("answered within", "响应时间"),
    (
        "lines at 10, 100 and 1000 ms",
        "横线为 10、100 和 1000 毫秒",
    ),
    // What there was.
    ("history", "历史"),
    ("by", "发起人"),
    ("all rollouts", "全部发布"),
    ("there has been no rollout yet", "还没有发布过"),
];

impl Lang {
    /// `lang=zh` of the query, else what the browser likes best of the two, else English.
    pub(crate) fn chosen(query: &str, accepted: &str) -> Self {
        let asked = query.split('&').find_map(|part| part.strip_prefix("lang="));
        asked.and_then(Self::named).unwrap_or_else(|| {
            let liked = accepted.split(',').filter_map(|choice| {
                let mut parts = choice.split(';').map(str::trim);
                let lang = Self::named(parts.next()?)?;
                let weight = parts.find_map(|part| part.strip_prefix("q=")?.parse().ok());
                Some((lang, weight.unwrap_or(1.0)))
            });
            // Of two that are liked alike the first.
            let best = liked.reduce(|a, b: (Self, f32)| if b.1 > a.1 { b } else { a });
            best.map_or(Self::En, |(lang, _)| lang)
        })
    }

    /// `zh`, `zh-CN`, `en-GB`.
    fn named(tag: &str) -> Option<Self> {
        let main = tag.split('-').next()?;
        let is = |name: &str| main.eq_ignore_ascii_case(name);
        is("zh")
            .then_some(Self::Zh)
            .or(is("en").then_some(Self::En))
    }

    /// As HTML and the query call it.
    pub(crate) fn tag(self) -> &'static str {
        match self {
            Self::En => "en",
            Self::Zh => "zh",
        }
    }

    /// A word of the page.
    pub(crate) fn say(self, word: &'static str) -> &'static str {
        let known = Self::of_both(word);
        debug_assert!(known.is_some(), "{word:?} is not in WORDS");
        known.map_or(word, |both| self.pick(both))
    }

    /// What is mostly not a word of the page.
    pub(crate) fn say_if_known(self, text: &str) -> &str {
        Self::of_both(text).map_or(text, |both| self.pick(both))
    }

    fn of_both(word: &str) -> Option<(&'static str, &'static str)> {
        WORDS.iter().copied().find(|(en, _)| *en == word)
    }

    fn pick(self, (en, zh): (&'static str, &'static str)) -> &'static str {
        match self {
            Self::En => en,
            Self::Zh => zh,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn each_word_is_there_once_and_in_both_languages() {
        let words: BTreeSet<&str> = WORDS.iter().map(|(en, _)| *en).collect();
        assert_eq!(words.len(), WORDS.len());
        for (en, zh) in WORDS {
            assert!(en.is_ascii() && !en.is_empty(), "{en}");
            assert!(!zh.is_ascii(), "{en}: {zh}");
        }
    }

    #[test]
    fn the_language_is_asked_for_or_what_the_browser_likes_best() {
        let chosen = |query, accepted| Lang::chosen(query, accepted).tag();
        assert_eq!(chosen("", ""), "en");
        assert_eq!(chosen("", "zh-CN,zh;q=0.9,en;q=0.8"), "zh");
        assert_eq!(chosen("", "de, en-GB;q=0.7, zh;q=0.3"), "en");
        assert_eq!(chosen("", "en;q=0.1, ZH-TW;q=0.2"), "zh");
        assert_eq!(chosen("", "fr, *;q=0.5"), "en");
        assert_eq!(chosen("", ";;q=,zh;q=x"), "zh");
        assert_eq!(chosen("lang=en", "zh"), "en");
        assert_eq!(chosen("a=b&lang=zh-Hans", "en"), "zh");
        assert_eq!(chosen("lang=<script>", "zh"), "zh");
    }
}
