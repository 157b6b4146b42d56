//! How hau shows a GaussDB or openGauss that it knows the password.
//!
//! # Why by hand
//! openGauss gives PostgreSQL's codes of authentication other meanings: 10 asks for a proof over SHA-256 where
//! PostgreSQL's 10 offers SASL. So no client made for PostgreSQL gets past it, and of those made for openGauss none can be
//! shipped: what they stand on has known holes. The proof itself is small: SCRAM's, with keys stretched over SHA-1.
//!
//! The server does not prove in return that it knows anything. Who it is, its certificate says, or where its socket lies.
use super::error::WireError;
use crate::core::Problem;
use postgres_protocol::authentication::md5_hash;
use ring::{hmac, pbkdf2};
use sha2::{Digest, Sha256};
use std::{fmt::Write, num::NonZeroU32};
use zeroize::Zeroizing;

/// The server's own limit is thirteen times as high, its default 10 000. Each million takes about a second that no limit
/// cuts off, and who is asked to count does not know yet who asks.
const MOST_ROUNDS: u32 = 10_000_000;
/// What the server calls the ways in which it stores passwords.
const STORED_PLAIN: u32 = 0;
const STORED_MD5: u32 = 1;
const STORED_SHA256: u32 = 2;
const STORED_SM3: u32 = 3;

type Key = Zeroizing<[u8; 32]>;

/// What the server wants to see before it lets anybody in.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Asked {
    /// The password itself.
    Password,
    /// Hashed as PostgreSQL does, with this salt.
    Md5([u8; 4]),
    Proof(Challenge),
}

#[derive(Debug, PartialEq, Eq)]
pub(super) struct Challenge {
    hash: StoredHash,
    salt: [u8; 32],
    token: [u8; 4],
    rounds: NonZeroU32,
}

/// Of the key that the server keeps. All else is SHA-256 either way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum StoredHash {
    Sha256,
    #[cfg(feature = "sm3")]
    Sm3,
}

/// Reads an authentication message, behind its type and length. None: nothing is asked for any more.
///
/// # Errors
/// It cannot be read, or asks for something that is not done here.
pub(super) fn asked(body: &[u8]) -> Result<Option<Asked>, WireError> {
    let (code, rest) = number(body).ok_or_else(unreadable)?;
    Ok(Some(match code {
        0 if rest.is_empty() => return Ok(None),
        3 if rest.is_empty() => Asked::Password,
        5 => Asked::Md5(rest.try_into().map_err(|_| unreadable())?),
        // A mechanism's name begins with a letter, the number of a stored method with a zero.
        10 if rest.first().is_some_and(u8::is_ascii_uppercase) => return Err(is_postgres()),
        10 | 13 => Asked::Proof(challenge(code, rest)?),
        0 | 3 => return Err(unreadable()),
        other => return Err(undone(other)),
    }))
}

fn challenge(code: u32, rest: &[u8]) -> Result<Challenge, WireError> {
    let (stored, rest) = number(rest).ok_or_else(unreadable)?;
    let hash = match (code, stored) {
        (10, STORED_SHA256 | STORED_PLAIN) => StoredHash::Sha256,
        // The drivers do not agree on what answers it.
        (10, STORED_MD5) => return Err(refused("the server stores the password as MD5", RENEW)),
        #[cfg(feature = "sm3")]
        (13, STORED_SM3) => StoredHash::Sm3,
        #[cfg(not(feature = "sm3"))]
        (13, STORED_SM3) => return Err(refused("this build of hau does not know SM3", RENEW)),
        _ => {
            let what = format!("it asks by method {code} for a password stored by method {stored}");
            return Err(WireError::Broken(what));
        }
    };
    let read = || {
        let (salt, rest) = rest.split_first_chunk::<64>()?;
        let (token, rest) = rest.split_first_chunk::<8>()?;
        let (rounds, rest) = number(rest)?;
        let (salt, token) = (unhex(salt)?, unhex(token)?);
        rest.is_empty().then_some((salt, token, rounds))
    };
    let (salt, token, rounds) = read().ok_or_else(unreadable)?;
    let allowed = NonZeroU32::new(rounds).filter(|n| n.get() <= MOST_ROUNDS);
    let Some(rounds) = allowed else {
        return Err(refused(
            format!("the server asks to hash the password {rounds} times"),
            format!(
                "set auth_iteration_count on the server to no more than {MOST_ROUNDS}, then give the user its password anew"
            ),
        ));
    };
    Ok(Challenge {
        hash,
        salt,
        token,
        rounds,
    })
}

impl Asked {
    /// What to send back. `unheard`: nobody can listen on the way.
    ///
    /// # Errors
    /// The password itself is asked for where somebody could listen.
    pub(super) fn answer(
        &self,
        user: &str,
        password: &str,
        unheard: bool,
    ) -> Result<Zeroizing<String>, WireError> {
        match self {
            Asked::Password if unheard => Ok(Zeroizing::new(password.to_owned())),
            Asked::Password => Err(refused(
                "the server asks for the password in clear over a connection without TLS",
                HBA,
            )),
            Asked::Md5(salt) => {
                let hashed = md5_hash(user.as_bytes(), password.as_bytes(), *salt);
                Ok(Zeroizing::new(hashed))
            }
            Asked::Proof(challenge) => Ok(challenge.proof(password.as_bytes())),
        }
    }
}

impl Challenge {
    /// Shows that `password` is known to who has its stored key, and to nobody else.
    fn proof(&self, password: &[u8]) -> Zeroizing<String> {
        let keys = Keys::of(password, &self.salt, self.rounds, self.hash);
        let signature = hmac_sha256(&keys.stored, &self.token);
        let mut proof = Zeroizing::new(String::with_capacity(2 * keys.client.len()));
        for (signed, key) in signature.iter().zip(keys.client.iter()) {
            // A String takes whatever is written.
            let _ = write!(proof, "{:02x}", signed ^ key);
        }
        proof
    }
}

struct Keys {
    client: Key,
    stored: Key,
}

impl Keys {
    fn of(password: &[u8], salt: &[u8], rounds: NonZeroU32, hash: StoredHash) -> Keys {
        let client = hmac_sha256(&stretched(password, salt, rounds), b"Client Key");
        let stored = Zeroizing::new(match hash {
            StoredHash::Sha256 => Sha256::digest(*client).into(),
            #[cfg(feature = "sm3")]
            StoredHash::Sm3 => sm3::Sm3::digest(*client).into(),
        });
        Keys { client, stored }
    }
}

fn stretched(password: &[u8], salt: &[u8], rounds: NonZeroU32) -> Key {
    let mut key = Key::default();
    pbkdf2::derive(
        pbkdf2::PBKDF2_HMAC_SHA1,
        rounds,
        salt,
        password,
        key.as_mut(),
    );
    key
}

fn hmac_sha256(key: &[u8; 32], data: &[u8]) -> Key {
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), data);
    let mut signed = Key::default();
    for (to, from) in signed.iter_mut().zip(tag.as_ref()) {
        *to = *from;
    }
    signed
}

fn number(bytes: &[u8]) -> Option<(u32, &[u8])> {
    let (number, rest) = bytes.split_first_chunk::<4>()?;
    Some((u32::from_be_bytes(*number), rest))
}

fn unhex<const N: usize>(digits: &[u8]) -> Option<[u8; N]> {
    let digit = |c: u8| {
        char::from(c)
            .to_digit(16)
            .and_then(|d| u8::try_from(d).ok())
    };
    let mut bytes = [0; N];
    let (pairs, []) = digits.as_chunks::<2>() else {
        return None;
    };
    if pairs.len() != N {
        return None;
    }
    for (byte, [high, low]) in bytes.iter_mut().zip(pairs) {
        *byte = digit(*high)? << 4 | digit(*low)?;
    }
    Some(bytes)
}

/// Where the server's rules for this user stand.
const HBA: &str =
    "let the line for this user in the server's pg_hba.conf end in sha256, and reload it";
const RENEW: &str =
    "set password_encryption_type = 2 on the server, then give the user its password anew";

fn undone(code: u32) -> WireError {
    let what = match code {
        11 => "MD5 of a password that it stores as SHA-256",
        12 => "the proof of the lite edition",
        14 => "a token of IAM",
        2 | 6..=9 => "Kerberos or a system's own login",
        _ => {
            let what = format!("the server asks for authentication {code}, which hau does not do");
            return refused(what, HBA);
        }
    };
    refused(
        format!("the server asks for {what}, which hau does not do"),
        HBA,
    )
}

/// A server that speaks PostgreSQL's own protocol.
pub(super) fn is_postgres() -> WireError {
    refused(
        "this server is PostgreSQL",
        "write kind = \"postgres\" under [database]",
    )
}

fn refused(what: impl Into<String>, remedy: impl Into<String>) -> WireError {
    WireError::Refused(Problem {
        what: what.into(),
        remedy: remedy.into(),
    })
}

fn unreadable() -> WireError {
    WireError::Broken("its request for authentication cannot be read".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SALT: &str = "3458fe51abe962f7b6011a1d73fc14edf50539fae89fb9dda75fbb642d9859bf";

    fn request(code: u32, stored: u32, salt: &str, token: &str, rounds: u32) -> Vec<u8> {
        let mut body = [code.to_be_bytes(), stored.to_be_bytes()].concat();
        body.extend_from_slice(salt.as_bytes());
        body.extend_from_slice(token.as_bytes());
        body.extend_from_slice(&rounds.to_be_bytes());
        body
    }

    fn answer(body: &[u8], password: &str) -> String {
        let asked = asked(body).expect("understood").expect("something");
        let answer = asked.answer("hau", password, false).expect("an answer");
        answer.to_string()
    }

    fn why(body: &[u8]) -> String {
        match asked(body).expect_err("not done") {
            WireError::Refused(Problem { what, remedy }) => format!("{what}; {remedy}"),
            WireError::Broken(what) => what,
            WireError::Io(_) | WireError::TimedOut | WireError::Server(_) => panic!("of no server"),
        }
    }

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// Of the drivers of openGauss, and computed anew by other means.
    #[test]
    fn proofs_are_those_of_other_drivers() {
        let go = request(10, 2, SALT, "2cf71f10", 10_000);
        assert_eq!(
            answer(&go, "sha256@abc123"),
            "f5213af93974ae3f0a3eedba7b0ef27796bcd4d84bb737d9c35fce54fcfe28fd"
        );
        let plain = request(10, 0, SALT, "2cf71f10", 10_000);
        assert_eq!(
            answer(&plain, "sha256@abc123"),
            answer(&go, "sha256@abc123")
        );
        let rust = request(10, 2, &"1".repeat(64), "33333333", 1);
        assert_eq!(
            answer(&rust, "\u{1}\u{2}\u{3}\u{4}"),
            "6308566b6ff5463d5bbcf7cbd95e2bf416a833994ea26d04d48f3b719d4b58fb"
        );
    }

    #[cfg(feature = "sm3")]
    #[test]
    fn proofs_over_sm3_are_those_of_other_drivers() {
        let salt = "5ae737626add65f8da1b063104a6c4e2dc25b7343d8512a74826dc5b5e3e5188";
        for (token, proof) in [
            (
                "ffffffff",
                "009f844c1980f501c66c68412b0abcb5ae176de32ffbbbae970b829221cd0c08",
            ),
            (
                "00000000",
                "1e0e28cda9eb0e85d3b688f65d70616eeb19236d6234274e3e8b4f3e7db5ddf7",
            ),
        ] {
            let body = request(13, 3, salt, token, 10_000);
            assert_eq!(answer(&body, "sm3@abc123"), proof);
        }
    }

    #[test]
    fn keys_on_the_way_to_a_proof() {
        let rounds = NonZeroU32::new(10_000).expect("not zero");
        let salt: [u8; 32] = unhex(SALT.as_bytes()).expect("hex");
        let stretched = stretched(b"sha256@abc123", &salt, rounds);
        assert_eq!(
            hex(&*stretched),
            "b86b60bd9720efc418bcc6cf17da24a658a0c77fc81adb6dda16e86c29959d6d"
        );
        let keys = Keys::of(b"sha256@abc123", &salt, rounds, StoredHash::Sha256);
        assert_eq!(
            hex(&*keys.client),
            "04d050a1ebab170b875b9e3eb312cf89b55992d9329a0c2c343863c342d2fb4b"
        );
        assert_eq!(
            hex(&*keys.stored),
            "83605e0a4dcda7c661fa211153f6f5aea405978363b928b030462bfc17d42db9"
        );
        // What the server derives beside it: the same function, another word.
        let server = hmac_sha256(&stretched, b"Sever Key");
        assert_eq!(
            hex(&*server),
            "e6e1b623561566294d1feb82644c72dcf110d4e70acf70490e8b0d4c4cf3de3b"
        );
        let token: [u8; 4] = unhex(b"2cf71f10").expect("hex");
        assert_eq!(
            hex(&*hmac_sha256(&server, &token)),
            "190a91cf89b55a6ea285caadf2956b95b75a5e8b67006485a18a56675a9df036"
        );
    }

    #[test]
    fn md5_is_what_postgresql_does() {
        let body = [0, 0, 0, 5, 1, 2, 3, 4];
        assert_eq!(
            answer(&body, "Hau@12345"),
            "md56663f3a701584b143746be665f5df297"
        );
    }

    #[test]
    fn a_password_goes_in_clear_only_where_nobody_hears_it() {
        let asked = asked(&[0, 0, 0, 3]).expect("understood");
        let asked = asked.expect("something");
        let answer = asked.answer("hau", "sekret", true).expect("an answer");
        assert_eq!(answer.as_str(), "sekret");
        let refused = asked.answer("hau", "sekret", false).expect_err("refused");
        let told = format!("{refused:?}");
        assert!(told.contains("sha256") && !told.contains("sekret"));
    }

    #[test]
    fn what_is_not_done_says_what_to_do() {
        for code in [1, 2, 4, 6, 7, 8, 9, 11, 12, 14, 15, u32::MAX] {
            assert!(why(&code.to_be_bytes()).contains("sha256"), "{code}");
        }
        let md5 = [&[0, 0, 0, 10, 0, 0, 0, 1][..], &[9; 4]].concat();
        assert!(why(&md5).contains("password_encryption_type"));
        let sasl = [&[0, 0, 0, 10][..], b"SCRAM-SHA-256\0\0"].concat();
        assert!(why(&sasl).contains("kind = \"postgres\""));
        for rounds in [0, MOST_ROUNDS + 1, 1 << 31, u32::MAX] {
            let body = request(10, 2, SALT, "2cf71f10", rounds);
            assert!(why(&body).contains("auth_iteration_count"), "{rounds}");
        }
        assert!(asked(&request(10, 2, SALT, "2cf71f10", MOST_ROUNDS)).is_ok());
    }

    #[test]
    fn what_is_not_as_it_should_be_is_not_guessed() {
        let good = request(10, 2, SALT, "2cf71f10", 1);
        for n in 0..good.len() {
            assert!(asked(&good[..n]).is_err(), "{n}");
        }
        let long = [&good[..], &[0]].concat();
        let not_hex = SALT.replace('f', "g");
        for body in [
            long,
            request(10, 2, &not_hex, "2cf71f10", 1),
            request(10, 2, SALT, "2cf7+f10", 1),
            request(10, 3, SALT, "2cf71f10", 1),
            request(10, 4, SALT, "2cf71f10", 1),
            request(13, 2, SALT, "2cf71f10", 1),
            vec![0, 0, 0, 0, 0],
            vec![0, 0, 0, 3, 0],
            vec![0, 0, 0, 5, 1, 2, 3],
            vec![0, 0, 0, 5, 1, 2, 3, 4, 5],
        ] {
            let broken = asked(&body).expect_err("not understood");
            assert!(matches!(broken, WireError::Broken(_)), "{body:?}");
        }
        assert_eq!(unhex::<2>(b"0aF0"), Some([0x0a, 0xf0]));
        assert_eq!(unhex::<2>("é00".as_bytes()), None);
    }
}
