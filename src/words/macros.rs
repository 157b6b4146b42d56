//! How sentences are said. Each of these finds its sentence when the program is compiled.

/// A sentence without places, to be said later: `lang.say(words!("done"))`.
macro_rules! words {
    ($en:literal) => {{
        const WORDS: $crate::words::Words = $crate::words::Words::of($en, 0);
        WORDS
    }};
}

/// A sentence in a language: `say!(lang, "{} is primary", node)`.
macro_rules! say {
    ($lang:expr, $en:literal $(, $arg:expr)* $(,)?) => {{
        const WORDS: $crate::words::Words =
            $crate::words::Words::of($en, <[&str]>::len(&[$(stringify!($arg)),*]));
        WORDS.fill($lang, &[$(&$arg as &dyn ::std::fmt::Display),*])
    }};
}

/// One or many: `count!(lang, n, "1 script", "{} scripts")`.
macro_rules! count {
    ($lang:expr, $n:expr, $one:literal, $many:literal) => {{
        const ONE: $crate::words::Words = $crate::words::Words::of($one, 0);
        const MANY: $crate::words::Words = $crate::words::Words::of($many, 1);
        match $n {
            1 => ONE.fill($lang, &[]),
            n => MANY.fill($lang, &[&n]),
        }
    }};
}

/// A sentence that is said in both languages, or later.
macro_rules! sentence {
    ($en:literal $(, $arg:expr)* $(,)?) => {{
        const WORDS: $crate::words::Words =
            $crate::words::Words::of($en, <[&str]>::len(&[$(stringify!($arg)),*]));
        $crate::words::Sentence { words: WORDS, args: vec![$($arg.to_string()),*] }
    }};
}

/// What travelled as this sentence, with a word in each place; anything else stays as it was said.
macro_rules! heard_as {
    ($lang:expr, $en:literal, $text:expr) => {{
        const WORDS: $crate::words::Words =
            $crate::words::Words::of($en, $crate::words::Words::places($en));
        $crate::words::heard_as($lang, WORDS, $text)
    }};
}

/// What travels, in English, as a sentence that whoever shows it finds again.
macro_rules! told {
    ($en:literal $(, $arg:expr)* $(,)?) => {{
        const WORDS: $crate::words::Words =
            $crate::words::Words::of_told($en, <[&str]>::len(&[$(stringify!($arg)),*]));
        WORDS.fill($crate::words::Lang::En, &[$(&$arg as &dyn ::std::fmt::Display),*])
    }};
}
