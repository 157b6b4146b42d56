//! The languages, and which of them is meant.
use super::Words;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lang {
    En,
    Zh,
}

impl Lang {
    /// Of a page: `lang=zh` of the query, else what the browser likes best of the two, else English.
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

    /// Of a terminal: the value of `LC_ALL`, `LC_MESSAGES` and `LANG` in this order, of which the first decides that says
    /// anything: `zh_CN.UTF-8`.
    pub(crate) fn of_locale<'v>(values: impl IntoIterator<Item = &'v str>) -> Self {
        let mut set = values.into_iter().filter(|value| !value.is_empty());
        let locale = set.next().unwrap_or_default();
        let name = locale.split(['_', '.', '@']).next().unwrap_or_default();
        Self::named(name).unwrap_or(Self::En)
    }

    /// As HTML, the query and the command line call it.
    pub(crate) fn tag(self) -> &'static str {
        match self {
            Self::En => "en",
            Self::Zh => "zh",
        }
    }

    pub(crate) fn say(self, Words { en, zh }: Words) -> &'static str {
        match self {
            Self::En => en,
            Self::Zh => zh,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_language_of_a_page_is_asked_for_or_what_the_browser_likes_best() {
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

    #[test]
    fn the_language_of_a_terminal_is_that_of_its_locale() {
        let of = |values: [&str; 3]| Lang::of_locale(values).tag();
        assert_eq!(of(["", "", ""]), "en");
        assert_eq!(of(["", "", "zh_CN.UTF-8"]), "zh");
        assert_eq!(of(["", "en_US.UTF-8", "zh_CN.UTF-8"]), "en");
        assert_eq!(of(["C.UTF-8", "zh_CN.UTF-8", "zh_CN.UTF-8"]), "en");
        assert_eq!(of(["zh", "C", "C"]), "zh");
        assert_eq!(of(["", "zh_TW@x", ""]), "zh");
        assert_eq!(of(["", "", "zhuang_CN.UTF-8"]), "en");
    }
}
